"""What docs/operations.md says, done to a real node: backup, restore to an earlier time, other keys."""
import contextlib
import datetime
import json
import os
import pathlib
import secrets
import shutil
import smtplib
import ssl
import subprocess
import typing

from ..cluster.cluster import Cluster
from ..keys import make_certificate
from ..postgresql import programs, unprivileged_user
from ..processes import run
from ..trouble import Trouble
from ..waiting import wait_until
from .case import PRODUCTS, ROOT, ClusterCase

_ROLES = ("acceptor1", "keeper1", "worker1")


class RestoreTests(ClusterCase):
    """One node, its backup, a disaster; its keys."""

    def setUp(self) -> None:
        super().setUp()
        self.node = Cluster.make(
            ROOT, self.directory / "node", PRODUCTS, is_tied=True,
            counts={"acceptor": 1, "worker": 1, "keeper": 1, "pg": 1, "redis": 1, "sentinel": 0})
        self.addCleanup(self.node.down)
        self.node.up()
        self.place = self.node.layout.directory / "pg1"
        self.sent = 0

    def test_a_restore_repeats_nothing_that_the_log_knows(self) -> None:
        node = self.node
        self.begin_archive()
        self.back_up()
        before = self.submit(3)
        self.wait_until_delivered(before)
        node.stop("worker1")
        waiting = self.submit(3)
        node.query("SELECT pg_create_restore_point('earlier')")
        # What happens after the time to which the database goes back.
        node.start("worker1")
        after = self.submit(2)
        self.wait_until_delivered(waiting + after)
        node.stop("worker1")
        lost = self.submit(1)
        self.finish_archive()

        # Without the procedure: whoever waited at that time gets the mail again, nobody else does.
        self.restore("earlier")
        node.start("worker1")
        wait_until(lambda: self.times(waiting) == [2] * 6, 180, "the repetition")
        self.assertEqual(self.times(before + after), [1] * 10)
        node.stop("worker1")
        for log in self.logs():
            # What this wrong turn wrote is no part of the story.
            log.write_text("\n".join(line for line in log.read_text().splitlines() if self.is_first(line)) + "\n")

        # With it: roles are off, the log says what is done.
        self.restore("earlier")
        record = self.reconcile("--dry-run")
        self.assertEqual(record["ended"], 6)
        self.assertEqual(len(self.queued()), 6)
        record = self.reconcile()
        self.assertEqual((record["ended"], record["already_ended"]), (6, 6))
        self.assertEqual(self.queued(), [])
        # Those that are in no database any more; one of them reached nobody, and its sender has to be told.
        self.assertEqual(record["missing"], 3)
        self.assertEqual([(one["id"], one["recipients"], one["delivered"]) for one in record["lost"]],
                         [(self.queue_ids[-1], 2, 0)])
        self.assertEqual(self.reconcile()["ended"], 0)
        trace = node.command("message", "trace", self.queue_ids[3])
        self.assertIn("delivered before the database was restored", trace)

        for name in _ROLES:
            node.start(name)
        node.wait_until_served()
        fresh = self.submit(1)
        self.wait_until_delivered(fresh)
        self.assertEqual(self.times(before + after + fresh), [1] * 12)
        self.assertEqual(self.times(waiting + lost), [2] * 6 + [0] * 2)
        # While a worker runs nothing is reconciled.
        with self.assertRaisesRegex(Trouble, "a worker runs"):
            self.reconcile()

    def test_keys_and_certificate_change_in_service(self) -> None:
        node = self.node
        node.stop("worker1")
        old = self.submit(1)
        # A line more, and everybody in the documented order.
        with open(node.layout.directory / "master.keys", "a") as keys:
            keys.write(f"k2:{secrets.token_hex(32)}\n")
        for name in ("worker1", "keeper1", "acceptor1"):
            if node.daemons.is_running(name):
                node.stop(name)
            node.start(name)
        new = self.submit(1)
        self.wait_until_delivered(old + new)
        wrapped = node.query("SELECT count(*) FROM postrider.message WHERE position('\\x6b32'::bytea IN body_key) = 3")
        self.assertEqual(wrapped, [["1"]])
        # The other certificate is in use without a restart.
        position = len(node.daemons.output("acceptor1", 0).encode())
        renewed = self.directory / "renewed"
        renewed.mkdir()
        make_certificate(renewed)
        for file in ("server.key", "server.pem"):
            os.replace(renewed / file, node.layout.directory / file)
        node.daemons.wait_for_line("acceptor1", "certificate reloaded", position, 60)
        self.wait_until_delivered(self.submit(1))

    # Mail

    def submit(self, count: int) -> list[str]:
        """Messages with two recipients each. Returns these."""
        layout = self.node.layout
        context = ssl.create_default_context(cafile=layout.authority)
        recipients = []
        self.queue_ids: list[str] = getattr(self, "queue_ids", [])
        place = (layout.front("haproxy"), layout.port("haproxy", "starttls"))
        with self.connected(place) as client:
            client.starttls(context=_Localhost(context))  # type: ignore[arg-type]
            client.login(layout.USER, layout.login_password)
            for _ in range(count):
                self.sent += 1
                names = [f"ok.{letter}{self.sent}@inbox1.example" for letter in "ab"]
                client.mail(layout.USER)
                for name in names:
                    client.rcpt(name)
                code, reply = client.data(f"From: <{layout.USER}>\r\nMessage-ID: <{self.sent}@x.example>\r\n\r\nHello\r\n")
                self.assertEqual(code, 250, reply)
                self.queue_ids.append(reply.decode().split()[-1])
                recipients += names
        return recipients

    def connected(self, place: tuple[str, int]) -> smtplib.SMTP:
        """A session; HAProxy finds out a second later that an acceptor is there again."""
        found: list[smtplib.SMTP] = []

        def is_there() -> bool:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                found.append(smtplib.SMTP(*place, timeout=30))
            return bool(found)
        wait_until(is_there, 180, "an acceptor behind HAProxy", pause=0.1)
        return found[0]

    def times(self, recipients: list[str]) -> list[int]:
        """How often each got mail."""
        taken = []
        for name in self.node.layout.names("sink"):
            for line in self.node.daemons.output(name, 0).splitlines():
                if line.startswith("{") and (transaction := json.loads(line))["is_delivered"]:
                    taken += transaction["recipients"]
        return [taken.count(name) for name in recipients]

    def wait_until_delivered(self, recipients: list[str]) -> None:
        """In the sink, in the database and in the log."""
        wait_until(lambda: 0 not in self.times(recipients), 180, "delivery")
        wait_until(lambda: self.queued() == [], 180, "the outcomes")

    def queued(self) -> list[list[str | None]]:
        """What the database holds to deliver."""
        return self.node.query("SELECT message, recipient FROM postrider.job")

    def logs(self) -> list[pathlib.Path]:
        """Of the roles that write the mail log."""
        return [self.node.layout.directory / "logs" / f"{name}.log" for name in ("acceptor1", "worker1")]

    def is_first(self, line: str) -> bool:
        """Whether it is not of the wrong turn."""
        return self.turned_at is None or line[:24] < self.turned_at

    turned_at: str | None = None

    def reconcile(self, *flags: str) -> dict[str, typing.Any]:
        """The command of the procedure."""
        record: dict[str, typing.Any] = json.loads(
            self.node.command("queue", "reconcile", "--json", *flags, *map(str, self.logs())))
        return record

    # The database

    def begin_archive(self) -> None:
        """As docs/operations.md has it; the paths are below the data directory's parent."""
        (self.place / "archive").mkdir()
        self.own(self.place / "archive")
        for setting in ("archive_mode = on", "archive_timeout = '60s'",
                        "archive_command = 'test ! -f ../archive/%f && cp %p ../archive/.%f.part "
                        "&& sync ../archive/.%f.part && mv ../archive/.%f.part ../archive/%f'"):
            self.node.query(f"ALTER SYSTEM SET {setting}")
        self.node.stop("pg1")
        self.node.forget_connection()
        self.node.start("pg1")
        self.node.wait_for(lambda: self.node.query("SHOW archive_mode") == [["on"]], 180, "the archive")

    def back_up(self) -> None:
        """A copy of the running server."""
        layout = self.node.layout
        source = f"host={layout.front('pg1')} port={layout.port('pg1')} user=postrider password={layout.database_password}"
        # The relay before a server that has just started may not let anybody through yet.
        ready = [f"{programs()}/pg_isready", "-q", "-h", layout.front("pg1"), "-p", str(layout.port("pg1"))]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, 180, "the server behind its relay")
        run([f"{programs()}/pg_basebackup", "-D", str(self.place / "backup"), "-d", source, "-X", "none", "-c", "fast"])
        run([f"{programs()}/pg_verifybackup", "--no-parse-wal", str(self.place / "backup")])

    def finish_archive(self) -> None:
        """Everything so far is in the archive; then the server is lost."""
        last = self.node.query("SELECT pg_walfile_name(pg_switch_wal())")[0][0]
        self.node.wait_for(lambda: (self.place / "archive" / str(last)).exists(), 180, "the last segment in the archive")

    def restore(self, point: str) -> None:
        """All roles off; the backup, then the archive up to the point."""
        for name in _ROLES:
            if self.node.daemons.is_running(name):
                self.node.stop(name)
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        self.turned_at = self.turned_at or now.replace("+00:00", "Z")
        self.node.kill("pg1")
        self.node.forget_connection()
        data = self.place / "data"
        shutil.rmtree(data)
        shutil.copytree(self.place / "backup", data, symlinks=True)
        data.chmod(0o700)
        with open(data / "postgresql.auto.conf", "a") as settings:
            settings.write("restore_command = 'cp ../archive/%f %p'\nrecovery_target_action = 'promote'\n"
                           f"recovery_target_name = '{point}'\narchive_mode = off\n")
        (data / "recovery.signal").touch()
        self.own(data)
        self.node.start("pg1")
        self.node.wait_for(lambda: self.node.query("SELECT pg_is_in_recovery()") == [["f"]], 60, "the end of recovery")

    def own(self, directory: pathlib.Path) -> None:
        """Gives everything in it to whoever PostgreSQL runs as."""
        if user := unprivileged_user():
            for path in [directory, *directory.rglob("*")]:
                os.chown(path, *user, follow_symlinks=False)


class _Localhost:
    """A context that expects the certificate's name whatever address was called."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_socket(self, sock: typing.Any, server_hostname: str) -> ssl.SSLSocket:
        """As smtplib calls it."""
        return self._context.wrap_socket(sock, server_hostname="localhost")
