"""Who is in a cluster, and where: names, loopback addresses, ports, passwords. Kept in `layout.json`.

Every server that others connect to has two addresses with the same port: its *back* 127.0.1.N, where it listens, and
its *front* 127.0.0.N, where the relay listens for it while it does. Everybody is told the fronts.
"""
import dataclasses
import json
import pathlib
import secrets
import typing

from ..network import free_port
from ..trouble import Trouble

_FIRST = {
    "haproxy": 10, "acceptor": 11, "pg": 31, "redis": 35, "sentinel": 37, "dns": 40, "sink": 41, "worker": 51, "keeper": 61,
}
# What else than `main` they listen for.
_PURPOSES = {
    "haproxy": ("tls", "starttls"), "acceptor": ("tls", "starttls", "plain", "status"), "worker": ("status",),
    "keeper": ("status",),
}
DOMAINS = 4


@dataclasses.dataclass
class Layout:
    """What is fixed when a cluster is made."""

    directory: pathlib.Path
    root: pathlib.Path
    products: pathlib.Path
    # Kind to count.
    counts: dict[str, int]
    # Server to its number N and its ports by purpose.
    numbers: dict[str, int] = dataclasses.field(default_factory=dict)
    ports: dict[str, dict[str, int]] = dataclasses.field(default_factory=dict)
    database_password: str = ""
    login_password: str = ""
    # A test database, whose schedule can be moved on.
    is_test: bool = False
    # The first PostgreSQL has a file system of its own with little room; only root can make one.
    small_disk: bool = False
    # More or other settings of Postrider, nested as in its file.
    settings: dict[str, typing.Any] = dataclasses.field(default_factory=dict)

    # The field's own words for the tenant's mail.
    TENANT: typing.ClassVar[str] = "cluster"
    DOMAIN: typing.ClassVar[str] = "sender.example"
    USER: typing.ClassVar[str] = "app@sender.example"

    @classmethod
    def make(cls, **fields: typing.Any) -> "Layout":
        """A new one with free ports."""
        layout = cls(**fields, database_password=secrets.token_hex(16), login_password=secrets.token_hex(12))
        for name in layout.servers():
            kind, place = split(name)
            layout.numbers[name] = _FIRST[kind] + place - 1
        for name in layout.servers():
            purposes = _PURPOSES.get(split(name)[0], ("main",))
            layout.ports[name] = {purpose: free_port(layout.front(name), layout.back(name)) for purpose in purposes}
        # Mail exchangers all listen on one port.
        sinks = layout.names("sink")
        port = free_port(*(layout.front(name) for name in sinks))
        for name in sinks:
            layout.ports[name]["main"] = port
        return layout

    @classmethod
    def load(cls, directory: pathlib.Path) -> "Layout":
        """The one that was made there. Raises Trouble when there is none."""
        try:
            fields = json.loads((directory / "layout.json").read_text())
        except FileNotFoundError:
            raise Trouble(f"there is no cluster in {directory}; next: scripts/cluster up") from None
        paths = {name: pathlib.Path(fields[name]) for name in ("directory", "root", "products")}
        return cls(**fields | paths)

    def save(self) -> None:
        """Writes it to its directory, for the owner alone: there are passwords in it."""
        file = self.directory / "layout.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(dataclasses.asdict(self), indent=2, default=str))

    # Names

    def names(self, kind: str) -> list[str]:
        """All of a kind, for example worker1, worker2."""
        if kind in ("haproxy", "dns", "relay"):
            return [kind] if self.counts.get(kind, 1) else []
        return [f"{kind}{place}" for place in range(1, self.counts.get(kind, 0) + 1)]

    def servers(self) -> list[str]:
        """Whoever listens."""
        return [name for kind in _FIRST for name in self.names(kind)]

    def all_names(self) -> list[str]:
        """Everybody, in the order in which they are started."""
        kinds = ("relay", "dns", "sink", "pg", "redis", "sentinel", "keeper", "worker", "acceptor", "haproxy")
        return [name for kind in kinds for name in self.names(kind)]

    # Places

    def front(self, name: str) -> str:
        """The address that others are told."""
        return f"127.0.0.{self.numbers[name]}"

    def back(self, name: str) -> str:
        """The address where it listens itself, where the relay stands before it."""
        return f"127.0.1.{self.numbers[name]}"

    def port(self, name: str, purpose: str = "main") -> int:
        """One of its ports, the same on front and back."""
        return self.ports[name][purpose]

    def relayed(self) -> list[str]:
        """The servers that the relay stands before."""
        return [name for kind in ("acceptor", "pg", "redis", "dns") for name in self.names(kind)]

    def database_url(self, *servers: str, database: str = "postrider", direct: bool = False) -> str:
        """For libpq, of these servers or all; with several, the one that takes writes. direct: past the relay."""
        place = self.back if direct else self.front
        hosts = ",".join(f"{place(name)}:{self.port(name)}" for name in servers or self.names("pg"))
        return (f"postgresql://postrider:{self.database_password}@{hosts}/{database}"
                + ("" if len(servers) == 1 else "?target_session_attrs=read-write"))

    @property
    def settings_file(self) -> pathlib.Path:
        """The one file of settings of all roles."""
        return self.directory / "postrider.yaml"

    @property
    def postrider(self) -> str:
        """The executable."""
        return str(self.products / "postrider")

    @property
    def authority(self) -> str:
        """The PEM file that clients trust."""
        return str(self.directory / "server.pem")


def split(name: str) -> tuple[str, int]:
    """Kind and number: worker2 is ("worker", 2), dns is ("dns", 1)."""
    kind = name.rstrip("0123456789")
    return kind, int(name[len(kind):] or "1")
