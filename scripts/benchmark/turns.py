"""Nodes that are there all the time and take turns with short pieces: whatever else the machine does meets them alike."""
import contextlib
import dataclasses
import os
import statistics
import typing

from .bench import Bench, wait_until
from .figures import Figure, rounded, table
from .node import Node
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
class Contender:
    """A node that takes its turns."""

    node: Node
    # What goes on only while this one is measured.
    meanwhile: typing.Callable[[], contextlib.AbstractContextManager[typing.Any]] = contextlib.nullcontext
    # Processes that work for it besides its own.
    helpers: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    samples: list[Sample] = dataclasses.field(default_factory=list)


class Turns:
    """The first of the contenders is what the others are compared with."""

    def __init__(self, bench: Bench, sink: Sink, contenders: dict[str, Contender]) -> None:
        self._bench = bench
        self._sink = sink
        self._contenders = contenders
        self._names = list(contenders)

    def take(self, rounds: int, messages: int) -> None:
        """So many rounds, each in another order than the one before, after one that is not counted."""
        for contender in self._contenders.values():
            self._measure(contender, messages)
        for number in range(rounds):
            for place in range(len(self._names)):
                contender = self._contenders[self._names[(place + number) % len(self._names)]]
                contender.samples.append(self._measure(contender, messages))
            self._bench.say(f"round {number + 1} of {rounds}: " + ", ".join(
                f"{name} {contender.samples[-1].accepted:.0f}/s {contender.samples[-1].cpu:.3f}"
                for name, contender in self._contenders.items()))

    def ratio(self, name: str, of: typing.Callable[[Sample], float]) -> Figure:
        """To the first of the contenders in the same round: median and the middle half of the rounds; single ones are
        anywhere when the machine does other things too."""
        first, samples = self._contenders[self._names[0]].samples, self._contenders[name].samples
        least, median, most = statistics.quantiles([of(one) / of(other) for other, one in zip(first, samples)], n=4)
        return Figure(median, least, most)

    def ratios(self) -> dict[str, float]:
        """For JSON, by the names of the databases."""
        return {
            f"{of}_ratio_{self._contenders[name].node.database}": rounded(self.ratio(name, measure).median)
            for name in self._names[1:]
            for of, measure in (("accepted", lambda one: one.accepted), ("cpu", lambda one: one.cpu))}

    def table(self) -> str:
        """For people."""
        parts = list(dict.fromkeys(part for one in self._contenders.values() for part in one.samples[0].parts))
        header = ("", "accepted/s", "CPU s per 1000", *parts, "ratio of accepted/s", "of CPU")
        return table(header, [self._row(name, parts) for name in self._names])

    def _row(self, name: str, parts: list[str]) -> tuple[str, ...]:
        samples = self._contenders[name].samples
        used = (
            f"{statistics.median(one.parts[part] for one in samples):.3f}" if part in samples[0].parts else ""
            for part in parts)
        return (name, str(Figure.of([one.accepted for one in samples])), str(Figure.of([one.cpu for one in samples])),
                *used, str(self.ratio(name, lambda one: one.accepted)), str(self.ratio(name, lambda one: one.cpu)))

    def _measure(self, contender: Contender, messages: int) -> Sample:
        """Sends one piece, and waits for its end."""
        os.sync()
        node, first = contender.node, self._sink.count()
        parts = node.parts() | contender.helpers
        before = {part: cpu_seconds(pids) for part, pids in parts.items()}
        with contender.meanwhile():
            taken = smtp_source(node.acceptors[0].plain, messages, _SIZE, reuses=True)
            self._sink.wait_for(first + messages, 180)
            wait_until(lambda: node.queued() == 0, 30, "an empty queue")
        used = {part: (cpu_seconds(pids) - before[part]) / messages * 1000 for part, pids in parts.items()}
        return Sample(messages / taken, used)
