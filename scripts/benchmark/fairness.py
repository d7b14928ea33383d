"""Who gets how much, and how soon: tenants beside a tenant with a million, weights, slow destinations."""
import dataclasses
import math
import statistics
import time
import typing

from .bench import Bench, free_port, wait_until
from .figures import rounded, table
from .node import TENANT, Node
from .postgres import Postgres
from .sink import Sink
from .stamped import Stamps, StampingClient, StampingSink, quantile
from .stocking import Backlog, stock
from .usage import cpu_seconds

_WORKERS = 4
_WEIGHTS = {"light": 1, "middle": 2, "heavy": 5}
# A dead worker's mail is free again after this long.
_LEASE = {"worker": {"lease": "6s", "heartbeat": "1s"}}
_SLOW_SCRIPT = """
rules:
  - {stage: connect, listen: 127.0.0.3, silent: true, then: hang}
""" + "".join(
    f"  - {{stage: {stage}, listen: 127.0.0.2, delay: 10s}}\n"
    for stage in ("connect", "ehlo", "mail", "rcpt", "data", "dot"))


@dataclasses.dataclass(frozen=True)
class _Plan:
    # Messages that the acceptor takes for a backlog; each has `copies` recipients, far apart in the queue.
    messages: int
    copies: int
    # Messages of the tenant beside the backlog, one a second.
    single: int
    # Seconds of a window in which shares or rates are measured.
    window: float
    # Windows with and without slow destinations.
    pairs: int


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints tables, returns what --json prints."""
    plan = _Plan(20_000, 30, 20, 6, 3) if bench.quick else _Plan(50_000, 20, 60, 15, 4)
    postgres, sink = Postgres(bench), Sink(bench)
    postgres.start()
    sink.start()
    result: dict[str, typing.Any] = {}
    for part in (_single, _weights, _slow):
        result |= part(bench, plan, postgres, sink)
    postgres.stop()
    return result


# A single message beside a million

def _single(bench: Bench, plan: _Plan, postgres: Postgres, sink: Sink) -> dict[str, typing.Any]:
    bench.say(f"one tenant has {plan.messages * plan.copies} recipients queued, another submits one message a second")
    stamps = Stamps()
    quiet = StampingSink(stamps)
    node = Node(bench, postgres, sink.port, database="single", settings=_routes(sink, {"quiet.example": quiet.port}))
    node.prepare()
    sender = "app@small.example"
    node.add_tenant("small", "small.example", sender)
    node.start(workers=0)
    stock(node, [Backlog(TENANT, plan.messages, plan.copies, ("inbox.example",))])
    node.start(acceptors=0, workers=_WORKERS, keepers=0)
    first = sink.count()
    wait_until(lambda: sink.count() > first + 1000, 60, "the backlog to flow")
    client = StampingClient(
        node.acceptors[0].implicit_tls, stamps, sender, "someone@quiet.example", authority=node.authority,
        password=node.password)
    begun, before = time.monotonic(), sink.count()
    for number in range(plan.single):
        time.sleep(max(0.0, begun + number - time.monotonic()))
        client.submit(number, 2_048)
    seconds, after = time.monotonic() - begun, sink.count()
    wait_until(lambda: len(stamps.delivered) == plan.single, 60, "the single messages")
    left = node.queued()
    client.close()
    quiet.close()
    node.stop()
    postgres.drop_database("single")
    journeys = stamps.journeys()
    figures = {
        "single_median_ms": rounded(statistics.median(journeys) * 1000),
        "single_p99_ms": rounded(quantile(journeys, 0.99) * 1000),
        "single_most_ms": rounded(max(journeys) * 1000),
        "single_beside_per_second": rounded((after - before) / seconds),
        "single_left": left,
    }
    bench.say(table(("from 250 to the sink's end of DATA", "ms"), [
        ("median", str(figures["single_median_ms"])), ("99 %", str(figures["single_p99_ms"])),
        ("most", str(figures["single_most_ms"]))]))
    bench.say(f"meanwhile {figures['single_beside_per_second']} transactions a second of the other; {left} left\n")
    return {"fairness": figures}


# Weights

def _weights(bench: Bench, plan: _Plan, postgres: Postgres, sink: Sink) -> dict[str, typing.Any]:
    bench.say(f"tenants with weights {_WEIGHTS}, all with a backlog, {_WORKERS} workers")
    node = Node(bench, postgres, sink.port, database="weights", settings=_LEASE)
    node.prepare()
    for name, weight in _WEIGHTS.items():
        node.add_tenant(name, f"{name}.example", f"app@{name}.example", weight)
    node.start(workers=0)
    total = sum(_WEIGHTS.values())
    stock(node, [
        Backlog(name, plan.messages * weight // total, plan.copies, (f"{name}.inbox.example", f"{name}.second.example"))
        for name, weight in _WEIGHTS.items()])
    node.start(acceptors=0, workers=_WORKERS, keepers=0)
    first = sink.count()
    wait_until(lambda: sink.count() > first + 1000, 60, "the backlogs to flow")
    # Workers begin with a few recipients of each destination.
    time.sleep(5)
    shares = {"workers_4": _shares(node, plan)}
    node.workers.pop().kill()
    wait_until(
        lambda: node.query("SELECT count(*) FROM postrider.worker_session WHERE ended_at IS NULL")[0][0] == str(
            _WORKERS - 1), 60, "the dead worker's session to end")
    shares["after_a_death"] = _shares(node, plan)
    node.redis.stop()
    shares["without_redis"] = _shares(node, plan)
    node.stop()
    postgres.drop_database("weights")
    worst = max(abs(share) for case in shares.values() for share in case.values())
    bench.say(table(
        ("off its share, %", *_WEIGHTS),
        [(case, *(f"{found[name]:+.2f}" for name in _WEIGHTS)) for case, found in shares.items()]))
    bench.say()
    return {"weights": shares, "weights_worst_percent": rounded(worst)}


def _shares(node: Node, plan: _Plan) -> dict[str, float]:
    """By how many per cent each tenant got more or less than its share in a window."""
    begin = node.query("SELECT clock_timestamp()")[0][0]
    time.sleep(plan.window)
    rows = node.query(
        f"""
        SELECT t.name, count(*) FROM postrider.outcome o JOIN postrider.message m ON m.id = o.message AND m.day = o.day
        JOIN postrider.tenant t ON t.id = m.tenant WHERE o.at > '{begin}' AND o.kind = 0 GROUP BY t.name
        """)
    counts = {str(name): int(count or 0) for name, count in rows}
    everything, weights = sum(counts.values()), sum(_WEIGHTS.values())
    return {
        name: rounded(100 * (counts.get(name, 0) * weights / weight / max(1, everything) - 1))
        for name, weight in _WEIGHTS.items()}


# Slow destinations

def _slow(bench: Bench, plan: _Plan, postgres: Postgres, _: Sink) -> dict[str, typing.Any]:
    bench.say("destinations that take 10 seconds for each reply, and such that say nothing, beside a fast one")
    script = bench.scratch("slow") / "sink.yaml"
    script.write_text(_SLOW_SCRIPT)
    port = free_port()
    bench.processes.start(
        "slow-sink", [bench.lab, "sink", "--listen", f"127.0.0.2:{port}", "--listen", f"127.0.0.3:{port}", "--script",
                      str(script)], ready="sink ready")
    # Two nodes side by side, one with such mail and one without, in turn: what else the machine does it does to both.
    sinks = [Sink(bench, f"sink-{number}") for number in (1, 2)]
    nodes = [_node_with_slow_mail(bench, plan, postgres, sink, port, f"slow_{number}")
             for number, sink in enumerate(sinks, 1)]
    # Rates of the node with slow mail and of the one without, and CPU seconds of their workers per thousand.
    rates: list[tuple[float, float]] = []
    costs: list[tuple[float, float]] = []
    flying = 0
    for number in range(2 * plan.pairs):
        # Which comes first changes too.
        slow = 1 if number % 4 in (1, 2) else 0
        for place, node in enumerate(nodes):
            suspended = "NULL" if place == slow else "now()"
            node.query(f"UPDATE postrider.tenant SET suspended_at = {suspended} WHERE name = 'patient'")
            node.start(acceptors=0, workers=1, keepers=0)
        time.sleep(4)
        measured = _side_by_side(nodes, sinks, plan.window)
        rates.append((measured[slow][0], measured[1 - slow][0]))
        costs.append((measured[slow][1], measured[1 - slow][1]))
        flying = int(nodes[slow].value(
            "SELECT count(*) FROM postrider.job j JOIN postrider.lane l ON l.id = j.lane "
            "WHERE claim_session IS NOT NULL AND l.destination <> 'inbox.example'"))
        for node in nodes:
            node.stop_workers()
    for node, sink in zip(nodes, sinks):
        node.stop()
        sink.stop()
        postgres.drop_database(node.database)
    ratio, cost = rounded(_turned(rates)), rounded(_turned(costs))
    bench.say(table(("transactions per second to the fast one", "beside slow ones", "without", "ratio"), [
        (f"window {number + 1}", f"{beside:.0f}", f"{alone:.0f}", f"{beside / max(1.0, alone):.2f}")
        for number, (beside, alone) in enumerate(rates)]))
    bench.say(f"ratio {ratio}, of the workers' CPU for each delivery {cost}; {flying} slow recipients in flight\n")
    figures = {
        "beside_slow_per_second": [rounded(beside) for beside, _ in rates],
        "alone_per_second": [rounded(alone) for _, alone in rates],
        "slow_in_flight": flying,
    }
    return {"slow": figures, "slow_ratio": ratio, "slow_cpu_ratio": cost}


def _node_with_slow_mail(
    bench: Bench, plan: _Plan, postgres: Postgres, sink: Sink, slow_port: int, database: str,
) -> Node:
    slow = tuple(f"slow{number}.example" for number in range(10))
    dead = tuple(f"dead{number}.example" for number in range(10))
    sink.start()
    routes = [{"domain": domain, "host": "127.0.0.2", "port": slow_port, "tls": "none"} for domain in slow]
    routes += [{"domain": domain, "host": "127.0.0.3", "port": slow_port, "tls": "none"} for domain in dead]
    routes += [{"domain": "*", "host": "127.0.0.1", "port": sink.port, "tls": "none"}]
    node = Node(bench, postgres, sink.port, database=database, settings={
        "delivery": {"routes": routes}, "shutdown": {"timeout": "1s"}})
    node.prepare()
    node.add_tenant("patient", "patient.example", "app@patient.example")
    node.start(workers=0)
    stock(node, [
        Backlog(TENANT, plan.messages, plan.copies, ("inbox.example",)), Backlog("patient", 2_000, 1, slow + dead)])
    return node


def _side_by_side(nodes: list[Node], sinks: list[Sink], seconds: float) -> list[tuple[float, float]]:
    """Of each node deliveries per second, and CPU seconds of its worker per thousand."""
    workers = [[child.pid for child in node.workers] for node in nodes]
    begun, counts = time.monotonic(), [sink.count() for sink in sinks]
    used = [cpu_seconds(pids) for pids in workers]
    time.sleep(seconds)
    delivered = [sink.count() - count for sink, count in zip(sinks, counts)]
    lasted = time.monotonic() - begun
    return [(count / lasted, (cpu_seconds(pids) - before) * 1000 / max(1, count))
            for count, pids, before in zip(delivered, workers, used)]


def _turned(pairs: list[tuple[float, float]]) -> float:
    """The ratio of the first to the second: a window with its neighbour, in which the nodes have changed parts."""
    ratios = [first / max(1e-9, second) for first, second in pairs]
    return statistics.median(math.sqrt(one * other) for one, other in zip(ratios[::2], ratios[1::2]))


def _routes(sink: Sink, ports: dict[str, int]) -> dict[str, typing.Any]:
    routes = [{"domain": domain, "host": "127.0.0.1", "port": port, "tls": "none"} for domain, port in ports.items()]
    return {"delivery": {"routes": [*routes, {"domain": "*", "host": "127.0.0.1", "port": sink.port, "tls": "none"}]}}
