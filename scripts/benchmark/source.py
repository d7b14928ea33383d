"""The mail's beginning: Postfix's smtp-source for comparisons, our own where TLS and a login are wanted."""
import re
import time

from testbed.processes import run
from testbed.trouble import Trouble

from .bench import Bench
from .node import RECIPIENT, USER, Acceptor, Node

CONNECTIONS = 50


def smtp_source(port: int, messages: int, size: int, reuses: bool, seconds: float = 180) -> float:
    """Submits with smtp-source over 50 connections at once. Returns the seconds until the last reply.

    - size: bytes of each message's content.
    - reuses: whether a connection carries one message after the other (`-d`) or only one.

    Raises Trouble when a message is refused: smtp-source gives up then.
    """
    command = [
        "smtp-source", *(["-d"] if reuses else []), "-s", str(CONNECTIONS), "-l", str(size), "-m", str(messages),
        "-f", USER, "-t", RECIPIENT, "-M", "source.example", f"127.0.0.1:{port}",
    ]
    start = time.monotonic()
    run(command, seconds)
    return time.monotonic() - start


def lab_source(
    bench: Bench, node: Node, acceptor: Acceptor, messages: int, size: int, secure: bool, seconds: float = 180
) -> float:
    """Submits with the laboratory's source over 50 connections that are reused. Returns messages per second.

    - secure: TLS 1.3 from the first byte with a verified certificate and a login; otherwise neither.
    """
    port = acceptor.implicit_tls if secure else acceptor.plain
    login = ["--tls", "implicit", "--ca", node.authority, "--user", USER] if secure else ["--tls", "none"]
    command = [
        bench.lab, "source", "--host", "localhost" if secure else "127.0.0.1", "--port", str(port), *login,
        "--from", USER, "--to", RECIPIENT, "--connections", str(CONNECTIONS), "--messages", str(messages),
        "--per-connection", str(messages), "--size", str(size),
    ]
    output = run(command, seconds, environment={"SMTP_PASS": node.password})
    found = re.search(r"([\d.]+) per second", output)
    if not found:
        raise Trouble(f"the source said: {output}")
    return float(found[1])
