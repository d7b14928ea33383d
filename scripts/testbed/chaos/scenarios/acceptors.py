"""Acceptors: killed in each state. Nothing may come twice, for nobody sends again what was queued."""
import asyncio

from ..run import Run
from ..source import Sent
from .registry import scenario


@scenario("acceptor-kill", "kill -9 of an acceptor in DATA, between commit and 250, and idle")
def kill(run: Run) -> None:
    """The others go on at once."""
    _in_data(run, "acceptor1")
    _before_reply(run, "acceptor2")
    _idle(run, "acceptor3")


def _in_data(run: Run, name: str) -> None:
    goes_on = asyncio.Event()
    waiting: set[str] = set()

    async def stay(sent: Sent) -> None:
        waiting.add(sent.token)
        await goes_on.wait()

    run.source.in_content = stay
    # As many as there are connections: some of them are with this acceptor.
    run.wait_for(lambda: len(waiting) >= run.source.connections, "all connections in DATA")
    run.kill(name)
    run.source.in_content = None
    run.call_on_loop(goes_on.set)
    run.expect_within("acceptance after an acceptor's death", run.wait_for_acceptance(), 10)
    run.start(name)
    run.wait_for_progress(20)


def _before_reply(run: Run, name: str) -> None:
    """What the database says to this acceptor does not arrive: it has committed and does not know."""
    primary = run.cluster.primary()
    run.cluster.cut(primary, name, ways=(primary,))

    def is_committed() -> bool:
        unknown = [sent.recipients[0] for sent in run.source.sent if sent.state == "unknown" and not sent.ended]
        names = ",".join(f"'{recipient}'::bytea" for recipient in unknown)
        # Somebody else's may just have been committed, too: two looks.
        found = f"SELECT count(*) FROM postrider.message WHERE recipients && ARRAY[{names}]"
        return bool(names) and run.cluster.query(found)[0][0] != "0" and len(unknown) >= 2

    run.wait_for(is_committed, "a commit that the acceptor does not know of")
    run.kill(name)
    run.cluster.heal()
    run.start(name)
    run.wait_for_progress(20)


def _idle(run: Run, name: str) -> None:
    run.source.is_paused = True
    run.wait_for(lambda: all(sent.ended for sent in run.source.sent), "nothing to be on its way")
    run.kill(name)
    run.source.is_paused = False
    run.start(name)
    run.wait_for_progress(20)


@scenario("acceptor-freeze", "an acceptor is stopped (SIGSTOP), then goes on")
def freeze(run: Run) -> None:
    """HAProxy's checks take it out; nothing is lost or repeated."""
    with run.fault("freeze acceptor1"):
        run.cluster.freeze("acceptor1")
    run.expect_within("acceptance after an acceptor's freezing", run.wait_for_acceptance(20), 30)
    run.pause(5)
    run.note("thaw acceptor1")
    run.cluster.thaw("acceptor1")
    run.wait_for_progress(30)


@scenario("acceptor-term", "SIGTERM to each acceptor under load")
def terminate(run: Run) -> None:
    """They finish the transaction in hand and answer 421 to new ones."""
    for name in run.cluster.layout.names("acceptor"):
        run.restart(name)
        run.wait_for_progress(10)
