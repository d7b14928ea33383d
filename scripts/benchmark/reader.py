"""A read transaction that stays open while mail flows, and partitions that come and go meanwhile."""
import dataclasses
import statistics
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
class Window:
    """Deliveries per second of two nodes that work side by side."""

    held: float
    beside: float

    @property
    def ratio(self) -> float:
        """Whatever else the machine does, it does to both."""
        return self.held / max(1.0, self.beside)

    def __str__(self) -> str:
        return f"{self.held:.0f}/s, beside it {self.beside:.0f}/s"


@dataclasses.dataclass(frozen=True)
class Held:
    """Deliveries around a read transaction, and those of a node with a database of its own that has none."""

    before: list[Window]
    during: list[Window]
    after: list[Window]
    # Seconds after the reader's end until the old day was dropped; None: it was before.
    dropped_after: float | None

    @property
    def last_ratio(self) -> float:
        """In the transaction's last minute, when most has piled up, to before."""
        return _ratio(self.during[-max(1, round(60 / _WINDOW)):]) / _ratio(self.before)

    @property
    def after_ratio(self) -> float:
        """A minute after its end, to before."""
        return _ratio(self.after) / _ratio(self.before)


def hold(bench: Bench, node: Node, beside: Node, seconds: float) -> Held:
    """Measures before, during and after a transaction that is held for so long in one of two nodes with the same mail."""
    sinks = Sink(bench, "held-sink"), Sink(bench, "beside-sink")
    nodes, sources = (node, beside), []
    today = node.value("SELECT to_char(postrider.utc_day(postrider.schedule_now()), 'YYYY-MM-DD')")
    for one, sink in zip(nodes, sinks):
        sink.start()
        one.deliver_to(sink.port)
        for parent in _PARENTS:
            one.query(f"SELECT postrider.make_partition('{parent}', '{today}'::date - {_OLD})")
    reader = node.postgres.connect(node.database)
    try:
        for one in nodes:
            one.start(acceptors=1, workers=1, keepers=0)
            sources.append(_submit(bench, one, seconds * 3 + 600))
        wait_until(lambda: all(sink.count() >= 2_000 for sink in sinks), 120, "the first deliveries")
        # A database that has just been filled has nothing in memory yet.
        for _ in range(2):
            _window(bench, sinks, "warming up")
        before = [_window(bench, sinks, "before") for _ in range(3)]
        reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.query("SELECT count(*) FROM postrider.lane")
        # A report about messages: it holds a lock on every day.
        reader.query("SELECT count(*) FROM postrider.message WHERE tenant < 0")
        # The keepers drop the old day as soon as they can.
        for one in nodes:
            one.start(acceptors=0, workers=0, keepers=1)
        during: list[Window] = []
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            during.append(_window(bench, sinks, f"held for {time.monotonic() - start + _WINDOW:.0f} s"))
            if len(during) == 1:
                _make_partitions(node, today)
        reader.query("ROLLBACK")
        end = time.monotonic()
        dropped = None if _is_dropped(node) else _wait_for_drop(node, end)
        time.sleep(max(0.0, _RECOVERY - (time.monotonic() - end)))
        after = [_window(bench, sinks, f"{_RECOVERY} s after its end") for _ in range(3)]
        for one in nodes:
            if one.value("SELECT EXISTS (SELECT FROM postrider.job WHERE claim_session IS NULL)") != "t":
                raise Trouble("the queue did not last: a longer one is needed, or --held-seconds must be less")
        return Held(before, during, after, dropped)
    finally:
        reader.close()
        for source in sources:
            source.kill()
        for one, sink in zip(nodes, sinks):
            one.stop()
            sink.stop()


def _ratio(windows: list[Window]) -> float:
    return statistics.mean(window.ratio for window in windows)


def _window(bench: Bench, sinks: tuple[Sink, Sink], name: str) -> Window:
    first, start = [sink.count() for sink in sinks], time.monotonic()
    time.sleep(_WINDOW)
    seconds = time.monotonic() - start
    window = Window(*((sink.count() - count) / seconds for sink, count in zip(sinks, first)))
    bench.say(f"  {name}: {window}")
    return window


def _submit(bench: Bench, node: Node, seconds: float) -> Child:
    """A little new mail all the time."""
    return bench.processes.start(f"{node.database}-source", [
        "smtp-source", "-d", "-s", str(_SUBMITTERS), "-w", "1", "-l", "10240", "-m", str(int(seconds * _SUBMITTERS)),
        "-f", USER, "-t", RECIPIENT, "-M", "source.example", f"127.0.0.1:{node.acceptors[0].plain}"])


def _make_partitions(node: Node, today: str) -> None:
    """As a keeper makes a day ahead, while somebody reads all days."""
    for parent in _PARENTS:
        made = node.query(
            f"SET lock_timeout = '2s'; SELECT postrider.make_partition('{parent}', '{today}'::date + 40)")
        if made != [["t"]]:
            raise Trouble(f"a partition of {parent} could not be made")


def _is_dropped(node: Node) -> bool:
    rows = node.query(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'postrider' "
        f"AND c.relname IN (SELECT p || to_char(postrider.utc_day(postrider.schedule_now()) - {_OLD}, '_YYYYMMDD') "
        "FROM unnest(ARRAY['message', 'body_chunk', 'outcome']) p)")
    return rows == [["0"]]


def _wait_for_drop(node: Node, since: float) -> float:
    wait_until(lambda: _is_dropped(node), 120, "the old day's end", pause=0.5)
    return time.monotonic() - since
