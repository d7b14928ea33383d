"""Thunderbird, from nothing but a name, an address and a password to a message that has arrived."""
import typing

from ..integrations.node import PASSWORD, USER
from ..thunderbird import Thunderbird
from ..trouble import Trouble
from .case import READING, STRANGER, MailProgramCase
from .mailboxes import put

_TEXT = "Hello world! Terveisiä, één groet, 10 €."


class ThunderbirdTests(MailProgramCase):
    """The account set-up dialogue is driven by its fields and buttons, the composer by its command to send."""

    def started(self, *, trusts: bool = True, preferences: dict[str, typing.Any] | None = None) -> Thunderbird:
        thunderbird = Thunderbird(
            self.new_directory(), trusts=[self.node.authority] if trusts else [], preferences=preferences)
        self.addCleanup(thunderbird.stop)
        thunderbird.start()
        return thunderbird

    def check_sent(self, thunderbird: Thunderbird, recipient: str) -> None:
        """A message goes from the composer to the recipient's server as it was written."""
        thunderbird.send(recipient, "Grüße from Thunderbird", _TEXT)
        reverse_path, recipients, message = self.arrived(recipient)
        self.assertEqual((reverse_path, recipients), (USER, [recipient]))
        self.assertEqual(str(message["From"]), f"Alice <{USER}>")
        self.assertEqual(str(message["Subject"]), "Grüße from Thunderbird")
        self.assertIn("Thunderbird", str(message["User-Agent"]))
        self.assertEqual(message.get_content_type(), "text/plain")
        self.assertEqual(message.get_content().strip(), _TEXT)

    def test_an_account_sets_itself_up_and_sends_over_implicit_tls(self) -> None:
        self.start_discovery()
        thunderbird = self.started()
        account = thunderbird.set_up("Alice", USER, PASSWORD)
        self.assertEqual(account["address"], USER)
        self.assertEqual(account["reads"], ["imap", READING, 993, "TLS", USER])
        self.assertEqual(account["sends"], ["smtp", "smtp.example.com", 465, "TLS", USER])
        self.check_sent(thunderbird, "implicit@example.net")
        self.assertEqual(thunderbird.dialogues, [])

    def test_an_account_sets_itself_up_and_sends_over_starttls(self) -> None:
        self.start_discovery("discovery.submission.implicit_tls_port=0")
        thunderbird = self.started()
        account = thunderbird.set_up("Alice", USER, PASSWORD)
        self.assertEqual(account["sends"], ["smtp", "smtp.example.com", 587, "STARTTLS", USER])
        self.check_sent(thunderbird, "starttls@example.net")

    def test_settings_are_found_by_autodiscover_alone(self) -> None:
        self.start_discovery()
        self.publish_records(without="autoconfig.")
        self.addCleanup(self.publish_records)
        found = self.started().look_up("Alice", USER)
        self.assertEqual(
            [found[name] for name in ("incomingType", "incomingHost", "incomingPort", "outgoingHost", "outgoingPort")],
            ["imap", READING, "993", "smtp.example.com", "465"])

    def test_a_wrong_password_makes_no_account(self) -> None:
        self.start_discovery()
        thunderbird = self.started()
        with self.assertRaises(Trouble) as caught:
            thunderbird.set_up("Alice", USER, "not the password")
        self.assertIn("no account was made", str(caught.exception))
        with self.assertRaisesRegex(Trouble, "there is no account"):
            thunderbird.account()

    def test_an_unknown_authority_makes_no_account(self) -> None:
        self.start_discovery()
        thunderbird = self.started(trusts=False)
        with self.assertRaises(Trouble):
            thunderbird.set_up("Alice", USER, PASSWORD)
        # Settings are found without TLS; the server that would get the password is not believed.
        self.assertIn(f"certificate of {READING}:993 is not trusted", thunderbird.dialogues)

    def test_what_the_server_refuses_is_said_and_not_sent(self) -> None:
        self.start_discovery()
        thunderbird = self.started()
        # The mailbox is this address's; the node has no such credential.
        thunderbird.set_up("Stranger", STRANGER, PASSWORD)
        with self.assertRaises(Trouble) as caught:
            thunderbird.send("refused@example.net", "no", _TEXT)
        self.assertIn("Login to server smtp.example.com", str(caught.exception))
        self.assertEqual(self.node.accepted("refused@example.net"), 0)

    def test_another_hosts_certificate_is_not_believed_at_sending(self) -> None:
        self.start_discovery("discovery.submission.hostname=smtp.example.org")
        thunderbird = self.started()
        account = thunderbird.set_up("Alice", USER, PASSWORD)
        self.assertEqual(account["sends"][1], "smtp.example.org")
        with self.assertRaises(Trouble) as caught:
            thunderbird.send("unsafe@example.net", "no", _TEXT)
        self.assertIn("certificate of smtp.example.org:465 is not trusted", str(caught.exception))
        self.assertEqual(self.node.accepted("unsafe@example.net"), 0)

    def test_mail_is_read_by_pop3_where_a_domain_has_nothing_else(self) -> None:
        self.start_discovery('discovery.domains=[{domain: example.com, imap: none, display_name: "Only POP"}]')
        thunderbird = self.started()
        account = thunderbird.set_up("Alice", USER, PASSWORD)
        self.assertEqual(account["reads"], ["pop3", READING, 995, "TLS", USER])
        put(self.mailboxes, USER, b"From: a@example.net\r\nSubject: fetched\r\n\r\nby POP3\r\n")
        self.assertIn(b"by POP3", self.wait_for_message(thunderbird, b"Subject: fetched"))

    def test_mail_is_read_by_imap(self) -> None:
        self.start_discovery()
        thunderbird = self.started()
        thunderbird.set_up("Stranger", STRANGER, PASSWORD)
        put(self.mailboxes, STRANGER, b"From: a@example.net\r\nSubject: read\r\n\r\nby IMAP\r\n")
        self.assertIn(b"by IMAP", self.wait_for_message(thunderbird, b"Subject: read"))
