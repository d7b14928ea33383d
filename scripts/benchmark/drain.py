"""How fast workers drain a queue, how fast an acceptor fills it, and what their statements cost meanwhile."""
import dataclasses

from .bench import Trouble, wait_until
from .node import Node
from .sink import Sink
from .source import smtp_source
from .stock import Stock

# Completions before and within what is measured. With them and with what 4 workers have in hand, 10,000 last.
_WARM_UP = 1_000
_MEASURED = 4_000
_ACCEPTED = 4_000
_SIZE = 10_240

# What the roles' hot statements have in common with no other.
_STATEMENTS = {
    "claim": "%postrider.claim_jobs(%",
    "details": "%FROM unnest(%JOIN postrider.job j ON%JOIN postrider.message m ON%",
    "bodies": "%JOIN postrider.body_chunk%",
    "complete": "%INSERT INTO postrider.outcome%FROM ended%",
}


@dataclasses.dataclass(frozen=True)
class Cost:
    """Of one statement within a measurement."""

    calls: int
    mean_ms: float
    total_ms: float


@dataclasses.dataclass(frozen=True)
class Drained:
    """What workers did to a queue."""

    rate: float
    completions: int
    costs: dict[str, Cost]

    def per_hundred(self, statement: str) -> float:
        """Milliseconds that a statement cost for a hundred recipients."""
        return self.costs[statement].total_ms / self.completions * 100


def drain(node: Node, sink: Sink, stock: Stock, workers: int) -> Drained:
    """Lets workers deliver from a queue that they do not exhaust. They begin together, when all are ready."""
    sink.start()
    node.query("UPDATE postrider.tenant SET suspended_at = now() WHERE name LIKE 'stock %'")
    node.start(acceptors=0, workers=workers, keepers=0)
    try:
        node.query("UPDATE postrider.tenant SET suspended_at = NULL WHERE name LIKE 'stock %'")
        _wait_for(sink, _WARM_UP // stock.recipients_per_delivery)
        node.query("SELECT pg_stat_statements_reset()")
        start = node.value("SELECT clock_timestamp()")
        _wait_for(sink, _MEASURED // stock.recipients_per_delivery)
        costs = statement_costs(node)
        end = node.value("SELECT clock_timestamp()")
        left = "SELECT count(*) FROM (SELECT FROM postrider.job WHERE claim_session IS NULL LIMIT 100) x"
        if node.value(left) != "100":
            raise Trouble("the queue was nearly empty: what was measured is not its rate")
    finally:
        node.stop()
    between = f"at > '{start}' AND at <= '{end}'"
    completions, seconds = node.query(
        f"SELECT count(*), extract(epoch FROM '{end}'::timestamptz - '{start}') FROM postrider.outcome WHERE {between}")[0]
    return Drained(int(completions or 0) / float(seconds or 1), int(completions or 0), costs)


def _wait_for(sink: Sink, deliveries: int) -> None:
    first = sink.count()
    wait_until(lambda: sink.count() >= first + deliveries, 180, f"{deliveries} deliveries", pause=0.002)


def statement_costs(node: Node) -> dict[str, Cost]:
    """Since they were last reset."""
    costs = {}
    for name, pattern in _STATEMENTS.items():
        row = node.query(
            f"""
            SELECT coalesce(sum(calls), 0), coalesce(sum(total_exec_time) / nullif(sum(calls), 0), 0),
              coalesce(sum(total_exec_time), 0)
            FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query LIKE '{pattern}'
            """)[0]
        costs[name] = Cost(int(row[0] or 0), float(row[1] or 0), float(row[2] or 0))
    return costs


def accept(node: Node) -> float:
    """Messages per second into the queue over 50 connections, while nobody delivers."""
    node.start(workers=0, keepers=0)
    try:
        smtp_source(node.acceptors[0].plain, 500, _SIZE, reuses=True)
        return _ACCEPTED / smtp_source(node.acceptors[0].plain, _ACCEPTED, _SIZE, reuses=True)
    finally:
        node.stop()
        # They are not of the stock, and nobody is to deliver them later.
        node.query("DELETE FROM postrider.job j USING postrider.lane l WHERE l.id = j.lane "
                   "AND l.destination NOT LIKE '%.stock.example'")
