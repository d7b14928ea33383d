"""Queues that hold much: real messages from a real acceptor, more recipients for each of them by SQL."""
import dataclasses
import shutil

from .bench import Bench, Trouble
from .node import Node
from .postgres import Postgres
from .source import smtp_source

# Bytes of a body. What is measured is the queue; and a hundred recipients share one.
_SIZE = 2_048
# Recipients of each message in every stock; of a small stock's messages most have been served already.
_RECIPIENTS = 100
# Where recipients go alone a claim must meet different messages.
_MESSAGES_MIN = 10_000
# Messages whose recipients take turns; so far apart are two recipients of one message.
_BLOCK = 2_000
# Measured: a queued recipient takes this much with its indexes and its share of WAL that is not yet recycled.
_BYTES_PER_JOB = 550
_BYTES_PER_MESSAGE = 6_000
_BYTES_BESIDES = 4 << 30


@dataclasses.dataclass(frozen=True)
class Stock:
    """So many recipients are queued, in so many lanes."""

    jobs: int
    tenants: int
    # At least as many as a message has recipients, so that each goes alone; or one, to which they go together.
    domains: int

    @property
    def lanes(self) -> int:
        """One for each tenant and domain."""
        return self.tenants * self.domains

    @property
    def messages(self) -> int:
        """Messages whose recipients they are."""
        return max(1 if self.travels_together else _MESSAGES_MIN, self.jobs // _RECIPIENTS)

    @property
    def travels_together(self) -> bool:
        """All recipients of a message are in one lane, and are delivered in one transaction."""
        return self.domains == 1

    @property
    def recipients_per_delivery(self) -> int:
        """Of one message that the sink counts."""
        return _RECIPIENTS if self.travels_together else 1

    @property
    def name(self) -> str:
        """For people, and as a database's name."""
        return f"{short_count(self.jobs)}_{short_count(self.lanes)}_lanes"


def short_count(number: int) -> str:
    """10000000 is 10m."""
    for unit, letter in ((1_000_000, "m"), (1_000, "k")):
        if number >= unit and number % unit == 0:
            return f"{number // unit}{letter}"
    return str(number)


def check_disk(bench: Bench, stocks: list[Stock]) -> None:
    """Raises Trouble when the stocks would not fit, before anything is made."""
    needed = _BYTES_BESIDES + sum(
        stock.jobs * _BYTES_PER_JOB + stock.messages * _BYTES_PER_MESSAGE for stock in stocks)
    free = shutil.disk_usage(bench.directory).free
    bench.say(f"disk: about {needed / 2**30:.0f} GB needed, {free / 2**30:.0f} GB free in {bench.directory}")
    if needed > free:
        raise Trouble(
            f"{needed / 2**30:.0f} GB are needed and {free / 2**30:.0f} GB are free; "
            "take smaller --sizes, fewer --parts or another --directory")


class Warehouse:
    """Makes stocks, each in a database of its own in one server."""

    def __init__(self, bench: Bench, postgres: Postgres, sink_port: int) -> None:
        self._bench = bench
        self._postgres = postgres
        self._origin = Node(bench, postgres, sink_port, database="origin")

    def prepare(self, messages: int) -> None:
        """Lets a node accept the messages that all stocks are made of."""
        self._origin.prepare()
        self._origin.query("CREATE EXTENSION pg_stat_statements")
        self._origin.start(workers=0, keepers=0)
        self._bench.say(f"submitting {messages} messages")
        smtp_source(self._origin.acceptors[0].plain, messages, _SIZE, reuses=True, seconds=1200)
        self._origin.stop()
        self._origin.query("DELETE FROM postrider.job")
        self._origin.query("UPDATE postrider.lane SET ready = false, wake_at = 'infinity'")
        self._postgres.disconnect("origin")

    def make(self, stock: Stock, name: str | None = None) -> Node:
        """A node whose queue holds it, ready to be started. `name` tells it from another one that holds the same."""
        name = name or stock.name
        self._bench.say(f"loading {name}")
        node = self._origin.copy(f"stock_{name}")
        node.query(_lanes_sql(stock))
        node.query(_messages_sql(stock))
        node.query("VACUUM ANALYZE postrider.message")
        # An hour old, and in the order in which they were made.
        _fill(node, stock, "now() - interval '1 hour' + k.place * interval '1 microsecond'")
        node.query("UPDATE postrider.lane l SET ready = true "
                   "WHERE EXISTS (SELECT FROM postrider.job j WHERE j.lane = l.id)")
        node.query("VACUUM ANALYZE")
        node.query("CHECKPOINT")
        return node


def refill(node: Node, stock: Stock) -> None:
    """Queues again what has been delivered, as if it came now. Nothing may be in flight."""
    _fill(node, stock, "now()", "ON CONFLICT DO NOTHING")
    node.query("UPDATE postrider.lane l SET ready = true, wake_at = 'infinity' "
               "WHERE NOT l.ready AND EXISTS (SELECT FROM postrider.job j WHERE j.lane = l.id)")


def _fill(node: Node, stock: Stock, due: str, what_else: str = "") -> None:
    node.query("SET work_mem = '256MB'")
    # Neighbours in the queue are neighbours on the disk, as when mail comes in.
    node.query(f"{_jobs_sql(stock, due)} {what_else}")
    node.query("RESET work_mem")


def _lanes_sql(stock: Stock) -> str:
    return f"""
        INSERT INTO postrider.tenant (name) SELECT 'stock ' || n FROM generate_series(0, {stock.tenants} - 1) n;
        INSERT INTO postrider.lane (tenant, destination)
          SELECT t.id, 'd' || d || '.stock.example'
          FROM generate_series(0, {stock.domains} - 1) d CROSS JOIN postrider.tenant t WHERE t.name LIKE 'stock %';
        CREATE TABLE public.stock_tenant AS
          SELECT substr(name, 7)::int AS number, id FROM postrider.tenant WHERE name LIKE 'stock %';
        CREATE TABLE public.stock_lane AS
          SELECT t.number AS tenant, substring(l.destination FROM '^d(\\d+)')::int AS domain, l.id
          FROM postrider.lane l JOIN public.stock_tenant t ON t.id = l.tenant;
        CREATE TABLE public.stock_message AS
          SELECT id, day, expires_at, (row_number() OVER (ORDER BY id))::int - 1 AS number
          FROM postrider.message;
        DELETE FROM public.stock_message WHERE number >= {stock.messages};
        ANALYZE public.stock_tenant, public.stock_lane, public.stock_message"""


def _domain(stock: Stock, message: str, recipient: str) -> str:
    """Which domain a message's recipient is at: next to each other they are at different ones."""
    return f"(({message} / {stock.tenants}) * 101 + {recipient}) % {stock.domains}"


def _messages_sql(stock: Stock) -> str:
    return f"""
        UPDATE postrider.message m SET tenant = t.id, recipients = (
            SELECT array_agg(('r' || r || '@d' || {_domain(stock, 's.number', 'r')} || '.stock.example')::bytea
                             ORDER BY r)
            FROM generate_series(1, {_RECIPIENTS}) r)
          FROM public.stock_message s JOIN public.stock_tenant t ON t.number = s.number % {stock.tenants}
          WHERE m.id = s.id AND m.day = s.day"""


def _jobs_sql(stock: Stock, due: str) -> str:
    # In the order in which they are due, as a queue fills: recipients that travel together one after the other;
    # otherwise blocks of messages, in each all first recipients first.
    per_message = stock.jobs // stock.messages
    if stock.travels_together:
        recipient, message = f"place % {per_message} + 1", f"place / {per_message}"
    else:
        recipient = f"(place % {_BLOCK * per_message}) / {_BLOCK} + 1"
        message = f"place / {_BLOCK * per_message} * {_BLOCK} + place % {_BLOCK}"
    return f"""
        INSERT INTO postrider.job (message, recipient, lane, day, due, event_at)
        SELECT s.id, k.recipient, l.id, s.day, {due}, s.expires_at
        FROM (SELECT place, {recipient} AS recipient, {message} AS message
              FROM generate_series(0, {stock.jobs} - 1) place) k
          JOIN public.stock_message s ON s.number = k.message
          JOIN public.stock_lane l ON l.tenant = k.message % {stock.tenants}
            AND l.domain = {_domain(stock, 'k.message', 'k.recipient')}
        ORDER BY k.place"""
