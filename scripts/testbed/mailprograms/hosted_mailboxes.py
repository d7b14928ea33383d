"""Dovecot with the files of cluster/dovecot and the node's own accounts, for programs that
read what has come back."""
import os
import pathlib
import pwd
import secrets
import urllib.parse

from ..integrations.node import DOMAIN, Node
from ..libpq import Connection
from ..processes import Processes

_FILES = pathlib.Path(__file__).resolve().parent.parent.parent.parent / "cluster/dovecot"
_ROLE = "postrider_mailboxes"
LMTP = "127.0.0.1:24"


def start_hosted_mailboxes(processes: Processes, root: pathlib.Path, node: Node) -> None:
    """IMAP on port 993 and POP3 on port 995 of 127.0.0.1, with the certificate of the node in `root`, and LMTP; returns when
    they listen. The node's domain has its mailboxes there from then on, if the node knows `LMTP`."""
    directory = root / "dovecot"
    directory.mkdir(mode=0o755)
    is_root = os.geteuid() == 0
    owner = pwd.getpwnam("nobody") if is_root else pwd.getpwuid(os.geteuid())
    mail = directory / "mail"
    mail.mkdir(mode=0o700)
    os.chown(mail, owner.pw_uid, owner.pw_gid)
    database = urllib.parse.urlsplit(node.database_url)
    password = secrets.token_hex(16)
    _write(directory / "postrider.pgpass", f"*:*:*:*:{password}\n", pwd.getpwnam("dovecot") if is_root else owner)

    changes = {
        "/etc/dovecot/tls/": f"{root}/", "/etc/dovecot/": f"{directory}/", "/srv/mail/": f"{mail}/",
        "mail_uid = vmail": f"mail_uid = {owner.pw_uid}", "mail_gid = vmail": f"mail_gid = {owner.pw_gid}",
        # Nobody guesses here.
        "!include postrider-policy.conf": "",
        "user = vmail": f"user = {owner.pw_name}", "192.0.2.31": "127.0.0.1",
        "host=192.0.2.41 dbname=postrider": f"host=127.0.0.1 port={database.port} dbname={database.path[1:]}",
        f" sslmode=verify-full sslrootcert={root}/database-ca.pem": " sslmode=disable",
    }
    for source in [_FILES / "dovecot.conf", *_FILES.glob("*.conf.ext")]:
        text = source.read_text()
        for example, ours in changes.items():
            text = text.replace(example, ours)
        if source.name == "dovecot.conf":
            text += _private(directory, None if is_root else owner.pw_name)
        (directory / source.name).write_text(text)

    connection = Connection(node.database_url)
    connection.query(f"CREATE ROLE {_ROLE} LOGIN PASSWORD '{password}'")
    connection.close()
    node.command("database", "grant", "--role", "mailboxes", _ROLE)
    node.command("domain", "mailboxes", DOMAIN, "here")
    processes.start("dovecot", ["dovecot", "-F", "-c", str(directory / "dovecot.conf")], ready="starting up")


def _private(directory: pathlib.Path, user: str | None) -> str:
    """What this one has for itself. Whoever is not root is everybody in it."""
    everybody = f"default_internal_user = {user}\ndefault_login_user = {user}\n" if user else ""
    places = "".join(f"service {name} {{\n  chroot =\n}}\n" for name in ("anvil", "imap-login", "pop3-login"))
    return (f"\nlisten = 127.0.0.1\nbase_dir = {directory}/run\nstate_dir = {directory}/state\nlog_path = /dev/stderr\n"
            f"{everybody}{places}")


def _write(file: pathlib.Path, text: str, owner: pwd.struct_passwd) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
    os.chown(file, owner.pw_uid, owner.pw_gid)
