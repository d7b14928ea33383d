"""What is done with a message before its 250: nodes that count it, sign it, have it scanned, and one that does nothing of it."""
import typing

from .bench import Bench
from .node import DOMAIN, Node
from .postgres import Postgres
from .scanners import Scanners
from .sink import Sink
from .turns import Contender, Turns

PACKAGES = ("clamav-daemon", "rspamd")

_RATES = "100000000/minute, 200000000/hour, 400000000/day"
# So many that none is reached: three windows of the tenant's and three of the domain's, each of messages and recipients.
_LIMITS = {"limits": {of: {"messages": _RATES, "recipients": _RATES} for of in ("tenant", "domain")}}


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints a table, returns what --json prints."""
    rounds, messages = (6, 1_000) if bench.quick else (20, 2_000)
    postgres, sink, scanners = Postgres(bench), Sink(bench), Scanners(bench)
    postgres.start()
    sink.start()
    scanners.start()
    scanned = {"scanning": scanners.settings}
    # smtp-source's messages differ in what a remembered verdict leaves out.
    each_scanned = {"scanning": scanners.settings | {"cache_time": "0s"}}
    contenders = {
        "nothing": _contender(bench, postgres, sink, "bare", {}),
        "counted": _contender(bench, postgres, sink, "counted", _LIMITS),
        "signed": _contender(bench, postgres, sink, "signed", {}, signs=True),
        "scanned, a mailing": _contender(bench, postgres, sink, "mailing", scanned, helpers=scanners.pids),
        "scanned, each": _contender(bench, postgres, sink, "scanned", each_scanned, helpers=scanners.pids),
        "all of it": _contender(
            bench, postgres, sink, "everything", _LIMITS | each_scanned, signs=True, helpers=scanners.pids),
    }
    turns = Turns(bench, sink, contenders)
    turns.take(rounds, messages)
    for contender in contenders.values():
        contender.node.stop()
    postgres.stop()
    bench.say(turns.table())
    return {"admission": {"rounds": rounds} | turns.ratios()}


def _contender(
    bench: Bench, postgres: Postgres, sink: Sink, database: str, settings: dict[str, typing.Any], *, signs: bool = False,
    helpers: dict[str, list[int]] | None = None,
) -> Contender:
    """One acceptor, one worker, one keeper, with a database of their own in the common server."""
    node = Node(bench, postgres, sink.port, database=database,
                settings={"delivery": {"connections_per_destination": 50}} | settings)
    node.prepare()
    if signs:
        node.command("dkim", "add", DOMAIN, "--after", "0s")
    node.start()
    return Contender(node, helpers=helpers or {})
