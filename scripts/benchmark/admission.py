"""What is done with a message before its 250: nodes that count it, sign it, have it scanned, and one that does nothing of it."""
import typing

from .bench import Bench
from .node import DOMAIN, Node
from .scanners import Scanners
from .turns import Turns

PACKAGES = ("clamav-daemon", "rspamd")

_RATES = "100000000/minute, 200000000/hour, 400000000/day"
# So many that none is reached: three windows of the tenant's and three of the domain's, each of messages and recipients.
_LIMITS = {"limits": {of: {"messages": _RATES, "recipients": _RATES} for of in ("tenant", "domain")}}


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints a table, returns what --json prints."""
    scanners = Scanners(bench)
    scanners.start()
    # smtp-source's messages differ in what a remembered verdict leaves out.
    each_scanned = {"scanning": scanners.settings | {"cache_time": "0s"}}
    turns = Turns(bench)
    turns.add("nothing", "bare")
    turns.add("counted", "counted", _LIMITS)
    turns.add("signed", "signed", prepare=_sign)
    turns.add("scanned, a mailing", "mailing", {"scanning": scanners.settings}, helpers=scanners.pids)
    turns.add("scanned, each", "scanned", each_scanned, helpers=scanners.pids)
    turns.add("all of it", "everything", _LIMITS | each_scanned, prepare=_sign, helpers=scanners.pids)
    return {"admission": turns.compare(*((6, 1_000) if bench.quick else (20, 2_000)))}


def _sign(node: Node) -> None:
    node.command("dkim", "add", DOMAIN, "--after", "0s")
