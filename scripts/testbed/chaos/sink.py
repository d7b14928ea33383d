"""The mail's end: takes mail as it is told to, and writes down every transaction, open or answered, with its time.

As a process of its own, `python3 -m testbed.chaos.sink ADDRESS:PORT`, it takes everything and prints a line of JSON
for each transaction.
"""
import asyncio
import contextlib
import dataclasses
import json
import re
import ssl
import sys
import time
import typing

from ..cluster.relay import reset
from .remotetls import Identity, send_alert

# In the order in which a transaction meets them. `answered`: the 250 to the content is on its way.
STAGES = ("connect", "hello", "starttls", "mail", "rcpt", "data", "content", "dot", "answered")
_NOTICE = re.compile(rb"^Final-Recipient: *rfc822; *(\S+)", re.IGNORECASE | re.MULTILINE)
_FAILURE = re.compile(rb"^Action: *failed", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>]*>)", re.IGNORECASE | re.MULTILINE)


@dataclasses.dataclass(eq=False)
class Transaction:
    """One message offered. Times are time.monotonic()."""

    sink: str
    peer: tuple[str, int]
    sender: str
    opened: float
    recipients: list[str] = dataclasses.field(default_factory=list)
    message_id: str = ""
    # For a notice: whom it is about.
    about: list[str] = dataclasses.field(default_factory=list)
    tells_failure: bool = True
    # When the final dot was read, when the reply to it was written; None: never.
    dotted: float | None = None
    answered: float | None = None
    # When nothing more could happen to it.
    closed: float | None = None
    is_delivered: bool = False
    # What it came over: "right" or "wrong", by the certificate; empty: without TLS.
    tls: str = ""


class Reset(Exception):
    """The connection is to be broken here."""


@dataclasses.dataclass
class Session:
    """One connection."""

    sink: str
    peer: tuple[str, int]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    # As in `Transaction`, by now.
    tls: str = ""

    async def say(self, text: str) -> None:
        """One reply."""
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def alert(self) -> None:
        """Over TLS: a fatal alert, then a reset."""
        if self.tls:
            send_alert(self.writer)
            await asyncio.sleep(0.05)
        raise Reset

    async def break_handshake(self) -> None:
        """Reads what a client says after it was told to begin with TLS, and breaks off."""
        await self.say("220 2.0.0 go on")
        await self.reader.read(1)
        raise Reset


# Called at each stage with the session, the transaction if there is one, and at `rcpt` the recipient. Returns a reply
# that replaces the usual one, or None; may wait, may raise Reset, may say something by itself.
Behaviour = typing.Callable[[str, Session, Transaction | None, str], typing.Awaitable[str | None]]


async def take_everything(stage: str, session: Session, transaction: Transaction | None, recipient: str) -> str | None:
    """The usual behaviour."""
    return None


class Sink:
    """One mail exchanger with several addresses."""

    def __init__(self, addresses: dict[str, tuple[str, int]], behaviour: Behaviour = take_everything) -> None:
        """
        - addresses: name to address and port.
        """
        self._addresses = addresses
        self.behaviour = behaviour
        # With one, STARTTLS is offered.
        self.identity: Identity | None = None
        self.handshakes_failed = 0
        self.transactions: list[Transaction] = []
        self.on_end: typing.Callable[[Transaction], None] = lambda transaction: None
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listens on all its addresses."""
        for name, (address, port) in self._addresses.items():
            self._servers.append(await asyncio.start_server(
                lambda reader, writer, name=name: self._serve(name, reader, writer), address, port,
                limit=1 << 20, backlog=512))

    def delivered(self) -> int:
        """Transactions that it has answered with 250."""
        return sum(transaction.is_delivered for transaction in self.transactions)

    async def _serve(self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(name, writer.get_extra_info("peername"), reader, writer)
        conversation = _Conversation(self, session)
        try:
            await conversation.run()
        except (Reset, ConnectionError, OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            reset(writer)
        finally:
            conversation.end()
            writer.close()


class _Conversation:
    """SMTP on one connection (RFC 5321), no more of it than a sink needs."""

    def __init__(self, sink: Sink, session: Session) -> None:
        self._sink, self._session = sink, session
        self._open: Transaction | None = None

    async def run(self) -> None:
        await self._say("connect", "220 sink.example ESMTP")
        while line := await self._session.reader.readline():
            verb, _, rest = line.decode(errors="replace").strip().partition(" ")
            handler = getattr(self, f"_{verb.lower()}", None)
            if verb.upper() == "QUIT":
                return await self._session.say("221 2.0.0 bye")
            if handler is None:
                await self._session.say("500 5.5.1 what?")
            else:
                await handler(rest)

    def end(self, is_delivered: bool = False) -> None:
        """Nothing more can happen to the open transaction."""
        if transaction := self._open:
            transaction.closed = time.monotonic()
            transaction.is_delivered = is_delivered
            self._open = None
            self._sink.on_end(transaction)

    async def _say(self, stage: str, usual: str, recipient: str = "") -> str:
        """The reply at a stage. Returns it."""
        text = await self._sink.behaviour(stage, self._session, self._open, recipient) or usual
        await self._session.say(text)
        return text

    async def _ehlo(self, _: str) -> None:
        extensions = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 100000000", "ENHANCEDSTATUSCODES"]
        if self._sink.identity and not self._session.tls:
            extensions.insert(0, "STARTTLS")
        await self._say("hello", "\r\n".join(
            ["250-sink.example", *(f"250-{name}" for name in extensions[:-1]), f"250 {extensions[-1]}"]))

    async def _helo(self, _: str) -> None:
        await self._say("hello", "250 sink.example")

    async def _starttls(self, _: str) -> None:
        identity = self._sink.identity
        if not identity or self._session.tls:
            return await self._session.say("502 5.5.1 no")
        if not (await self._say("starttls", "220 2.0.0 go on")).startswith("2"):
            return
        is_wrong = identity.is_wrong
        try:
            await self._session.writer.start_tls(identity.context(), ssl_handshake_timeout=10)
        except (OSError, ssl.SSLError):
            self._sink.handshakes_failed += 1
            raise
        self._session.tls = "wrong" if is_wrong else "right"

    async def _rset(self, _: str) -> None:
        self.end()
        await self._session.say("250 2.0.0 ok")

    async def _noop(self, _: str) -> None:
        await self._session.say("250 2.0.0 ok")

    async def _mail(self, rest: str) -> None:
        self.end()
        self._open = Transaction(self._session.sink, self._session.peer, _address(rest), time.monotonic(),
                                 tls=self._session.tls)
        self._sink.transactions.append(self._open)
        if not (await self._say("mail", "250 2.1.0 ok")).startswith("2"):
            self.end()

    async def _rcpt(self, rest: str) -> None:
        if not self._open:
            return await self._session.say("503 5.5.1 MAIL first")
        recipient = _address(rest)
        if (await self._say("rcpt", "250 2.1.5 ok", recipient)).startswith("2"):
            self._open.recipients.append(recipient)

    async def _data(self, _: str) -> None:
        if not self._open or not self._open.recipients:
            return await self._session.say("503 5.5.1 RCPT first")
        if not (await self._say("data", "354 go on")).startswith("3"):
            return self.end()
        await self._read_content(self._open)
        self._open.dotted = time.monotonic()
        reply = await self._sink.behaviour("dot", self._session, self._open, "") or "250 2.0.0 taken"
        # Counted before it is written: who gets it may be quicker than we are.
        self._open.answered = time.monotonic()
        self._session.writer.write(reply.encode() + b"\r\n")
        is_delivered = reply.startswith("2")
        self._open.is_delivered = is_delivered
        await self._sink.behaviour("answered", self._session, self._open, "")
        with contextlib.suppress(ConnectionError, OSError):
            await self._session.writer.drain()
        self.end(is_delivered)

    async def _read_content(self, transaction: Transaction) -> None:
        content, has_begun = b"", False
        while True:
            line = await self._session.reader.readline()
            if not line.endswith(b"\n"):
                raise ConnectionResetError
            if line == b".\r\n":
                break
            content += line[1:] if line.startswith(b".") else line
            if not has_begun:
                has_begun = True
                await self._sink.behaviour("content", self._session, transaction, "")
        if found := _MESSAGE_ID.search(content):
            transaction.message_id = found[1].decode(errors="replace")
        if b"report-type=delivery-status" in content.replace(b'"', b""):
            transaction.about = [match.decode(errors="replace") for match in _NOTICE.findall(content)]
            transaction.tells_failure = _FAILURE.search(content) is not None


def _address(rest: str) -> str:
    found = re.search(r"<([^>]*)>", rest)
    return found[1] if found else ""


async def _main(place: str) -> None:
    address, _, port = place.rpartition(":")
    sink = Sink({"sink": (address, int(port))})
    sink.on_end = lambda transaction: print(json.dumps(dataclasses.asdict(transaction)), flush=True)
    await sink.start()
    print("sink ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
