"""The PostgreSQL servers of a cluster: made, asked, failed over."""
import contextlib
import typing

from ..libpq import Connection
from ..processes import run
from ..trouble import Trouble
from ..waiting import wait_until
from .daemons import Daemons
from .layout import Layout
from .services import Services

# Enough for a fresh database and some WAL.
_SMALL_DISK = "200m"


class Databases:
    """What a cluster knows of them."""

    def __init__(self, layout: Layout, services: Services, daemons: Daemons) -> None:
        self.layout = layout
        self.services = services
        self.daemons = daemons
        # Servers that must not come back as they are: another one takes writes now.
        self.deposed: set[str] = set()
        self._connection: Connection | None = None

    def start(self, name: str, waits: bool = True) -> None:
        """Starts one."""
        raise NotImplementedError

    def kill(self, name: str) -> None:
        """kill -9."""
        raise NotImplementedError

    def primary(self) -> str:
        """The PostgreSQL that takes writes. Raises Trouble when none does."""
        for name in self.layout.names("pg"):
            if self.daemons.is_running(name) and self._database_role(name) == "primary":
                return name
        raise Trouble("no PostgreSQL takes writes")

    def query(self, sql: str) -> list[list[str | None]]:
        """In the primary's database, past the relay. Raises Trouble when there is none or it refuses."""
        for attempt in range(2):
            try:
                if not self._connection:
                    self._connection = self.connect()
                return self._connection.query(sql)
            except Trouble:
                if self._connection:
                    self._connection.close()
                self._connection = None
                if attempt:
                    raise
        return []

    def connect(self, *servers: str, database: str = "postrider") -> Connection:
        """A connection of the caller's own, past the relay; without a name to the primary."""
        url = self.layout.database_url(*servers, database=database, direct=True)
        return Connection(url + ("&" if "?" in url else "?") + "connect_timeout=5")

    def forget_connection(self) -> None:
        """The next question makes a new connection."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def promote(self, name: str) -> None:
        """Makes the standby take writes; commits wait for nobody until another standby has joined."""
        connection = self.connect(name)
        try:
            connection.query("SELECT pg_promote(true, 60)")
        finally:
            connection.close()
        self.deposed = set(self.layout.names("pg")) - {name}
        self.forget_connection()
        self.query("ALTER SYSTEM SET synchronous_standby_names = ''")
        self.query("SELECT pg_reload_conf()")

    def join(self, name: str) -> None:
        """Makes it a synchronous standby of the present primary, from a fresh copy."""
        if self.daemons.is_running(name):
            self.kill(name)
        self.deposed.discard(name)
        primary = self.primary()
        self.services.make_standby(name, primary)
        self.start(name)
        self.wait_for(lambda: self.query(
            f"SELECT 1 FROM pg_stat_replication WHERE application_name = '{name}' AND state = 'streaming'") != [],
            60, f"{name} to follow")
        self.synchronise(name)

    def synchronise(self, name: str) -> None:
        """From now on commits wait for this standby; an empty name: for nobody."""
        value = f"FIRST 1 ({name})" if name else ""
        self.query(f"ALTER SYSTEM SET synchronous_standby_names = '{value}'")
        self.query("SELECT pg_reload_conf()")

    def wait_for(self, condition: typing.Callable[[], bool], seconds: float, what: str) -> None:
        """Like `wait_until`, where the database may be away meanwhile."""
        def holds() -> bool:
            with contextlib.suppress(Trouble):
                return condition()
            return False
        wait_until(holds, seconds, what, pause=0.05)

    def command(self, *arguments: str) -> str:
        """Runs `postrider ARGUMENTS` with this cluster's settings. Returns what it prints."""
        return run([self.layout.postrider, *arguments, "--config", str(self.layout.settings_file)])

    def _make_databases(self, say: typing.Callable[[str], None]) -> None:
        servers = self.layout.names("pg")
        say(f"making the database in {servers[0]}")
        if self.layout.small_disk:
            place = self.layout.directory / servers[0]
            place.mkdir(mode=0o700)
            run(["mount", "-t", "tmpfs", "-o", f"size={_SMALL_DISK},mode=0700", "postrider-small", str(place)])
        self.services.make_primary(servers[0])
        self.start(servers[0])
        connection = self.connect(servers[0], database="postgres")
        connection.query("CREATE DATABASE postrider")
        connection.close()
        for name in servers[1:]:
            say(f"copying it to {name}")
            self.join(name)
        self.command("migrate", *(["--test"] if self.layout.is_test else []))
        secret = self.layout.directory / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.layout.login_password + "\n")
        self.command("tenant", "add", Layout.TENANT)
        self.command("domain", "add", Layout.TENANT, Layout.DOMAIN, "--trust")
        self.command("credential", "add", Layout.TENANT, Layout.USER, "--password-file", str(secret))

    def _database_role(self, name: str) -> str:
        try:
            connection = self.connect(name)
        except Trouble:
            return "not answering"
        try:
            return "standby" if connection.value("SELECT pg_is_in_recovery()") == "t" else "primary"
        except Trouble:
            return "not answering"
        finally:
            connection.close()
