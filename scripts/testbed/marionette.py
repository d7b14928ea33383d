"""A client of Marionette, the protocol by which Mozilla's programs are driven: JSON over TCP, a number before each."""
import json
import socket
import typing

from .trouble import Trouble

_COMMAND, _ANSWER = 0, 1


class Marionette:
    """One connection, in the chrome context: scripts run where the program's own interface does."""

    def __init__(self, port: int, seconds: float = 60) -> None:
        """Connects and begins a session. Scripts and waits end after `seconds`."""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds + 10)
        self._number = 0
        self._read()
        # A dialogue is nobody's accident here: it stays until whoever drives the program has seen it.
        self._send("WebDriver:NewSession", capabilities={"alwaysMatch": {"unhandledPromptBehavior": "ignore"}})
        self._send("Marionette:SetContext", value="chrome")
        self._send("WebDriver:SetTimeouts", script=int(seconds * 1000))

    def run(self, script: str, *arguments: typing.Any) -> typing.Any:
        """Runs the body of an async function. Returns what it does, by way of JSON; raises Trouble when it throws."""
        body = f"return (async (...args) => {{ {script} }})(...arguments);"
        return self._send("WebDriver:ExecuteScript", script=body, args=list(arguments), sandbox="system",
                          newSandbox=True)["value"]

    def close(self) -> None:
        """Ends the connection, not the program."""
        self._socket.close()

    def _send(self, command: str, **parameters: typing.Any) -> dict[str, typing.Any]:
        self._number += 1
        text = json.dumps([_COMMAND, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(text), text))
        kind, number, error, result = self._read()
        if (kind, number) != (_ANSWER, self._number):
            raise Trouble(f"an answer to something else: {kind}, {number}")
        if error:
            raise Trouble(f"{command}: {error.get('error')}: {error.get('message')}\n{error.get('stacktrace', '')}")
        return result if isinstance(result, dict) else {"value": result}

    def _read(self) -> typing.Any:
        length = b""
        while not length.endswith(b":"):
            length += self._octets(1)
        return json.loads(self._octets(int(length[:-1])))

    def _octets(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            part = self._socket.recv(count - len(octets))
            if not part:
                raise Trouble("the program has ended the connection")
            octets += part
        return octets
