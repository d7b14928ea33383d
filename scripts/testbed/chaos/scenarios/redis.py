"""Redis: killed, emptied, hanging, failed over. It only decides how fast: nothing may come twice."""
import re

from ..run import Run
from .registry import scenario


def _expect_all_goes_on(run: Run) -> None:
    run.expect_service("Redis's end", 5, 5)
    run.wait_for_progress(40)


@scenario("redis-kill", "kill -9 of Redis, its replica and its Sentinels; then they come back")
def kill(run: Run) -> None:
    """Nobody waits for it."""
    names = run.cluster.layout.names("redis") + run.cluster.layout.names("sentinel")
    run.kill(*names)
    _expect_all_goes_on(run)
    run.start(*names)
    run.wait_for_progress(20)


@scenario("redis-flush", "Redis forgets everything, again and again")
def flush(run: Run) -> None:
    """Nothing in it is true for long."""
    for _ in range(5):
        with run.fault("FLUSHALL"):
            run.redis("redis1", "FLUSHALL")
        run.wait_for_progress(10)


@scenario("redis-freeze", "Redis hangs (SIGSTOP), then goes on")
def freeze(run: Run) -> None:
    """Whoever asks it gives up soon."""
    names = run.cluster.layout.names("redis")
    with run.fault("freeze Redis"):
        for name in names:
            run.cluster.freeze(name)
    _expect_all_goes_on(run)
    for name in names:
        run.cluster.thaw(name)
    run.wait_for_progress(20)


@scenario("redis-failover", "the Redis that leads is killed; Sentinel makes its replica lead; then the same the other way")
def failover(run: Run) -> None:
    """All goes on meanwhile, and with the new one: every process that asks Redis asks that one, and hints go over it."""
    for dead, heir in (("redis1", "redis2"), ("redis2", "redis1")):
        _expect_led_by(run, dead)
        # A Sentinel that has seen the machine stand still trusts nothing for half a minute, and what happened to its
        # servers meanwhile it may hold against them for ever.
        run.wait_for(lambda: not _is_any_sentinel_tilted(run), "the Sentinels to trust what they see", 60)
        run.kill(dead)
        _expect_all_goes_on(run)
        run.wait_for(lambda: "role:master" in run.redis(heir, "INFO replication"), f"{heir} to lead", 120)
        run.note(f"{heir} leads")
        _expect_led_by(run, heir)
        run.start(dead)
        run.wait_for(lambda: "master_link_status:up" in run.redis(dead, "INFO replication"), f"{dead} to follow", 60)
        run.wait_for_progress(20)


# A process finds its new Redis within its own retries and Sentinel's word.
_HANDOVER_SECONDS = 15


def _expect_led_by(run: Run, name: str) -> None:
    layout = run.cluster.layout
    others = [other for other in layout.names("redis") if other != name]
    users = layout.names("acceptor") + layout.names("worker")

    def is_handed_over() -> bool:
        return (all(run.is_connected(user, name) for user in users)
                and not any(run.is_connected(user, other) for user in users for other in others))

    run.expect_within(f"all use {name}", run.wait_for(is_handed_over, f"everybody to be connected to {name}"),
                      _HANDOVER_SECONDS)
    hints = "postrider:queued"
    run.wait_for(lambda: int(run.redis(name, f"PUBSUB NUMSUB {hints}").split()[-1]) == len(layout.names("worker")),
                 f"every worker to hear the hints on {name}", 30)
    before = _published(run, name)
    run.wait_for(lambda: _published(run, name) >= before + 20, f"hints over {name}", 60)


def _is_any_sentinel_tilted(run: Run) -> bool:
    return any("sentinel_tilt:1" in run.redis(name, "INFO sentinel") for name in run.cluster.layout.names("sentinel"))


def _published(run: Run, name: str) -> int:
    found = re.search(r"cmdstat_publish:calls=(\d+)", run.redis(name, "INFO commandstats"))
    return int(found[1]) if found else 0


@scenario("redis-cut", "connections to Redis are broken, late, and silent, for each kind of process, then for all")
def cut(run: Run) -> None:
    """Nobody waits for it."""
    kinds = ("acceptor", "worker", "keeper")
    for mode, seconds in (("reset", 0.0), ("delay", 0.3), ("deaf", 0.0)):
        for chosen in (*((kind,) for kind in kinds), kinds):
            with run.fault(f"cut {', '.join(chosen)} from Redis, {mode}"):
                for kind in chosen:
                    for name in run.cluster.layout.names(kind):
                        for server in run.cluster.layout.names("redis"):
                            run.cluster.cut(name, server, mode, seconds)
            run.wait_for_progress(20, seconds=30)
            run.pause(3)
            run.cluster.heal()
        _expect_all_goes_on(run)


@scenario("late", "connections to PostgreSQL and Redis are all late at once, for a while")
def late(run: Run) -> None:
    """As over a slow network: slower, and nothing else."""
    layout = run.cluster.layout
    for seconds in (0.02, 0.1, 0.3):
        with run.fault(f"all connections to PostgreSQL and Redis are {seconds:g} s late", may_repeat=False):
            for kind in ("acceptor", "worker", "keeper"):
                for name in layout.names(kind):
                    for server in layout.names("pg") + layout.names("redis"):
                        run.cluster.cut(name, server, "delay", seconds)
        run.wait_for_progress(30)
        run.cluster.heal()
        run.wait_for_progress(20)


@scenario("redis-keeper", "Redis and the leading keeper are killed together")
def with_keeper(run: Run) -> None:
    """Leadership is an epoch in PostgreSQL."""
    leader = run.wait_for_leader()
    run.kill("redis1", "redis2", leader)
    run.wait_for_leader(other_than=leader)
    _expect_all_goes_on(run)
    run.start("redis1", "redis2", leader)
    run.wait_for_progress(20)
