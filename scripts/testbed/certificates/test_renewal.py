"""A certificate is got, used, renewed and used again, while sessions go on."""
import hashlib
import os
import pathlib
import smtplib
import socket
import ssl
import stat
import tempfile
import unittest

from ..cluster.cluster import Cluster
from ..processes import Processes, run
from ..waiting import wait_until
from .authority import Authority
from .page import NAME, commands, placed

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
PRODUCTS = pathlib.Path(os.environ.get("CERTIFICATE_PRODUCTS", ROOT / ".build/debug"))
HOOK = "/usr/local/lib/postrider/install-certificate"


class RenewalTests(unittest.TestCase):
    """With one node and one authority for both programs."""

    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="postrider-certificates-")
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = pathlib.Path(temporary.name)
        cls.directory.chmod(0o755)
        cls.tls = cls.directory / "tls"
        cls.tls.mkdir()
        processes = Processes(cls.directory)
        cls.addClassCleanup(processes.stop_all)
        cls.authority = Authority(cls.directory, processes)
        cls.authority.start()
        cls.root = cls.authority.root()
        cls.get("lego")
        cls.node = Cluster.make(
            ROOT, cls.directory / "node", PRODUCTS, is_tied=True,
            counts={"acceptor": 1, "worker": 0, "keeper": 0, "pg": 1, "redis": 1, "sentinel": 0, "haproxy": 0, "sink": 1},
            settings={"smtp": {"hostname": NAME, "certificate_file": f"{cls.tls}/server.pem",
                               "key_file": f"{cls.tls}/server.key",
                               # Clients come without a load balancer.
                               "proxy_protocol": {"allow_networks": []}}})
        cls.addClassCleanup(cls.node.down)
        cls.node.up()

    # The programs

    @classmethod
    def get(cls, program: str) -> None:
        """Runs the page's first command."""
        cls.run_command(program, commands(program)[0])

    @classmethod
    def renew(cls, program: str) -> None:
        """Runs the page's second command."""
        cls.run_command(program, commands(program)[1])

    @classmethod
    def run_command(cls, program: str, command: str) -> None:
        """Runs a command of the page, told where things are here; and not to wait, as both do so that authorities do not
        get all renewals of the world at once."""
        authority, place = cls.authority, cls.directory / program
        if program == "lego":
            command = placed(command, {
                "lego ": f"lego --server {authority.directory_url} --http.port 127.0.0.1:{authority.challenge_port} ",
                "/var/lib/lego": str(place), HOOK: str(ROOT / "cluster/certificates/install-certificate")})
            command = command.replace(" renew ", " renew --no-random-sleep ")
        else:
            command = placed(command, {"certbot ": "certbot " + " ".join([
                f"--server {authority.directory_url}", f"--config-dir {place}/etc", f"--work-dir {place}/lib",
                f"--logs-dir {place}/log", "--http-01-address 127.0.0.1", f"--http-01-port {authority.challenge_port}", ""])})
            command = command.replace(HOOK, str(ROOT / "cluster/certificates/install-certificate"))
            command = command.replace(" renew ", " renew --no-random-sleep-on-renew ")
        run(["sh", "-euc", command], seconds=120, environment={
            "TLS_DIRECTORY": str(cls.tls), "LEGO_CA_CERTIFICATES": str(authority.certificate),
            "REQUESTS_CA_BUNDLE": str(authority.certificate)})

    # The node

    def connect(self) -> smtplib.SMTP:
        """A session with STARTTLS, whose certificate was verified for the name."""
        layout = self.node.layout
        client = Named(layout.back("acceptor1"), layout.port("acceptor1", "starttls"), timeout=60)
        self.addCleanup(client.close)
        client.starttls(context=ssl.create_default_context(cafile=str(self.root)))
        client.login(layout.USER, layout.login_password)
        return client

    def shown(self) -> str:
        """The digest of the certificate that the other port shows to whoever comes now."""
        layout = self.node.layout
        context = ssl.create_default_context(cafile=str(self.root))
        place = (layout.back("acceptor1"), layout.port("acceptor1", "tls"))
        with socket.create_connection(place, timeout=60) as plain, context.wrap_socket(plain, server_hostname=NAME) as tls:
            return digest(tls)

    def installed(self) -> str:
        """The digest of the certificate in the file."""
        first = (self.tls / "server.pem").read_text().split("-----END")[0] + "-----END CERTIFICATE-----\n"
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()

    def send(self, client: smtplib.SMTP) -> None:
        """One message, which must be taken."""
        client.sendmail(self.node.layout.USER, ["ok.someone@inbox1.example"],
                        f"From: <{self.node.layout.USER}>\r\n\r\nHello\r\n")

    def check_change(self, change: str, program: str) -> None:
        """One command of the page, with a session across it."""
        before = self.installed()
        wait_until(lambda: self.shown() == before, 60, "the certificate before")
        old = self.connect()
        self.send(old)
        {"get": self.get, "renew": self.renew}[change](program)
        after = self.installed()
        self.assertNotEqual(before, after, f"{program} has made nothing new")
        wait_until(lambda: self.shown() == after, 60, "the new certificate")
        new = self.connect()
        self.assertEqual(digest(new.sock), after)
        self.assertEqual(digest(old.sock), before, "the old session is the old one")
        for session in (old, new):
            self.send(session)

    def test_lego(self) -> None:
        self.check_change("renew", "lego")
        self.check_change("renew", "lego")

    def test_certbot(self) -> None:
        self.check_change("get", "certbot")
        self.check_change("renew", "certbot")

    def test_the_key_is_for_the_node_alone(self) -> None:
        for name in ("server.key", "server.pem"):
            status = (self.tls / name).stat()
            self.assertEqual(stat.S_IMODE(status.st_mode), 0o640)
            self.assertEqual(status.st_gid, self.tls.stat().st_gid)
        self.assertEqual(sorted(file.name for file in self.tls.iterdir()), ["server.key", "server.pem"])


class Named(smtplib.SMTP):
    """A client that was given the name and found the address elsewhere."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        self._host = NAME
        return made


def digest(connection: ssl.SSLSocket | socket.socket | None) -> str:
    """Of the certificate that the other side showed."""
    assert isinstance(connection, ssl.SSLSocket)
    return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
