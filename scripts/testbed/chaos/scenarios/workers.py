"""Workers: killed, frozen, and met by a message that kills whoever takes it."""
import time

from ..run import LEASE_SECONDS, Run
from ..sink import Session, Transaction
from .registry import scenario


@scenario("worker-kill", "kill -9 of a worker in connect, RCPT, DATA, after the final dot, after the remote 250")
def kill(run: Run) -> None:
    """Its jobs go on within lease + 5 s."""
    for stage in ("connect", "rcpt", "content", "dot", "answered"):
        name = run.kill_worker_at(stage)
        run.expect_jobs_resumed(name, time.monotonic())
        run.start(name)
        run.wait_for_progress(10)


@scenario("worker-uncommitted", "kill -9 of all workers after the remote 250, while the database keeps the outcomes waiting")
def uncommitted(run: Run) -> None:
    """What was answered and not committed comes twice, and nothing else."""
    # Nobody can append an outcome; whoever has got a 250 waits with it.
    holder = run.cluster.connect()
    try:
        # Whoever wants the table waits from when the lock is asked for, not only once it is granted.
        locked = time.monotonic()
        holder.query("BEGIN; LOCK TABLE postrider.outcome IN EXCLUSIVE MODE")
        before = run.sink.delivered()
        run.wait_for(lambda: run.sink.delivered() > before + 5, "deliveries that cannot be committed")
        workers = run.cluster.layout.names("worker")
        # The fault begins with the lock: what was answered shortly before it may not be committed either.
        with run.fault("kill all workers before their commits", may_repeat=True, window=time.monotonic() - locked + 0.1):
            for name in workers:
                run.cluster.daemons.send(name, 9)
        holder.query("ROLLBACK")
    finally:
        holder.close()
    for name in workers:
        run.wait_for(lambda: not run.cluster.daemons.tree(name), f"the end of {name}")
    run.start(*workers)
    run.wait_for_progress(20)


@scenario("worker-freeze", "a worker is stopped (SIGSTOP) in mid-delivery past its lease, then goes on")
def freeze(run: Run) -> None:
    """It is fenced: what it does afterwards changes nothing."""
    for stage in ("content", "dot"):
        _thaw_after_lease(run, run.freeze_worker_at(stage))
    _thaw_after_lease(run, _freeze_with_unread_claims(run))


def _freeze_with_unread_claims(run: Run) -> str:
    """It has claimed jobs, and stands still before it knows which: it must not begin them when it goes on."""
    name, primary = run.random.choice(run.cluster.layout.names("worker")), run.cluster.primary()
    while True:
        cut = time.monotonic()
        run.cluster.cut(primary, name, ways=(primary,))
        # What it has begun is over by then; what it still has by the database it does not know of.
        run.pause(3)
        # From the cut on its outcomes may wait in its memory: they count as in flight.
        with run.fault(f"freeze {name} with unread claims", may_repeat=True, window=time.monotonic() - cut + 0.1):
            run.cluster.freeze(name)
        run.cluster.heal()
        if run.claimed_by(name)[1]:
            return name
        run.cluster.thaw(name)
        run.wait_for_progress(10)


def _thaw_after_lease(run: Run, name: str) -> None:
    session, _ = run.claimed_by(name)
    ended = f"SELECT 1 FROM postrider.worker_session WHERE id = '{session}' AND ended_at IS NOT NULL"
    seconds = run.wait_for(lambda: run.cluster.query(ended) != [], f"the end of {name}'s session")
    run.expect_within("a frozen worker's session is ended", seconds, LEASE_SECONDS + 5)
    left = f"SELECT 1 FROM postrider.job WHERE claim_session = '{session}'"
    run.wait_for(lambda: run.cluster.query(left) == [], f"others to do {name}'s work")
    run.wait_for_progress(10)
    position = run.cluster.daemons.log(name).stat().st_size
    run.note(f"thaw {name}")
    run.cluster.thaw(name)
    run.cluster.daemons.wait_for_line(name, "worker session begun", position, 120)
    run.wait_for_progress(10)


@scenario("worker-term", "SIGTERM to workers in mid-delivery")
def terminate(run: Run) -> None:
    """They finish or hand back: nothing comes twice."""
    for name in run.cluster.layout.names("worker"):
        run.restart(name)
        run.wait_for_progress(10)


@scenario("worker-clock", "one worker's clock is a day ahead, another's a day behind; then one of them dies")
def clock(run: Run) -> None:
    """Leases and schedule are the database's time: nothing changes."""
    for name, offset in (("worker1", 86_400), ("worker2", -86_400)):
        run.cluster.set_clock(name, offset)
        run.restart(name)
    run.wait_for_progress(60)
    name = run.kill_worker_at("content")
    run.expect_jobs_resumed(name, time.monotonic())
    run.start(name)
    run.wait_for_progress(20)


@scenario("poison", "a message that kills whichever worker takes it")
def poison(run: Run) -> None:
    """It is tried alone after three claims, then held with an alarm; all other mail goes on."""
    async def act(session: Session, transaction: Transaction | None, recipient: str) -> None:
        if recipient.startswith("poison.") and (pid := run.owner(session.peer)[1]):
            run.kill_at_once(pid, "poison")

    run.behaviours.recipient_hook = act
    run.source.say_next(["poison"])
    run.wait_for(lambda: any(sent.recipients[0].startswith("poison.") and sent.state == "accepted"
                             for sent in run.source.sent), "the poison to be accepted")
    held = "SELECT 1 FROM postrider.job WHERE held"

    def is_held() -> bool:
        for name in run.cluster.layout.names("worker"):
            if not run.cluster.daemons.is_running(name):
                run.start(name)
        return run.cluster.query(held) != []

    run.wait_for(is_held, "the poison to be held", 300)
    lines = "".join(run.cluster.daemons.output(name) for name in run.cluster.layout.names("worker"))
    if "held" not in lines:
        run.breaches.append("no alarm tells of the held message")
    run.wait_for_progress(20)
    run.behaviours.recipient_hook = None
    run.cluster.command("queue", "release", "--all")
