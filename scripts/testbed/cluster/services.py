"""What each member of a cluster is started with: configuration files and command lines.

A service is made of `prepare` (files; may be called again) and `start` (command and what says that it is ready).
"""
import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sys
import typing

from ..postgresql import ROLE, initdb_command, programs, recommended_settings, server_command, unprivileged_user
from ..processes import run
from ..settings import merged
from . import haproxy, nameserver
from .features import Features
from .layout import Layout, split


@dataclasses.dataclass
class Start:
    """How to start a process."""

    command: list[str]
    # In its log when it serves; None: whoever waits looks at its port.
    ready: str | None = None
    user: tuple[int, int] | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    # The directory that it finds as /proc/self/fd/N, whatever may be searched above it.
    keeps: tuple[int, ...] = ()


_READY = {"acceptor": "ready", "worker": "worker session begun", "keeper": None}
_SCRIPTS = pathlib.Path(__file__).resolve().parent.parent.parent


class Services:
    """Makes files and command lines for a layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._user = unprivileged_user()
        self._descriptors: dict[str, int] = {}

    def start(self, name: str) -> Start:
        """How to start one."""
        start: Start = getattr(self, f"_{split(name)[0]}")(name)
        return start

    # Postrider

    def write_settings(self) -> None:
        """The one file for all roles; what differs between processes is in their command lines."""
        layout, features = self.layout, Features(self.layout)
        directory = str(layout.directory)
        settings: dict[str, typing.Any] = {
            "node": {"name": "cluster.example"},
            "database": {"url": layout.database_url()},
            "redis": {"url": features.redis_url()},
            "keys": {"master_file": f"{directory}/master.keys"},
            "spool": {"directory": directory},
            "smtp": {
                "hostname": "localhost", "certificate_file": f"{directory}/server.pem",
                "key_file": f"{directory}/server.key",
            },
            "delivery": {
                "hostname": "cluster.example", "allow_networks": ["127.0.0.0/8"], "port": layout.port("sink1"),
            },
            "dns": {"servers": [f"{layout.front('dns')}:{layout.port('dns')}"]},
        }
        if features.has_proxy_protocol:
            settings["smtp"]["proxy_protocol"] = {"allow_networks": ["127.0.0.0/8"]}
        layout.settings_file.touch(mode=0o600)
        layout.settings_file.write_text(json.dumps(merged(settings, layout.settings), indent=2))

    def _role(self, name: str, *flags: str) -> Start:
        role = split(name)[0]
        command = [
            self.layout.postrider, role, "--config", str(self.layout.settings_file),
            "--set", f"node.name={name}.cluster.example", *flags,
        ]
        if Features(self.layout).has_status:
            command += ["--set", f"status.listen={self.layout.back(name)}:{self.layout.port(name, 'status')}"]
        return Start(command, ready=_READY[role])

    def _acceptor(self, name: str) -> Start:
        listen = {"smtp.implicit_tls.listen": "tls", "smtp.starttls.listen": "starttls"}
        if self.layout.settings.get("smtp", {}).get("plain"):
            listen["smtp.plain.listen"] = "plain"
        back = self.layout.back(name)
        return self._role(name, *(
            part for key, purpose in listen.items()
            for part in ("--set", f"{key}={back}:{self.layout.port(name, purpose)}")))

    def _worker(self, name: str) -> Start:
        return self._role(name)

    def _keeper(self, name: str) -> Start:
        return self._role(name)

    # PostgreSQL

    def make_primary(self, name: str) -> None:
        """An empty data directory."""
        directory = self._private(name)
        self._secret(directory / "password", self.layout.database_password)
        run(initdb_command(self._visible(name)), **self._as_user(name))

    def make_standby(self, name: str, primary: str) -> None:
        """Copies the primary's data; what was there is thrown away."""
        shutil.rmtree(self.layout.directory / name, ignore_errors=True)
        self._private(name)
        source = (f"host={self.layout.front(primary)} port={self.layout.port(primary)} user={ROLE} "
                  f"password={self.layout.database_password} application_name={name}")
        run([f"{programs()}/pg_basebackup", "-D", f"{self._visible(name)}/data", "-d", source, "-R", "-X", "stream",
             "-c", "fast"], seconds=300, **self._as_user(name))

    def data_directory(self, name: str) -> pathlib.Path:
        """Where a PostgreSQL has its data."""
        return self.layout.directory / name / "data"

    def _pg(self, name: str) -> Start:
        settings = recommended_settings(self.layout.postrider) | {
            "wal_keep_size": "512MB", "hot_standby": "on", "wal_receiver_status_interval": "1s",
            "wal_receiver_timeout": "10s", "wal_sender_timeout": "10s",
            # Commits wait for the standby: after a restart it must not sit out five seconds first.
            "wal_retrieve_retry_interval": "500ms",
        }
        visible = self._visible(name)
        return Start(
            server_command(visible, self.layout.back(name), self.layout.port(name), settings),
            ready="ready to accept", user=self._user, stop_signal=signal.SIGINT, keeps=(self._descriptors[name],))

    # Redis

    def _redis(self, name: str) -> Start:
        layout = self.layout
        directory = self._private(name)
        lines = [
            f"bind {layout.back(name)} 127.0.0.1", f"port {layout.port(name)}", f"dir {directory}", 'save ""',
            "appendonly no", "maxmemory 64mb", "maxmemory-policy noeviction", "repl-diskless-sync-delay 0",
            f"replica-announce-ip {layout.front(name)}", f"replica-announce-port {layout.port(name)}",
        ]
        if name != "redis1" and not (directory / "redis.conf").exists():
            lines.append(f"replicaof {layout.front('redis1')} {layout.port('redis1')}")
        # A later start keeps what Sentinel has written into it.
        if not (directory / "redis.conf").exists():
            (directory / "redis.conf").write_text("\n".join(lines) + "\n")
        return Start(["redis-server", f"{directory}/redis.conf"], ready="Ready to accept connections")

    def _sentinel(self, name: str) -> Start:
        layout = self.layout
        directory = self._private(name)
        lines = [
            f"bind {layout.front(name)} 127.0.0.1", f"port {layout.port(name)}", f"dir {directory}",
            f"sentinel announce-ip {layout.front(name)}",
            f"sentinel monitor postrider {layout.front('redis1')} {layout.port('redis1')} "
            f"{layout.counts['sentinel'] // 2 + 1}",
            "sentinel down-after-milliseconds postrider 2000", "sentinel failover-timeout postrider 6000",
        ]
        if not (directory / "sentinel.conf").exists():
            (directory / "sentinel.conf").write_text("\n".join(lines) + "\n")
        return Start(["redis-server", f"{directory}/sentinel.conf", "--sentinel"], ready="+monitor master")

    # The rest

    def _haproxy(self, name: str) -> Start:
        file = self.layout.directory / "haproxy.cfg"
        file.write_text(haproxy.configuration(self.layout, name))
        return Start(["haproxy", "-db", "-f", str(file)])

    def _dns(self, name: str) -> Start:
        directory = self._private(name)
        visible = self._visible(name)
        for file, text in nameserver.files_of(self.layout, name, visible).items():
            self._secret(directory / file, text)
        return Start(["nsd", "-d", "-c", f"{visible}/nsd.conf"], ready="nsd started", user=self._user,
                     keeps=(self._descriptors[name],))

    def _sink(self, name: str) -> Start:
        layout = self.layout
        command = [sys.executable, "-m", "testbed.chaos.sink", f"{layout.front(name)}:{layout.port(name)}"]
        return Start(command, ready="sink ready", environment=_PYTHON)

    def _relay(self, name: str) -> Start:
        command = [sys.executable, "-m", "testbed.cluster.relay", str(self.layout.directory)]
        return Start(command, ready="relay ready", environment=_PYTHON)

    # Directories

    def close(self) -> None:
        """Lets go of all directories."""
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _private(self, name: str) -> pathlib.Path:
        directory = self.layout.directory / name
        directory.mkdir(mode=0o700, exist_ok=True)
        if self._user and split(name)[0] in ("pg", "dns"):
            os.chown(directory, *self._user)
        return directory

    def _visible(self, name: str) -> str:
        """How a process that is not root finds its directory."""
        with contextlib.suppress(KeyError, OSError):
            os.close(self._descriptors.pop(name))
        self._descriptors[name] = os.open(self.layout.directory / name, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._descriptors[name]}"

    def _as_user(self, name: str) -> dict[str, typing.Any]:
        identity = {"user": self._user[0], "group": self._user[1], "extra_groups": []} if self._user else {}
        return {"cwd": "/", "pass_fds": (self._descriptors[name],)} | identity

    def _secret(self, file: pathlib.Path, text: str) -> None:
        file.touch(mode=0o600)
        file.write_text(text + "\n")
        if self._user:
            os.chown(file, *self._user)


_PYTHON = {"PYTHONPATH": str(_SCRIPTS), "PYTHONDONTWRITEBYTECODE": "1"}
