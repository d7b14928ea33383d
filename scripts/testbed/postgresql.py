"""What has to be known to run a PostgreSQL of one's own: its programs, its user, its settings."""
import os
import pathlib
import pwd

from .processes import run
from .trouble import Trouble

ROLE = "postrider"


def recommended_settings(postrider: str) -> dict[str, str]:
    """The settings that the private server of `postrider dev` has: it is asked, so that there is one list only."""
    settings = {}
    for line in run([postrider, "dev", "postgres-settings"]).splitlines():
        name, _, value = line.partition(" = ")
        settings[name] = value.strip("'").replace("''", "'")
    return settings


def initdb_command(directory: str) -> list[str]:
    """Makes `directory`/data; the superuser's password is in `directory`/password."""
    return [
        f"{programs()}/initdb", f"--pgdata={directory}/data", f"--username={ROLE}", f"--pwfile={directory}/password",
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8",
    ]


def server_command(directory: str, address: str, port: int, settings: dict[str, str]) -> list[str]:
    """The server in the foreground, over TCP only. SIGINT is its fast shutdown."""
    fixed = {"listen_addresses": address, "port": str(port), "unix_socket_directories": ""}
    return [
        f"{programs()}/postgres", "-D", f"{directory}/data",
        *(part for item in (settings | fixed).items() for part in ("-c", "=".join(item))),
    ]


def unprivileged_user() -> tuple[int, int] | None:
    """User and group of somebody to become when we are root, for PostgreSQL refuses root: whoever called sudo, else
    nobody. None: we stay who we are."""
    if os.geteuid() != 0:
        return None
    caller = int(os.environ.get("SUDO_UID", "0"))
    entry = pwd.getpwuid(caller) if caller else pwd.getpwnam("nobody")
    return entry.pw_uid, entry.pw_gid


def programs() -> str:
    """Where the newest installed server's programs are."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise Trouble("PostgreSQL is not installed; run scripts/setup")
    return str(found[-1].parent)
