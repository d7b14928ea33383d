"""The man in the middle of the guides' tests, in front of a server made up here."""
import socket
import threading
import unittest

from ..integrations.stripper import Stripper

_REPLIES = {
    b"EHLO": b"250-server\r\n250-STARTTLS\r\n250 HELP\r\n", b"LHLO": b"250-server\r\n250 STARTTLS\r\n",
    b"STARTTLS": b"220 go on\r\n",
}


class StripperTests(unittest.TestCase):
    """What a client sees, and what is heard of it."""

    def setUp(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        self.stripper = self.enterContext(Stripper(listener.getsockname()[1]))
        self.client = self.enterContext(socket.create_connection(("127.0.0.1", self.stripper.port), 10))
        self.lines = self.enterContext(self.client.makefile("rb"))

    def test_login_is_offered_in_the_place_of_tls(self) -> None:
        self.client.sendall(b"EHLO client\r\n")
        self.assertEqual([self.lines.readline() for _ in range(3)],
                         [b"250-server\r\n", b"250-AUTH PLAIN LOGIN\r\n", b"250 HELP\r\n"])
        self.client.sendall(b"LHLO client\r\n")
        self.assertEqual([self.lines.readline() for _ in range(2)], [b"250-server\r\n", b"250 AUTH PLAIN LOGIN\r\n"])
        self.assertEqual(self.stripper.stripped, 2)

    def test_tls_is_refused_to_who_asks_for_it_all_the_same(self) -> None:
        self.client.sendall(b"STARTTLS\r\nauth PLAIN secret\r\n")
        self.assertRegex(self.lines.readline(), b"^502 ")
        self.assertEqual(self.lines.readline(), b"538 not here\r\n")
        self.assertEqual(self.stripper.heard, ["STARTTLS", "AUTH"])


def _serve(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall(_REPLIES.get(line.split()[0], b"538 not here\r\n"))


if __name__ == "__main__":
    unittest.main()
