"""Both ends of the mail in this process, on one clock: when each message was sent, taken and delivered.

Threads and blocking sockets: at the rates that are measured here, a few hundred messages a second at most, they are
idle most of the time, so that the time stamps are close to the truth.
"""
import base64
import dataclasses
import socket
import ssl
import threading
import time
import typing

from testbed.trouble import Trouble

_FIELD = b"X-Number: "


@dataclasses.dataclass
class Stamps:
    """Seconds on the monotonic clock, by the message's number."""

    # The content's last octet was handed to the kernel.
    sent: dict[int, float] = dataclasses.field(default_factory=dict)
    # The 250 to it was read.
    accepted: dict[int, float] = dataclasses.field(default_factory=dict)
    # The sink has read the final dot.
    delivered: dict[int, float] = dataclasses.field(default_factory=dict)

    def replies(self) -> list[float]:
        """Seconds from the end of DATA to its 250."""
        return [self.accepted[number] - self.sent[number] for number in sorted(self.accepted)]

    def journeys(self) -> list[float]:
        """Seconds from the 250 to the sink's end of DATA. Raises Trouble when a message is missing."""
        missing = len(set(self.accepted) - set(self.delivered))
        if missing:
            raise Trouble(f"{missing} of {len(self.accepted)} messages have not reached the sink")
        # The sink may have it before we have read the 250.
        return [max(0.0, self.delivered[number] - self.accepted[number]) for number in sorted(self.accepted)]


def quantile(values: typing.Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1000) // 1000) - 1)]


class StampingSink:
    """A mail server on loopback that takes everything and notes when."""

    def __init__(self, stamps: Stamps) -> None:
        self._stamps = stamps
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Takes no more connections."""
        self._socket.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            reader = _Reader(connection)
            connection.sendall(b"220 sink.example ESMTP\r\n")
            while line := reader.through(b"\r\n"):
                verb = line[:4].upper()
                if verb == b"EHLO":
                    connection.sendall(b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n")
                elif verb == b"DATA":
                    connection.sendall(b"354 go on\r\n")
                    content = reader.through(b"\r\n.\r\n")
                    moment = time.monotonic()
                    self._note(content, moment)
                    connection.sendall(b"250 2.0.0 taken\r\n")
                elif verb == b"QUIT":
                    connection.sendall(b"221 2.0.0 bye\r\n")
                    return
                else:
                    connection.sendall(b"250 2.0.0 ok\r\n")

    def _note(self, content: bytes, moment: float) -> None:
        start = content.find(_FIELD)
        if start >= 0:
            number = content[start + len(_FIELD):content.index(b"\r\n", start)]
            self._stamps.delivered.setdefault(int(number), moment)


class StampingClient:
    """One connection that submits numbered messages one after the other."""

    def __init__(
        self, port: int, stamps: Stamps, sender: str, recipient: str, *, authority: str | None = None,
        password: str | None = None,
    ) -> None:
        """With an authority's certificate: TLS from the first octet, and a login as the sender."""
        self._stamps = stamps
        self._sender, self._recipient = sender, recipient
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if authority:
            context = ssl.create_default_context(cafile=authority)
            connection = context.wrap_socket(connection, server_hostname="localhost")
        self._socket = connection
        self._reader = _Reader(connection)
        self._expect(b"220")
        self._say(b"EHLO source.example", b"250")
        if password is not None:
            token = base64.b64encode(f"\0{sender}\0{password}".encode())
            self._say(b"AUTH PLAIN " + token, b"235")

    def submit(self, number: int, size: int) -> None:
        """Sends one message of about `size` bytes and waits for its 250. Raises Trouble when it is refused."""
        self._say(f"MAIL FROM:<{self._sender}>".encode(), b"250")
        self._say(f"RCPT TO:<{self._recipient}>".encode(), b"250")
        self._say(b"DATA", b"354")
        head = _FIELD + f"{number}\r\nFrom: {self._sender}\r\nSubject: stamped\r\n\r\n".encode()
        line = b"x" * 76 + b"\r\n"
        self._socket.sendall(head + line * max(1, (size - len(head)) // len(line)) + b".\r\n")
        self._stamps.sent[number] = time.monotonic()
        self._expect(b"250")
        self._stamps.accepted[number] = time.monotonic()

    def close(self) -> None:
        """Says goodbye."""
        self._socket.sendall(b"QUIT\r\n")
        self._socket.close()

    def _say(self, line: bytes, code: bytes) -> None:
        self._socket.sendall(line + b"\r\n")
        self._expect(code)

    def _expect(self, code: bytes) -> None:
        while True:
            line = self._reader.through(b"\r\n")
            if line[:3] != code:
                raise Trouble(f"expected {code.decode()}, got «{line.decode(errors='replace').strip()}»")
            if line[3:4] != b"-":
                return


class _Reader:
    """Reads through a separator; what follows it is kept."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._kept = b""

    def through(self, separator: bytes) -> bytes:
        """Up to and with the separator; nothing when the other side has closed."""
        parts = bytearray(self._kept)
        searched = 0
        while (end := parts.find(separator, searched)) < 0:
            searched = max(0, len(parts) - len(separator))
            try:
                piece = self._connection.recv(65_536)
            except OSError:
                piece = b""
            if not piece:
                return b""
            parts += piece
        end += len(separator)
        self._kept = bytes(parts[end:])
        return bytes(parts[:end])
