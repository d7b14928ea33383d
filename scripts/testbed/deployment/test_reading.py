"""HAProxy before Dovecot and before discovery, with the files of cluster/."""
import http.client
import imaplib
import os
import poplib
import re
import shutil
import smtplib
import socket
import ssl

from ..cluster.cluster import Cluster
from ..keys import make_certificate
from ..network import free_port, listens
from ..postgresql import unprivileged_user
from ..processes import Child
from .case import CLUSTER, PRODUCTS, ROOT, needs, tool
from .test_running import RunningCase

# Whoever reads mail, or asks; HAProxy itself comes from 127.0.0.1.
READER, OTHER = "127.0.0.99", "127.0.0.98"


class BalancedCase(RunningCase):
    """A test with the part of haproxy.cfg that is about readers."""

    def start_haproxy(self, changes: dict[str, str]) -> Child:
        """Replaces examples. What is not there is left out."""
        text = (CLUSTER / "haproxy/haproxy.cfg").read_text().replace("  log global\n", "")
        for unneeded in (r"  (log|user|group|chroot|stats|maxconn) .*\n", r"frontend tls(?s:.*?)(?=# Where mail is read)",
                         r"\n# HAProxy's own numbers(?s:.*)"):
            text, count = re.subn(unneeded, "", text)
            self.assertGreater(count, 0, unneeded)
        for example, ours in changes.items():
            self.assertIn(example, text)
            text = text.replace(example, ours)
        file = self.directory / "haproxy.cfg"
        file.write_text(text + "\n")
        self.assert_accepts("haproxy", "-c", "-f", file)
        return self.processes.start("haproxy", [tool("haproxy") or "", "-db", "-f", str(file)])


@needs("haproxy", "dovecot")
class DovecotRunTests(BalancedCase):
    """A node's mailboxes in a Dovecot that start-dovecot has started, with the files of cluster/dovecot."""

    def setUp(self) -> None:
        super().setUp()
        self.inside = {port: free_port("127.0.0.1") for port in (24, 993, 995, 2993, 2995)}
        self.node = Cluster.make(
            ROOT, self.directory / "node", PRODUCTS, is_tied=True,
            counts={"acceptor": 1, "worker": 1, "keeper": 1, "pg": 1, "redis": 1, "sentinel": 0},
            settings={"mailboxes": {"lmtp": f"127.0.0.1:{self.inside[24]}"}})
        self.addCleanup(self.node.down)
        self.node.up()
        self.node.query("CREATE ROLE postrider_mailboxes LOGIN PASSWORD 'secret'")
        self.node.command("database", "grant", "--role", "mailboxes", "postrider_mailboxes")
        self.node.command("domain", "mailboxes", self.node.layout.DOMAIN, "here")
        self.context = ssl.create_default_context(cafile=self.node.layout.authority)
        self.prepare()
        self.dovecot = self.start_dovecot()
        self.outside = {port: free_port("127.0.0.1") for port in (993, 995)}
        # Discovery is not there.
        changes = {f"bind :{port},[::]:{port} v6only\n": f"bind 127.0.0.1:{ours}\n" for port, ours in self.outside.items()}
        for port in (2993, 2995):
            changes[f"192.0.2.31:{port}"] = f"127.0.0.1:{self.inside[port]}"
            changes[f"check port {port}"] = f"check port {self.inside[port]}"
        changes |= {"bind :80,[::]:80 v6only": f"bind 127.0.0.1:{free_port('127.0.0.1')}",
                    "bind :443,[::]:443 v6only": f"bind 127.0.0.1:{free_port('127.0.0.1')}",
                    "crt /etc/haproxy/certificates/": f"crt {self.directory}/certificates/"}
        self.haproxy = self.start_haproxy(changes)

    def prepare(self) -> None:
        """Dovecot's files with ports of our own, what it is told in files, and a place, all for one user."""
        self.place = self.directory / "dovecot"
        files = self.place / "files"
        shutil.copytree(CLUSTER / "dovecot", files)
        text = (files / "dovecot.conf").read_text()
        for port, ours in self.inside.items():
            text, count = re.subn(rf"port = {port}\b", f"port = {ours}", text)
            self.assertEqual(count, 1)
        (files / "dovecot.conf").write_text(f"listen = 127.0.0.1\n{text}")
        (self.place / "password").write_text("secret\n")
        certificates = self.directory / "certificates"
        certificates.mkdir()
        for name in ("server.pem", "server.key"):
            shutil.copy(self.node.layout.directory / name, self.place / name)
            shutil.copy(self.node.layout.directory / name, certificates / name.replace(".key", ".pem.key"))
        if user := unprivileged_user():
            for path in [self.place, *self.place.rglob("*")]:
                os.chown(path, *user)

    def start_dovecot(self) -> Child:
        """As in a container: nobody is root in it."""
        layout = self.node.layout
        child = self.processes.start(
            "dovecot", ["sh", str(CLUSTER / "container/start-dovecot")], ready="starting up", user=unprivileged_user(),
            environment={
                "MAILBOXES_DATABASE": f"host={layout.back('pg1')} port={layout.port('pg1')} dbname=postrider "
                                      "user=postrider_mailboxes sslmode=disable",
                "MAILBOXES_PASSWORD_FILE": f"{self.place}/password", "MAILBOXES_CERTIFICATE": f"{self.place}/server.pem",
                "MAILBOXES_KEY": f"{self.place}/server.key", "MAILBOXES_PROXIES": "127.0.0.1/32",
                "MAILBOXES_DIRECTORY": f"{self.place}/mail", "DOVECOT_PLACE": f"{self.place}/own",
                "DOVECOT_FILES": f"{self.place}/files",
            })
        self.wait_for(lambda: all(listens(port) for port in self.inside.values()), "Dovecot's ports")
        return child

    def imap(self, port: int, password: str | None = None) -> int:
        """Logs in from READER's address. Returns how many messages there are."""
        test, layout = self, self.node.layout

        class Client(imaplib.IMAP4_SSL):
            def _create_socket(self, timeout: float | None) -> socket.socket:
                return test.context.wrap_socket(test.reach(port), server_hostname="localhost")

        client = Client("localhost", port)
        try:
            client.login(layout.USER, password or layout.login_password)
            return int(client.select("INBOX", readonly=True)[1][0] or b"0")
        finally:
            client.shutdown()

    def pop3(self, port: int) -> int:
        """The same over POP3."""
        test, layout = self, self.node.layout

        class Client(poplib.POP3_SSL):
            def _create_socket(self, timeout: float) -> socket.socket:
                return test.context.wrap_socket(test.reach(port), server_hostname="localhost")

        client = Client("localhost", port)
        client.user(layout.USER)
        client.pass_(layout.login_password)
        count: int = client.stat()[0]
        client.quit()
        return count

    def reach(self, port: int) -> socket.socket:
        """A connection from READER's address."""
        return socket.create_connection(("127.0.0.1", port), 60, source_address=(READER, 0))

    def submit(self) -> None:
        """A message to oneself."""
        layout = self.node.layout
        context = ssl.create_default_context(cafile=layout.authority)
        context.check_hostname = False
        with smtplib.SMTP(layout.front("haproxy"), layout.port("haproxy", "starttls"), timeout=120) as client:
            client.starttls(context=context)
            client.login(layout.USER, layout.login_password)
            client.sendmail(layout.USER, layout.USER, f"From: <{layout.USER}>\r\nSubject: to me\r\n\r\nHello\r\n")

    def test_readers_reach_dovecot_and_it_sees_their_address(self) -> None:
        self.wait_for(lambda: self.imap(self.outside[993]) == 0, "a login through HAProxy")
        self.submit()
        self.wait_for(lambda: self.imap(self.outside[993]) == 1, "the message over IMAP")
        self.assertEqual(self.pop3(self.outside[995]), 1)
        for protocol in ("imap", "pop3"):
            self.assertRegex(self.dovecot.output(), rf"{protocol}-login: Info: Login: user=<{self.node.layout.USER}>.* rip={READER},")
        self.assertNotRegex(self.dovecot.output(), r"Login: .*rip=127\.0\.0\.1,")
        # What counts wrong passwords has the same address.
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(self.outside[993], "wrong")
        self.wait_for(lambda: re.search(rf"\(auth failed.* rip={READER},", self.dovecot.output()) is not None, "the refusal's line")

        # Nobody else is believed.
        self.assertEqual(self.greeting_to_a_forger(self.inside[2993]), b"")
        self.assertNotIn("203.0.113.9,", self.dovecot.output())
        # Whoever comes past HAProxy has his own port, where nothing is said before TLS.
        self.assertEqual(self.imap(self.inside[993]), 1)
        self.assertEqual(self.greeting_to_a_forger(self.inside[993]), b"")

    def greeting_to_a_forger(self, port: int) -> bytes:
        """What somebody hears who says that he comes for another."""
        try:
            with self.reach(port) as forger:
                forger.sendall(b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 993\r\n")
                with self.context.wrap_socket(forger, server_hostname="localhost") as client:
                    return client.recv(100)
        except OSError:
            return b""

    def test_mail_waits_while_dovecot_is_away(self) -> None:
        self.wait_for(lambda: self.imap(self.outside[993]) == 0, "a login through HAProxy")
        self.dovecot.kill()
        # What is asked is whether Dovecot greets, and so is found out.
        self.haproxy.wait_for_line("Server imaps/d1 is DOWN", 60)
        self.submit()
        self.dovecot = self.start_dovecot()
        self.haproxy.wait_for_line("Server imaps/d1 is UP", 60)
        self.wait_for(lambda: self.imap(self.outside[993]) == 1, "the message that waited")


@needs("haproxy")
class DiscoveryRunTests(BalancedCase):
    """Two of discovery with the settings of cluster/postrider.yaml."""

    NAMES = ("discovery.example.org", "autoconfig.acme.example")

    def setUp(self) -> None:
        super().setUp()
        certificates = self.directory / "certificates"
        certificates.mkdir()
        for name in self.NAMES:
            make_certificate(self.directory, name, [name])
            shutil.copy(self.directory / f"{name}.pem", certificates / f"{name}.pem")
            shutil.copy(self.directory / f"{name}.key", certificates / f"{name}.pem.key")
        self.asked = 0
        machines = ["127.0.0.91", "127.0.0.92"]
        self.port, status = free_port(*machines), free_port(*machines)
        self.discovery = [self.start_discovery(place, status) for place in machines]
        self.outside = {port: free_port("127.0.0.1") for port in (80, 443)}
        changes = {f"bind :{port},[::]:{port} v6only": f"bind 127.0.0.1:{ours}" for port, ours in self.outside.items()}
        for number, place in enumerate(machines, 1):
            changes[f"192.0.2.1{number}:2080"] = f"{place}:{self.port}"
        for port in (993, 995):
            changes[f"bind :{port},[::]:{port} v6only\n"] = f"bind 127.0.0.1:{free_port('127.0.0.1')}\n"
        changes |= {"crt /etc/haproxy/certificates/": f"crt {certificates}/", "check port 9681": f"check port {status}",
                    "192.0.2.31": "127.0.0.1"}
        self.start_haproxy(changes)
        self.wait_for(lambda: self.ask()[0] == 200, "an answer through HAProxy")

    def start_discovery(self, place: str, status: int) -> Child:
        """One of them."""
        name = self.NAMES[0]
        settings = {
            "smtp.certificate_file": f"{self.directory}/{name}.pem", "smtp.key_file": f"{self.directory}/{name}.key",
            "discovery.http.listen": f"{place}:{self.port}", "status.listen": f"{place}:{status}",
            "discovery.proxies": "127.0.0.1/32", "discovery.requests_per_minute_max": "5", "shutdown.notice": "15s",
        }
        flags = [part for item in settings.items() for part in ("--set", "=".join(item))]
        child = self.processes.start(
            f"discovery-{place}", [str(PRODUCTS / "postrider"), "discovery", "--config", str(CLUSTER / "postrider.yaml"), *flags],
            ready="ready")
        self.addCleanup(child.kill)
        return child

    PATH = "/mail/config-v1.1.xml?emailaddress=alice@acme.example"

    def ask(self, source: str = "", path: str = PATH, **headers: str) -> tuple[int, str, str]:
        """Status, place to go to, content. Without a source each comes from another address: there is a limit for each."""
        self.asked += 1
        source = source or f"127.1.{self.asked // 250}.{self.asked % 250 + 1}"
        client = http.client.HTTPConnection("127.0.0.1", self.outside[80], timeout=30, source_address=(source, 0))
        client.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = client.getresponse()
        told = answer.status, answer.getheader("Location") or "", answer.read().decode("utf-8", "replace")
        client.close()
        return told

    def test_certificates_are_chosen_by_name(self) -> None:
        for name in self.NAMES:
            context = ssl.create_default_context(cafile=self.directory / f"{name}.pem")
            raw = socket.create_connection(("127.0.0.1", self.outside[443]), 30)
            with context.wrap_socket(raw, server_hostname=name) as client:
                client.sendall(f"GET {self.PATH} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                answer = b"".join(iter(lambda: client.recv(65536), b""))
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
            self.assertIn(b"<hostname>imap.example.org</hostname>", answer)

    def test_a_profile_goes_out_under_tls_alone(self) -> None:
        code, place, _ = self.ask(path="/mail/account.mobileconfig?emailaddress=alice@acme.example")
        self.assertEqual((code, place), (
            302, "https://discovery.example.org/mail/account.mobileconfig?emailaddress=alice@acme.example"))

    def test_clients_are_told_apart_and_cannot_lie(self) -> None:
        def is_limited() -> bool:
            return self.ask(OTHER, X_Forwarded_For=f"203.0.113.{self.asked % 250}")[0] == 429
        self.wait_for(is_limited, "the limit of one client, whatever it says of itself")
        self.assertEqual(self.ask(READER)[0], 200)

    def test_one_of_two_is_enough(self) -> None:
        self.discovery[0].send(15)
        asked = self.asked
        while self.discovery[0].is_running():
            self.assertEqual(self.ask()[0], 200)
        self.assertGreater(self.asked, asked)
        self.assertEqual(self.ask()[0], 200)
