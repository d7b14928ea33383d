"""What stands before the name server: passes questions and answers on, or answers badly as it is told.

- `deaf`: nothing comes back
- `delay`: answers come late
- `servfail`: every answer says that the server has failed
- `lie`: before each true answer comes a forged one, of another transaction and with other addresses
- `garbage`: octets that are no answer

It may do so to one of its clients alone: `deaf` and `delay` serve as cuts.
"""
import asyncio
import os
import typing

MODES = ("deaf", "delay", "servfail", "lie", "garbage")


class NameFront(asyncio.DatagramProtocol):
    """Listens on the front, over UDP."""

    def __init__(
        self, back: tuple[str, int], trouble: typing.Callable[[tuple[str, int]], typing.Awaitable[tuple[str, float]]],
    ) -> None:
        """
        - trouble: what happens to a question from an address: one of MODES or nothing, and seconds.
        """
        self._back = back
        self._trouble = trouble
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = typing.cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asyncio.ensure_future(self._ask(data, addr))

    async def _ask(self, question: bytes, client: tuple[str, int]) -> None:
        mode, seconds = await self._trouble(client)
        if mode == "deaf":
            return
        if mode == "delay":
            await asyncio.sleep(seconds)
        if mode == "garbage":
            return self._say(os.urandom(64), client)
        if mode == "servfail" and len(question) > 12:
            # The question again, marked as an answer with code 2 (RFC 1035 §4.1.1).
            return self._say(question[:2] + bytes([question[2] | 0x80, 0x82]) + question[4:], client)
        answered = asyncio.get_running_loop().create_future()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Asker(question, answered), remote_addr=self._back)
        try:
            answer = await asyncio.wait_for(answered, 5)
        except (asyncio.TimeoutError, OSError):
            return
        finally:
            transport.close()
        if mode == "lie":
            self._say(bytes([answer[0] ^ 0x55]) + answer[1:-4] + bytes([127, 0, 0, 99]), client)
        self._say(answer, client)

    def _say(self, data: bytes, client: tuple[str, int]) -> None:
        if self._transport:
            self._transport.sendto(data, client)


class _Asker(asyncio.DatagramProtocol):
    def __init__(self, question: bytes, answered: "asyncio.Future[bytes]") -> None:
        self._question, self._answered = question, answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        typing.cast(asyncio.DatagramTransport, transport).sendto(self._question)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._answered.done():
            self._answered.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(OSError(str(exc)))
