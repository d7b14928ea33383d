"""TLS clients: OpenSSL's own program for rates, Python's `ssl` for sessions of SMTP."""
import base64
import re
import socket
import ssl
import subprocess
import time

from testbed.trouble import Trouble

_COUNT = re.compile(r"^(\d+) connections in \d+ real seconds", re.MULTILINE)


def handshakes(port: int, authority: str, clients: int, seconds: int) -> tuple[int, float]:
    """Full TLS 1.3 handshakes, one after the other, by so many processes of `openssl s_time`.

    Returns how many there were and how long it took.
    """
    command = [
        "openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-tls1_3", "-CAfile", authority, "-verify", "3",
        "-time", str(seconds),
    ]
    start = time.monotonic()
    processes = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(clients)
    ]
    outputs = [process.communicate(timeout=seconds + 60)[0] for process in processes]
    duration = time.monotonic() - start
    counts = [_COUNT.search(output) for output in outputs]
    for process, count, output in zip(processes, counts, outputs):
        if process.returncode != 0 or not count:
            raise Trouble(f"openssl s_time ended with {process.returncode}:\n{output[-500:]}")
    return sum(int(count[1]) for count in counts if count), duration


def context(authority: str) -> ssl.SSLContext:
    """A client's side that verifies. Sessions are resumed only within one context."""
    made = ssl.create_default_context(cafile=authority)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    return made


class Session:
    """An SMTP session under TLS. Creating it makes the handshake and reads the greeting, and with it the tickets."""

    def __init__(self, tls: ssl.SSLContext, port: int, resumed: ssl.SSLSession | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=120)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(plain, server_hostname="localhost", session=resumed)
        self._unread = b""
        self.reply(220)

    def command(self, line: str, expected: int) -> str:
        """Says a line and returns the reply's last line. Raises Trouble when it has another code."""
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply(expected)

    def reply(self, expected: int) -> str:
        """Reads one reply, returns its last line."""
        while True:
            line, found, rest = self._unread.partition(b"\r\n")
            if not found:
                more = self.socket.recv(4096)
                if not more:
                    raise Trouble("the acceptor closed the connection")
                self._unread += more
                continue
            self._unread = rest
            if line[3:4] != b"-":
                break
        text = line.decode(errors="replace")
        if not text.startswith(str(expected)):
            raise Trouble(f"the acceptor said «{text}», not {expected}")
        return text

    def login(self, user: str, password: str) -> None:
        """EHLO and AUTH PLAIN."""
        self.command("EHLO client.bench.example", 250)
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.command(f"AUTH PLAIN {secret}", 235)

    def close(self) -> None:
        """Ends the connection without a word."""
        self.socket.close()
