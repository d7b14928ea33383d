"""Claims of a short and of a long queue in turn, so that whatever else the machine does meets both alike."""
import dataclasses
import statistics
import time
import typing

from testbed.libpq import Connection

from .bench import Trouble
from .node import Node
from .stock import Stock, refill

_RECIPIENTS = 100
# Claims of each queue between two times that a small one is filled up; the first are not counted: plans are made then.
_CLAIMS, _UNCOUNTED = 80, 5
_REPETITIONS = 8
_NO_BOUND = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Paired:
    """Milliseconds for a hundred recipients of each claim, in order."""

    short: list[float]
    long: list[float]

    def ratio(self, share: float = 0.5) -> float:
        """Of the short queue's time to the long one's, at one place in the order of each: 1 is as good."""
        return _quantile(self.short, share) / _quantile(self.long, share)

    @property
    def mean_ratio(self) -> float:
        """The same of the means, which rare dear claims count in."""
        return statistics.fmean(self.short) / statistics.fmean(self.long)


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


def claims_in_turn(short: tuple[Stock, Node], long: tuple[Stock, Node]) -> Paired:
    """Claims as one worker does, and takes what it has claimed out of the queue. Nobody else may deliver."""
    paired = Paired([], [])
    for number in range(_REPETITIONS):
        for stock, node in (short, long):
            if stock.jobs < _CLAIMS * _RECIPIENTS * _REPETITIONS:
                refill(node, stock)
                node.query("VACUUM postrider.job")
        sides = [(_Worker(short[1]), paired.short), (_Worker(long[1]), paired.long)]
        for claim in range(_CLAIMS):
            # Who comes first changes: the other may find the processor's caches as it has left them.
            for worker, times in sides if claim % 2 else sides[::-1]:
                milliseconds = worker.claim()
                if claim >= _UNCOUNTED:
                    times.append(milliseconds)
        for worker, _ in sides:
            worker.end()
    return paired


class _Worker:
    """A worker session that remembers what a claim tells it, as `FairCursor` does."""

    def __init__(self, node: Node) -> None:
        self._connection: Connection = node.postgres.connect(node.database)
        self._session = self._connection.value(
            "INSERT INTO postrider.worker_session (id, node, lease) VALUES (gen_random_uuid(), 'bench', '1 hour') "
            "RETURNING id")
        self._connection.query("UPDATE postrider.tenant SET suspended_at = NULL WHERE suspended_at IS NOT NULL")
        self._counter = 0
        self._next: tuple[str, str] = ("0", "f")
        # Of each tenant: credit, lane, rows for that lane.
        self._places: dict[str, tuple[str, str, str]] = {}

    def claim(self) -> float:
        """Claims up to a hundred, in milliseconds for a hundred, then deletes them."""
        self._counter += 1
        places = list(self._places.values())
        arrays = [_array(self._places), *(_array(place[column] for place in places) for column in range(3))]
        begun = time.perf_counter()
        row = self._connection.query(
            f"SELECT * FROM postrider.claim_due_jobs('{self._session}', {self._counter}, {self._next[0]}, "
            f"'{self._next[1]}', {', '.join(arrays)}, '{{}}', '{{}}', {_NO_BOUND}, '{{}}', {_RECIPIENTS})")[0]
        taken = (time.perf_counter() - begun) * 1000
        self._remember(row)
        deleted = int(self._connection.value(
            f"WITH gone AS (DELETE FROM postrider.job j USING unnest('{row[2]}'::uuid[], '{row[3]}'::int[]) u(m, r) "
            "WHERE j.message = u.m AND j.recipient = u.r RETURNING 1) SELECT count(*) FROM gone"))
        # Many tenants' turns do not always add up to all of them.
        if deleted < _RECIPIENTS * 0.8:
            raise Trouble(f"a claim found {deleted} recipients of {_RECIPIENTS}: the queue did not last")
        return taken / deleted * _RECIPIENTS

    def _remember(self, row: typing.Sequence[str | None]) -> None:
        self._next = (row[0] or "0", row[1] or "f")
        tenants, *columns = ((text or "{}").strip("{}").split(",") for text in row[8:12])
        for tenant, credit, lane, rows in zip(tenants, *columns):
            self._places[tenant] = (credit, lane, rows)

    def end(self) -> None:
        """Ends the session."""
        self._connection.query(
            "UPDATE postrider.worker_session SET ended_at = clock_timestamp(), ended_why = 'done' "
            f"WHERE id = '{self._session}'")
        self._connection.close()


def _array(values: typing.Iterable[str]) -> str:
    return "'{" + ",".join(values) + "}'"
