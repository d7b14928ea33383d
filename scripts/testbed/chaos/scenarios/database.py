"""PostgreSQL: restarted, killed, away, failed over, cut off, without connections, without its standby, without disk."""
import contextlib
import os
import time
import typing

from ...trouble import Trouble
from ..run import Run
from .registry import scenario

_RETURN_SECONDS = 5


def _expect_service(run: Run, what: str) -> None:
    """Acceptance and delivery go on soon after the database's return."""
    run.expect_service(what, _RETURN_SECONDS, _RETURN_SECONDS)
    run.wait_for_progress(30)


@scenario("pg-restart", "PostgreSQL restarts under living workers, twice")
def restart(run: Run) -> None:
    """4xx meanwhile; nothing comes twice."""
    for _ in range(2):
        with run.fault("restart pg1"):
            run.cluster.stop("pg1")
        run.start("pg1")
        _expect_service(run, "PostgreSQL's restart")


@scenario("pg-kill", "kill -9 of PostgreSQL under living workers, twice")
def kill(run: Run) -> None:
    """As for a restart: workers keep what they could not write."""
    for _ in range(2):
        run.kill("pg1", may_repeat=False)
        run.start("pg1")
        _expect_service(run, "PostgreSQL's crash")


@scenario("pg-outage", "PostgreSQL is away for 60 seconds, longer than any lease")
def outage(run: Run) -> None:
    """Acceptors answer 4xx all the time, and nobody takes anybody's jobs afterwards."""
    with run.fault("stop pg1"):
        run.cluster.stop("pg1")
    run.expect_within("the first 4xx", run.wait_for_refusal(), 10)
    run.pause(60)
    run.wait_for_refusal()
    run.start("pg1")
    _expect_service(run, "an outage of 60 s")


@scenario("pg-terminate", "pg_terminate_backend of everybody, again and again")
def terminate(run: Run) -> None:
    """Connections are made again; nothing comes twice."""
    with run.fault("pg_terminate_backend for 15 s"):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            run.cluster.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
            run.pause(0.2 * run.random.random())
    _expect_service(run, "the last pg_terminate_backend")


@scenario("pg-connections", "max_connections is reached, and whoever loses a connection gets none")
def connections(run: Run) -> None:
    """4xx meanwhile."""
    hog = []
    run.cluster.query("SELECT 1")
    with run.fault("take all connections"):
        with contextlib.suppress(Trouble):
            while True:
                hog.append(run.cluster.connect("pg1"))
        for _ in range(20):
            run.cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                              "WHERE application_name LIKE 'postrider %'")
            with contextlib.suppress(Trouble):
                while True:
                    hog.append(run.cluster.connect("pg1"))
    run.note(f"{len(hog)} connections taken")
    run.wait_for_refusal(3)
    run.pause(5)
    for connection in hog:
        connection.close()
    _expect_service(run, "connections are free again")


@scenario("pg-cut", "connections to PostgreSQL are broken, late, and silent")
def cut(run: Run) -> None:
    """For each kind of process."""
    for mode, seconds, length in (("reset", 0.0, 5.0), ("delay", 0.3, 8.0), ("deaf", 0.0, 15.0)):
        for kind in ("acceptor", "worker", "keeper"):
            names = run.cluster.layout.names(kind)
            with run.fault(f"cut {kind}s from pg1, {mode}", may_repeat=kind == "worker"):
                for name in names:
                    run.cluster.cut(name, "pg1", mode, seconds)
            run.pause(length)
            run.note("heal")
            run.cluster.heal()
            run.wait_for_progress(20)


@scenario("pg-failover", "the primary is killed and its synchronous standby promoted; the old one follows the new one")
def failover(run: Run) -> None:
    """Clients find the new one by target_session_attrs."""
    run.kill("pg1", may_repeat=True)
    run.note("promote pg2")
    run.cluster.promote("pg2")
    _expect_service(run, "promotion")
    run.note("pg1 follows")
    run.cluster.join("pg1")
    run.wait_for_progress(20)


@scenario("pg-failover-clock", "the promoted machine's clock is an hour ahead, then another's an hour behind")
def failover_clock(run: Run) -> None:
    """Leases outlive it, for nothing is taken until a full lease after the change; the schedule leaps by an hour.

    A worker and the leading keeper die with the old machine: what they wrote last seems an hour old, then an hour ahead.
    """
    for dead, next_one, offset in (("pg1", "pg2", 3600), ("pg2", "pg1", -3600)):
        run.cluster.set_clock(next_one, offset)
        # The standby has to run with that clock before it is promoted.
        run.restart(next_one)
        run.wait_for_progress(20)
        leader = run.wait_for_leader()
        worker = run.kill_worker_at("content")
        run.kill(dead, may_repeat=True)
        run.kill(leader)
        run.note(f"promote {next_one}")
        run.cluster.promote(next_one)
        promoted = time.monotonic()
        _expect_service(run, "promotion of a machine with a wrong clock")
        if offset < 0:
            # What was due by the old machine's clock is due when this one has come to the same time.
            run.move_schedule("interval '2 hours'")
        run.expect_jobs_resumed(worker, promoted)
        run.start(worker, leader)
        run.cluster.join(dead)
        run.wait_for_progress(20)


@scenario("pg-failover-frozen", "the primary hangs (SIGSTOP), its standby is promoted, then the old one is killed")
def failover_frozen(run: Run) -> None:
    """Whoever waits for the silent one gives up in time and finds the other."""
    with run.fault("freeze pg1", may_repeat=True):
        run.cluster.freeze("pg1")
    run.pause(3)
    run.cluster.forget_connection()
    run.note("promote pg2")
    run.cluster.promote("pg2")
    try:
        run.expect_within("acceptance while the old primary hangs", run.wait_for_acceptance(seconds=120), 45)
    finally:
        # Nobody may find the old one awake again.
        run.kill("pg1", may_repeat=True)
    _expect_service(run, "promotion")
    run.cluster.join("pg1")
    run.wait_for_progress(20)


@scenario("pg-standby-lost", "the only synchronous standby dies, and comes back")
def standby_lost(run: Run) -> None:
    """Nothing is accepted that only one machine has: 451 within 10 s."""
    run.kill("pg2", may_repeat=False)
    accepted_before = len(run.source.accepted())
    run.expect_within("the first 451 without a standby", run.wait_for_refusal(), 10)
    settled = len(run.source.accepted())
    run.pause(15)
    if len(run.source.accepted()) > settled:
        run.breaches.append(f"{len(run.source.accepted()) - settled} messages got a 250 that no standby has")
    run.note(f"{settled - accepted_before} were on their way")
    run.start("pg2")
    _expect_service(run, "the standby's return")


@scenario("pg-disk-full", "PostgreSQL's disk is full, then has room again", has_small_disk=True)
def disk_full(run: Run) -> None:
    """452 or 451 meanwhile."""
    ballast = run.cluster.services.data_directory("pg1") / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        with run.fault("fill the disk"):
            _fill(file)
        # What PostgreSQL sets free is taken, too, until it has no room for another message.
        refused = run.source.refusals()

        def is_refused() -> bool:
            _fill(file)
            return run.source.refusals() >= refused + 20

        run.wait_for(is_refused, "refusals", 180)
    replies = {sent.reply[:3] for sent in run.source.sent if sent.state == "refused"}
    run.note(f"refused with {' and '.join(sorted(replies))}")
    run.note("room again")
    os.unlink(ballast)
    if not run.cluster.daemons.is_running("pg1"):
        run.start("pg1")
    run.wait_for_progress(30)


def _fill(file: typing.IO[bytes]) -> None:
    for size in (1 << 16, 1 << 12, 1 << 9):
        with contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * size)
