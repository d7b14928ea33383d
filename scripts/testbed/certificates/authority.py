"""An authority of our own: pebble, and the name server that leads it to us."""
import json
import pathlib
import ssl
import urllib.request

from ..keys import make_certificate
from ..network import free_port, listens
from ..processes import Processes
from ..waiting import wait_until


class Authority:
    """Serves until the processes are stopped. Every name leads it to 127.0.0.1, at a port of its own choice."""

    def __init__(self, directory: pathlib.Path, processes: Processes) -> None:
        self._directory = directory
        self._processes = processes
        self.port, self._management, self._names, self._control = (free_port() for _ in range(4))
        # Where it looks for the answer to its challenge, as if it were port 80.
        self.challenge_port = free_port()
        # For its own HTTPS: what its clients must trust to talk to it.
        make_certificate(directory, stem="pebble")
        self.certificate = directory / "pebble.pem"

    @property
    def directory_url(self) -> str:
        """What ACME clients call the server."""
        return f"https://localhost:{self.port}/dir"

    def start(self) -> None:
        """Returns when it serves."""
        file = self._directory / "pebble.json"
        file.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": str(self.certificate), "privateKey": str(self._directory / "pebble.key"),
            "httpPort": self.challenge_port, "tlsPort": free_port(), "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            # Ten days: less than what renewals wait for, so that one is always due.
            "certificateValidityPeriod": 10 * 86_400,
        }}))
        self._processes.start("names", [
            "pebble-challtestsrv", "-dns01", f"127.0.0.1:{self._names}", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
            "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{self._control}"])
        wait_until(lambda: listens(self._names), 180, "the name server")
        self._processes.start(
            "pebble", ["pebble", "-config", str(file), "-dnsserver", f"127.0.0.1:{self._names}"],
            # It waits before each challenge and refuses some requests for nothing, to try clients; ours are tried enough.
            environment={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})
        wait_until(lambda: listens(self.port) and listens(self._management), 180, "pebble")

    def root(self) -> pathlib.Path:
        """The root certificate that its certificates lead to; another one at each start."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        with urllib.request.urlopen(f"https://localhost:{self._management}/roots/0", context=context, timeout=20) as answer:
            file = self._directory / "root.pem"
            file.write_bytes(answer.read())
        return file
