"""What a node needs when it is quiet, and when much is in it: memory from /proc, processor time of an idle node."""
import resource
import threading
import time
import typing

from testbed.network import free_port
from testbed.processes import Child
from testbed.trouble import Trouble

from . import tlsclient
from .bench import Bench, wait_until
from .node import RECIPIENT, USER, Node
from .postgres import Postgres
from .usage import cpu_seconds, resident_bytes

_MB = 1_000_000
# Each large message takes its reader so long, so that all of them are in the node at the same time.
_SINK_BYTES_PER_SECOND = 5 * _MB


def run(bench: Bench) -> dict[str, typing.Any]:
    """All four parts, each with processes that have done nothing before."""
    postgres = Postgres(bench)
    postgres.start()
    sink = _start_sink(bench)
    node = Node(
        bench, postgres, sink_port=sink[1],
        settings={"smtp": {"recipients_max": 1000}, "delivery": {"connections_per_destination": 20}})
    node.prepare()
    result: dict[str, typing.Any] = {}
    for part in (_idle_node, _idle_sessions, _large_messages, _many_recipients):
        result |= part(bench, node, sink[0])
        node.stop()
    postgres.stop()
    return result


def _idle_node(bench: Bench, node: Node, _: Child) -> dict[str, typing.Any]:
    """Processor time of two acceptors, two workers and a keeper that have nothing to do."""
    seconds = 20 if bench.quick else 60
    node.start(acceptors=2, workers=2, keepers=1)
    # Whatever a process does once at its start is over by then.
    time.sleep(5)
    roles = {
        "acceptors": [acceptor.child.pid for acceptor in node.acceptors],
        "workers": [child.pid for child in node.workers], "keeper": [child.pid for child in node.keepers],
    }
    before, start = {name: cpu_seconds(pids) for name, pids in roles.items()}, time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - start
    shares = {name: 100 * (cpu_seconds(pids) - before[name]) / passed for name, pids in roles.items()}
    total = sum(shares.values())
    shown = ", ".join(f"{name} {share:.2f} %" for name, share in shares.items())
    bench.say(f"idle node: {total:.2f} % of a core in {passed:.0f} s ({shown})")
    resident = {name: [_megabytes(resident_bytes(pid)) for pid in pids] for name, pids in roles.items()}
    bench.say(f"  memory in MB: {resident}")
    return {
        "idle_cpu_percent": round(total, 3), "idle_cpu_percent_by_role": {n: round(s, 3) for n, s in shares.items()},
        "idle_resident_mb": resident,
    }


def _idle_sessions(bench: Bench, node: Node, _: Child) -> dict[str, typing.Any]:
    """An acceptor with many sessions that are logged in and silent."""
    count = 1000 if bench.quick else 5000
    _allow_files(count + 200)
    node.start(acceptors=1, workers=0, keepers=0)
    acceptor = node.acceptors[0]
    empty = resident_bytes(acceptor.child.pid)
    tls = tlsclient.context(node.authority)
    sessions = []
    for _ in range(count):
        session = tlsclient.Session(tls, acceptor.implicit_tls)
        session.login(USER, node.password)
        sessions.append(session)
    time.sleep(1)
    full, peak = resident_bytes(acceptor.child.pid), resident_bytes(acceptor.child.pid, peak=True)
    for session in sessions:
        session.close()
    each = (full - empty) / count / 1000
    bench.say(
        f"{count} idle TLS sessions: {_megabytes(full)} MB, peak {_megabytes(peak)} MB"
        f" (without any {_megabytes(empty)} MB; {each:.1f} KB each)")
    return {
        "idle_sessions": count, "idle_sessions_mb": _megabytes(full), "idle_sessions_peak_mb": _megabytes(peak),
        "idle_session_kb": round(each, 1),
    }


def _large_messages(bench: Bench, node: Node, sink: Child) -> dict[str, typing.Any]:
    """Sessions that each send a large message at once, and a worker that delivers them at once."""
    count, size = (8, 20 * _MB) if bench.quick else (20, 50 * _MB)
    node.start(acceptors=1, workers=1, keepers=0)
    taken = _taken(sink)
    line = b"x" * 76 + b"\r\n"
    content = f"From: {USER}\r\nSubject: large\r\n\r\n".encode() + line * (size // len(line)) + b".\r\n"
    start = time.monotonic()
    _at_once(count, lambda: _send(node, [RECIPIENT], content))
    accepted = time.monotonic() - start
    wait_until(lambda: _taken(sink) - taken >= count, 300, f"{count} large messages in the sink", pause=0.1)
    delivered = time.monotonic() - start
    acceptor = _megabytes(resident_bytes(node.acceptors[0].child.pid, peak=True))
    worker = _megabytes(resident_bytes(node.workers[0].pid, peak=True))
    bench.say(
        f"{count} messages of {size // _MB} MB at once: acceptor's peak {acceptor} MB, worker's peak {worker} MB"
        f" (accepted in {accepted:.1f} s, delivered in {delivered:.1f} s at {_SINK_BYTES_PER_SECOND // _MB} MB/s each)")
    return {
        "large_messages": count, "large_message_mb": size // _MB, "large_acceptor_peak_mb": acceptor,
        "large_worker_peak_mb": worker,
    }


def _many_recipients(bench: Bench, node: Node, _: Child) -> dict[str, typing.Any]:
    """What a message's content takes in the database, for one recipient and for a thousand."""
    node.start(acceptors=1, workers=0, keepers=0)
    content = f"From: {USER}\r\nSubject: list\r\n\r\n".encode() + (b"x" * 76 + b"\r\n") * 10_000 + b".\r\n"
    stored = {}
    for count in (1, 1000):
        before = _stored(node)
        _send(node, [f"r{number}@inbox.example" for number in range(count)], content)
        after = _stored(node)
        stored[count] = (after[0] - before[0], after[1] - before[1])
    (rows, size), (rows_many, size_many) = stored[1], stored[1000]
    bench.say(
        f"a message of {len(content)} bytes: {rows} chunks with {size} bytes for 1 recipient,"
        f" {rows_many} with {size_many} for 1000")
    return {
        "body_bytes_1_recipient": size, "body_bytes_1000_recipients": size_many,
        "body_chunks_1000_recipients": rows_many,
    }


def _send(node: Node, recipients: list[str], content: bytes) -> None:
    """One message over TLS with login, by a client of its own."""
    session = tlsclient.Session(tlsclient.context(node.authority), node.acceptors[0].implicit_tls)
    session.login(USER, node.password)
    session.command(f"MAIL FROM:<{USER}>", 250)
    for recipient in recipients:
        session.command(f"RCPT TO:<{recipient}>", 250)
    session.command("DATA", 354)
    session.socket.sendall(content)
    session.reply(250)
    session.command("QUIT", 221)
    session.close()


def _at_once(count: int, work: typing.Callable[[], None]) -> None:
    failures: list[Exception] = []

    def guarded() -> None:
        try:
            work()
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=guarded) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise Trouble(f"{len(failures)} of {count} clients failed, the first with: {failures[0]}")


def _start_sink(bench: Bench) -> tuple[Child, int]:
    port = free_port()
    program = bench.root / "scripts/benchmark/slowsink.py"
    sink = bench.processes.start(
        "slowsink", ["python3", str(program), str(port), str(_SINK_BYTES_PER_SECOND)], ready="slow sink ready")
    return sink, port


def _taken(sink: Child) -> int:
    return sink.output().count("message of ")


def _stored(node: Node) -> tuple[int, int]:
    """Chunks of content in the database, and their bytes."""
    row = node.query("SELECT count(*), coalesce(sum(length(data)), 0) FROM postrider.body_chunk")[0]
    return int(row[0] or 0), int(row[1] or 0)


def _allow_files(count: int) -> None:
    """For the sockets; children inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        if hard != resource.RLIM_INFINITY and hard < count:
            raise Trouble(f"{count} open files are needed, and ulimit -Hn is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _megabytes(size: int) -> float:
    return round(size / _MB, 1)
