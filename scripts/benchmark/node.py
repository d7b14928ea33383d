"""A Postrider node of real processes: a database, a Redis, and as many acceptors, workers and keepers as wanted."""
import dataclasses
import json
import pathlib
import secrets
import typing

from testbed.keys import make_certificate, make_master_key
from testbed.processes import Child, run
from testbed.settings import merged

from .bench import Bench, free_port
from .postgres import Postgres
from .redis import Redis

TENANT = "bench"
DOMAIN = "bench.example"
USER = f"app@{DOMAIN}"
# Where mail goes: the node routes every domain to the sink.
RECIPIENT = "someone@inbox.example"

_READY = {"acceptor": "ready", "worker": "worker session begun", "keeper": "leading"}


@dataclasses.dataclass
class Acceptor:
    """A running acceptor; its ports are on 127.0.0.1."""

    child: Child
    plain: int
    implicit_tls: int
    starttls: int


class Node:
    """One installation. `prepare` once, then start and stop roles as often as wanted."""

    def __init__(
        self, bench: Bench, postgres: Postgres, sink_port: int, *, database: str = "postrider",
        settings: dict[str, typing.Any] | None = None, redis: bool = True,
    ) -> None:
        """
        - postgres: runs.
        - sink_port: where, on 127.0.0.1, all mail is delivered.
        - settings: more or other settings, nested as in the YAML file.
        - redis: False for a node that finds none.
        """
        self.bench = bench
        self.postgres = postgres
        self.database = database
        self.password = secrets.token_hex(12)
        self.directory = bench.scratch(f"node-{database}")
        self.redis = Redis(bench)
        self._has_redis = redis
        self.acceptors: list[Acceptor] = []
        self.workers: list[Child] = []
        self.keepers: list[Child] = []
        # Whether what is started from now on has a status listener; where those listen.
        self.is_watched = False
        self.status_ports: list[int] = []
        self._count = 0
        self.settings = merged(self._settings(sink_port), settings or {})

    # Making one

    def prepare(self) -> None:
        """Database, schema, key, certificate, and by the operator's commands a tenant, a domain and a credential."""
        self._write_settings()
        make_master_key(self.directory, "bench")
        make_certificate(self.directory)
        self.postgres.query(f"CREATE DATABASE {self.database}")
        self.command("migrate")
        self.add_tenant(TENANT, DOMAIN, USER)

    def add_tenant(self, tenant: str, domain: str, user: str, weight: int = 1) -> None:
        """A tenant that may send from a domain, with a credential that has this node's password."""
        secret = self.directory / "password"
        secret.write_text(self.password + "\n")
        self.command("tenant", "add", tenant, "--weight", str(weight))
        self.command("domain", "add", tenant, domain, "--trust")
        self.command("credential", "add", tenant, user, "--password-file", str(secret))

    def command(self, *arguments: str) -> str:
        """Runs `postrider ARGUMENTS` with this node's settings. Returns what it prints."""
        return run([self.bench.postrider, *arguments, "--config", str(self.settings_file)])

    def copy(self, database: str) -> "Node":
        """A node with a copy of this one's database, which nobody may be using, and with the same key."""
        node = Node(self.bench, self.postgres, 0, database=database, redis=self._has_redis)
        own = {"database": node.settings["database"], "redis": node.settings["redis"]}
        node.settings = self.settings | own
        node.password = self.password
        node._write_settings()
        self.postgres.query(f"CREATE DATABASE {database} TEMPLATE {self.database}")
        return node

    def deliver_to(self, sink_port: int) -> None:
        """From the next start on, all mail goes there, on 127.0.0.1."""
        self.settings["delivery"] = self.settings["delivery"] | {"routes": self._routes(sink_port)}
        self._write_settings()

    @property
    def settings_file(self) -> pathlib.Path:
        """The node's YAML file (JSON, which is YAML too)."""
        return self.directory / "postrider.yaml"

    @property
    def authority(self) -> str:
        """The PEM file that clients trust."""
        return str(self.directory / "server.pem")

    # Roles

    def start(self, acceptors: int = 1, workers: int = 1, keepers: int = 1) -> None:
        """Starts Redis, unless it runs or is not wanted, and so many more of each role. Returns when all are ready."""
        if self._has_redis and not self.redis.pids:
            self.redis.start()
        for _ in range(acceptors):
            self.acceptors.append(self._start_acceptor())
        for _ in range(workers):
            self.workers.append(self._start_role("worker"))
        for _ in range(keepers):
            # Only one leads; the others wait for its end and say nothing.
            self.keepers.append(self._start_role("keeper", awaits=not self.keepers))

    def stop(self) -> None:
        """Stops all roles and Redis, in the order in which mail flows."""
        for acceptor in self.acceptors:
            acceptor.child.stop()
        for child in self.workers + self.keepers:
            child.stop()
        self.acceptors, self.workers, self.keepers, self.status_ports = [], [], [], []
        self.redis.stop()

    def stop_workers(self) -> None:
        """From here on mail only comes in."""
        for child in self.workers:
            child.stop()
        self.workers = []

    def role_pids(self) -> list[int]:
        """Postrider's own processes."""
        return [child.pid for child in [a.child for a in self.acceptors] + self.workers + self.keepers]

    def parts(self) -> dict[str, list[int]]:
        """Everything that a message costs something: the first process of each role, of Redis, of PostgreSQL."""
        return {
            "acceptor": [acceptor.child.pid for acceptor in self.acceptors],
            "worker": [child.pid for child in self.workers], "keeper": [child.pid for child in self.keepers],
            "redis": self.redis.pids, "postgresql": [self.postgres.pid],
        }

    def pids(self) -> list[int]:
        """The same in one list."""
        return [pid for part in self.parts().values() for pid in part]

    # The queue

    def query(self, sql: str) -> list[list[str | None]]:
        """In the node's database."""
        return self.postgres.query(sql, self.database)

    def value(self, sql: str) -> str:
        """The first column of the first row, in the node's database."""
        return self.postgres.value(sql, self.database)

    def queued(self) -> int:
        """Recipients without a final outcome."""
        return int(self.value("SELECT count(*) FROM postrider.job"))

    # Inside

    def _start_acceptor(self) -> Acceptor:
        ports = [free_port() for _ in range(3)]
        listen = dict(zip(("smtp.plain.listen", "smtp.implicit_tls.listen", "smtp.starttls.listen"), ports))
        flags = [part for key, port in listen.items() for part in ("--set", f"{key}=127.0.0.1:{port}")]
        return Acceptor(self._start_role("acceptor", *flags), *ports)

    def _start_role(self, role: str, *flags: str, awaits: bool = True) -> Child:
        self._count += 1
        if self.is_watched:
            self.status_ports.append(free_port())
            flags += ("--set", f"status.listen=127.0.0.1:{self.status_ports[-1]}")
        return self.bench.processes.start(
            f"{self.database}-{role}-{self._count}",
            [self.bench.postrider, role, "--config", str(self.settings_file), *flags],
            ready=_READY[role] if awaits else None, seconds=60)

    def _settings(self, sink_port: int) -> dict[str, typing.Any]:
        directory = str(self.directory)
        return {
            "node": {"name": "node.bench.example"},
            "database": {"url": self.postgres.url(self.database)},
            "redis": {"url": self.redis.url},
            "keys": {"master_file": f"{directory}/master.keys"},
            "spool": {"directory": directory},
            "smtp": {
                "hostname": "localhost",
                "certificate_file": f"{directory}/server.pem",
                "key_file": f"{directory}/server.key",
                "plain": {"tenant": TENANT, "allow_networks": ["127.0.0.0/8"]},
            },
            "delivery": {
                "hostname": "node.bench.example",
                "allow_networks": ["127.0.0.0/8"],
                "routes": self._routes(sink_port),
            },
        }

    @staticmethod
    def _routes(sink_port: int) -> list[dict[str, typing.Any]]:
        return [{"domain": "*", "host": "127.0.0.1", "port": sink_port, "tls": "none"}]

    def _write_settings(self) -> None:
        self.settings_file.write_text(json.dumps(self.settings, indent=2))
        self.settings_file.chmod(0o600)
