"""What the sink does at each stage: by the recipient's name, by the present fault, and whatever a scenario hooks in.

Recipients are called KIND.PLACE.TOKEN: `ok` is taken, `bad` is refused for ever, `later` is put off once,
`hours` often, `never` always.
"""
import asyncio
import dataclasses
import random
import typing

from .sink import Reset, Session, Transaction

# How often somebody of that name is put off.
_TIMES_PUT_OFF = {"later": 1, "hours": 8, "never": 1_000_000}

Hook = typing.Callable[[Session, Transaction | None], typing.Awaitable[None]]
RecipientHook = typing.Callable[[Session, Transaction | None, str], typing.Awaitable[None]]


@dataclasses.dataclass
class Trouble:
    """What goes wrong at a stage, how often (a share), until it is taken away."""

    stage: str
    kind: str
    share: float = 1.0
    seconds: float = 0.0
    reply: str = ""


class Behaviours:
    """The sink's behaviour, as it is at the moment."""

    def __init__(self, chance: random.Random) -> None:
        self._random = chance
        self._put_off: dict[str, int] = {}
        self.troubles: list[Trouble] = []
        self._is_calm = False
        # Called at a stage, before anything is said.
        self.hooks: dict[str, Hook] = {}
        # Called at RCPT with the recipient.
        self.recipient_hook: RecipientHook | None = None
        # Seconds that each transaction takes at a stage.
        self.latency: dict[str, float] = {"dot": 0.05}

    def calm(self) -> None:
        """No more troubles and hooks, and nobody is put off any more."""
        self._is_calm = True
        self.troubles, self.hooks, self.recipient_hook = [], {}, None

    async def __call__(self, stage: str, session: Session, transaction: Transaction | None, recipient: str) -> str | None:
        if seconds := self.latency.get(stage):
            await asyncio.sleep(seconds)
        if hook := self.hooks.get(stage):
            await hook(session, transaction)
        if recipient and self.recipient_hook:
            await self.recipient_hook(session, transaction, recipient)
        for trouble in self.troubles:
            if trouble.stage == stage and self._random.random() < trouble.share:
                if reply := await self._suffer(trouble, session):
                    return reply
        return self._by_name(recipient) if stage == "rcpt" else None

    def _by_name(self, recipient: str) -> str | None:
        kind = recipient.partition(".")[0]
        if kind == "bad":
            return "550 5.1.1 nobody of that name"
        times = self._put_off.get(recipient, 0)
        if not self._is_calm and times < _TIMES_PUT_OFF.get(kind, 0):
            self._put_off[recipient] = times + 1
            return "451 4.2.0 later"
        return None

    async def _suffer(self, trouble: Trouble, session: Session) -> str | None:
        if trouble.kind == "reset":
            raise Reset
        if trouble.kind == "alert":
            await session.alert()
        if trouble.kind == "handshake":
            await session.break_handshake()
        if trouble.kind == "reply":
            return trouble.reply
        if trouble.kind == "garbage":
            session.writer.write(bytes(self._random.randrange(256) for _ in range(512)) + b"\r\n")
            await session.writer.drain()
            raise Reset
        if trouble.kind == "endless":
            # More than anybody should read.
            for _ in range(200):
                session.writer.write(b"250-and so on\r\n" * 200)
                await session.writer.drain()
                await asyncio.sleep(0)
            raise Reset
        if trouble.kind == "tarpit":
            for _ in range(int(trouble.seconds * 2)):
                session.writer.write(b"4")
                await session.writer.drain()
                await asyncio.sleep(0.5)
            raise Reset
        if trouble.kind == "silence":
            await asyncio.sleep(trouble.seconds)
            raise Reset
        return None
