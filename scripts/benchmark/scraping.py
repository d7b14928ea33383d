"""What it costs to be watched: nodes without a status listener, with one, and with one that is asked each second."""
import contextlib
import dataclasses
import os
import statistics
import threading
import time
import typing
import urllib.request

from .bench import Bench, Trouble, wait_until
from .figures import Figure, rounded, table
from .node import Node
from .postgres import Postgres
from .sink import Sink
from .source import smtp_source
from .usage import cpu_seconds

_SIZE = 10_240
_INTERVAL_SECONDS = 1.0
# How each node is called, and its database.
_NODES = {"no listener": "alone", "not asked": "silent", "asked each second": "asked"}
_FIRST = next(iter(_NODES))


@dataclasses.dataclass(frozen=True)
class _Sample:
    """What one node did with one piece."""

    # Messages per second.
    accepted: float
    # CPU seconds for a thousand messages, until the queue is empty: of each part of the node.
    parts: dict[str, float]

    @property
    def cpu(self) -> float:
        """Of the whole node. The server is common to all nodes, of which one has work."""
        return sum(self.parts.values())


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints a table, returns what --json prints."""
    rounds, messages = (6, 3_000) if bench.quick else (30, 4_000)
    postgres, sink = Postgres(bench), Sink(bench)
    postgres.start()
    sink.start()
    # All are there all the time and take turns, in short pieces: what else the machine does meets them alike.
    nodes = {name: _start(bench, postgres, sink, name) for name in _NODES}
    for name, node in nodes.items():
        _measure(node, sink, messages, name)
    samples: dict[str, list[_Sample]] = {name: [] for name in _NODES}
    for number in range(rounds):
        for name in sorted(_NODES, key=lambda name: (list(_NODES).index(name) + number) % len(_NODES)):
            samples[name].append(_measure(nodes[name], sink, messages, name))
        bench.say(f"round {number + 1} of {rounds}: " + ", ".join(
            f"{name} {samples[name][-1].accepted:.0f}/s {samples[name][-1].cpu:.3f}" for name in _NODES))
    for node in nodes.values():
        node.stop()
    postgres.stop()
    return _report(bench, samples)


def _start(bench: Bench, postgres: Postgres, sink: Sink, name: str) -> Node:
    """One acceptor, one worker, one keeper, with a database of their own in the common server."""
    node = Node(bench, postgres, sink.port, database=_NODES[name],
                settings={"delivery": {"connections_per_destination": 50}})
    node.prepare()
    node.is_watched = name != _FIRST
    node.start()
    return node


def _measure(node: Node, sink: Sink, messages: int, name: str) -> _Sample:
    """Sends one piece, and waits for its end."""
    os.sync()
    first, parts = sink.count(), node.parts()
    before = {part: cpu_seconds(pids) for part, pids in parts.items()}
    with _Watcher(node.status_ports) if name.startswith("asked") else contextlib.nullcontext():
        taken = smtp_source(node.acceptors[0].plain, messages, _SIZE, reuses=True)
        sink.wait_for(first + messages, 180)
        wait_until(lambda: node.queued() == 0, 30, "an empty queue")
    used = {part: (cpu_seconds(pids) - before[part]) / messages * 1000 for part, pids in parts.items()}
    return _Sample(messages / taken, used)


class _Watcher(contextlib.AbstractContextManager["_Watcher"]):
    """Asks every process for its metrics, once a second, as Prometheus does."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._is_over = threading.Event()
        self._failure: Exception | None = None
        self._asked = 0
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "_Watcher":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        if self._failure:
            raise Trouble(f"metrics cannot be had: {self._failure}")
        if not self._asked:
            raise Trouble("nobody was asked for metrics")

    def _work(self) -> None:
        due = time.monotonic()
        try:
            while not self._is_over.wait(max(0.0, due - time.monotonic())):
                due += _INTERVAL_SECONDS
                for port in self._ports:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                        if b"postrider_" not in answer.read():
                            raise ValueError(f"no metrics at port {port}")
                    self._asked += 1
        except Exception as failure:  # It is raised again at the end.
            self._failure = failure


def _report(bench: Bench, samples: dict[str, list[_Sample]]) -> dict[str, typing.Any]:
    def ratio(name: str, of: typing.Callable[[_Sample], float]) -> Figure:
        # The middle half of the rounds: single ones are anywhere when the machine does other things too.
        ratios = [of(one) / of(alone) for alone, one in zip(samples[_FIRST], samples[name])]
        least, median, most = statistics.quantiles(ratios, n=4)
        return Figure(median, least, most)

    def row(name: str) -> tuple[str, ...]:
        parts = (statistics.median(one.parts[part] for one in samples[name]) for part in samples[name][0].parts)
        return (name, str(Figure.of([one.accepted for one in samples[name]])),
                str(Figure.of([one.cpu for one in samples[name]])), *(f"{seconds:.3f}" for seconds in parts),
                str(ratio(name, lambda one: one.accepted)), str(ratio(name, lambda one: one.cpu)))

    header = ("", "accepted/s", "CPU s per 1000", *samples[_FIRST][0].parts, "ratio of accepted/s", "of CPU")
    bench.say(table(header, [row(name) for name in _NODES]))
    return {"scraping": {"rounds": len(samples[_FIRST])} | {
        f"{of}_ratio_{_NODES[name]}": rounded(ratio(name, measure).median)
        for name in _NODES if name != _FIRST
        for of, measure in (("accepted", lambda one: one.accepted), ("cpu", lambda one: one.cpu))}}
