"""Postrider as one of the systems that are compared: a node with its database, all of it started and stopped."""
from .bench import Bench
from .node import Node
from .postgres import Postgres


class Postrider:
    """One acceptor, one worker, one keeper, PostgreSQL and Redis."""

    name = "Postrider"

    def __init__(self, bench: Bench, sink_port: int) -> None:
        self.postgres = Postgres(bench)
        # As many deliveries at once as there are senders, like the other system.
        self.node = Node(
            bench, self.postgres, sink_port, settings={"delivery": {"connections_per_destination": 50}})

    def prepare(self) -> None:
        """Makes database, schema and tenant, and leaves everything stopped."""
        self.postgres.start()
        self.node.prepare()
        self.postgres.stop()

    @property
    def port(self) -> int:
        """Where it takes mail without TLS and login."""
        return self.node.acceptors[0].plain

    def start(self) -> None:
        """Starts everything and waits until it is ready."""
        self.postgres.start()
        self.node.start()

    def stop(self) -> None:
        """Stops everything; the data stays."""
        self.node.stop()
        self.postgres.stop()

    def parts(self) -> dict[str, list[int]]:
        """What it is made of, and the first process of each."""
        return self.node.parts()

    def is_drained(self) -> bool:
        """Whether every recipient has its outcome."""
        return self.node.queued() == 0

    def wal_bytes(self) -> int:
        """WAL written so far."""
        return self.postgres.wal_bytes()
