"""A man in the middle who takes STARTTLS away, offers to take a login without it, and hears what is said in the clear."""
import re
import socket
import threading
import typing

_OFFER = re.compile(rb"250([ -])STARTTLS\r\n")
_SECONDS = 30


class Stripper:
    """Passes one port's connections on to another, with the offer of a login in place of that of STARTTLS. Use it as a
    context."""

    def __init__(self, port: int) -> None:
        """
        - port: where the node offers STARTTLS, on 127.0.0.1.
        """
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        # The verbs that were said, in upper case; without TLS all of them can be read.
        self.heard: list[str] = []
        self.stripped = 0

    def __enter__(self) -> "Stripper":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: typing.Any) -> None:
        # A blocked accept would not hear of a mere close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(_SECONDS)
        with client, socket.create_connection(("127.0.0.1", self._target), _SECONDS) as server:
            back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
            back.start()
            try:
                for line in client.makefile("rb"):
                    verb = line.split()[0].decode(errors="replace").upper() if line.split() else ""
                    self.heard.append(verb)
                    if verb == "STARTTLS":
                        # For whoever asks without having been offered it.
                        client.sendall(b"502 5.5.1 STARTTLS is not offered here\r\n")
                    else:
                        server.sendall(line)
                server.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            back.join(_SECONDS)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        try:
            for line in server.makefile("rb"):
                if not (offer := _OFFER.fullmatch(line)):
                    client.sendall(line)
                    continue
                self.stripped += 1
                # The lure for a password in the clear.
                client.sendall(b"250" + offer[1] + b"AUTH PLAIN LOGIN\r\n")
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
