"""How fast workers drain a queue, how fast an acceptor fills it, and what their statements cost meanwhile."""
import dataclasses
import statistics
import time

from .bench import Trouble, wait_until
from .node import Node
from .sink import Sink
from .source import smtp_source
from .stock import Stock, refill
from .usage import cpu_seconds

# Completions before and within what is measured. With them and with what 4 workers have in hand, 10,000 last.
_WARM_UP = 1_000
_MEASURED = 4_000
# How often that is done, before and while it counts.
_UNCOUNTED, _COUNTED = 3, 10
# Stocks so small that this takes most of them are filled up each time.
_REFILLED = 100_000
_ACCEPTED = 4_000
_SIZE = 10_240

# What the roles' hot statements have in common with no other.
_STATEMENTS = {
    "claim": "%postrider.claim_due_jobs(%",
    "details": "SELECT%FROM unnest(%postrider.message %postrider.suppression %",
    "bodies": "SELECT%FROM unnest(%postrider.body_chunk %",
    "complete": "WITH%unnest(%DELETE FROM postrider.job %INSERT INTO postrider.outcome %",
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

    # Recipients per second, once for each time that the queue was drained.
    rates: list[float]
    completions: int
    costs: dict[str, Cost]
    # Milliseconds of processor time for a hundred recipients: of PostgreSQL, and of the workers.
    database_cpu: float
    workers_cpu: float

    @property
    def rate(self) -> float:
        """Recipients per second."""
        return statistics.median(self.rates)

    def per_hundred(self, statement: str) -> float:
        """Milliseconds that a statement cost for a hundred recipients."""
        return self.costs[statement].total_ms / self.completions * 100


def drain(node: Node, sink: Sink, stock: Stock, workers: int) -> Drained:
    """Lets workers deliver again and again from a queue that they do not exhaust; a small one is filled up each time.

    The first times are not counted: connections are made then, every lane is seen for the first time.
    """
    sink.start()
    _suspend(node, True)
    node.start(acceptors=0, workers=workers, keepers=0)
    drains, since = [], ""
    try:
        for number in range(_UNCOUNTED + _COUNTED):
            if stock.jobs <= _REFILLED:
                _wait_until_idle(node)
                refill(node, stock)
            if number == _UNCOUNTED:
                _wait_until_idle(node, sink)
                since = node.value("SELECT clock_timestamp()")
                node.query("SELECT pg_stat_statements_reset()")
            drains.append(_drain_once(node, sink, stock))
        _wait_until_idle(node, sink)
        costs = statement_costs(node)
    finally:
        node.stop()
        _suspend(node, False)
    counted = drains[_UNCOUNTED:]
    within = [_completions(node, one.start, one.end) for one in counted]
    return Drained(
        rates=[count / one.seconds for count, one in zip(within, counted)],
        completions=_completions(node, since, "infinity"), costs=costs,
        database_cpu=sum(one.database_cpu for one in counted) / sum(within) * 100_000,
        workers_cpu=sum(one.workers_cpu for one in counted) / sum(within) * 100_000)


@dataclasses.dataclass(frozen=True)
class _Window:
    # On the database's clock.
    start: str
    end: str
    seconds: float
    database_cpu: float
    workers_cpu: float


def _drain_once(node: Node, sink: Sink, stock: Stock) -> _Window:
    _suspend(node, False)
    _wait_for(sink, _WARM_UP // stock.recipients_per_delivery)
    start, begun = node.value("SELECT clock_timestamp()"), time.monotonic()
    database, workers = cpu_seconds([node.postgres.pid]), cpu_seconds(node.role_pids())
    _wait_for(sink, _MEASURED // stock.recipients_per_delivery)
    database, workers = cpu_seconds([node.postgres.pid]) - database, cpu_seconds(node.role_pids()) - workers
    end, seconds = node.value("SELECT clock_timestamp()"), time.monotonic() - begun
    left = node.value("SELECT count(*) FROM (SELECT FROM postrider.job WHERE claim_session IS NULL LIMIT 100) x")
    _suspend(node, True)
    if left != "100":
        raise Trouble("the queue was nearly empty: what was measured is not its rate")
    return _Window(start, end, seconds, database, workers)


def _suspend(node: Node, is_suspended: bool) -> None:
    node.query(f"UPDATE postrider.tenant SET suspended_at = {'now()' if is_suspended else 'NULL'} "
               "WHERE name LIKE 'stock %'")


def _wait_until_idle(node: Node, sink: Sink | None = None) -> None:
    """Until nothing is in flight any more."""
    if sink:
        wait_until(lambda: _is_still(sink), 60, "the end of deliveries")
    else:
        free = "SELECT NOT EXISTS (SELECT FROM postrider.job WHERE claim_session IS NOT NULL)"
        wait_until(lambda: node.value(free) == "t", 60, "the end of deliveries")


def _is_still(sink: Sink) -> bool:
    before = sink.count()
    time.sleep(0.5)
    return sink.count() == before


def _completions(node: Node, start: str, end: str) -> int:
    return int(node.value(f"SELECT count(*) FROM postrider.outcome WHERE at > '{start}' AND at <= '{end}'"))


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
