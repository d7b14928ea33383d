"""A Postfix of one's own beside whatever Postfix the machine has: other directories, another port.

It is set up to be fast where that costs no safety: no TLS, no DNS, no look-up of clients, concurrency 50 at once. What
makes mail durable (fsync of every queue file) and how it slows senders down (in_flow_delay) is as shipped.
"""
import os
import pathlib
import pwd
import typing

from .network import free_port, listens
from .processes import Child, Processes, run
from .trouble import Trouble
from .waiting import wait_until

_QUEUES = ("incoming", "active", "deferred")


class Places(typing.Protocol):
    """What it needs of the run that it belongs to."""

    processes: Processes

    def scratch(self, name: str) -> pathlib.Path:
        """An empty directory that does not outlive the run."""


class Postfix:
    """One instance that relays everything to the sink. Needs root."""

    name = "Postfix"

    def __init__(self, places: Places, sink_port: int) -> None:
        self._places = places
        self._sink_port = sink_port
        self.port = free_port()
        self._directory = places.scratch("postfix")
        self._configuration = self._directory / "etc"
        self._queue = self._directory / "queue"
        self._child: Child | None = None

    def prepare(self) -> None:
        """Its directories and settings. Raises Trouble when Postfix cannot use the place."""
        owner = pwd.getpwnam("postfix")
        data = self._directory / "data"
        for path in (self._configuration, self._queue, data):
            path.mkdir()
            path.chmod(0o755)
        os.chown(data, owner.pw_uid, owner.pw_gid)
        self._check_reachable(data)
        text = "".join(f"{name} = {value}\n" for name, value in self.settings().items())
        (self._configuration / "main.cf").write_text(text)
        self._write_services()
        run(["postfix", "-c", str(self._configuration), "check"])

    def start(self) -> None:
        """Starts it and waits until it listens."""
        # `postfix start-fg` would put a shell in between, which does not pass signals on.
        programs = run(["postconf", "-c", str(self._configuration), "-h", "daemon_directory"]).strip()
        self._child = self._places.processes.start(
            "postfix", [f"{programs}/master", "-c", str(self._configuration), "-s"])
        wait_until(lambda: listens(self.port), 30, "Postfix")

    def stop(self) -> None:
        """Stops it."""
        if self._child:
            self._child.stop()
            self._child = None

    def flush(self) -> None:
        """Everything that waits is tried now."""
        run(["postfix", "-c", str(self._configuration), "flush"])

    @property
    def pid(self) -> int | None:
        """Its first process, the parent of all others."""
        return self._child.pid if self._child and self._child.is_running() else None

    def parts(self) -> dict[str, list[int]]:
        """What it is made of: its master process is the parent of all others."""
        return {"master": [self._child.pid] if self._child else []}

    def is_drained(self) -> bool:
        """Whether its queue is empty."""
        return not any(files for name in _QUEUES for _, _, files in os.walk(self._queue / name))

    def version(self) -> str:
        """As Postfix names it."""
        return run(["postconf", "-c", str(self._configuration), "-h", "mail_version"]).strip()

    def settings(self) -> dict[str, str]:
        """All that differs from Postfix's defaults."""
        return {
            "compatibility_level": "3.6",
            # A place of its own.
            "queue_directory": str(self._queue),
            "data_directory": str(self._directory / "data"),
            "maillog_file": str(self._directory / "postfix.log"),
            "maillog_file_prefixes": str(self._directory),
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "postfix.bench.example",
            # Everything goes to the sink; nothing is local.
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "local_recipient_maps": "",
            "alias_maps": "",
            "relayhost": f"[127.0.0.1]:{self._sink_port}",
            # No look-ups.
            "disable_dns_lookups": "yes",
            "smtp_host_lookup": "native",
            "smtpd_peername_lookup": "no",
            # As many deliveries at once as there are senders, from the first message on.
            "default_destination_concurrency_limit": "50",
            "initial_destination_concurrency": "50",
            "default_process_limit": "200",
        }

    def _write_services(self) -> None:
        """Debian's services, the one that listens moved to our port, none of them in a chroot that would want files."""
        lines = []
        for line in pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
            fields = line.split()
            # The rest are comments, options and transports to other programs.
            if len(fields) < 8 or line[0] in "# " or fields[7] == "pipe":
                continue
            fields[4] = "n"
            if fields[1] == "inet":
                fields[0] = f"127.0.0.1:{self.port}"
            lines.append(" ".join(fields))
        (self._configuration / "master.cf").write_text("\n".join(lines) + "\n")

    def _check_reachable(self, path: pathlib.Path) -> None:
        owner = pwd.getpwnam("postfix")
        try:
            run(["test", "-w", str(path)], user=owner.pw_uid, group=owner.pw_gid, extra_groups=[])
        except Trouble:
            raise Trouble(
                f"the user postfix cannot reach {path}: choose a place with --directory that everybody may search, "
                "for example /var/tmp/postrider-bench") from None
