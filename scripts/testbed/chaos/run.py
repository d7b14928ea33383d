"""A scenario against a whole cluster: what can be done to it, and what its database says in the end."""
import concurrent.futures
import contextlib
import os
import signal
import threading
import time
import typing

from ..cluster.cluster import Cluster
from ..processes import run
from ..settings import merged
from ..trouble import Trouble
from .ledger import Fault, Ledger, Recorded, uuid_of
from .load import Load, Options, all_read
from .recorded import RECORDED, connects, owner_of
from .remotetls import Identity
from .sink import Session, Transaction
from .source import Place

# Shorter than production's, so that a scenario with a dead worker takes seconds; everything else is as shipped.
LEASE_SECONDS = 10
TIMING = {
    "worker": {"lease": f"{LEASE_SECONDS}s", "heartbeat": "2s"}, "keeper": {"interval": "1s"},
    # Nobody waits for minutes in a scenario.
    "dns": {"timeout": "5s"},
}
_WORDS = {signal.SIGKILL: "kill", signal.SIGSTOP: "freeze"}


class Run(Load):
    """What a scenario is given: a cluster under load, and ways to hurt it that are written down."""

    ledger_id = staticmethod(uuid_of)
    services = ("acceptance", "delivery", "leadership")

    def __init__(
        self, name: str, options: Options, settings: dict[str, typing.Any], has_small_disk: bool = False,
        has_tls: bool = False,
    ) -> None:
        super().__init__(name, options)
        self._has_tls = has_tls
        if has_tls:
            settings = merged({"delivery": {"ca_file": f"{options.directory}/mx.pem"}}, settings)
        self.cluster = Cluster.make(
            options.root, options.directory, options.products, is_test=True, is_tied=True,
            settings=merged(TIMING, settings), small_disk=has_small_disk)

    def __enter__(self) -> "Run":
        layout = self.cluster.layout
        try:
            self.begin_sink({name: (layout.front(name), layout.port(name)) for name in layout.names("sink")})
            if self._has_tls:
                self.sink.identity = Identity(self.options.directory)
            self.say(f"starting a cluster in {self.options.directory}")
            self.cluster.up(without=tuple(layout.names("sink")))
            self.begin_load(Place(
                layout.front("haproxy"), layout.port("haproxy", "tls"), layout.USER, layout.login_password,
                layout.authority))
            threading.Thread(target=self._watch_leadership, daemon=True).start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Trouble, OSError):
            self.cluster.heal()
        self.has_ended.set()
        self.cluster.down()
        super().__exit__()

    def _watch_leadership(self) -> None:
        """Looks whether a keeper renews its lead, on a connection of its own."""
        before = ""
        while not self.has_ended.wait(0.25):
            with contextlib.suppress(Trouble), contextlib.closing(self.cluster.connect()) as connection:
                while not self.has_ended.wait(0.25):
                    renewed = connection.value("SELECT renewed_at FROM postrider.leadership")
                    if renewed != before:
                        self.gaps.happened("leadership")
                    before = renewed

    # Faults

    def kill(self, *names: str, may_repeat: bool | None = None) -> None:
        """kill -9 of all of them at once."""
        repeats = any(name.startswith(("worker", "pg")) for name in names) if may_repeat is None else may_repeat
        with self.fault(f"kill {' '.join(names)}", repeats):
            for name in names:
                self.cluster.daemons.send(name, signal.SIGKILL)
        for name in names:
            self.wait_for(lambda: not self.cluster.daemons.tree(name), f"the end of {name}")

    def kill_worker_at(self, stage: str) -> str:
        """kill -9 of whichever worker's connection next reaches a stage, at that very moment. Returns its name."""
        name = self._signal_worker_at(stage, signal.SIGKILL)
        self.wait_for(lambda: not self.cluster.daemons.is_running(name), f"the end of {name}")
        return name

    def freeze_worker_at(self, stage: str) -> str:
        """The same with SIGSTOP."""
        return self._signal_worker_at(stage, signal.SIGSTOP)

    def _signal_worker_at(self, stage: str, number: int) -> str:
        hit: "concurrent.futures.Future[str]" = concurrent.futures.Future()

        async def act(session: Session, transaction: Transaction | None) -> None:
            began = time.monotonic()
            if self.behaviours.hooks.get(stage) is not act or not (name := self.owner(session.peer)[0]):
                return
            self.behaviours.hooks.pop(stage)
            self.cluster.daemons.send(name, number)
            await all_read()
            self.faults.append(Fault(f"{_WORDS[number]} {name} at {stage}", began, time.monotonic(), True))
            hit.set_result(name)

        self.behaviours.hooks[stage] = act
        try:
            name = hit.result(180)
        except concurrent.futures.TimeoutError:
            raise Trouble(f"no worker reached {stage} in 180 seconds") from None
        finally:
            self.behaviours.hooks.pop(stage, None)
        self.note(f"fault: {_WORDS[number]} {name} at {stage}")
        return name

    def kill_at_once(self, pid: int, why: str) -> None:
        """kill -9 of a process by its id, from the sink's own loop."""
        began = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.faults.append(Fault(f"kill by {why}", began, began + 0.2, True))

    def owner(self, peer: tuple[str, int]) -> tuple[str, int]:
        """The worker that has the other end of a connection to the sink, and which of its processes; ("", 0): none."""
        return owner_of(peer, {
            pid: name for name in self.cluster.layout.names("worker") for pid in self.cluster.daemons.tree(name)})

    def is_connected(self, name: str, server: str) -> bool:
        """Whether one of its processes has a connection to a server, by the kernel."""
        place = (self.cluster.layout.front(server), self.cluster.layout.port(server))
        return connects(self.cluster.daemons.tree(name), place)

    def start(self, *names: str) -> None:
        """Starts them again and waits until they serve."""
        for name in names:
            self.note(f"start {name}")
            self.cluster.start(name)

    def restart(self, name: str) -> None:
        """SIGTERM, and again from the start. Nothing may come twice; it has to end by itself."""
        with self.fault(f"restart {name}"):
            if not self.cluster.stop(name, 90):
                self.breaches.append(f"{name} had to be killed after SIGTERM")
        self.cluster.start(name)

    def mend(self) -> None:
        """Heals, thaws and starts everything."""
        self.cluster.heal()
        self.cluster.forget_connection()
        for name in sorted(self.cluster.deposed):
            self.note(f"{name} follows")
            self.cluster.join(name)
        names = [name for name in self.cluster.layout.all_names() if not name.startswith("sink")]
        for name in names:
            if self.cluster.daemons.is_frozen(name):
                self.cluster.thaw(name)
        for name in names:
            if not self.cluster.daemons.is_running(name):
                self.start(name)
        self.cluster.wait_until_served()

    def redis(self, name: str, command: str) -> str:
        """Asks a Redis or a Sentinel, past the relay."""
        layout = self.cluster.layout
        place = layout.back(name) if name in layout.relayed() else layout.front(name)
        return run(["redis-cli", "-h", place, "-p", str(layout.port(name)), *command.split()], seconds=20)

    # The database

    def claimed_by(self, worker: str) -> tuple[str, int]:
        """A worker's last session, and how many recipients it has in flight by the database."""
        rows = self.cluster.query(
            f"""
            SELECT s.id, (SELECT count(*) FROM postrider.job j WHERE j.claim_session = s.id)
            FROM postrider.worker_session s WHERE s.node = '{worker}.cluster.example' ORDER BY s.started_at DESC LIMIT 1
            """)
        return (str(rows[0][0]), int(rows[0][1] or 0)) if rows else ("", 0)

    def expect_jobs_resumed(self, worker: str, died: float) -> None:
        """Others take up what a dead worker had in flight within its lease and five seconds."""
        session, count = self.claimed_by(worker)
        if not count:
            return self.note(f"{worker} had nothing in flight by the database")
        left = f"SELECT count(*) FROM postrider.job WHERE claim_session = '{session}'"
        self.wait_for(lambda: int(self.cluster.query(left)[0][0] or 0) < count, f"others to do {worker}'s work")
        self.expect_within("a dead worker's jobs are taken up", self.elapsed(died), LEASE_SECONDS + 5)

    def leader(self) -> str:
        """The keeper that leads by the database."""
        rows = self.cluster.query("SELECT holder FROM postrider.leadership")
        return str(rows[0][0]).partition(".")[0] if rows else ""

    def wait_for_leader(self, other_than: str = "") -> str:
        """Waits until some other keeper leads; returns its name."""
        self.wait_for(lambda: self.leader() not in ("", other_than), f"a leader other than {other_than}")
        return self.leader()

    # The schedule

    def advance(self) -> None:
        """Moves the schedule on to the next jobs that wait, those of an hour at once."""
        self.move_schedule(
            """
            greatest('0', (
              SELECT least(max(due), min(due) + interval '1 hour') FROM postrider.job
              WHERE postrider.claim_is_free(claim_session, claim_counter) AND NOT held) - postrider.schedule_now() + interval '10 milliseconds')
            """)

    def move_schedule(self, interval: str) -> None:
        """Moves it on, between two enqueues: within one it is fixed, as if it were time itself.

        Raises Trouble when the database is away; then it may have moved or not.
        """
        self.cluster.query(
            f"""
            BEGIN;
            LOCK TABLE postrider.message IN SHARE MODE;
            UPDATE postrider.installation SET schedule_offset = schedule_offset + {interval};
            COMMIT
            """)

    def live_through(self, days: float, hours_between_faults: float, act: typing.Callable[["Run"], None]) -> None:
        """Moves the schedule on in small steps, with faults."""
        hours, next_fault = 0.0, hours_between_faults
        while hours < days * 24:
            hours += 0.25
            self.move_schedule("interval '15 minutes'")
            self.pause(0.2)
            # A keeper has its own pace in real time: the schedule does not run away from it.
            self.wait_for(self._nothing_is_overdue, "what is past its five days to expire")
            if hours >= next_fault:
                next_fault += hours_between_faults
                self.note(f"hour {hours:g}")
                act(self)
                self.mend()
                self.wait_for(self._nothing_is_due, "what is due to be tried", 120)

    def _nothing_is_overdue(self) -> bool:
        return self.cluster.query("SELECT 1 FROM postrider.job WHERE event_at <= postrider.schedule_now() LIMIT 1") == []

    def _nothing_is_due(self) -> bool:
        return self.cluster.query(
            "SELECT 1 FROM postrider.job WHERE due < postrider.schedule_now() - interval '5 minutes' LIMIT 1") == []

    # The end

    def drain(self) -> None:
        self.behaviours.calm()
        if self.sink.identity:
            self.sink.identity.is_wrong = False
        self.mend()
        try:
            self.wait_for(self._is_drained, "the drain", 300)
        except Trouble as trouble:
            self.breaches.append(str(trouble))

    def _is_drained(self) -> bool:
        jobs, waiting, outbox = self.cluster.query(
            """
            SELECT (SELECT count(*) FROM postrider.job),
              (SELECT count(*) FROM postrider.job
               WHERE postrider.claim_is_free(claim_session, claim_counter) AND due > postrider.schedule_now()),
              (SELECT count(*) FROM postrider.outbox)
            """)[0]
        if jobs == waiting != "0":
            self.advance()
        return jobs == outbox == "0"

    def ledger(self) -> Ledger:
        ledger = super().ledger()
        ledger.recorded = [
            Recorded(str(row[0]), str(row[1]), tuple(int(kind) for kind in (row[2] or "").split(",") if kind),
                     row[3] == "t", row[4] or "", row[5] == "t") for row in self.cluster.query(RECORDED)]
        ledger.untold = int(self.cluster.query("SELECT count(*) FROM postrider.outbox")[0][0] or 0)
        return ledger
