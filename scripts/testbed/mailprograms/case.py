"""What the tests of mail programs share: a node, discovery beside it, and a Dovecot to read from."""
import email
import email.message
import email.policy
import pathlib
import tempfile
import typing
import unittest

from ..integrations.node import PASSWORD, USER, Node
from ..integrations.place import Place
from ..processes import Processes
from ..thunderbird import Thunderbird
from ..waiting import wait_until
from .mailboxes import start_mailboxes

# Set before the tests run.
PRODUCTS = pathlib.Path()
PLACE: Place | None = None

DOMAIN = "example.com"
READING, DISCOVERY = "mail.example.com", "discovery.example.com"
# Has a mailbox, and no credential to send with.
STRANGER = "stranger@example.com"
_NAMES = (READING, DISCOVERY, "autoconfig.example.com", "autodiscover.example.com")


class MailProgramCase(unittest.TestCase):
    """A node for all tests of a class. Their programs have directories of their own."""

    node: Node
    root: pathlib.Path
    # Where mail comes in, by address: Maildir.
    mailboxes: pathlib.Path
    # Settings of the node beyond those that it always has.
    NODE_ENVIRONMENT: typing.ClassVar[dict[str, str]] = {}

    @classmethod
    def setUpClass(cls) -> None:
        if PLACE is None or not PLACE.is_private:
            raise unittest.SkipTest("there is no right to make a private network, where names and ports are ours")
        # What began is ended also when the rest of this fails.
        temporary = tempfile.TemporaryDirectory(prefix="postrider-mail-programs-", ignore_cleanup_errors=True)
        cls.addClassCleanup(temporary.cleanup)
        cls.root = pathlib.Path(temporary.name)
        cls.root.chmod(0o755)
        cls.node = Node(cls.root, PRODUCTS, PLACE, hosts=_NAMES)
        cls.addClassCleanup(cls.node.stop)
        cls.node.environment |= cls.NODE_ENVIRONMENT
        cls.node.start()
        cls.processes = Processes(cls.root)
        cls.addClassCleanup(cls.processes.stop_all)
        cls.publish_records()
        cls.start_reading()

    @classmethod
    def start_reading(cls) -> None:
        """Starts what serves IMAP and POP3."""
        cls.mailboxes = start_mailboxes(cls.processes, cls.root, {USER: PASSWORD, STRANGER: PASSWORD})

    @classmethod
    def discovery_settings(cls) -> list[str]:
        """What the operator has to say for mail programs to be answered."""
        return [
            "discovery.http.listen=127.0.0.1:80", "discovery.https.listen=127.0.0.1:443", f"discovery.hostname={DISCOVERY}",
            "discovery.display_name=Example & Co", f"discovery.imap.hostname={READING}",
            f"discovery.pop3.hostname={READING}",
        ]

    @classmethod
    def publish_records(cls, without: str | None = None) -> None:
        """What `postrider domain records` says, as it says it, and the addresses of the operator's own hosts.

        - without: leaves out the records of names that begin so.
        """
        flags = [part for setting in cls.discovery_settings() for part in ("--set", setting)]
        records = cls.node.command("domain", "records", DOMAIN, *flags)
        records = "\n".join(line for line in records.splitlines() if not without or not line.startswith(without))
        hosts = f"{READING}. A 127.0.0.1\n{DISCOVERY}. A 127.0.0.1\n"
        cls.node.publish(DOMAIN, f"{records}\n{hosts}")

    def start_discovery(self, *settings: str) -> None:
        """Runs until the test ends."""
        child = self.node.start_role("discovery", "ready", *self.discovery_settings(), *settings)
        self.addCleanup(child.stop)

    def new_directory(self) -> pathlib.Path:
        """One that goes away with the test."""
        temporary = tempfile.TemporaryDirectory(prefix="program-", dir=self.root, ignore_cleanup_errors=True)
        self.addCleanup(temporary.cleanup)
        return pathlib.Path(temporary.name)

    def wait_for_message(self, thunderbird: Thunderbird, text: bytes) -> bytes:
        """The one message in Thunderbird's inbox that has the text in it. It looks again until there is one: the first time
        it may still be busy with a look of its own."""
        found: list[bytes] = []

        def has_come() -> bool:
            found[:] = [one["content"] for one in thunderbird.messages() if text in one["content"]]
            return bool(found)

        wait_until(has_come, 120, f"«{text.decode()}» in Thunderbird's inbox")
        self.assertEqual(len(found), 1)
        return found[0]

    def arrived(self, recipient: str) -> tuple[str, list[str], email.message.EmailMessage]:
        """The one message that the sink has for a recipient: reverse-path, recipients, and itself."""
        wait_until(lambda: bool(self.node.arrived(recipient)), 60, f"mail for {recipient}")
        found = self.node.arrived(recipient)
        self.assertEqual(len(found), 1)
        message = email.message_from_bytes(found[0].octets, policy=email.policy.default)
        return found[0].reverse_path, found[0].recipients, typing.cast(email.message.EmailMessage, message)
