"""Keepers: killed in each duty, cut off. Nothing may come twice, and each failure is told once."""
import time

from ..run import Run
from .registry import scenario

# A leader that is silent for so long is replaced (three rounds, at least 5 s), and the other looks once a round.
_TAKEOVER_SECONDS = 5 + 5


@scenario("keeper-kill", "kill -9 of the leading keeper in each of its duties, again and again")
def kill(run: Run) -> None:
    """The other leads soon."""
    run.source.kinds = {"ok": 10, "bad": 5}
    for duty, (lock, leap) in _DUTIES.items():
        _kill_in(run, duty, lock, leap)
    for _ in range(3):
        run.pause(run.random.random())
        _kill_leader(run, "at any time")


# What the leader is busy with: how to make it stand still in there, and how far the
# schedule leaps to make it do so.
_DUTIES = {
    "telling of failures": ("SELECT 1 FROM postrider.outbox FOR UPDATE", ""),
    "ending sessions": ("LOCK TABLE postrider.worker_session IN EXCLUSIVE MODE; SELECT 1", ""),
    "expiry": ("LOCK TABLE postrider.job IN EXCLUSIVE MODE; SELECT 1", ""),
    "making partitions": (
        "LOCK TABLE postrider.message IN SHARE MODE; SELECT 1", "interval '1 day'"),
}
_WAITS = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'postrider keeper' AND wait_event_type = 'Lock'"


def _kill_in(run: Run, duty: str, lock: str, leap: str) -> None:
    """Holds a lock that the duty needs, so that the keeper certainly stands in it, and kills it there."""
    leader = run.wait_for_leader()
    holder = run.cluster.connect()

    def has_locked() -> bool:
        holder.query("BEGIN")
        if holder.query(lock) != []:
            return True
        holder.query("ROLLBACK")
        return False

    try:
        run.wait_for(has_locked, f"something to lock for {duty}")
        if leap:
            run.move_schedule(leap)
        run.wait_for(lambda: run.cluster.query(_WAITS) != [], f"the keeper in {duty}")
        run.note(f"the leader {leader} dies in {duty}")
        run.kill(leader)
        holder.query("ROLLBACK")
    finally:
        holder.close()
    _expect_other(run, leader)


def _kill_leader(run: Run, when: str) -> None:
    leader = run.wait_for_leader()
    run.note(f"the leader {leader} dies {when}")
    run.kill(leader)
    _expect_other(run, leader)


def _expect_other(run: Run, leader: str) -> None:
    begun = time.monotonic()
    run.wait_for_leader(other_than=leader)
    run.expect_within("another keeper leads", run.elapsed(begun), _TAKEOVER_SECONDS)
    run.start(leader)
    run.wait_for_progress(10)


@scenario("keeper-split", "the leading keeper is cut off from the database, another leads, the first comes back")
def split(run: Run) -> None:
    """Two that both believe to lead do nothing twice."""
    run.source.kinds = {"ok": 10, "bad": 5}
    for mode in ("deaf", "reset"):
        leader, primary = run.wait_for_leader(), run.cluster.primary()
        with run.fault(f"cut {leader} {primary}, {mode}"):
            run.cluster.cut(leader, primary, mode)
        run.wait_for_leader(other_than=leader)
        run.wait_for_progress(20)
        run.cluster.heal()
        run.wait_for_progress(20)


@scenario("keeper-freeze", "the leading keeper is stopped (SIGSTOP) until another leads, then goes on")
def freeze(run: Run) -> None:
    """What it had begun fails under its old epoch."""
    run.source.kinds = {"ok": 10, "bad": 5}
    for _ in range(2):
        leader = run.wait_for_leader()
        with run.fault(f"freeze {leader}"):
            run.cluster.freeze(leader)
        run.wait_for_leader(other_than=leader)
        run.wait_for_progress(20)
        run.note(f"thaw {leader}")
        run.cluster.thaw(leader)
        run.wait_for_progress(20)
