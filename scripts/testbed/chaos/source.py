"""The mail's beginning: submits over TLS with a login, as fast as it is told, and writes down what became of each."""
import asyncio
import base64
import contextlib
import dataclasses
import random
import ssl
import time
import typing

from ..cluster.layout import DOMAINS

# How long an acceptor may keep a client waiting for a reply before it counts as hanging.
REPLY_LIMIT = 60.0


@dataclasses.dataclass
class Sent:
    """One message that was offered."""

    token: str
    recipients: list[str]
    begun: float
    # `accepted`: there was a 250. `unknown`: all of it was sent, and no reply came. `refused`: a 4xx or 5xx.
    # `broken`: the connection ended before all of it was sent.
    state: str = "broken"
    queue_id: str = ""
    reply: str = ""
    ended: float = 0.0

    @property
    def message_id(self) -> str:
        """As it stands in the message."""
        return f"<{self.token}@source.example>"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where mail is submitted, and as whom."""

    address: str
    port: int
    user: str
    # Empty: without a login.
    password: str = ""
    # The PEM file to trust; empty: without TLS.
    authority: str = ""
    # What a load balancer would say first; empty: nothing.
    proxy_line: str = ""


class Source:
    """Several connections at once, each with one message after the other."""

    def __init__(self, place: Place, seed: int, connections: int = 6, per_second: float = 20) -> None:
        self._place = place
        self._random = random.Random(seed)
        self.connections = connections
        self.per_second = per_second
        self.sent: list[Sent] = []
        # The longest that it waited for any reply, and how often nobody could be reached.
        self.slowest_reply = 0.0
        self.failed_connections = 0
        self.refused_sessions = 0
        self.is_paused = False
        self._next_at = 0.0
        self._is_stopped = False
        self._next_kinds: list[str] = []
        self._tls = ssl.create_default_context(cafile=place.authority) if place.authority else None
        # Called in DATA after half of the content, with what is being sent; may wait.
        self.in_content: typing.Callable[[Sent], typing.Awaitable[None]] | None = None
        # What recipients are called, by lot; the sink knows what the names mean.
        self.kinds = {"ok": 18, "bad": 1, "later": 1}
        self.after_end: typing.Callable[[Sent], None] = lambda sent: None

    async def run(self) -> None:
        """Submits until `stop`."""
        await asyncio.gather(*(self._connection(number) for number in range(self.connections)))

    def stop(self) -> None:
        """No message is begun after this one."""
        self._is_stopped = True

    def say_next(self, kinds: list[str]) -> None:
        """The next message goes to recipients of these kinds."""
        self._next_kinds = kinds

    def accepted(self) -> list[Sent]:
        """What got a 250."""
        return [sent for sent in self.sent if sent.state == "accepted"]

    def refusals(self) -> int:
        """How often it was told 4xx or 5xx."""
        return sum(sent.state == "refused" for sent in self.sent) + self.refused_sessions

    async def _connection(self, number: int) -> None:
        while not self._is_stopped:
            client = None
            try:
                client = await Client.open(self._place, self._tls, self)
                while not self._is_stopped:
                    await self._pace()
                    if self._is_stopped or not await self._send(client):
                        break
                else:
                    await client.command("QUIT")
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ssl.SSLError):
                self.failed_connections += client is None
            except Refused:
                self.refused_sessions += 1
            finally:
                if client:
                    client.close()
            await asyncio.sleep(0.1 + 0.2 * self._random.random())

    async def _pace(self) -> None:
        while self.is_paused and not self._is_stopped:
            await asyncio.sleep(0.05)
        now = time.monotonic()
        self._next_at = max(self._next_at, now - 1) + 1 / self.per_second
        if self._next_at > now:
            await asyncio.sleep(self._next_at - now)

    async def _send(self, client: "Client") -> bool:
        """Submits one message. Returns whether the connection can be used for another."""
        sent = self._make()
        self.sent.append(sent)
        try:
            for line in [f"MAIL FROM:<{self._place.user}>", *(f"RCPT TO:<{name}>" for name in sent.recipients), "DATA"]:
                reply = await client.command(line)
                if reply[0] not in "23":
                    sent.state, sent.reply = "refused", reply
                    return reply[:3] != "421" and (await client.command("RSET"))[0] == "2"
            await self._send_content(client, sent)
            sent.state = "unknown"
            reply = await client.reply()
            sent.reply = reply
            if reply.startswith("250"):
                sent.state, sent.queue_id = "accepted", reply.split()[-1]
            else:
                sent.state = "refused"
            return reply[:3] != "421"
        finally:
            sent.ended = time.monotonic()
            self.after_end(sent)

    async def _send_content(self, client: "Client", sent: Sent) -> None:
        head = (f"From: <{self._place.user}>\r\nTo: undisclosed-recipients:;\r\nSubject: {sent.token}\r\n"
                f"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: {sent.message_id}\r\n\r\n")
        await client.write(head + "first half\r\n" * 20)
        if self.in_content:
            await self.in_content(sent)
        await client.write("second half\r\n" * 20)
        # From here on nobody knows, until the reply has come.
        sent.state = "unknown"
        await client.write(".\r\n")

    def _make(self) -> Sent:
        token = f"m{len(self.sent):06}-{self._random.getrandbits(32):08x}"
        kinds = self._random.choices(list(self.kinds), list(self.kinds.values()), k=self._random.choice((1, 1, 2, 3)))
        if self._next_kinds:
            kinds, self._next_kinds = self._next_kinds, []
        recipients = [
            f"{kind}.{place}.{token}@inbox{self._random.randint(1, DOMAINS)}.example"
            for place, kind in enumerate(kinds)]
        return Sent(token, recipients, time.monotonic())


class Refused(Exception):
    """The session was refused before a message could be offered."""


class Client:
    """One SMTP session under TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, source: Source) -> None:
        self._reader, self._writer, self._source = reader, writer, source

    @classmethod
    async def open(cls, place: Place, tls: ssl.SSLContext | None, source: Source) -> "Client":
        """Connects and logs in."""
        secure = {"ssl": tls, "server_hostname": "localhost", "ssl_handshake_timeout": REPLY_LIMIT} if tls else {}
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(place.address, place.port, **secure), REPLY_LIMIT)
        client = cls(reader, writer, source)
        try:
            if place.proxy_line:
                await client.write(place.proxy_line + "\r\n")
            secret = base64.b64encode(f"\0{place.user}\0{place.password}".encode()).decode()
            replies = [await client.reply(), await client.command("EHLO source.example")]
            if place.password:
                replies.append(await client.command(f"AUTH PLAIN {secret}"))
            if refusal := next((reply for reply in replies if reply[0] != "2"), None):
                raise Refused(refusal)
            return client
        except BaseException:
            client.close()
            raise

    async def command(self, line: str) -> str:
        """Says a line, returns the reply's last line."""
        await self.write(line + "\r\n")
        return await self.reply()

    async def write(self, text: str) -> None:
        """Sends octets."""
        self._writer.write(text.encode())
        await asyncio.wait_for(self._writer.drain(), REPLY_LIMIT)

    async def reply(self) -> str:
        """Reads one reply, returns its last line. Raises an error of the connection when it ends or hangs."""
        begun = time.monotonic()
        try:
            while True:
                line = await asyncio.wait_for(self._reader.readline(), REPLY_LIMIT)
                if not line.endswith(b"\r\n"):
                    raise ConnectionResetError("the connection has ended")
                if line[3:4] != b"-":
                    return line.decode(errors="replace").strip()
        finally:
            self._source.slowest_reply = max(self._source.slowest_reply, time.monotonic() - begun)

    def close(self) -> None:
        """Ends the connection without a word."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.transport.abort()
