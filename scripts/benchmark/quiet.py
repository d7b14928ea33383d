"""How quick a node is that has little to do: a tenth of what it can do, on one clock from source to sink."""
import statistics
import threading
import time
import typing

from .bench import Bench, wait_until
from .figures import rounded, table
from .node import USER, Node
from .postgres import Postgres
from .sink import Sink
from .source import smtp_source
from .stamped import Stamps, StampingClient, StampingSink, quantile

_SIZE = 10_240
_CONNECTIONS = 8
_DOMAIN = "quiet.example"


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints a table, returns what --json prints."""
    seconds = 10 if bench.quick else 60
    postgres, sink, stamps = Postgres(bench), Sink(bench), Stamps()
    postgres.start()
    sink.start()
    stamping = StampingSink(stamps)
    node = Node(bench, postgres, sink.port, settings={"delivery": {"connections_per_destination": 50, "routes": [
        {"domain": _DOMAIN, "host": "127.0.0.1", "port": stamping.port, "tls": "none"},
        {"domain": "*", "host": "127.0.0.1", "port": sink.port, "tls": "none"}]}})
    node.prepare()
    node.start()
    most = _maximum(bench, node, sink, 2_000 if bench.quick else 8_000)
    rate = most / 10
    bench.say(f"{rate:.0f} messages of 10 KB a second for {seconds} seconds, a tenth of {most:.0f}")
    # Caches and connections as they are in the middle of a day.
    _submit(node, stamps, rate, 3, first=0)
    for times in (stamps.sent, stamps.accepted):
        wait_until(lambda: len(stamps.delivered) >= len(times), 30, "the first messages")
        times.clear()
    stamps.delivered.clear()
    _submit(node, stamps, rate, seconds, first=1_000_000)
    wait_until(lambda: len(stamps.delivered) >= len(stamps.accepted), 30, "the last messages")
    stamping.close()
    node.stop()
    postgres.stop()
    return _report(bench, stamps, most, rate)


def _maximum(bench: Bench, node: Node, sink: Sink, messages: int) -> float:
    """Messages per second from source to sink when as many come as can."""
    smtp_source(node.acceptors[0].plain, 500, _SIZE, reuses=True)
    wait_until(lambda: node.queued() == 0, 60, "the warm-up to be delivered")
    first, begun = sink.count(), time.monotonic()
    smtp_source(node.acceptors[0].plain, messages, _SIZE, reuses=True)
    sink.wait_for(first + messages, 180)
    rate = messages / (time.monotonic() - begun)
    wait_until(lambda: node.queued() == 0, 60, "the queue to be empty")
    return rate


def _submit(node: Node, stamps: Stamps, rate: float, seconds: float, first: int) -> None:
    """Connections that take turns at a steady pace."""
    clients = [
        StampingClient(node.acceptors[0].plain, stamps, USER, f"someone@{_DOMAIN}") for _ in range(_CONNECTIONS)]
    begun = time.monotonic()
    failures: list[BaseException] = []

    def work(place: int) -> None:
        try:
            for number in range(place, int(rate * seconds), _CONNECTIONS):
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
                clients[place].submit(first + number, _SIZE)
            clients[place].close()
        except BaseException as failure:  # It is raised again below.
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _report(bench: Bench, stamps: Stamps, most: float, rate: float) -> dict[str, typing.Any]:
    figures: dict[str, typing.Any] = {
        "maximum_per_second": rounded(most), "rate_per_second": rounded(rate), "messages": len(stamps.accepted)}
    rows = []
    for name, title, values in (
            ("reply", "end of DATA to 250", stamps.replies()),
            ("journey", "250 to the sink's end of DATA", stamps.journeys())):
        found = [statistics.median(values), quantile(values, 0.99), max(values)]
        found = [rounded(1000 * value) for value in found]
        figures |= dict(zip((f"{name}_median_ms", f"{name}_p99_ms", f"{name}_most_ms"), found))
        rows.append((title, *(f"{value:.1f}" for value in found)))
    bench.say(table(("ms", "median", "99 %", "most"), rows))
    return {"quiet": figures}
