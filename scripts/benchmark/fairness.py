"""Who gets how much, and how soon: tenants beside a tenant with a million, weights, slow destinations."""
import dataclasses
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
    plan = _Plan(20_000, 12, 20, 6, 2) if bench.quick else _Plan(50_000, 20, 60, 15, 4)
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

def _slow(bench: Bench, plan: _Plan, postgres: Postgres, sink: Sink) -> dict[str, typing.Any]:
    bench.say("destinations that take 10 seconds for each reply, and such that say nothing, beside a fast one")
    script = bench.scratch("slow") / "sink.yaml"
    script.write_text(_SLOW_SCRIPT)
    port = free_port()
    bench.processes.start(
        "slow-sink", [bench.lab, "sink", "--listen", f"127.0.0.2:{port}", "--listen", f"127.0.0.3:{port}", "--script",
                      str(script)], ready="sink ready")
    slow = tuple(f"slow{number}.example" for number in range(10))
    dead = tuple(f"dead{number}.example" for number in range(10))
    routes = [{"domain": domain, "host": "127.0.0.2", "port": port, "tls": "none"} for domain in slow]
    routes += [{"domain": domain, "host": "127.0.0.3", "port": port, "tls": "none"} for domain in dead]
    routes += [{"domain": "*", "host": "127.0.0.1", "port": sink.port, "tls": "none"}]
    node = Node(bench, postgres, sink.port, database="slow", settings={
        "delivery": {"routes": routes}, "shutdown": {"timeout": "1s"}})
    node.prepare()
    node.add_tenant("patient", "patient.example", "app@patient.example")
    node.start(workers=0)
    stock(node, [
        Backlog(TENANT, plan.messages, plan.copies, ("inbox.example",)), Backlog("patient", 2_000, 1, slow + dead)])
    rates: dict[bool, list[float]] = {False: [], True: []}
    flying = 0
    for number in range(2 * plan.pairs):
        # Which comes first changes, so that neither always finds what the other left.
        has_slow = number % 4 in (1, 2)
        node.query(f"UPDATE postrider.tenant SET suspended_at = {'NULL' if has_slow else 'now()'} WHERE name = 'patient'")
        node.start(acceptors=0, workers=1, keepers=0)
        time.sleep(4)
        begun, before = time.monotonic(), sink.count()
        time.sleep(plan.window)
        rates[has_slow].append((sink.count() - before) / (time.monotonic() - begun))
        if has_slow:
            flying = int(node.query(
                "SELECT count(*) FROM postrider.job j JOIN postrider.lane l ON l.id = j.lane "
                "WHERE claim_session IS NOT NULL AND l.destination <> 'inbox.example'")[0][0] or 0)
        node.stop_workers()
    node.stop()
    postgres.drop_database("slow")
    medians = {key: statistics.median(values) for key, values in rates.items()}
    figures = {
        "alone_per_second": [rounded(rate) for rate in rates[False]],
        "beside_slow_per_second": [rounded(rate) for rate in rates[True]],
        "slow_in_flight": flying,
    }
    ratio = rounded(medians[True] / medians[False])
    bench.say(table(("transactions per second to the fast one", "alone", "beside slow ones"), [
        (f"pair {number + 1}", f"{alone:.0f}", f"{beside:.0f}")
        for number, (alone, beside) in enumerate(zip(rates[False], rates[True]))]))
    bench.say(f"ratio of the medians {ratio}; {flying} slow recipients in flight\n")
    return {"slow": figures, "slow_ratio": ratio}


def _routes(sink: Sink, ports: dict[str, int]) -> dict[str, typing.Any]:
    routes = [{"domain": domain, "host": "127.0.0.1", "port": port, "tls": "none"} for domain, port in ports.items()]
    return {"delivery": {"routes": [*routes, {"domain": "*", "host": "127.0.0.1", "port": sink.port, "tls": "none"}]}}
