"""A PostgreSQL of the benchmark's own, set as `postrider dev` sets its own, every durable setting on."""
import os
import pathlib
import secrets
import signal

from testbed.libpq import Connection
from testbed.postgresql import ROLE, initdb_command, recommended_settings, server_command, unprivileged_user
from testbed.processes import Child
from testbed.trouble import Trouble

from .bench import Bench, free_port


class Postgres:
    """A server on loopback with an empty data directory below the run's directory."""

    # What makes a COMMIT durable; the benchmark refuses to run without.
    DURABLE = ("fsync", "synchronous_commit", "full_page_writes")

    def __init__(self, bench: Bench, name: str = "postgres") -> None:
        self._bench = bench
        self._name = name
        self.port = free_port()
        self._password = secrets.token_hex(16)
        self._user = unprivileged_user()
        self._directory = bench.scratch(name)
        if self._user:
            os.chown(self._directory, *self._user)
        self._directory.chmod(0o700)
        # A child that is not root reaches it by this descriptor, whatever may be searched above it.
        self._descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        self._visible = f"/proc/self/fd/{self._descriptor}"
        self.settings = recommended_settings(bench.postrider)
        if bench.options.statements:
            self.settings["shared_preload_libraries"] = "pg_stat_statements"
        self._child: Child | None = None
        self._connections: dict[str, Connection] = {}

    def initialise(self) -> None:
        """Makes the data directory."""
        secret = self._directory / "password"
        secret.write_text(self._password + "\n")
        if self._user:
            os.chown(secret, *self._user)
        child = self._bench.processes.start(
            f"{self._name}-initdb", initdb_command(self._visible), user=self._user, keeps=(self._descriptor,))
        if child.wait(120) != 0:
            raise Trouble(f"initdb failed:\n{child.last_lines()}")

    def start(self) -> None:
        """Starts the server, and makes the data directory first where there is none."""
        if not (self._directory / "data/PG_VERSION").exists():
            self.initialise()
        # SIGINT is its fast shutdown.
        self._child = self._bench.processes.start(
            self._name, server_command(self._visible, "127.0.0.1", self.port, self.settings),
            ready="database system is ready to accept connections", seconds=120, user=self._user,
            stop_signal=signal.SIGINT, keeps=(self._descriptor,))
        self._check_durable()

    def stop(self) -> None:
        """Stops the server; the data stays."""
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        if self._child:
            self._child.stop(60)
            self._child = None

    @property
    def pid(self) -> int:
        """The server's first process, the parent of all others."""
        if not self._child:
            raise Trouble(f"{self._name} does not run")
        return self._child.pid

    @property
    def data(self) -> pathlib.Path:
        """The data directory."""
        return self._directory / "data"

    def url(self, database: str) -> str:
        """For libpq."""
        return f"postgresql://{ROLE}:{self._password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> Connection:
        """A connection of the caller's own, who closes it."""
        return Connection(self.url(database))

    def query(self, sql: str, database: str = "postgres") -> list[list[str | None]]:
        """Over a connection that is kept for such questions."""
        if database not in self._connections:
            self._connections[database] = self.connect(database)
        return self._connections[database].query(sql)

    def value(self, sql: str, database: str = "postgres") -> str:
        """The first column of the first row as text."""
        rows = self.query(sql, database)
        return rows[0][0] or "" if rows else ""

    def disconnect(self, database: str) -> None:
        """Closes the connection that `query` keeps to a database."""
        if database in self._connections:
            self._connections.pop(database).close()

    def drop_database(self, name: str) -> None:
        """Forgets a database, whoever is still connected."""
        self.disconnect(name)
        self.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    # Figures

    def wal_bytes(self) -> int:
        """Bytes of WAL written since the server was made; take the difference of two calls."""
        return int(self.value("SELECT pg_current_wal_insert_lsn() - '0/0'"))

    def differing_settings(self) -> dict[str, str]:
        """Settings that are not PostgreSQL's defaults, apart from places, languages and time zones."""
        rows = self.query(
            """
            SELECT name, current_setting(name) FROM pg_settings
            WHERE source IN ('command line', 'configuration file') AND setting IS DISTINCT FROM boot_val
              AND category NOT LIKE 'Client Connection Defaults / Locale%'
              AND name NOT IN ('port', 'listen_addresses', 'unix_socket_directories', 'log_timezone', 'TimeZone')
            ORDER BY name
            """)
        return {str(name): str(value) for name, value in rows}

    def version(self) -> str:
        """As the server names it."""
        return self.value("SHOW server_version")

    def statements(self, database: str, limit: int = 15) -> list[list[str | None]]:
        """Calls, total and mean milliseconds, WAL bytes and text of the costliest statements; needs --statements."""
        if "shared_preload_libraries" not in self.settings:
            return []
        self.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", database)
        return self.query(
            f"""
            SELECT calls, round(total_exec_time), round(mean_exec_time::numeric, 3), wal_bytes,
              left(regexp_replace(query, '\\s+', ' ', 'g'), 100)
            FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
            ORDER BY total_exec_time DESC LIMIT {limit}
            """, database)

    def _check_durable(self) -> None:
        for name in self.DURABLE:
            if self.value(f"SHOW {name}") != "on":
                raise Trouble(f"PostgreSQL runs with {name} off: that would measure nothing")
