"""A node to send to: real processes, a certificate that an authority of its own has signed, and what arrives."""
import dataclasses
import json
import os
import pathlib
import secrets
import shutil
import signal
import typing

from ..keys import make_master_key
from ..libpq import Connection
from ..network import free_port, listens
from ..postgresql import ROLE, initdb_command, recommended_settings, server_command, unprivileged_user
from ..processes import Child, Processes, run
from ..trouble import Trouble
from ..waiting import wait_until
from .place import HOST, Place

TENANT, DOMAIN, USER, PASSWORD = "acme", "example.com", "alice@example.com", "your-password"
_SINK = "127.0.0.2"


@dataclasses.dataclass
class Arrived:
    """A message in the sink."""

    reverse_path: str
    recipients: list[str]
    octets: bytes


class Node:
    """PostgreSQL, name server, sink, acceptor, worker and keeper in one directory."""

    def __init__(
        self, directory: pathlib.Path, products: pathlib.Path, place: Place, *, hosts: typing.Sequence[str] = (),
    ) -> None:
        """
        - hosts: further names that its certificate has.
        """
        self.directory = directory
        self.place = place
        # PEM files that a client may trust: the right one, and one that has signed nothing.
        self.authority = directory / "authority.pem"
        self.unknown_authority = directory / "unknown.pem"
        self.environment = {"POSTRIDER_CONFIG": str(directory / "postrider.yaml")}
        self._products = products
        self._processes = Processes(directory)
        self._database_port = free_port()
        self._database_url = ""
        self._hosts = hosts
        self._name_server: Child | None = None
        self._is_stopped = False
        # Zone to records beyond those that are always there.
        self._records: dict[str, str] = {}

    def start(self) -> None:
        """Returns when it takes mail."""
        make_master_key(self.directory, "guides")
        make_authority(self.directory, "authority", ["localhost", HOST, *self._hosts])
        make_authority(self.directory, "unknown", [])
        self._start_database()
        self._start_name_server()
        self._write_settings()
        sink = [str(self._products / "postrider-lab"), "sink", "--listen", f"{_SINK}:{self.place.delivery_port}",
                "--capture", str(self.directory / "sink")]
        self._processes.start("sink", sink, ready="sink ready")
        self.command("migrate")
        self._add_sender()
        for role, ready in (("worker", "worker session begun"), ("keeper", None), ("acceptor", "ready")):
            self._processes.start(
                role, [str(self._products / "postrider"), role], ready=ready, environment=self.environment)
        for port in self.place.ports.values():
            wait_until(lambda: listens(port), 60, f"the acceptor on port {port}")

    def stop(self) -> None:
        """Ends all of it, and with it every wait for an arrival."""
        self._is_stopped = True
        self._processes.stop_all()

    @property
    def database_url(self) -> str:
        """Of the owner of everything in it."""
        return self._database_url

    def command(self, *arguments: str) -> str:
        """Runs `postrider ARGUMENTS` with this node's settings. Returns what it prints."""
        return run([str(self._products / "postrider"), *arguments], environment=self.environment)

    def start_role(self, role: str, ready: str, *settings: str, name: str | None = None) -> Child:
        """Starts another process of the node, with settings of its own."""
        flags = [part for setting in settings for part in ("--set", setting)]
        return self._processes.start(
            name or role, [str(self._products / "postrider"), role, *flags], ready=ready, environment=self.environment)

    def publish(self, zone: str, records: str) -> None:
        """The name server's answers for a zone from now on: these beside what is always there."""
        self._records[zone] = records
        if self._name_server:
            self._name_server.stop()
            self._start_name_server()

    def operate(self, scripts: list[str]) -> None:
        """Runs commands of a page that an operator would run."""
        for script in scripts:
            run(["sh", "-euc", script], environment=self.environment | {"PATH": f"{self._products}:{os.environ['PATH']}"})

    def accepted(self, recipient: str) -> int:
        """How many messages to this recipient the node has committed, delivered or not."""
        connection = Connection(self._database_url)
        try:
            return int(connection.value(
                f"SELECT count(*) FROM postrider.message WHERE convert_to('{recipient}', 'UTF8') = ANY(recipients)"))
        finally:
            connection.close()

    def arrived(self, recipient: str) -> list[Arrived]:
        """What the sink has got for this recipient."""
        found = []
        # The envelope's file is there before the message's.
        for file in sorted((self.directory / "sink").glob("*.eml")):
            envelope = json.loads(file.with_suffix(".json").read_text())
            recipients = envelope["rcpt_to"]
            if recipient in recipients:
                found.append(Arrived(envelope["mail_from"], recipients, file.read_bytes()))
        return found

    def wait_for_arrival(self, recipient: str) -> list[Arrived]:
        """What the sink has got for this recipient, once there is something. Raises Trouble with the worker's last
        words when nothing comes."""
        try:
            wait_until(
                lambda: self._is_stopped or bool(self.arrived(recipient)), 60, f"mail to {recipient}", pause=0.05)
        except Trouble as trouble:
            words = (self.directory / "worker.log").read_text(errors="replace").splitlines()[-5:]
            raise Trouble("\n".join([f"{trouble}; the worker said:", *words])) from None
        return self.arrived(recipient)

    # Inside

    def _start_database(self) -> None:
        directory, user = self._owned("pg"), unprivileged_user()
        password = secrets.token_hex(16)
        self._written(directory / "password", password)
        identity: dict[str, typing.Any] = (
            {"user": user[0], "group": user[1], "extra_groups": []} if user else {})
        run(initdb_command(str(directory)), cwd="/", **identity)
        # What is here is thrown away with the run.
        settings = recommended_settings(str(self._products / "postrider")) | {"synchronous_commit": "on"}
        self._processes.start(
            "postgres", server_command(str(directory), "127.0.0.1", self._database_port, settings),
            ready="ready to accept", user=user, stop_signal=signal.SIGINT)
        server = f"postgresql://{ROLE}:{password}@127.0.0.1:{self._database_port}"
        connection = Connection(f"{server}/postgres")
        connection.query("CREATE DATABASE postrider")
        connection.close()
        self._database_url = f"{server}/postrider"

    def _start_name_server(self) -> None:
        directory = self.directory / "dns"
        if not directory.exists():
            self._owned("dns")
        head = "$TTL 60\n@ IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60\n@ IN NS ns.invalid.\n"
        mail = f"@ MX 10 mx\nmx A {_SINK}\n"
        zones = {
            # The root: whatever no zone knows does not exist.
            ".": "@ TXT root\n", "example.com": f"{mail}smtp A 127.0.0.1\n",
            "example.org": f"{mail}smtp A 127.0.0.1\n", "example.net": mail,
        }
        # As root it becomes somebody else once it has its port.
        user = "nobody" if os.geteuid() == 0 else ""
        lines = [
            "server:", "ip-address: 127.0.0.1", f"port: {self.place.name_server_port}", f'username: "{user}"',
            'chroot: ""', 'database: ""', 'pidfile: ""', f'zonesdir: "{directory}"',
            f'zonelistfile: "{directory}/zone.list"', f'xfrdfile: "{directory}/xfrd.state"', f'xfrdir: "{directory}"',
            'logfile: ""', "server-count: 1", "verbosity: 1", "rrl-ratelimit: 0", "remote-control:",
            "control-enable: no",
        ]
        for number, (zone, records) in enumerate(zones.items()):
            self._written(directory / f"zone{number}", f"$ORIGIN {zone.rstrip('.')}.\n{head}{records}{self._records.get(zone, '')}")
            lines += ["zone:", f'name: "{zone}"', f'zonefile: "zone{number}"']
        self._written(directory / "nsd.conf", "\n".join(lines))
        command = [_program("nsd"), "-d", "-c", f"{directory}/nsd.conf"]
        self._name_server = self._processes.start("nsd", command, ready="nsd started")

    def _write_settings(self) -> None:
        directory, place = str(self.directory), self.place
        settings = {
            "node": {"name": HOST},
            "database": {"url": self._database_url},
            "keys": {"master_file": f"{directory}/master.keys"},
            "spool": {"directory": directory},
            "smtp": {
                "hostname": HOST, "certificate_file": f"{directory}/server.pem", "key_file": f"{directory}/server.key",
                "implicit_tls": {"listen": [f"127.0.0.1:{place.ports[465]}"]},
                "starttls": {"listen": [f"127.0.0.1:{place.ports[587]}"]},
            },
            "delivery": {"hostname": HOST, "port": place.delivery_port, "allow_networks": ["127.0.0.0/8"]},
            "dns": {"servers": [f"127.0.0.1:{place.name_server_port}"]},
            "worker": {"poll_interval": "50ms"},
            # Every page tries a wrong password.
            "limits": {"failed_logins": {"address": "100000/hour", "account": "100000/hour"}},
        }
        file = self.directory / "postrider.yaml"
        file.touch(mode=0o600)
        file.write_text(json.dumps(settings, indent=2))

    def _add_sender(self) -> None:
        self.command("tenant", "add", TENANT)
        self.command("domain", "add", TENANT, DOMAIN, "--trust")
        self._written(self.directory / "password", PASSWORD + "\n")
        self.command("credential", "add", TENANT, USER, "--password-file", str(self.directory / "password"))

    def _owned(self, name: str) -> pathlib.Path:
        directory = self.directory / name
        directory.mkdir(mode=0o700)
        if user := unprivileged_user():
            os.chown(directory, *user)
        return directory

    def _written(self, file: pathlib.Path, text: str) -> None:
        file.touch(mode=0o600)
        file.write_text(text)
        if user := unprivileged_user():
            os.chown(file, *user)


def _program(name: str) -> str:
    """Where a program is that not everybody has in PATH."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or name


def make_authority(directory: pathlib.Path, name: str, hosts: list[str]) -> None:
    """`directory`/NAME.pem, and for hosts a certificate that it has signed: server.pem and server.key."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    authority = ["-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.pem"]
    run(["openssl", "req", "-x509", *curve, "-subj", f"/CN=Test authority {name}", *authority])
    if not hosts:
        return
    names = ",".join(f"DNS:{host}" for host in hosts)
    run(["openssl", "req", "-x509", *curve, "-subj", f"/CN={hosts[-1]}", "-addext", f"subjectAltName={names}",
         "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
         "-CA", f"{directory}/{name}.pem", "-CAkey", f"{directory}/{name}.key",
         "-keyout", f"{directory}/server.key", "-out", f"{directory}/server.pem"])
