"""The world outside: name servers and mail exchangers that are dead, slow, lying, or worse."""
from ..behaviour import Trouble
from ..run import Run
from .registry import scenario

IMPATIENT = {"timeout": {name: "4s" for name in (
    "connect", "greeting", "hello", "tls", "mail", "recipient", "data", "block", "final_dot", "reset", "quit")}}


@scenario("dns", "name servers are dead, slow, failing, lying, and talk nonsense", dns={"timeout": "2s"})
def names(run: Run) -> None:
    """Mail waits; nothing is sent elsewhere or given up."""
    with run.fault("kill dns"):
        run.cluster.kill("dns")
    run.pause(6)
    run.start("dns")
    run.wait_for_progress(10)
    for mode, seconds in (("delay", 1.0), ("servfail", 0.0), ("lie", 0.0), ("garbage", 0.0), ("deaf", 0.0)):
        with run.fault(f"the name server's answers: {mode}"):
            run.cluster.confuse_names(mode, seconds)
        run.pause(6)
        run.cluster.heal()
        run.wait_for_progress(10)


@scenario("dns-cut", "one worker is cut off from the name server, the others are not", dns={"timeout": "2s"})
def names_of_one(run: Run) -> None:
    """It tries again and again; what it has claimed is delayed, and nothing else."""
    for mode, seconds in (("deaf", 0.0), ("delay", 1.0)):
        with run.fault(f"cut worker1 from dns, {mode}"):
            run.cluster.cut("worker1", "dns", mode, seconds)
        delivered = run.sink.delivered()
        run.pause(8)
        if run.sink.delivered() == delivered:
            run.breaches.append("nobody delivers when one worker has no names")
        run.cluster.heal()
        run.wait_for_progress(20)


@scenario("remote-reset", "mail exchangers break the connection at each stage", delivery=IMPATIENT)
def resets(run: Run) -> None:
    """What was not answered is tried again."""
    for stage in ("connect", "hello", "mail", "rcpt", "data", "content", "dot"):
        suffer(run, Trouble(stage, "reset", 0.7))


@scenario("remote-nonsense", "mail exchangers tarpit, talk without end, talk nonsense, fall silent", delivery=IMPATIENT)
def nonsense(run: Run) -> None:
    """Every wait has a limit, every line a length."""
    for kind in ("garbage", "endless", "silence", "tarpit"):
        for stage in ("connect", "mail", "dot"):
            suffer(run, Trouble(stage, kind, 0.5, 8))


@scenario("remote-storm", "mail exchangers answer 4xx to nearly everything", delivery=IMPATIENT)
def storm(run: Run) -> None:
    """Mail is deferred; nothing bounces, nothing is lost."""
    for stage, reply in (("connect", "421 4.3.2 busy"), ("mail", "451 4.3.0 busy"), ("rcpt", "450 4.2.1 busy"),
                         ("data", "451 4.3.0 busy"), ("dot", "452 4.3.1 full")):
        suffer(run, Trouble(stage, "reply", 0.9, reply=reply))


def suffer(run: Run, trouble: Trouble) -> None:
    """One trouble for a while, then all goes on."""
    with run.fault(f"remote {trouble.kind} at {trouble.stage}"):
        run.behaviours.troubles = [trouble]
    run.wait_for_acceptance(60)
    run.pause(2)
    run.behaviours.troubles = []
    run.advance()
    run.wait_for_progress(10)
