"""A Redis of the benchmark's own: nothing is kept on disk."""
from testbed.processes import Child

from .bench import Bench, free_port


class Redis:
    """A server on loopback."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.port = free_port()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """For `redis.url`."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pids(self) -> list[int]:
        """Its process, if it runs."""
        return [self._child.pid] if self._child else []

    def start(self) -> None:
        """Starts it and waits until it answers."""
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self._child = self._bench.processes.start(
            "redis", [*command, "--dir", str(self._bench.logs)], ready="Ready to accept connections")

    def stop(self) -> None:
        """Stops it."""
        if self._child:
            self._child.stop()
            self._child = None
