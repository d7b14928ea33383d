"""TLS handshakes beside `openssl s_server`, and resumption across two acceptors."""
import time
import typing

from testbed.network import free_port, listens

from . import tlsclient
from .bench import Bench, wait_until
from .figures import Figure, rounded
from .node import Node
from .postgres import Postgres
from .usage import cpu_seconds

# More clients than cores, so that the server is never without work.
_CLIENTS = 4


def run(bench: Bench) -> dict[str, typing.Any]:
    """Both parts. Nothing is delivered, so there is neither worker nor sink."""
    postgres = Postgres(bench)
    postgres.start()
    node = Node(bench, postgres, sink_port=free_port())
    node.prepare()
    node.start(acceptors=2, workers=0, keepers=0)
    result = _full(bench, node) | _resumed(bench, node)
    node.stop()
    postgres.stop()
    return result


def _full(bench: Bench, node: Node) -> dict[str, typing.Any]:
    """One acceptor and s_server in turn, with the same certificate and the same clients."""
    rounds, seconds = (3, 3) if bench.quick else (5, 6)
    port = free_port()
    server = bench.processes.start(
        "s_server",
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", node.authority, "-key",
         str(node.directory / "server.key"), "-tls1_3", "-rev", "-quiet"])
    wait_until(lambda: listens(port), 10, "openssl s_server")
    acceptor = node.acceptors[0]
    ends = {"s_server": (port, server.pid), "acceptor": (acceptor.implicit_tls, acceptor.child.pid)}
    bench.say(f"full TLS 1.3 handshakes, ECDSA P-256, {_CLIENTS} processes of openssl s_time, {rounds} rounds in turn")
    rates: dict[str, list[float]] = {name: [] for name in ends}
    per_cpu: dict[str, list[float]] = {name: [] for name in ends}
    for _ in range(rounds):
        for name, (at, pid) in ends.items():
            before = cpu_seconds([pid])
            count, duration = tlsclient.handshakes(at, node.authority, _CLIENTS, seconds)
            spent = cpu_seconds([pid]) - before
            rates[name].append(count / duration)
            per_cpu[name].append(count / spent)
    server.stop()
    figures = {name: Figure.of(values) for name, values in rates.items()}
    figures_cpu = {name: Figure.of(values) for name, values in per_cpu.items()}
    for name in ends:
        bench.say(f"  {name:9} {figures[name]} per second, {figures_cpu[name]} per CPU second")
    ratio, ratio_cpu = _ratio(figures), _ratio(figures_cpu)
    bench.say(f"  acceptor ÷ s_server: {ratio:.2f}, per CPU second {ratio_cpu:.2f}")
    return {
        "handshake_ratio": rounded(ratio),
        "handshake_ratio_per_cpu_second": rounded(ratio_cpu),
        "handshakes_per_s": {name: figure.record() for name, figure in figures.items()},
        "handshakes_per_cpu_s": {name: figure.record() for name, figure in figures_cpu.items()},
    }


def _resumed(bench: Bench, node: Node) -> dict[str, typing.Any]:
    """The same client with and without the ticket of its last session, at both acceptors in turn."""
    count = 1000 if bench.quick else 4000
    tls = tlsclient.context(node.authority)
    ports = [acceptor.implicit_tls for acceptor in node.acceptors]
    pids = [acceptor.child.pid for acceptor in node.acceptors]
    bench.say(f"{count} sessions at two acceptors in turn, full and with the ticket that the other one gave")
    figures: dict[str, typing.Any] = {}
    for name in ("full", "resumed"):
        ticket, resumed = None, 0
        before, start = cpu_seconds(pids), time.monotonic()
        for number in range(count):
            session = tlsclient.Session(tls, ports[number % 2], ticket)
            resumed += session.socket.session_reused or False
            if name == "resumed":
                ticket = session.socket.session
            session.close()
        duration, spent = time.monotonic() - start, cpu_seconds(pids) - before
        figures[name] = {
            "share_resumed": round(resumed / count, 4), "per_s": round(count / duration),
            "per_cpu_s": round(count / spent),
        }
        bench.say(
            f"  {name:9} {count / duration:7.0f}/s, {count / spent:7.0f} per CPU second, {resumed} of {count} resumed")
    return {"resumption": figures}


def _ratio(figures: dict[str, Figure]) -> float:
    """Of the medians."""
    return figures["acceptor"].median / figures["s_server"].median
