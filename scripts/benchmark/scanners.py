"""A clamd with one signature and an rspamd without rules: what is left is what asking them costs."""
import os
import pathlib
import pwd
import typing

from testbed.network import listens

from .bench import Bench, free_port, wait_until

_SIGNATURE = "Benchmark-Signature:0:*:" + b"what no message has in it".hex() + "\n"


class Scanners:
    """Both, on loopback, as somebody who is not root."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._ports = {"clamd": free_port(), "rspamd": free_port()}
        self.pids: dict[str, list[int]] = {}

    @property
    def settings(self) -> dict[str, typing.Any]:
        """For `scanning`."""
        return {"clamd": f"127.0.0.1:{self._ports['clamd']}", "rspamd": f"http://127.0.0.1:{self._ports['rspamd']}"}

    def start(self) -> None:
        """Starts both and waits until they listen."""
        for name, configure, flags in (
            ("clamd", self._clamd, ["--config-file={file}"]), ("rspamd", self._rspamd, ["-f", "-i", "-c", "{file}"]),
        ):
            place = self._bench.scratch(name)
            file = place / f"{name}.conf"
            file.write_text(configure(place))
            command = [name, *(flag.format(file=file) for flag in flags)]
            if name == "rspamd":
                command += ["--var", f"DBDIR={place}", "--var", f"RUNDIR={place}"]
            child = self._bench.processes.start(name, command, user=_nobody(place))
            self.pids[name] = [child.pid]
        for name, port in self._ports.items():
            wait_until(lambda: listens(port), 60, name)

    def _clamd(self, place: pathlib.Path) -> str:
        (place / "test.ndb").write_text(_SIGNATURE)
        return (f"TCPAddr 127.0.0.1\nTCPSocket {self._ports['clamd']}\nDatabaseDirectory {place}\n"
                f"TemporaryDirectory {place}\nForeground yes\nMaxThreads 4\n")

    def _rspamd(self, place: pathlib.Path) -> str:
        (place / "tld.dat").write_text("com\nnet\norg\nexample\n")
        return f"""
            options {{
              filters = "";
              dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.01s; retransmits = 1; }}
              tempdir = "{place}"; url_tld = "{place}/tld.dat"; hs_cache_dir = "{place}"; pidfile = "{place}/rspamd.pid";
              control_socket = "{place}/control.sock mode=0600";
            }}
            logging {{ type = "console"; level = "warning"; }}
            actions {{ reject = 15; "add header" = 6; greylist = null; }}
            worker "normal" {{ bind_socket = "127.0.0.1:{self._ports['rspamd']}"; count = 1; }}
            """


def _nobody(place: pathlib.Path) -> tuple[int, int] | None:
    """Gives the place to somebody without rights, where root measures."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    for path in (place, *place.iterdir()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return nobody.pw_uid, nobody.pw_gid
