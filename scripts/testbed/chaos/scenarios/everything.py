"""All at once, one after the other, by lot, and for five days."""
import time

from ..run import LEASE_SECONDS, Run
from .registry import scenario

_ROLES = ("keeper", "worker", "acceptor")


@scenario("all-kill", "kill -9 of everything at once, PostgreSQL included; then it is started again")
def all_kill(run: Run) -> None:
    """As after a power cut of the whole site."""
    for _ in range(2):
        names = [name for name in run.cluster.layout.all_names() if not name.startswith(("sink", "relay"))]
        run.kill(*names)
        run.pause(1)
        run.cluster.forget_connection()
        run.start(*names)
        run.expect_service("everything's death", 15, LEASE_SECONDS + 15)
        run.wait_for_progress(30)


@scenario("rolling", "every process is restarted with SIGTERM, one after the other, under load")
def rolling(run: Run) -> None:
    """Nothing is lost, nothing comes twice, and each ends by itself."""
    for kind in ("keeper", "worker", "acceptor", "sentinel", "redis", "pg"):
        for name in run.cluster.layout.names(kind):
            run.restart(name)
            run.wait_for_progress(10)


@scenario("random", "faults by lot, for --minutes; --seed fixes the schedule")
def by_lot(run: Run) -> None:
    """Between two faults the cluster may not have recovered from the first."""
    end = time.monotonic() + run.options.minutes * 60
    while time.monotonic() < end:
        one_by_lot(run)
        run.pause(run.random.uniform(1, 5))
        run.mend()
        run.wait_for_progress(5)


def one_by_lot(run: Run) -> None:
    """One fault, and what mends it later is `Run.mend`."""
    name = run.random.choice([
        name for kind in (*_ROLES, "redis", "sentinel", "pg", "dns") for name in run.cluster.layout.names(kind)])
    what = run.random.choice(("kill", "freeze", "restart", "cut"))
    if what == "restart":
        return run.restart(name)
    if what == "cut" and name.startswith(_ROLES):
        mode = run.random.choice(("deaf", "reset", "delay"))
        with run.fault(f"cut {name} pg1, {mode}", may_repeat=name.startswith("worker")):
            return run.cluster.cut(name, "pg1", mode, 0.2)
    if what == "freeze":
        with run.fault(f"freeze {name}", may_repeat=name.startswith(("worker", "pg"))):
            return run.cluster.freeze(name)
    run.kill(name)


@scenario("five-days", "five days of the schedule in minutes, with a fault by lot every few hours of it")
def five_days(run: Run) -> None:
    """Attempts, expiry and reports as if nothing had happened."""
    run.source.kinds = {"ok": 6, "bad": 1, "later": 1, "hours": 1, "never": 1}
    run.source.per_second = 10
    run.wait_for_progress(60)
    run.source.per_second = 0.5
    run.live_through(days=5.2, hours_between_faults=6, act=one_by_lot)
    expired, at_another_time, too_seldom = run.cluster.query(_EXPIRED)[0]
    run.note(f"{expired} expired")
    if expired == "0":
        run.breaches.append("nothing has expired in five days")
    if at_another_time != "0":
        run.breaches.append(f"{at_another_time} recipients expired at another time than five days after acceptance")
    if too_seldom != "0":
        run.breaches.append(f"{too_seldom} recipients that expired were tried less often than the schedule says")


# How many; how many of them not five days after acceptance; how many with fewer attempts than waits of at most four
# hours make in five days.
_EXPIRED = """
    SELECT count(*), count(*) FILTER (WHERE o.at - m.accepted_at NOT BETWEEN '5 days' AND '5 days 1 hour'),
      count(*) FILTER (WHERE o.attempt < 25)
    FROM postrider.outcome o JOIN postrider.message m ON m.id = o.message AND m.day = o.day WHERE o.kind = 3
    """
