"""Ports on loopback."""
import socket


def free_port(*addresses: str) -> int:
    """A TCP port that nobody has at this moment, on 127.0.0.1 or on each of the given loopback addresses."""
    while True:
        with socket.socket() as probe:
            probe.bind((addresses[0] if addresses else "127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if all(_is_free(address, port) for address in addresses[1:]):
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
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True
