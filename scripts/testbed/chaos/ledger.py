"""What the two ends and the database have written down, in plain values: the checker needs nothing else."""
import dataclasses
import typing

# Of `outcome.kind`: there is no job afterwards.
DELIVERED, BOUNCED, EXPIRED, CANCELLED = 0, 2, 3, 6
FINAL = {DELIVERED: "delivered", BOUNCED: "bounced", EXPIRED: "expired", CANCELLED: "cancelled"}
# A transaction that was answered so long before a fault may not have been committed yet.
IN_FLIGHT_SECONDS = 0.1


@dataclasses.dataclass(frozen=True)
class Offered:
    """A message as its source knows it; state as in `source.Sent`, queue_id in the database's form."""

    message_id: str
    recipients: tuple[str, ...]
    state: str
    queue_id: str = ""


@dataclasses.dataclass(frozen=True)
class Taken:
    """A transaction as the sink knows it. Times are seconds on the sink's clock; None: never."""

    message_id: str
    recipients: tuple[str, ...]
    opened: float
    answered: float | None
    closed: float | None
    is_delivered: bool
    about: tuple[str, ...] = ()
    # A notice may also tell of a delay.
    tells_failure: bool = True


@dataclasses.dataclass(frozen=True)
class Recorded:
    """A recipient of a message as the database knows it."""

    queue_id: str
    recipient: str
    # The kinds of its final outcomes, late ones left out.
    outcomes: tuple[int, ...]
    is_queued: bool
    notice_of: str = ""
    is_late: bool = False


@dataclasses.dataclass(frozen=True)
class Fault:
    """What was done to the cluster, from when until when it took effect."""

    name: str
    began: float
    ended: float
    # Whether what was in flight may come twice.
    may_repeat: bool
    # Seconds before it that count as in flight; more than usual when the machine stood still.
    window: float = IN_FLIGHT_SECONDS


@dataclasses.dataclass
class Ledger:
    """All of it."""

    offered: list[Offered] = dataclasses.field(default_factory=list)
    taken: list[Taken] = dataclasses.field(default_factory=list)
    recorded: list[Recorded] = dataclasses.field(default_factory=list)
    faults: list[Fault] = dataclasses.field(default_factory=list)
    # Failures that nobody has been told of yet.
    untold: int = 0


def uuid_of(queue_id: str) -> str:
    """The database's form of the 26 characters (Crockford's base 32) in a 250."""
    value = 0
    for character in queue_id:
        value = value * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(character)
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def was_in_flight(transaction: Taken, fault: Fault) -> bool:
    """Whether a transaction was open at a fault, or answered just before."""
    if transaction.opened > fault.ended:
        return False
    end = transaction.answered if transaction.answered is not None else transaction.closed
    return end is None or end >= fault.began - fault.window


def counted(items: typing.Iterable[typing.Hashable]) -> dict[typing.Any, int]:
    """How often each occurs."""
    found: dict[typing.Any, int] = {}
    for item in items:
        found[item] = found.get(item, 0) + 1
    return found
