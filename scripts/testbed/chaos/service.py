"""How long the service was interrupted, and how long the machine itself stood still."""
import threading
import time


class Gaps:
    """The longest time between two good events of a kind while there was load."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._longest: dict[str, float] = {}
        self._is_running = False

    _ROLES = {"acceptance": "acceptor", "delivery": "worker", "leadership": "keeper"}

    def start(self, *kinds: str) -> None:
        """From now on, for these kinds."""
        now = time.monotonic()
        self._last = {kind: now for kind in kinds}
        self._is_running = True

    def stop(self) -> None:
        """Until now."""
        for kind in list(self._last):
            self.happened(kind)
        self._is_running = False

    def happened(self, kind: str) -> None:
        """One of a kind."""
        if self._is_running and kind in self._last:
            now = time.monotonic()
            self._longest[kind] = max(self._longest.get(kind, 0), now - self._last[kind])
            self._last[kind] = now

    def longest(self) -> dict[str, float]:
        """Seconds by role: without a 250, without a delivery, without a leading keeper that renews."""
        return {self._ROLES[kind]: round(seconds, 2) for kind, seconds in self._longest.items()}


class Stalls:
    """Notices when this process did not run although it wanted to: then nobody else's slowness proves anything."""

    _TICK, _LEAST = 0.05, 0.3

    def __init__(self) -> None:
        self._found: list[tuple[float, float]] = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begins to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._ends.set()

    def since(self, moment: float) -> float:
        """Seconds of standing still since then."""
        return sum(end - max(begin, moment) for begin, end in self._found if end > moment)

    def total(self) -> float:
        """All of them."""
        return self.since(0)

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._ends.wait(self._TICK):
            now = time.monotonic()
            if now - before > self._LEAST:
                self._found.append((before, now))
            before = now
