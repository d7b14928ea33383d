"""A private network for a run: in it the guides' own host name resolves and their own ports are free, so that code
runs as it is printed. Where a network cannot be had, `localhost` and other ports stand in for them.
"""
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing

from ..network import free_port
from ..processes import run

HOST = "smtp.example.com"
_STAGE = "GUIDES_STAGE"
# The first port that one who is not root may listen on.
_FIRST_PORT = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
# Nodemailer believes that there is a network only when an interface beside loopback has an address; which kind of
# interface can be made depends on the kernel.
_MAKE_NETWORK = """
PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
ip link add guides type dummy || ip link add guides type veth peer name guides-peer
ip link set guides-peer up || true
ip address add 192.0.2.1/32 dev guides && ip link set guides up
"""


@dataclasses.dataclass
class Place:
    """Where clients find the node."""

    host: str
    # The same host under a name that its certificate does not have.
    other_host: str
    # The guides' port to the real one.
    ports: dict[int, int]
    name_server_port: int
    delivery_port: int
    is_private: bool


def has_entered() -> bool:
    """Whether this program has been started anew by `enter`."""
    return _STAGE in os.environ


def enter(is_private: bool) -> Place:
    """Starts this program anew in a private network, and there returns; without one it returns at once.

    - is_private: False does without.
    """
    stage = os.environ.get(_STAGE)
    if stage is None and is_private and _can_be_private():
        _restart("network", *_new_network())
    if stage is None:
        names = ("465", "587", "dns", "smtp")
        free = {name: free_port("127.0.0.1", "127.0.0.2") for name in names}
        return Place("localhost", "127.0.0.1", {465: free["465"], 587: free["587"]}, free["dns"], free["smtp"], False)
    if stage == "network":
        run(["sh", "-ec", _MAKE_NETWORK])
        _resolve_by_ourselves()
        if caller := os.environ.get("GUIDES_USER"):
            # Not root any more: PostgreSQL refuses root, also one who is root here only.
            user, group = caller.split(":")
            pathlib.Path(_FIRST_PORT).write_text("0")
            _restart("user", *_new_user(user, group))
    return Place(HOST, "smtp.example.org", {465: 465, 587: 587}, 53, 25, True)


def _as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["--user", "--map-root-user"]


def _new_network() -> list[str]:
    if os.geteuid() != 0:
        os.environ["GUIDES_USER"] = f"{os.getuid()}:{os.getgid()}"
    return ["unshare", "--net", "--mount", *_as_root()]


def _new_user(user: str, group: str) -> list[str]:
    return ["unshare", "--user", f"--map-user={user}", f"--map-group={group}"]


def _can_be_private() -> bool:
    """Tries everything that `enter` does: there is no way back from half of it."""
    if not shutil.which("unshare"):
        return False
    script = _MAKE_NETWORK + 'mount --bind /dev/null "$(readlink -f /etc/resolv.conf)"\n'
    if os.geteuid() != 0:
        again = " ".join(_new_user(str(os.getuid()), str(os.getgid())))
        script += f"echo 0 > {_FIRST_PORT}\n{again} true\n"
    command = ["unshare", "--net", "--mount", *_as_root(), "sh", "-ec", script]
    return subprocess.run(command, capture_output=True).returncode == 0


def _restart(stage: str, *command: str) -> typing.NoReturn:
    os.environ[_STAGE] = stage
    os.execvp(command[0], [*command, sys.executable, "-B", *sys.argv])


def _resolve_by_ourselves() -> None:
    """Names are asked from 127.0.0.1, by whoever is in this network."""
    with tempfile.NamedTemporaryFile("w", prefix="postrider-resolv-") as configuration:
        os.chmod(configuration.name, 0o644)
        configuration.write("nameserver 127.0.0.1\noptions timeout:2 attempts:2\n")
        configuration.flush()
        run(["mount", "--bind", configuration.name, str(pathlib.Path("/etc/resolv.conf").resolve())])
