"""Ports on loopback."""
import errno
import random
import socket

# Below the range from which the kernel takes the ports of outgoing connections, so that none of those takes ours.
_CANDIDATES = range(20_000, 32_000)
_handed_out: set[int] = set()


def free_port(*addresses: str) -> int:
    """
    A TCP port that nobody has at this moment, on 127.0.0.1 or on each of the given loopback addresses; never the same
    twice in one process.
    """
    while True:
        port = random.choice(_CANDIDATES)
        if port not in _handed_out and all(_is_free(address, port) for address in addresses or ("127.0.0.1",)):
            _handed_out.add(port)
            return port


def listens(port: int, address: str = "127.0.0.1") -> bool:
    """Whether somebody listens there, found out without a connection that would be counted."""
    return (address, port) in listening()


def listening() -> set[tuple[str, int]]:
    """Every IPv4 address and port on which somebody listens."""
    found = set()
    with open("/proc/net/tcp") as table:
        for line in table:
            # The state; looked at first, because there may be thousands of others.
            if " 0A " in line:
                found.add(endpoint(line.split(maxsplit=2)[1]))
    return found


def endpoint(text: str) -> tuple[str, int]:
    """An address and a port as /proc/net/tcp writes them."""
    address, _, port = text.partition(":")
    return socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections in TIME_WAIT are no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        return True
