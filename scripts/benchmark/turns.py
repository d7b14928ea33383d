"""Nodes that are there all the time and take turns with short pieces: whatever else the machine does meets them alike."""
import contextlib
import dataclasses
import os
import statistics
import typing

from .bench import Bench, wait_until
from .figures import Figure, rounded, table
from .node import Node
from .postgres import Postgres
from .sink import Sink
from .source import smtp_source
from .usage import cpu_seconds

_SIZE = 10_240


@dataclasses.dataclass(frozen=True)
class Sample:
    """What one node did with one piece."""

    # Messages per second.
    accepted: float
    # CPU seconds for a thousand messages, until the queue is empty: of each part of the node.
    parts: dict[str, float]

    @property
    def cpu(self) -> float:
        """Of the whole node. The server is common to all nodes, of which one has work."""
        return sum(self.parts.values())


@dataclasses.dataclass
class _Contender:
    """A node that takes its turns."""

    node: Node
    meanwhile: typing.Callable[[Node], contextlib.AbstractContextManager[typing.Any]]
    helpers: dict[str, list[int]]
    samples: list[Sample] = dataclasses.field(default_factory=list)


class Turns:
    """Nodes in one server with one sink. The first is what the others are compared with."""

    def __init__(self, bench: Bench) -> None:
        """Starts the server and the sink."""
        self._bench = bench
        self._postgres, self._sink = Postgres(bench), Sink(bench)
        self._contenders: dict[str, _Contender] = {}
        self._postgres.start()
        self._sink.start()

    def add(
        self, name: str, database: str, settings: dict[str, typing.Any] | None = None, *,
        prepare: typing.Callable[[Node], object] = lambda node: None,
        meanwhile: typing.Callable[[Node], contextlib.AbstractContextManager[typing.Any]] =
        lambda node: contextlib.nullcontext(),
        helpers: dict[str, list[int]] | None = None,
    ) -> None:
        """Starts one acceptor, one worker and one keeper with a database of their own.

        - prepare: is done with it before they start.
        - meanwhile: goes on only while this node is measured.
        - helpers: processes that work for it besides its own, by name.
        """
        node = Node(self._bench, self._postgres, self._sink.port, database=database,
                    settings={"delivery": {"connections_per_destination": 50}} | (settings or {}))
        node.prepare()
        prepare(node)
        node.start()
        self._contenders[name] = _Contender(node, meanwhile, helpers or {})

    def compare(self, rounds: int, messages: int) -> dict[str, typing.Any]:
        """Measures in so many rounds, stops everything and prints a table. Returns what --json prints."""
        self._take(rounds, messages)
        for contender in self._contenders.values():
            contender.node.stop()
        self._postgres.stop()
        self._bench.say(self._table())
        return {"rounds": rounds} | self._ratios()

    def _take(self, rounds: int, messages: int) -> None:
        """Each round in another order than the one before, after one that is not counted."""
        contenders = list(self._contenders.values())
        for contender in contenders:
            self._measure(contender, messages)
        for number in range(rounds):
            first = number % len(contenders)
            for contender in contenders[first:] + contenders[:first]:
                contender.samples.append(self._measure(contender, messages))
            self._bench.say(f"round {number + 1} of {rounds}: " + ", ".join(
                f"{name} {contender.samples[-1].accepted:.0f}/s {contender.samples[-1].cpu:.3f}"
                for name, contender in self._contenders.items()))

    def _ratio(self, name: str, of: typing.Callable[[Sample], float]) -> Figure:
        """To the first of the contenders in the same round: median and the middle half of the rounds; single ones are
        anywhere when the machine does other things too."""
        first, samples = next(iter(self._contenders.values())).samples, self._contenders[name].samples
        least, median, most = statistics.quantiles([of(one) / of(other) for other, one in zip(first, samples)], n=4)
        return Figure(median, least, most)

    def _ratios(self) -> dict[str, float]:
        """By the names of the databases."""
        return {
            f"{of}_ratio_{contender.node.database}": rounded(self._ratio(name, measure).median)
            for name, contender in list(self._contenders.items())[1:]
            for of, measure in (("accepted", lambda one: one.accepted), ("cpu", lambda one: one.cpu))}

    def _table(self) -> str:
        parts = list(dict.fromkeys(part for one in self._contenders.values() for part in one.samples[0].parts))
        header = ("", "accepted/s", "CPU s per 1000", *parts, "ratio of accepted/s", "of CPU")
        return table(header, [self._row(name, parts) for name in self._contenders])

    def _row(self, name: str, parts: list[str]) -> tuple[str, ...]:
        samples = self._contenders[name].samples
        used = (
            f"{statistics.median(one.parts[part] for one in samples):.3f}" if part in samples[0].parts else ""
            for part in parts)
        return (name, str(Figure.of([one.accepted for one in samples])), str(Figure.of([one.cpu for one in samples])),
                *used, str(self._ratio(name, lambda one: one.accepted)), str(self._ratio(name, lambda one: one.cpu)))

    def _measure(self, contender: _Contender, messages: int) -> Sample:
        """Sends one piece, and waits for its end."""
        os.sync()
        node, first = contender.node, self._sink.count()
        parts = node.parts() | contender.helpers
        before = {part: cpu_seconds(pids) for part, pids in parts.items()}
        with contender.meanwhile(node):
            taken = smtp_source(node.acceptors[0].plain, messages, _SIZE, reuses=True)
            self._sink.wait_for(first + messages, 180)
            wait_until(lambda: node.queued() == 0, 30, "an empty queue")
        used = {part: (cpu_seconds(pids) - before[part]) / messages * 1000 for part, pids in parts.items()}
        return Sample(messages / taken, used)
