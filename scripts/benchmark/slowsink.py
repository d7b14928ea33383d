"""A mail server that reads content slowly: `python3 slowsink.py PORT BYTES_PER_SECOND`, a thread for each connection.

It takes everything and prints a line for each message. Without it a large message would be gone before a second one
is half read, and nobody would see who holds it meanwhile.
"""
import socket
import socketserver
import sys
import time

_BLOCK = 64 * 1024


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 slow.sink.example")
        while line := self.rfile.readline(4096):
            verb = line[:4].upper().strip()
            if verb == b"EHLO":
                self._say("250-slow.sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000")
            elif verb == b"DATA":
                self._say("354 go on")
                size = self._read_content()
                print(f"message of {size} bytes", flush=True)
                self._say("250 taken")
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _read_content(self) -> int:
        size, end, start = 0, b"", time.monotonic()
        while not end.endswith(b"\r\n.\r\n"):
            block = self.rfile.read1(_BLOCK)
            if not block:
                return size
            size += len(block)
            end = (end + block)[-5:]
            ahead = size / self.server.bytes_per_second - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)
        return size


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    bytes_per_second = 0

    def get_request(self) -> tuple[socket.socket, tuple]:
        connection, address = super().get_request()
        # Little is on the way, so what the client has not sent yet is with the client.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BLOCK)
        return connection, address


if __name__ == "__main__":
    with _Server(("127.0.0.1", int(sys.argv[1])), _Session) as server:
        server.bytes_per_second = int(sys.argv[2])
        print("slow sink ready", flush=True)
        server.serve_forever()
