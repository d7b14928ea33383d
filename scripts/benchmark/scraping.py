"""What it costs to be watched: nodes without a status listener, with one, and with one that is asked each second."""
import contextlib
import threading
import time
import typing
import urllib.request

from .bench import Bench, Trouble
from .figures import rounded
from .node import Node
from .postgres import Postgres
from .sink import Sink
from .turns import Contender, Turns

_INTERVAL_SECONDS = 1.0


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints a table, returns what --json prints."""
    rounds, messages = (6, 3_000) if bench.quick else (30, 4_000)
    postgres, sink = Postgres(bench), Sink(bench)
    postgres.start()
    sink.start()
    asked = _start(bench, postgres, sink, "asked", is_watched=True)
    contenders = {
        "no listener": Contender(_start(bench, postgres, sink, "alone", is_watched=False)),
        "not asked": Contender(_start(bench, postgres, sink, "silent", is_watched=True)),
        "asked each second": Contender(asked, meanwhile=lambda: _Watcher(asked.status_ports)),
    }
    turns = Turns(bench, sink, contenders)
    turns.take(rounds, messages)
    for contender in contenders.values():
        contender.node.stop()
    postgres.stop()
    bench.say(turns.table())
    return {"scraping": {"rounds": rounds} | turns.ratios()}


def _start(bench: Bench, postgres: Postgres, sink: Sink, database: str, *, is_watched: bool) -> Node:
    """One acceptor, one worker, one keeper, with a database of their own in the common server."""
    node = Node(bench, postgres, sink.port, database=database,
                settings={"delivery": {"connections_per_destination": 50}})
    node.prepare()
    node.is_watched = is_watched
    node.start()
    return node


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
