"""Dovecot with mailboxes of its own, for programs that want to see where mail is read before they send any."""
import os
import pathlib
import pwd
import time

from ..processes import Processes


def start_mailboxes(processes: Processes, root: pathlib.Path, passwords: dict[str, str]) -> pathlib.Path:
    """IMAP on port 993 and POP3 on port 995 of 127.0.0.1, with the certificate of the node in `root`.

    Returns, when they listen, where the mailboxes are: a Maildir for each address. passwords: by address.
    """
    directory = root / "dovecot"
    directory.mkdir(mode=0o755)
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    mail = directory / "mail"
    mail.mkdir()
    os.chown(mail, owner.pw_uid, owner.pw_gid)
    users = directory / "users"
    users.write_text("".join(f"{address}:{{PLAIN}}{password}\n" for address, password in passwords.items()))
    users.chmod(0o644)
    # Whoever is not root is everybody in it.
    own = "" if os.geteuid() == 0 else f"default_internal_user = {owner.pw_name}\ndefault_login_user = {owner.pw_name}\n"
    (directory / "dovecot.conf").write_text(f"""
        {own}
        protocols = imap pop3
        listen = 127.0.0.1
        base_dir = {directory}/run
        state_dir = {directory}/state
        log_path = /dev/stderr
        ssl = required
        ssl_cert = <{root}/server.pem
        ssl_key = <{root}/server.key
        mail_location = maildir:{mail}/%u
        first_valid_uid = 0
        first_valid_gid = 0
        passdb {{
          driver = passwd-file
          args = {users}
        }}
        userdb {{
          driver = static
          args = uid={owner.pw_uid} gid={owner.pw_gid} home={mail}/%u
        }}
        service imap-login {{
          chroot =
          inet_listener imap {{
            port = 0
          }}
          inet_listener imaps {{
            port = 993
          }}
        }}
        service pop3-login {{
          chroot =
          inet_listener pop3 {{
            port = 0
          }}
          inet_listener pop3s {{
            port = 995
          }}
        }}
        service anvil {{
          chroot =
        }}
        """)
    processes.start("dovecot", ["dovecot", "-F", "-c", str(directory / "dovecot.conf")], ready="starting up")
    return mail


def put(mailboxes: pathlib.Path, address: str, content: bytes) -> None:
    """A new message in somebody's mailbox."""
    owner = mailboxes.stat()
    for name in ("", "cur", "new", "tmp"):
        directory = mailboxes / address / name
        directory.mkdir(mode=0o700, exist_ok=True)
        os.chown(directory, owner.st_uid, owner.st_gid)
    file = mailboxes / address / "new" / f"{time.time_ns()}.test"
    file.write_bytes(content)
    os.chown(file, owner.st_uid, owner.st_gid)
