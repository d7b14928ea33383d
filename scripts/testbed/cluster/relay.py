"""The relay: stands before every server of a cluster so that connections between two of them can be cut.

It listens on a server's front while the server itself listens on its back, and passes octets on. Whoever connects is
known by the process that has the socket, so that one address serves all. A cut between two names is

- `reset`: connections are broken, new ones too
- `deaf`: octets wait, as if packets were lost; after healing they arrive
- a delay in seconds: octets arrive that much later

and may be one way only. Before the name server it does what `names` tells. Run as a process: `python3 -m testbed.cluster.relay DIRECTORY`; it obeys lines of JSON on the
socket `relay.sock`.
"""
import asyncio
import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import struct
import sys
import typing

from ..network import endpoint, listening
from .layout import Layout
from .names import NameFront

_BLOCK = 64 * 1024
READY = "relay ready"


@dataclasses.dataclass
class Cut:
    """What happens between two names. ways: from whom octets are affected, both or one of them."""

    names: frozenset[str]
    ways: frozenset[str]
    mode: str
    seconds: float = 0


class Cuts:
    """The present cuts, and a way to wait for a change."""

    def __init__(self) -> None:
        self.all: list[Cut] = []
        self.changed = asyncio.Event()

    def between(self, one: str, other: str) -> Cut | None:
        """The one that holds between two names."""
        return next((cut for cut in self.all if cut.names == {one, other}), None)

    def replace(self, cuts: list[Cut]) -> None:
        """From now on these hold."""
        self.all = cuts
        self.changed.set()
        self.changed = asyncio.Event()


class Link:
    """One connection through the relay."""

    def __init__(self, relay: "Relay", client: str, server: str, near: "Pair", far: "Pair") -> None:
        self.relay, self.client, self.server, self.near, self.far = relay, client, server, near, far

    async def run(self) -> None:
        """Passes octets on until both directions have ended."""
        ways = [self._pass(self.client, self.server, self.near[0], self.far[1]),
                self._pass(self.server, self.client, self.far[0], self.near[1])]
        await asyncio.gather(*ways)

    def break_off(self) -> None:
        """Ends both sides with a reset."""
        for _, writer in (self.near, self.far):
            reset(writer)

    async def _pass(self, sender: str, receiver: str, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while block := await source.read(_BLOCK):
                await self._wait_for_way(sender, receiver)
                target.write(block)
                await target.drain()
            await self._wait_for_way(sender, receiver)
            target.write_eof()
        except (OSError, RuntimeError):
            # A reset of one side is a reset of the other, unless octets are lost between them anyway.
            with contextlib.suppress(OSError):
                await self._wait_for_way(sender, receiver)
            self.break_off()

    async def _wait_for_way(self, sender: str, receiver: str) -> None:
        while True:
            cuts = self.relay.cuts
            changed = cuts.changed
            cut = cuts.between(sender, receiver)
            if not cut or sender not in cut.ways:
                return
            if cut.mode == "delay":
                await asyncio.sleep(cut.seconds)
                return
            if cut.mode == "reset":
                raise ConnectionResetError
            await changed.wait()


Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Relay:
    """All fronts of a cluster."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.cuts = Cuts()
        self._links: set[Link] = set()
        self._fronts: dict[tuple[str, str], asyncio.Server] = {}
        self._names = NameFront((layout.back("dns"), layout.port("dns")), self._name_trouble)

    async def run(self) -> None:
        """Serves until the process ends."""
        # An address of a socket is short; the directory's path may be long.
        descriptor = os.open(self.layout.directory, os.O_RDONLY | os.O_DIRECTORY)
        path = f"/proc/self/fd/{descriptor}/relay.sock"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        await asyncio.start_unix_server(self._obey, path)
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self._names, local_addr=(self.layout.front("dns"), self.layout.port("dns")))
        await self._mirror()
        print(READY, flush=True)
        while True:
            await asyncio.sleep(0.05)
            await self._mirror()

    async def _mirror(self) -> None:
        """A front listens while its back does: who connects to a dead server is refused."""
        present = listening()
        for name in self.layout.relayed():
            for purpose, port in self.layout.ports[name].items():
                key, is_there = (name, purpose), (self.layout.back(name), port) in present
                if is_there and key not in self._fronts:
                    self._fronts[key] = await asyncio.start_server(
                        lambda reader, writer, name=name, port=port: self._serve(name, port, (reader, writer)),
                        self.layout.front(name), port, backlog=1024)
                elif not is_there and key in self._fronts:
                    self._fronts.pop(key).close()

    async def _serve(self, server: str, port: int, near: Pair) -> None:
        client = await asyncio.to_thread(self._owner, near[1].get_extra_info("peername"))
        cut = self.cuts.between(client, server)
        try:
            if cut and cut.mode == "reset":
                raise ConnectionResetError
            far = await asyncio.open_connection(self.layout.back(server), port)
        except OSError:
            return reset(near[1])
        link = Link(self, client, server, near, far)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)
            for _, writer in (near, far):
                writer.close()

    async def _name_trouble(self, client: tuple[str, int]) -> tuple[str, float]:
        """What happens to a question that came from there."""
        cuts = [cut for cut in self.cuts.all if "dns" in cut.names]
        for cut in cuts:
            if cut.names == {"dns"} or await asyncio.to_thread(self._owner, client, "udp") in cut.names:
                return cut.mode, cut.seconds
        return "", 0

    def _owner(self, peer: tuple[str, int], table: str = "tcp") -> str:
        """The name whose process has the socket at the other end; empty when it is none of ours."""
        inode = _inode(peer, table)
        if inode is None:
            return ""
        wanted = f"socket:[{inode}]"
        known = json.loads((self.layout.directory / "processes.json").read_text())
        ours = {int(entry["pid"]): name for name, entry in known.items() if name != "relay"}
        for pid in sorted((int(entry) for entry in os.listdir("/proc") if entry.isdigit()), key=lambda pid: pid not in ours):
            with contextlib.suppress(OSError):
                for descriptor in os.scandir(f"/proc/{pid}/fd"):
                    with contextlib.suppress(OSError):
                        if os.readlink(descriptor.path) == wanted:
                            return _ancestor(pid, ours)
        return ""

    async def _obey(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            cuts = [
                Cut(frozenset(cut["names"]), frozenset(cut["ways"]), cut["mode"], cut.get("seconds", 0))
                for cut in json.loads(line)]
            self.cuts.replace(cuts)
            for link in list(self._links):
                cut = self.cuts.between(link.client, link.server)
                if cut and cut.mode == "reset":
                    link.break_off()
            writer.write(b"done\n")
            await writer.drain()
        writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection with RST."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _inode(peer: tuple[str, int], table: str) -> int | None:
    # A socket for datagrams need not say which of the machine's addresses it has.
    places = {tuple(peer), ("0.0.0.0", peer[1])} if table == "udp" else {tuple(peer)}
    with open(f"/proc/net/{table}") as file:
        for line in file.readlines()[1:]:
            fields = line.split()
            if endpoint(fields[1]) in places:
                return int(fields[9])
    return None


def _ancestor(pid: int, ours: dict[int, str]) -> str:
    while pid > 1:
        if pid in ours:
            return ours[pid]
        try:
            pid = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return ""
    return ""


class RelayControl:
    """The other end of `relay.sock`."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory

    def tell(self, cuts: list[dict[str, typing.Any]]) -> None:
        """From now on exactly these cuts hold; returns when they do."""
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(f"/proc/self/fd/{descriptor}/relay.sock")
                connection.sendall(json.dumps(cuts).encode() + b"\n")
                connection.recv(16)
        finally:
            os.close(descriptor)


if __name__ == "__main__":
    asyncio.run(Relay(Layout.load(pathlib.Path(sys.argv[1]))).run())
