"""Dovecot. That it works with its files is for Tests/SystemTests/MailboxTests.swift, which run it with them."""
import re
import shutil

from .case import CLUSTER, ClusterCase, effective, needs

DOVECOT = CLUSTER / "dovecot"
CONFIGURATION = DOVECOT / "dovecot.conf"


class DovecotTests(ClusterCase):
    """cluster/dovecot."""

    @needs("doveconf")
    def test_dovecot_accepts_it(self) -> None:
        said = self.assert_accepts("doveconf", "-n", "-c", CONFIGURATION)
        self.assertNotRegex(said, r"(?i)warning|error|obsolete")

    @needs("doveconf")
    def test_dovecot_sees_a_fault(self) -> None:
        shutil.copy(DOVECOT / "postrider-policy.conf", self.directory)
        wrong = self.broken(CONFIGURATION, "first_valid_uid", "first_valid_id")
        self.assert_refuses("doveconf", "-n", "-c", wrong, because="first_valid_id")

    @needs("doveconf")
    def test_nothing_is_served_in_clear(self) -> None:
        open_ports = set()
        for service in ("imap-login", "pop3-login"):
            said = self.assert_accepts("doveconf", "-c", CONFIGURATION, f"service/{service}/inet_listener")
            listeners = re.findall(r"haproxy = (\S+).*?port = (\d+).*?ssl = (\S+)", said, re.S)
            self.assertEqual(len(listeners), 3)
            open_ports |= {one for one in listeners if one[1] != "0"}
        self.assertEqual(open_ports, {("no", "993", "yes"), ("no", "995", "yes"), ("yes", "2993", "yes"),
                                      ("yes", "2995", "yes")})
        values = dict(line.split(" = ", 1) for line in self.assert_accepts(
            "doveconf", "-c", CONFIGURATION, "ssl", "ssl_min_protocol", "disable_plaintext_auth").splitlines())
        self.assertEqual(values, {"ssl": "required", "ssl_min_protocol": "TLSv1.2", "disable_plaintext_auth": "yes"})

    @needs("doveconf")
    def test_only_the_balancers_are_believed_about_their_clients(self) -> None:
        said = self.assert_accepts("doveconf", "-h", "-c", CONFIGURATION, "haproxy_trusted_networks").strip()
        self.assertEqual(said, effective(CLUSTER / "postrider.yaml")["smtp.proxy_protocol.allow_networks"])

    def test_no_secret_is_in_it_and_both_passwords_are_asked_for(self) -> None:
        asked = []
        for file in sorted(DOVECOT.glob("*.conf.ext")):
            text = file.read_text()
            self.assertNotRegex(text, r"[\s]password=")
            self.assertIn("passfile=/etc/dovecot/postrider.pgpass", text)
            self.assertIn("sslmode=verify-full", text)
            self.assertIn(f"args = /etc/dovecot/{file.name}", CONFIGURATION.read_text())
            asked += re.findall(r"mailbox\.login\('%u', (\d)\)", text)
        self.assertEqual(sorted(asked), ["1", "2"])
        self.assertIn("z /etc/dovecot/postrider.pgpass 0600 dovecot dovecot", (DOVECOT / "dovecot.tmpfiles.conf").read_text())

    @needs("doveconf")
    def test_logins_are_asked_for_and_go_on_without_an_answer(self) -> None:
        said = self.assert_accepts("doveconf", "-c", CONFIGURATION, *(f"auth_policy_{name}" for name in (
            "server_url", "check_before_auth", "check_after_auth", "report_after_auth", "reject_on_fail", "request_attributes")))
        values = dict(line.split(" = ", 1) for line in said.splitlines())
        self.assertTrue(values["auth_policy_server_url"].startswith("http://192.0.2."))
        self.assertEqual(
            [values[f"auth_policy_{name}"] for name in (
                "check_before_auth", "check_after_auth", "report_after_auth", "reject_on_fail")], ["yes", "yes", "yes", "no"])
        for attribute in ("login=%{requested_username}", "pwhash=%{hashed_password}", "remote=%{rip}"):
            self.assertIn(attribute, values["auth_policy_request_attributes"])
        self.assertIn("z /etc/dovecot/postrider-policy.conf 0600 root root", (DOVECOT / "dovecot.tmpfiles.conf").read_text())

    @needs("systemd-sysusers", "systemd-tmpfiles")
    def test_the_owner_of_mailboxes_and_their_place(self) -> None:
        for folder in ("etc/dovecot/tls", "srv"):
            (self.directory / folder).mkdir(parents=True)
        (self.directory / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\ndovecot:x:108:112::/:/bin/false\n")
        (self.directory / "etc/group").write_text("root:x:0:\ndovecot:x:112:\n")
        self.assert_accepts("systemd-sysusers", f"--root={self.directory}", DOVECOT / "dovecot.sysusers.conf")
        self.assertRegex((self.directory / "etc/passwd").read_text(), r"(?m)^vmail:x:\d+:\d+:Mailboxes:/srv/mail:")
