"""What it costs to be watched: nodes without a status listener, with one, and with one that is asked each second."""
import contextlib
import threading
import time
import typing
import urllib.request

from .bench import Bench, Trouble
from .node import Node
from .turns import Turns

_INTERVAL_SECONDS = 1.0


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints a table, returns what --json prints."""
    turns = Turns(bench)
    turns.add("no listener", "alone")
    turns.add("not asked", "silent", prepare=_watch)
    turns.add("asked each second", "asked", prepare=_watch, meanwhile=lambda node: _Watcher(node.status_ports))
    return {"scraping": turns.compare(*((6, 3_000) if bench.quick else (30, 4_000)))}


def _watch(node: Node) -> None:
    node.is_watched = True


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
