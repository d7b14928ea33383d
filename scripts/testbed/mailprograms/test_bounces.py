"""Thunderbird reads what became of a message that it has sent, over IMAP and over POP3, with the password that sends."""
import typing

from ..integrations.node import PASSWORD, USER
from ..thunderbird import Thunderbird
from .case import READING, MailProgramCase
from .hosted_mailboxes import LMTP, start_hosted_mailboxes

_DEAD = "somebody@nowhere.example"


class BounceTests(MailProgramCase):
    """The node's domain has its mailboxes in a Dovecot with the files of cluster/dovecot, which knows the node's logins."""

    NODE_ENVIRONMENT: typing.ClassVar[dict[str, str]] = {"POSTRIDER_MAILBOXES_LMTP": LMTP}

    @classmethod
    def start_reading(cls) -> None:
        start_hosted_mailboxes(cls.processes, cls.root, cls.node)

    def check_bounce(self, kind: str, port: int, *discovery: str) -> None:
        """The account sets itself up, a message goes to a dead address, and the report of it is in the inbox."""
        self.start_discovery(*discovery)
        thunderbird = Thunderbird(self.new_directory(), trusts=[self.node.authority])
        self.addCleanup(thunderbird.stop)
        thunderbird.start()
        account = thunderbird.set_up("Alice", USER, PASSWORD)
        self.assertEqual(account["reads"], [kind, READING, port, "TLS", USER])
        subject = f"to nobody, read over {kind}"
        thunderbird.send(_DEAD, subject, "Is anybody there?")
        report = self.wait_for_message(thunderbird, subject.encode())
        for text in (b"Return-Path: <>", b"multipart/report", b"Action: failed", _DEAD.encode()):
            self.assertIn(text, report)
        self.assertEqual(thunderbird.dialogues, [])

    def test_over_imap(self) -> None:
        self.check_bounce("imap", 993)

    def test_over_pop3(self) -> None:
        self.check_bounce("pop3", 995, "discovery.imap.hostname=")
