"""Mail exchangers whose TLS fails: at the handshake, by its certificate, in the middle of a transaction."""
from ..behaviour import Trouble
from ..run import Run
from .registry import scenario
from .remote import IMPATIENT, suffer

# A connection that is kept never shakes hands again.
_SHORT_CONNECTIONS = {"messages_per_connection": 2}


@scenario("remote-tls", "TLS with mail exchangers fails: refused, reset in the handshake, an alert at each stage",
          has_tls=True, delivery=IMPATIENT | _SHORT_CONNECTIONS)
def opportunistic(run: Run) -> None:
    """What was not answered is tried again. A certificate that is wrong is no reason against mail that needs none."""
    suffer(run, Trouble("starttls", "reply", 0.7, reply="454 4.7.0 not now"))
    suffer(run, Trouble("starttls", "handshake", 0.7))
    for stage in ("mail", "rcpt", "data", "content", "dot"):
        suffer(run, Trouble(stage, "alert", 0.7))
    _show(run, is_wrong=True)
    run.wait_for(lambda: _taken(run, "wrong") >= 20, "mail for whoever has a wrong certificate")
    _show(run, is_wrong=False)
    run.note(f"over TLS {_taken(run, 'right')}, with a wrong certificate {_taken(run, 'wrong')}, in clear {_taken(run, '')}")


@scenario("remote-tls-required", "TLS is required, and mail exchangers show a wrong certificate, break the handshake, "
          "or offer none", has_tls=True, delivery=IMPATIENT | _SHORT_CONNECTIONS | {"tls": "required"})
def required(run: Run) -> None:
    """Mail waits. None goes in clear, none to whoever cannot show who he is."""
    _show(run, is_wrong=True)
    run.wait_for(lambda: run.sink.handshakes_failed >= 20, "handshakes that fail")
    _show(run, is_wrong=False)
    run.advance()
    run.wait_for_progress(10)
    identity, run.sink.identity = run.sink.identity, None
    with run.fault("remote: TLS is not offered"):
        deferred = _deferred(run)
    run.wait_for(lambda: _deferred(run) >= deferred + 20, "mail that waits for TLS")
    run.sink.identity = identity
    run.advance()
    run.wait_for_progress(10)
    suffer(run, Trouble("starttls", "handshake", 0.7))
    suffer(run, Trouble("mail", "alert", 0.7))
    for tls, how in (("", "in clear"), ("wrong", "to a wrong certificate")):
        if count := _taken(run, tls):
            run.breaches.append(f"{count} messages were delivered {how}")


def _show(run: Run, is_wrong: bool) -> None:
    assert run.sink.identity
    with run.fault(f"remote: the certificate is {'wrong' if is_wrong else 'right'}"):
        run.sink.identity.is_wrong = is_wrong


def _taken(run: Run, tls: str) -> int:
    return sum(transaction.is_delivered and transaction.tls == tls for transaction in run.sink.transactions)


def _deferred(run: Run) -> int:
    return int(run.cluster.query("SELECT count(*) FROM postrider.outcome WHERE kind = 1")[0][0] or 0)
