"""Whether a long queue is slower than a short one: drained and filled at several lengths, in turn."""
import argparse
import dataclasses
import statistics
import typing

from .bench import Bench
from .drain import Drained, accept, drain
from .figures import Figure, rounded, table
from .node import Node
from .paired import Paired, claims_in_turn
from .postgres import Postgres
from .reader import Held, Window, hold
from .sink import Sink
from .stock import Stock, Warehouse, check_disk, short_count

PACKAGES = ("postfix",)

PARTS = ("sizes", "lanes", "one-lane", "reader")
_SIZES = (10_000, 1_000_000, 10_000_000)
_QUICK_SIZES = (10_000, 100_000)
_WORKERS = (1, 4)
# Of the longest to the shortest queue.
BAR = 0.9


def add_options(group: argparse._ArgumentGroup) -> None:
    """What of it is measured."""
    group.add_argument("--sizes", type=_numbers, help="queued recipients, the reference first (10000,1000000,10000000)")
    group.add_argument("--parts", type=_parts, default=PARTS, help=f"some of {','.join(PARTS)} (all)")
    group.add_argument("--workers", type=_numbers, default=_WORKERS, help="how many deliver (1,4); 0: only claims")
    group.add_argument("--rounds", type=int, help="times that everything is measured (2)")
    group.add_argument("--held-seconds", type=float, help="how long the reader's transaction is open (300)")


@dataclasses.dataclass
class Results:
    """By stock; one value for each round."""

    drained: dict[tuple[Stock, int], list[Drained]] = dataclasses.field(default_factory=dict)
    accepted: dict[Stock, list[float]] = dataclasses.field(default_factory=dict)
    # Of pairs of stocks.
    claims: dict[tuple[Stock, Stock], list[Paired]] = dataclasses.field(default_factory=dict)
    held: Held | None = None


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is compared: each stock with the smallest one of its kind."""

    pairs: list[tuple[Stock, Stock]]
    # Outlasts the reader.
    reader_stock: Stock
    workers: typing.Sequence[int]
    rounds: int
    held_seconds: float | None

    @staticmethod
    def of(options: argparse.Namespace) -> "Plan":
        """As the command line wants it."""
        sizes = options.sizes or (_QUICK_SIZES if options.quick else _SIZES)
        spread = [Stock(size, tenants=10, domains=100) for size in sizes]
        single = [Stock(size, tenants=1, domains=1) for size in (sizes[0], sizes[-1])]
        pairs = [(spread[0], stock) for stock in spread] if "sizes" in options.parts else []
        if "lanes" in options.parts:
            pairs += [(spread[0], spread[0]), (spread[0], Stock(sizes[-1], tenants=400, domains=500))]
        if "one-lane" in options.parts:
            pairs += [(single[0], stock) for stock in single]
        held = (40.0 if options.quick else 300.0) if options.held_seconds is None else options.held_seconds
        return Plan(
            list(dict.fromkeys(pairs)), spread[-1], [n for n in options.workers if n], options.rounds or (1 if options.quick else 2),
            held if "reader" in options.parts else None)

    @property
    def stocks(self) -> list[Stock]:
        """Each once, the reader's too."""
        wanted = [stock for pair in self.pairs for stock in pair]
        return list(dict.fromkeys(wanted + ([self.reader_stock] if self.held_seconds is not None else [])))


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints a table, returns what --json prints."""
    plan = Plan.of(bench.options)
    has_reader = plan.held_seconds is not None
    check_disk(bench, plan.stocks + [plan.reader_stock] * has_reader)
    sink = Sink(bench)
    sink.start()
    postgres = Postgres(bench)
    postgres.settings |= {"shared_preload_libraries": "pg_stat_statements"}
    postgres.start()
    warehouse = Warehouse(bench, postgres, sink.port)
    warehouse.prepare(max(stock.messages for stock in plan.stocks))
    nodes = {stock: warehouse.make(stock) for stock in plan.stocks}
    results = Results()
    for number in range(plan.rounds if plan.pairs else 0):
        bench.say(f"round {number + 1} of {plan.rounds}")
        for short, long in plan.pairs:
            if short != long:
                paired = claims_in_turn((short, nodes[short]), (long, nodes[long]))
                results.claims.setdefault((short, long), []).append(paired)
                bench.say(f"  claims of {short.name} and {long.name} in turn: {_quartiles(paired)}")
        for stock, node in nodes.items() if plan.workers else ():
            _measure(bench, plan, stock, node, sink, results)
    if plan.held_seconds is not None:
        beside = warehouse.make(plan.reader_stock, f"{plan.reader_stock.name}_beside")
        bench.say(f"a reader for {plan.held_seconds:.0f} seconds, {plan.reader_stock.name}")
        results.held = hold(bench, nodes[plan.reader_stock], beside, plan.held_seconds)
    return _report(bench, plan, results)


def _measure(bench: Bench, plan: Plan, stock: Stock, node: Node, sink: Sink, results: Results) -> None:
    for workers in plan.workers:
        drained = drain(node, sink, stock, workers)
        results.drained.setdefault((stock, workers), []).append(drained)
        bench.say(f"  {stock.name}, {workers} workers: {_line(drained)}")
    rate = accept(node)
    results.accepted.setdefault(stock, []).append(rate)
    bench.say(f"  {stock.name}: accepted {rate:.0f}/s")


def _quartiles(paired: Paired) -> str:
    ratios = ", ".join(f"{paired.ratio(share):.2f}" for share in (0.25, 0.5, 0.75))
    return (f"median {statistics.median(paired.short):.2f} and {statistics.median(paired.long):.2f} ms; "
            f"ratio of the quartiles {ratios}, of the means {paired.mean_ratio:.2f}")


def _line(drained: Drained) -> str:
    costs = ", ".join(f"{name} {drained.per_hundred(name):.2f}" for name in drained.costs)
    return (f"delivered {drained.rate:.0f}/s; milliseconds for a hundred recipients: {costs}, "
            f"processor: database {drained.database_cpu:.1f}, workers {drained.workers_cpu:.1f}")


def _report(bench: Bench, plan: Plan, results: Results) -> dict[str, typing.Any]:
    rows, records = [], []
    report: dict[str, typing.Any] = {"bar": BAR, "stocks": records, "claims_in_turn": [
        {"queued": long.jobs, "lanes": long.lanes, "ratio": rounded(statistics.median(one.ratio() for one in paired)),
         "mean_ratio": rounded(statistics.median(one.mean_ratio for one in paired))}
        for (_, long), paired in results.claims.items()]}
    for reference, stock in plan.pairs:
        for workers in plan.workers:
            record = _compare(results, reference, stock, workers)
            records.append(record)
            rows.append([
                short_count(stock.jobs), short_count(stock.lanes), str(workers),
                *(f"{record[name]:.4g}" for name in _COLUMNS), f"{record['delivered_ratio']:.2f}",
                f"{record['accepted_ratio']:.2f}", f"{record['claim_ratio']:.2f}", f"{record['cpu_ratio']:.2f}"])
    if records:
        bench.say()
        bench.say(table(
            ["queued", "lanes", "workers", "delivered/s", "accepted/s", "claim ms", "claim/100", "complete/100",
             "cpu/100", "delivered ratio", "accepted", "claim", "cpu"], rows))
        for name in ("delivered", "accepted", "claim", "cpu"):
            report[f"{name}_ratio_least"] = min(record[f"{name}_ratio"] for record in records)
    if results.held:
        report["reader"] = _reader(bench, results.held)
    return report


_COLUMNS = ("delivered", "accepted", "claim_ms", "claim_ms_per_100", "complete_ms_per_100", "database_cpu_ms_per_100")


def _compare(results: Results, reference: Stock, stock: Stock, workers: int) -> dict[str, typing.Any]:
    """Medians of one stock, and their ratios to the reference's: above 1 is better than it."""
    here, there = results.drained[stock, workers], results.drained[reference, workers]

    def median(of: typing.Sequence[Drained], value: typing.Callable[[Drained], float]) -> float:
        return statistics.median(value(drained) for drained in of)

    def claim(drained: Drained) -> float:
        return drained.per_hundred("claim")

    accepted = Figure.of(results.accepted[stock])
    return {
        "queued": stock.jobs, "lanes": stock.lanes, "workers": workers,
        "delivered": rounded(median(here, lambda drained: drained.rate)),
        "accepted": rounded(accepted.median),
        "claim_ms": rounded(median(here, lambda drained: drained.costs["claim"].mean_ms)),
        "claim_ms_per_100": rounded(median(here, lambda drained: drained.per_hundred("claim"))),
        "complete_ms_per_100": rounded(median(here, lambda drained: drained.per_hundred("complete"))),
        "database_cpu_ms_per_100": rounded(median(here, lambda drained: drained.database_cpu)),
        "delivered_ratio": rounded(
            median(here, lambda drained: drained.rate) / median(there, lambda drained: drained.rate)),
        "accepted_ratio": rounded(accepted.median / statistics.median(results.accepted[reference])),
        "claim_ratio": rounded(median(there, claim) / median(here, claim)),
        # What the database does for a recipient, whatever else the machine is busy with.
        "cpu_ratio": rounded(
            median(there, lambda drained: drained.database_cpu) / median(here, lambda drained: drained.database_cpu)),
    }


def _reader(bench: Bench, held: Held) -> dict[str, typing.Any]:
    dropped = "while it was held" if held.dropped_after is None else f"{held.dropped_after:.0f} s after its end"
    bench.say()
    bench.say(
        f"a reader: {_spread(held.before)} before, {_spread(held.during)} while it was held, {_spread(held.after)} a minute "
        f"after its end; ratio to the node beside it, to that before: {held.last_ratio:.2f} in its last minute (bar 0.8), "
        f"{held.after_ratio:.2f} a minute after its end (bar 1); a day's partitions were made meanwhile, an old day's "
        f"dropped {dropped}")
    return {
        "before": _pairs(held.before), "during": _pairs(held.during), "after": _pairs(held.after),
        "held_ratio": rounded(held.last_ratio), "after_ratio": rounded(held.after_ratio),
        "dropped_seconds_after": held.dropped_after,
    }


def _spread(windows: list[Window]) -> str:
    rates = [window.held for window in windows]
    return f"{min(rates):.0f} to {max(rates):.0f}/s"


def _pairs(windows: list[Window]) -> list[list[float]]:
    return [[rounded(window.held), rounded(window.beside)] for window in windows]


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(text.split(","))
    if unknown := set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(sorted(unknown))}")
    return parts
