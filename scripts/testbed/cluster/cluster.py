"""A cluster: made, started, hurt, mended, ended."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import typing

from ..keys import make_certificate, make_master_key
from ..network import listens
from ..processes import run
from ..trouble import Trouble
from ..waiting import wait_until
from .daemons import Daemons
from .databases import Databases
from .layout import Layout, split
from .relay import RelayControl
from .services import Services

DEFAULT_COUNTS = {"acceptor": 3, "worker": 3, "keeper": 2, "pg": 2, "redis": 2, "sentinel": 3, "sink": 2}
_PROGRAMS = {"haproxy": "haproxy", "redis-server": "redis-server", "nsd": "nsd", "openssl": "openssl"}


class Cluster(Databases):
    """One cluster in one directory. Its processes are known by name."""

    def __init__(self, layout: Layout, is_tied: bool = False) -> None:
        """
        - is_tied: whether what it starts ends with this process.
        """
        super().__init__(layout, Services(layout), Daemons(layout.directory, is_tied))
        self._relay = RelayControl(layout.directory)
        self._cuts: list[dict[str, typing.Any]] = []
        # Whose clock is wrong, and the environment that makes it so.
        self._clocks: dict[str, dict[str, str]] = {}

    @classmethod
    def make(
        cls, root: pathlib.Path, directory: pathlib.Path, products: pathlib.Path, *,
        counts: dict[str, int] | None = None, is_test: bool = False, is_tied: bool = False,
        settings: dict[str, typing.Any] | None = None, small_disk: bool = False,
    ) -> "Cluster":
        """Chooses ports and writes the layout. Raises Trouble when something is missing or another one runs there."""
        check_programs(products)
        if (directory / "layout.json").exists():
            old = cls.load(directory)
            if running := [name for name in old.layout.all_names() if old.daemons.is_running(name)]:
                raise Trouble(f"a cluster runs in {directory} ({', '.join(running[:5])} …); next: scripts/cluster down")
        _unmount(directory)
        if small_disk and os.geteuid() != 0:
            raise Trouble("only root can make a small file system")
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "logs").mkdir(parents=True)
        # PostgreSQL and nsd are somebody else when we are root, and write their logs through us.
        directory.chmod(0o755)
        layout = Layout.make(
            directory=directory, root=root, products=products, counts=DEFAULT_COUNTS | (counts or {}),
            is_test=is_test, small_disk=small_disk, settings=settings or {})
        layout.save()
        return cls(layout, is_tied)

    @classmethod
    def load(cls, directory: pathlib.Path) -> "Cluster":
        """The one that was made there."""
        cluster = cls(Layout.load(directory))
        cluster._cuts = cluster._read_cuts()
        return cluster

    # All of it

    def up(self, say: typing.Callable[[str], None] = lambda text: None, without: tuple[str, ...] = ()) -> None:
        """Makes everything and starts it; returns when it serves. without: names that somebody else plays."""
        layout = self.layout
        make_master_key(layout.directory, "cluster")
        make_certificate(layout.directory)
        self.services.write_settings()
        wanted = [name for name in layout.all_names() if name not in without]
        roles = [name for name in wanted if split(name)[0] in ("keeper", "worker", "acceptor", "haproxy")]
        for name in wanted:
            if name not in roles and split(name)[0] != "pg":
                say(f"starting {name}")
                self.start(name)
        self._make_databases(say)
        for name in roles:
            say(f"starting {name}")
            self.start(name)
        self.wait_until_served()

    def down(self, say: typing.Callable[[str], None] = lambda text: None) -> None:
        """Ends everything, in the order in which mail flows."""
        self.forget_connection()
        for name in reversed(self.layout.all_names()):
            if self.daemons.is_running(name):
                say(f"ending {name}")
                self.daemons.stop(name, 20)
        self.daemons.forget()
        self.services.close()
        _unmount(self.layout.directory)

    def wait_until_served(self, seconds: float = 60) -> None:
        """Returns when HAProxy listens and every acceptor does."""
        names = [*self.layout.names("haproxy"), *self.layout.names("acceptor")]
        for name in names:
            place = self.layout.front(name)
            for purpose in ("tls", "starttls"):
                port = self.layout.port(name, purpose)
                wait_until(lambda: listens(port, place), seconds, f"{name} on {place}:{port}")

    def status(self) -> list[tuple[str, str, str, str]]:
        """Name, state, process id, address of each."""
        rows = []
        for name in self.layout.all_names():
            pid = self.daemons.pid(name)
            state = "dead" if pid is None else "frozen" if self.daemons.is_frozen(name) else "running"
            if pid is not None and split(name)[0] == "pg":
                state += f", {self._database_role(name)}" if state == "running" else ""
            places = [f"{self.layout.front(name)}:{port}" for port in self.layout.ports.get(name, {}).values()]
            rows.append((name, state, str(pid or "-"), " ".join(places)))
        return rows

    @property
    def cuts(self) -> list[dict[str, typing.Any]]:
        """What is cut now."""
        return self._cuts

    # One of them

    def start(self, name: str, waits: bool = True) -> None:
        """Starts one that does not run. waits: until it serves."""
        self._check(name)
        start = self.services.start(name)
        position = self.daemons.start(
            name, start.command, user=start.user, environment=start.environment | self._clocks.get(name, {}), keeps=start.keeps,
            stop_signal=start.stop_signal)
        if waits and start.ready:
            self.daemons.wait_for_line(name, start.ready, position, 120)

    def set_clock(self, name: str, seconds: int) -> None:
        """Whenever it is started from now on, its wall clock is so many seconds ahead."""
        compiler = next(filter(None, map(shutil.which, ("cc", "clang"))), None)
        if not compiler:
            raise Trouble("a wrong clock needs a C compiler; Swift's toolchain has clang")
        library = self.layout.directory / "wrongclock.so"
        source = pathlib.Path(__file__).resolve().with_name("wrongclock.c")
        run([compiler, "-shared", "-fPIC", "-O", "-o", str(library), str(source)])
        library.chmod(0o755)
        self._clocks[name] = {"LD_PRELOAD": str(library), "WRONG_CLOCK": str(seconds)}

    def kill(self, name: str) -> None:
        """kill -9."""
        self._check(name)
        self.daemons.kill(name)

    def stop(self, name: str, seconds: float = 60) -> bool:
        """SIGTERM (PostgreSQL: its fast shutdown); returns whether it ended by itself in time."""
        self._check(name)
        return self.daemons.stop(name, seconds)

    def freeze(self, name: str) -> None:
        """SIGSTOP: it holds its connections and says nothing."""
        self._check(name)
        self.daemons.send(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """SIGCONT."""
        self._check(name)
        self.daemons.send(name, signal.SIGCONT)

    def cut(self, one: str, other: str, mode: str = "deaf", seconds: float = 0, ways: tuple[str, ...] = ()) -> None:
        """Cuts the connections between two of them; see `relay`. ways: from whom octets are affected, else both."""
        for name in (one, other):
            self._check(name)
        if not {one, other} & set(self.layout.relayed()):
            raise Trouble(f"nobody stands between {one} and {other}: one must be of {', '.join(self.layout.relayed())}")
        cut = {"names": sorted((one, other)), "ways": list(ways or (one, other)), "mode": mode, "seconds": seconds}
        self._tell_cuts([*self._without(one, other), cut])

    def confuse_names(self, mode: str, seconds: float = 0) -> None:
        """Makes the name server's answers as `names` tells, until `heal`."""
        cut = {"names": ["dns"], "ways": ["dns"], "mode": mode, "seconds": seconds}
        self._tell_cuts([*self._without("dns", "dns"), cut])

    def heal(self, one: str | None = None, other: str | None = None) -> None:
        """Ends one cut, or all."""
        self._tell_cuts(self._without(one, other) if one and other else [])

    # Inside

    def _check(self, name: str) -> None:
        if name not in self.layout.all_names():
            raise Trouble(f"there is no {name}; there are {' '.join(self.layout.all_names())}")

    def _without(self, one: str | None, other: str | None) -> list[dict[str, typing.Any]]:
        return [cut for cut in self._cuts if set(cut["names"]) != {one, other}]

    def _tell_cuts(self, cuts: list[dict[str, typing.Any]]) -> None:
        self._relay.tell(cuts)
        self._cuts = cuts
        (self.layout.directory / "cuts.json").write_text(json.dumps(cuts))

    def _read_cuts(self) -> list[dict[str, typing.Any]]:
        with contextlib.suppress(FileNotFoundError):
            found: list[dict[str, typing.Any]] = json.loads((self.layout.directory / "cuts.json").read_text())
            return found
        return []


def _unmount(directory: pathlib.Path) -> None:
    """Takes away the small file systems of a cluster that has ended."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        source, place = line.split()[:2]
        if source == "postrider-small" and place.startswith(f"{directory}/"):
            run(["umount", place])


def check_programs(products: pathlib.Path) -> None:
    """Raises Trouble that names what is missing and how to get it."""
    missing = [package for program, package in _PROGRAMS.items()
               if not shutil.which(program) and not os.access(f"/usr/sbin/{program}", os.X_OK)]
    if missing:
        raise Trouble(f"missing: {', '.join(missing)}; next: scripts/setup {' '.join(missing)}")
    if not (products / "postrider").exists():
        raise Trouble(f"{products}/postrider is not built; next: scripts/build")
