"""A read transaction that stays open while mail flows, and partitions that come and go meanwhile."""
import dataclasses
import time

from testbed.processes import Child

from .bench import Bench, Trouble, wait_until
from .node import RECIPIENT, USER, Node
from .sink import Sink

# Seconds of one measurement, and after the reader's end until it must be as before.
_WINDOW = 20
_RECOVERY = 60
# Sessions that submit one message a second each.
_SUBMITTERS = 50
_PARENTS = ("message", "body_chunk", "outcome")
# Days since a day whose records nobody keeps any more: more than `retention.records` as shipped.
_OLD = 100


@dataclasses.dataclass(frozen=True)
class Held:
    """Deliveries per second around a read transaction."""

    before: float
    # One value for each window, in order.
    during: list[float]
    after: float
    made: bool
    # Seconds after the reader's end until the old day was dropped; None: it was before.
    dropped_after: float | None

    @property
    def last(self) -> float:
        """In the transaction's last minute, when most has piled up."""
        windows = self.during[-max(1, round(60 / _WINDOW)):]
        return sum(windows) / len(windows)


def hold(bench: Bench, node: Node, sink: Sink, seconds: float) -> Held:
    """Measures before, during and after a transaction that is held for so long; the queue must last."""
    sink.start()
    today = node.value("SELECT to_char(postrider.utc_day(postrider.schedule_now()), 'YYYY-MM-DD')")
    for parent in _PARENTS:
        node.query(f"SELECT postrider.make_partition('{parent}', '{today}'::date - {_OLD})")
    node.start(acceptors=1, workers=1, keepers=0)
    source = _submit(bench, node, seconds * 3 + 300)
    reader = node.postgres.connect(node.database)
    try:
        wait_until(lambda: sink.count() >= 2_000, 60, "the first deliveries")
        before = _window(sink)
        bench.say(f"  before: {before:.0f}/s")
        reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.query("SELECT count(*) FROM postrider.lane")
        # A report about messages: it holds a lock on every day.
        reader.query("SELECT count(*) FROM postrider.message WHERE tenant < 0")
        # The keeper drops the old day as soon as it can.
        node.start(acceptors=0, workers=0, keepers=1)
        during, start, made = [], time.monotonic(), False
        while time.monotonic() - start < seconds:
            during.append(_window(sink))
            bench.say(f"  held for {time.monotonic() - start:.0f} s: {during[-1]:.0f}/s")
            if not made:
                made = _make_partition(node, today)
        reader.query("ROLLBACK")
        end = time.monotonic()
        dropped = None if _is_dropped(node) else _wait_for_drop(node, end)
        time.sleep(max(0.0, _RECOVERY - (time.monotonic() - end)))
        after = _window(sink)
        if node.value("SELECT EXISTS (SELECT FROM postrider.job WHERE claim_session IS NULL)") != "t":
            raise Trouble("the queue did not last: a longer one is needed, or --held-seconds must be less")
        bench.say(f"  {_RECOVERY} s after its end: {after:.0f}/s")
        return Held(before, during, after, made, dropped)
    finally:
        reader.close()
        source.kill()
        node.stop()


def _window(sink: Sink) -> float:
    first, start = sink.count(), time.monotonic()
    time.sleep(_WINDOW)
    return (sink.count() - first) / (time.monotonic() - start)


def _submit(bench: Bench, node: Node, seconds: float) -> Child:
    """A little new mail all the time."""
    return bench.processes.start("reader-source", [
        "smtp-source", "-d", "-s", str(_SUBMITTERS), "-w", "1", "-l", "10240", "-m", str(int(seconds * _SUBMITTERS)),
        "-f", USER, "-t", RECIPIENT, "-M", "source.example", f"127.0.0.1:{node.acceptors[0].plain}"])


def _make_partition(node: Node, today: str) -> bool:
    """As a keeper makes a day ahead, while somebody reads all days."""
    for parent in _PARENTS:
        made = node.query(
            f"SET lock_timeout = '2s'; SELECT postrider.make_partition('{parent}', '{today}'::date + 40)")
        if made != [["t"]]:
            raise Trouble(f"a partition of {parent} could not be made")
    return True


def _is_dropped(node: Node) -> bool:
    rows = node.query(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'postrider' "
        f"AND c.relname IN (SELECT p || to_char(postrider.utc_day(postrider.schedule_now()) - {_OLD}, '_YYYYMMDD') "
        "FROM unnest(ARRAY['message', 'body_chunk', 'outcome']) p)")
    return rows == [["0"]]


def _wait_for_drop(node: Node, since: float) -> float:
    wait_until(lambda: _is_dropped(node), 120, "the old day's end", pause=0.5)
    return time.monotonic() - since
