"""The mail's end: Postfix's smtp-sink, which takes everything and counts."""
import os
import re

from testbed.network import listens
from testbed.processes import Child

from .bench import Bench, free_port, wait_until

_COUNT = re.compile(rb"mesg=(\d+)")


class Sink:
    """smtp-sink on loopback. It writes its counters at every message's end; we read them from its log."""

    def __init__(self, bench: Bench, name: str = "sink") -> None:
        self._bench = bench
        self._name = name
        self.port = free_port()
        self._child: Child | None = None

    def start(self) -> None:
        """Starts it anew; the count begins at 0."""
        self.stop()
        # It refuses to be root.
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self._child = self._bench.processes.start(
            self._name, ["smtp-sink", *user, "-c", "-m", "2000", f"127.0.0.1:{self.port}", "1024"])
        wait_until(lambda: listens(self.port), 10, "smtp-sink")

    def stop(self) -> None:
        """Stops it."""
        if self._child:
            self._child.stop()
            self._child = None

    def count(self) -> int:
        """Messages that it has taken since its start."""
        if not self._child:
            return 0
        with open(self._child.log, "rb") as log:
            # The last line is the present state; lines are far shorter than this.
            log.seek(max(0, os.fstat(log.fileno()).st_size - 400))
            found = _COUNT.findall(log.read())
        return int(found[-1]) if found else 0

    def wait_for(self, count: int, seconds: float) -> None:
        """Returns once it has taken so many. Raises Trouble when that takes longer."""
        wait_until(lambda: self.count() >= count, seconds, f"{count} messages in the sink", pause=0.005)
