"""What must hold of a ledger, whatever was done to the cluster.

1. Every recipient of every 250 has exactly one final outcome in the database, and no job any more.
2. What is delivered there is in the sink; what got a 250 from the sink is delivered there.
3. A message is repeated only if the sink itself saw it in flight at a fault that may repeat.
4. Each failure is in exactly one notice.
5. The sink has nothing that nobody sent.
"""
import dataclasses
import typing

from .ledger import BOUNCED, DELIVERED, EXPIRED, Ledger, Taken, counted, was_in_flight


@dataclasses.dataclass
class Verdict:
    """The figures and the breaches."""

    accepted: int = 0
    recipients: int = 0
    delivered: int = 0
    bounced: int = 0
    expired: int = 0
    cancelled: int = 0
    lost: int = 0
    duplicated: int = 0
    allowed: int = 0
    notices: int = 0
    late: int = 0
    breaches: list[str] = dataclasses.field(default_factory=list)

    def breach(self, text: str) -> None:
        """Notes one."""
        self.breaches.append(text)


def check(ledger: Ledger) -> Verdict:
    """Judges a ledger after the cluster has been drained."""
    verdict = Verdict()
    delivered = _deliveries(ledger)
    _check_accepted(ledger, verdict, delivered)
    _check_known(ledger, verdict)
    _check_repeated(ledger, verdict, delivered)
    _check_notices(ledger, verdict)
    return verdict


Key = tuple[str, str]


def _deliveries(ledger: Ledger) -> dict[Key, list[Taken]]:
    found: dict[Key, list[Taken]] = {}
    for transaction in ledger.taken:
        if transaction.is_delivered:
            for recipient in transaction.recipients:
                found.setdefault((transaction.message_id, recipient), []).append(transaction)
    return found


def _check_accepted(ledger: Ledger, verdict: Verdict, delivered: dict[Key, list[Taken]]) -> None:
    recorded = {(row.queue_id, row.recipient): row for row in ledger.recorded}
    verdict.late = sum(row.is_late for row in ledger.recorded)
    for offered in ledger.offered:
        if offered.state != "accepted":
            continue
        verdict.accepted += 1
        for recipient in offered.recipients:
            verdict.recipients += 1
            what = f"{recipient} of {offered.queue_id}"
            is_taken = (offered.message_id, recipient) in delivered
            row = recorded.get((offered.queue_id, recipient))
            if row is None:
                verdict.lost += 1
                verdict.breach(f"{what} got a 250 and is not in the database")
                continue
            _count(row.outcomes, verdict)
            if len(row.outcomes) != 1 or row.is_queued:
                verdict.lost += not is_taken
                verdict.breach(f"{what} has {len(row.outcomes)} final outcomes and "
                               f"{'is' if row.is_queued else 'is not'} queued")
            elif row.outcomes[0] == DELIVERED and not is_taken:
                verdict.lost += 1
                verdict.breach(f"{what} is delivered for the database, and not in the sink")
            elif row.outcomes[0] != DELIVERED and is_taken:
                verdict.breach(f"{what} is in the sink, and not delivered for the database")


def _count(outcomes: typing.Iterable[int], verdict: Verdict) -> None:
    for kind in outcomes:
        name = {DELIVERED: "delivered", BOUNCED: "bounced", EXPIRED: "expired"}.get(kind, "cancelled")
        setattr(verdict, name, getattr(verdict, name) + 1)


def _check_known(ledger: Ledger, verdict: Verdict) -> None:
    sent = {offered.message_id: set(offered.recipients) for offered in ledger.offered if offered.state != "broken"}
    notices = {row.queue_id for row in ledger.recorded if row.notice_of}
    strange = counted(
        transaction.message_id for transaction in ledger.taken
        if transaction.is_delivered and not transaction.about
        and not set(transaction.recipients) <= sent.get(transaction.message_id, set()))
    for message_id, times in strange.items():
        verdict.breach(f"the sink took {message_id or 'a message without Message-ID'} {times} times, which nobody sent")
    queued = {row.queue_id for row in ledger.recorded if row.is_queued and row.queue_id in notices}
    for queue_id in queued:
        verdict.breach(f"the notice {queue_id} is still queued")


def _check_repeated(ledger: Ledger, verdict: Verdict, delivered: dict[Key, list[Taken]]) -> None:
    faults = [fault for fault in ledger.faults if fault.may_repeat]
    covered: dict[Key, int] = {}
    for transaction in ledger.taken:
        times = sum(was_in_flight(transaction, fault) for fault in faults)
        for recipient in transaction.recipients if times else ():
            key = (transaction.message_id, recipient)
            covered[key] = covered.get(key, 0) + times
    verdict.allowed = sum(covered.values())
    for key, transactions in delivered.items():
        excess = len(transactions) - 1
        verdict.duplicated += excess
        if excess > covered.get(key, 0):
            verdict.breach(f"{key[1]} of {key[0]} was delivered {excess + 1} times, "
                           f"and was in flight at {covered.get(key, 0)} faults")


def _check_notices(ledger: Ledger, verdict: Verdict) -> None:
    if ledger.untold:
        verdict.breach(f"{ledger.untold} failures have not been told to anybody")
    telling: dict[str, set[str]] = {}
    for transaction in ledger.taken:
        if transaction.is_delivered and transaction.tells_failure:
            for recipient in transaction.about:
                telling.setdefault(recipient, set()).add(transaction.message_id)
    verdict.notices = len(set().union(*telling.values())) if telling else 0
    for row in ledger.recorded:
        if row.notice_of:
            continue
        times = len(telling.get(row.recipient, ()))
        wanted = sum(kind in (BOUNCED, EXPIRED) for kind in row.outcomes)
        if times != wanted:
            verdict.breach(f"{row.recipient} of {row.queue_id} has failed {wanted} times and is in {times} notices")
