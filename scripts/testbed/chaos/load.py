"""The two ends of the mail around a system under test: load, waits, faults that are written down, expectations."""
import asyncio
import concurrent.futures
import contextlib
import dataclasses
import json
import pathlib
import random
import threading
import time
import typing

from ..trouble import Trouble
from . import checker
from .behaviour import Behaviours
from .ledger import IN_FLIGHT_SECONDS, Fault, Ledger, Offered, Taken
from .service import Gaps, Stalls
from .sink import Sink
from .source import Place, Source


@dataclasses.dataclass
class Options:
    """How a scenario is run."""

    root: pathlib.Path
    directory: pathlib.Path
    products: pathlib.Path
    seed: int
    minutes: float
    per_second: float = 20
    say: typing.Callable[[str], None] = lambda text: None


class Load(contextlib.AbstractContextManager["Load"]):
    """What every system under test has in common."""

    # The services whose longest gap is told.
    services: tuple[str, ...] = ("acceptance", "delivery")
    # Another way to name what a 250 names than the ledger's.
    ledger_id: typing.Callable[[str], str] = staticmethod(lambda text: text)

    def __init__(self, name: str, options: Options) -> None:
        self.name = name
        self.options = options
        self.random = random.Random(f"{name} {options.seed}")
        self.say = options.say
        self.behaviours = Behaviours(random.Random(f"sink {options.seed}"))
        self.faults: list[Fault] = []
        self.recoveries: dict[str, float] = {}
        self.breaches: list[str] = []
        self.has_ended = threading.Event()
        self.stalls = Stalls()
        self.gaps = Gaps()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._sending: "concurrent.futures.Future[None] | None" = None
        self._notes: typing.IO[str] | None = None
        self._thread.start()

    def begin_sink(self, addresses: dict[str, tuple[str, int]]) -> None:
        """Listens."""
        self.sink = Sink(addresses, self.behaviours)
        self.sink.on_end = lambda transaction: (
            self.gaps.happened("delivery") if transaction.is_delivered else None)
        self.on_loop(self.sink.start())

    def begin_load(self, place: Place) -> None:
        """Submits from now on; returns when mail flows."""
        self._notes = open(self.options.directory / "faults.log", "w")
        self.source = Source(place, self.options.seed, per_second=self.options.per_second)
        self.source.after_end = lambda sent: (
            self.gaps.happened("acceptance") if sent.state == "accepted" else None)
        self._sending = asyncio.run_coroutine_threadsafe(self.source.run(), self._loop)
        self.stalls.start()
        self.wait_for_progress(20)
        self.gaps.start(*self.services)

    def end_load(self) -> None:
        """Begins no more messages; returns when the last one has its reply."""
        self.gaps.stop()
        self.source.stop()
        if self._sending:
            self._sending.result(180)
            self._sending = None

    def __exit__(self, *_: object) -> None:
        self.stalls.stop()
        if self._thread.is_alive():
            with contextlib.suppress(concurrent.futures.TimeoutError):
                self.on_loop(_cancel_all(), 10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        if self._notes:
            self._notes.close()

    # Waiting

    def on_loop(self, work: typing.Coroutine[typing.Any, typing.Any, typing.Any], seconds: float = 60) -> typing.Any:
        """Runs a coroutine where the two ends of the mail run."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def call_on_loop(self, call: typing.Callable[[], None]) -> None:
        """Calls something there."""
        self._loop.call_soon_threadsafe(call)

    def wait_for(self, condition: typing.Callable[[], bool], what: str, seconds: float = 120) -> float:
        """Waits; returns how long, without the time in which the machine stood still. Raises Trouble at the limit."""
        begun = time.monotonic()
        while True:
            with contextlib.suppress(Trouble):
                if condition():
                    return self.elapsed(begun)
            if self.elapsed(begun) > seconds:
                raise Trouble(f"waited {seconds:g} seconds in vain for {what}")
            time.sleep(0.02)

    def elapsed(self, begun: float) -> float:
        """Seconds since then in which this machine ran."""
        return time.monotonic() - begun - self.stalls.since(begun)

    def wait_for_progress(self, count: int = 30, seconds: float = 180) -> None:
        """Waits for so many more acceptances, and deliveries, from now on."""
        accepted, delivered = len(self.source.accepted()), self.sink.delivered()
        self.wait_for(lambda: len(self.source.accepted()) >= accepted + count, f"{count} acceptances", seconds)
        self.wait_for(lambda: self.sink.delivered() >= delivered + count, f"{count} deliveries", seconds)

    def wait_for_acceptance(self, count: int = 1, seconds: float = 60) -> float:
        """Waits for 250s from now on; returns how long it took."""
        before = len(self.source.accepted())
        return self.wait_for(lambda: len(self.source.accepted()) >= before + count, "an acceptance", seconds)

    def wait_for_refusal(self, count: int = 1, seconds: float = 60) -> float:
        """Waits for so many 4xx or 5xx from now on; returns how long it took."""
        before = self.source.refusals()
        return self.wait_for(lambda: self.source.refusals() >= before + count, "a refusal", seconds)

    def pause(self, seconds: float) -> None:
        """Lets the load go on for a while: the length of a fault, not a wait for something."""
        time.sleep(seconds)

    # Faults and what is expected after them

    @contextlib.contextmanager
    def fault(self, name: str, may_repeat: bool = False, window: float = 0) -> typing.Iterator[None]:
        """Everything inside is one fault; what is in flight meanwhile may come twice if `may_repeat`.

        - window: seconds before it that count as in flight, where more than usual was kept from being committed.
        """
        self.note(f"fault: {name}")
        began = time.monotonic()
        try:
            yield
        finally:
            # What had arrived by now is read before the instant is over.
            self.on_loop(all_read())
            window = max(window, IN_FLIGHT_SECONDS + self.stalls.since(began - 2))
            self.faults.append(Fault(name, began, time.monotonic(), may_repeat, window))

    def note(self, text: str) -> None:
        """Into faults.log and to whoever looks on."""
        self.say(f"  {text}")
        if self._notes:
            print(f"{time.monotonic():.3f} {text}", file=self._notes, flush=True)

    def expect_service(self, what: str, acceptance: float, delivery: float) -> None:
        """Waits for both from now on, and notes how long it took; the limits are seconds."""
        delivered, begun = self.sink.delivered(), time.monotonic()
        self.expect_within(f"acceptance after {what}", self.wait_for_acceptance(seconds=120), acceptance)
        self.wait_for(lambda: self.sink.delivered() > delivered, "a delivery")
        self.expect_within(f"delivery after {what}", self.elapsed(begun), delivery)

    def expect_within(self, what: str, seconds: float, limit: float) -> None:
        """Notes how long a recovery took, and a breach when it took longer than promised."""
        self.recoveries[what] = max(self.recoveries.get(what, 0), round(seconds, 2))
        self.note(f"{what}: {seconds:.1f} s")
        if seconds > limit:
            self.breaches.append(f"{what} took {seconds:.1f} s, not {limit:g}")

    # The end

    def drain(self) -> None:
        """Waits until every recipient has its outcome and everybody knows; what is in vain is a breach."""
        raise NotImplementedError

    def ledger(self) -> Ledger:
        """All that the two ends have written down."""
        return Ledger(
            [Offered(sent.message_id, tuple(sent.recipients), sent.state,
                     self.ledger_id(sent.queue_id) if sent.queue_id else "") for sent in self.source.sent],
            [Taken(t.message_id, tuple(t.recipients), t.opened, t.answered, t.closed, t.is_delivered, tuple(t.about),
                   t.tells_failure)
             for t in self.sink.transactions], faults=self.faults)

    def judge(self) -> dict[str, typing.Any]:
        """Drains, checks, and returns what --json prints of a scenario."""
        self.end_load()
        self.note("draining")
        self.drain()
        # The sink's journal is complete by now.
        self.on_loop(all_read())
        ledger = self.ledger()
        (self.options.directory / "ledger.json").write_text(json.dumps(dataclasses.asdict(ledger)))
        figures = dataclasses.asdict(checker.check(ledger))
        breaches = figures.pop("breaches") + self.breaches
        return {
            "scenario": self.name, "seed": self.options.seed, **figures,
            "longest_gap_seconds": self.gaps.longest(), "time_to_recover_seconds": self.recoveries,
            "slowest_reply_seconds": round(self.source.slowest_reply, 2),
            "machine_stood_still_seconds": round(self.stalls.total(), 2),
            "faults": [fault.name for fault in self.faults], "breaches": breaches,
        }


async def all_read() -> None:
    """Returns once everything that had arrived when it was called has been looked at."""
    for _ in range(4):
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
