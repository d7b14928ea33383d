"""TLS at the mail's end: certificates that are right or wrong, and alerts."""
import contextlib
import os
import pathlib
import ssl
import typing

from ..cluster.layout import DOMAINS, Layout
from ..keys import make_certificate

# The hosts of the name server's MX records.
HOSTS = [f"mx.inbox{place + 1}.example" for place in range(DOMAINS)] + [f"mx.{Layout.DOMAIN}"]


class Identity:
    """What a mail exchanger shows: its own certificate, or somebody else's."""

    def __init__(self, directory: pathlib.Path) -> None:
        """
        - directory: mx.pem, which workers may trust, and wrong.pem, which nobody signed, are made there.
        """
        make_certificate(directory, "mx", HOSTS)
        make_certificate(directory, "wrong", ["elsewhere.example"], "127.9.9.9")
        self._right, self._wrong = _context(directory, "mx"), _context(directory, "wrong")
        self.is_wrong = False

    def context(self) -> ssl.SSLContext:
        """What the next handshake is made with."""
        return self._wrong if self.is_wrong else self._right


def _context(directory: pathlib.Path, stem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / f"{stem}.pem", directory / f"{stem}.key")
    return context


def send_alert(writer: typing.Any) -> None:
    """A fatal alert that is made by OpenSSL itself: it is given a record that its peer has not encrypted.

    asyncio has no way to say an alert, so this reaches for what lies below its stream.
    """
    protocol = writer.transport._ssl_protocol
    protocol._incoming.write(b"\x17\x03\x03\x00\x20" + os.urandom(32))
    with contextlib.suppress(ssl.SSLError):
        while protocol._sslobj.read(1024):
            pass
    protocol._transport.write(protocol._outgoing.read())
