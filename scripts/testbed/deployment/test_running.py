"""Files of cluster/ that can run here, run."""
import json
import os
import re
import smtplib
import ssl
import subprocess
import time
import typing
import urllib.error
import urllib.request

from ..cluster.cluster import Cluster
from ..libpq import Connection
from ..network import free_port
from ..postgresql import ROLE, initdb_command, programs, server_command, unprivileged_user
from ..processes import Child, Processes, run
from ..trouble import Trouble
from ..waiting import wait_until
from .case import CLUSTER, PRODUCTS, ROOT, ClusterCase, needs, tool


class RunningCase(ClusterCase):
    """A test that starts processes."""

    def setUp(self) -> None:
        super().setUp()
        self.processes = Processes(self.directory)
        self.addCleanup(self.processes.stop_all)

    def wait_for(self, condition: typing.Callable[[], bool], what: str, limit: float = 180) -> None:
        """Waits; trouble on the way is no answer yet."""
        def holds() -> bool:
            try:
                return condition()
            except (Trouble, OSError, smtplib.SMTPException, subprocess.SubprocessError):
                return False
        wait_until(holds, limit, what, pause=0.1)


@needs("haproxy")
class HAProxyRunTests(RunningCase):
    """haproxy.cfg before two acceptors and two inbound listeners."""

    def setUp(self) -> None:
        super().setUp()
        self.node = Cluster.make(
            ROOT, self.directory / "node", PRODUCTS, is_tied=True,
            counts={"acceptor": 2, "worker": 1, "keeper": 1, "pg": 1, "redis": 1, "sentinel": 0},
            settings={"shutdown": {"notice": "15s"}})
        self.addCleanup(self.node.down)
        layout = self.node.layout
        # Both answer on the same port, as in the file, each at its own address. The inbound listeners are beside them.
        machines = layout.back("acceptor1"), layout.back("acceptor2")
        self.status, self.reports, self.reports_status = (free_port(*machines) for _ in range(3))
        for name in ("acceptor1", "acceptor2"):
            layout.ports[name]["status"] = self.status
        layout.save()
        self.node.up()
        self.port = self.start_haproxy()

    def start_haproxy(self) -> dict[str, int]:
        """The file with this node's addresses instead of the examples'."""
        layout = self.node.layout
        text = (CLUSTER / "haproxy/haproxy.cfg").read_text()
        text = text.replace("  log global\n", "")
        for unneeded in (r"  (log|user|group|chroot|stats|maxconn) .*\n", r"  server a3 .*\n", r"\n# Where mail is read(?s:.*)"):
            text = re.sub(unneeded, "", text)
        for example, ours in ((9641, self.status), (9671, self.reports_status)):
            text = text.replace(f"check port {example}", f"check port {ours}")
        ports = {purpose: free_port("127.0.0.1") for purpose in ("tls", "starttls", "reports")}
        for purpose, standard, inside in (("tls", 465, 2465), ("starttls", 587, 2587), ("reports", 25, 2525)):
            text = text.replace(f"bind :{standard},[::]:{standard} v6only", f"bind 127.0.0.1:{ports[purpose]}")
            for name in ("acceptor1", "acceptor2"):
                port = self.reports if purpose == "reports" else layout.port(name, purpose)
                text = text.replace(f"192.0.2.1{name[-1]}:{inside}", f"{layout.back(name)}:{port}")
        self.assertNotIn("192.0.2", text)
        file = self.directory / "haproxy.cfg"
        file.write_text(text + "\n")
        self.assert_accepts("haproxy", "-c", "-f", file)
        self.processes.start("haproxy", [tool("haproxy") or "", "-db", "-f", str(file)])
        return ports

    def submit(self) -> int:
        """One message over STARTTLS. Returns the reply's code to it."""
        layout = self.node.layout
        context = ssl.create_default_context(cafile=layout.authority)
        context.check_hostname = False
        with smtplib.SMTP("127.0.0.1", self.port["starttls"], timeout=120) as client:
            client.starttls(context=context)
            client.login(layout.USER, layout.login_password)
            client.mail(layout.USER)
            client.rcpt("ok.someone@inbox1.example")
            return client.data(f"From: <{layout.USER}>\r\n\r\nHello\r\n")[0]

    def test_mail_passes_and_a_draining_acceptor_gets_nothing_new(self) -> None:
        self.wait_for(lambda: self.submit() == 250, "the first message through HAProxy")
        # The header was taken: the acceptor names the client that HAProxy told of.
        self.wait_for(lambda: re.search(r" accepted .*client=127\.0\.0\.1", "".join(
            self.node.daemons.output(name, 0) for name in ("acceptor1", "acceptor2"))) is not None, "the mail log")
        os.kill(self.node.daemons.pid("acceptor1") or 0, 15)
        # From the signal to the end: whoever comes is served, and by the other one at last.
        served = 0
        while self.node.daemons.is_running("acceptor1"):
            self.assertEqual(self.submit(), 250)
            served += 1
        self.assertGreater(served, 0)
        position = len(self.node.daemons.output("acceptor2", 0).encode())
        self.assertEqual(self.submit(), 250)
        self.node.daemons.wait_for_line("acceptor2", " accepted ", position, 180)

    def test_without_a_database_clients_hear_451(self) -> None:
        self.wait_for(lambda: self.submit() == 250, "the first message through HAProxy")
        self.node.kill("pg1")
        self.node.forget_connection()
        self.wait_for(lambda: not self.is_ready("acceptor1") and not self.is_ready("acceptor2"), "not ready")

        def is_put_off() -> bool:
            try:
                return 400 <= self.submit() < 500
            except smtplib.SMTPResponseException as refusal:
                return 400 <= refusal.smtp_code < 500
        self.wait_for(is_put_off, "a 4xx instead of a refused connection")
        self.node.start("pg1")
        self.wait_for(lambda: self.submit() == 250, "service again")

    def test_a_report_reaches_whichever_listener_is_ready(self) -> None:
        node = self.node
        node.command("tenant", "set", node.layout.TENANT, "--return-path-host", "returns.example")
        listeners = [self.start_inbound(number) for number in (1, 2)]
        self.wait_for(lambda: self.submit() == 250, "the first message through HAProxy")
        self.wait_for(lambda: self.return_path().endswith("@returns.example"), "its delivery")
        reported = ("SELECT count(*) FROM postrider.outcome o JOIN postrider.suppression s USING (message) "
                    "WHERE o.kind = 10 AND s.address = 'ok.someone@inbox1.example'")
        self.wait_for(lambda: self.report() == 250, "the report through HAProxy")
        self.assertEqual(node.query(reported), [["1"]])
        # The PROXY header was taken: HAProxy itself comes from another address.
        told = re.compile(rf" report .*client={re.escape(self.REPORTER)}\b")
        self.wait_for(lambda: told.search("".join(one.output() for one in listeners)) is not None, "the report in the log")
        # One drains, then is away: whoever comes meanwhile is served, by the other one at last.
        listeners[0].send(15)
        served = 0
        while listeners[0].is_running():
            self.assertEqual(self.report(), 250)
            served += 1
        self.assertGreater(served, 0)
        self.assertEqual(self.report(), 250)
        self.assertEqual(node.query(reported), [["1"]])

    # Whoever brings reports.
    REPORTER = "127.0.0.99"

    def start_inbound(self, number: int) -> Child:
        """An inbound listener on the machine of an acceptor."""
        place = self.node.layout.back(f"acceptor{number}")
        command = [self.node.layout.postrider, "inbound", "--config", str(self.node.layout.settings_file),
                   "--set", f"node.name=inbound{number}.cluster.example", "--set", f"inbound.listen={place}:{self.reports}",
                   "--set", f"status.listen={place}:{self.reports_status}"]
        return self.processes.start(f"inbound{number}", command, ready=" ready")

    def return_path(self) -> str:
        """Of what a sink has taken; empty: of nothing yet."""
        for name in self.node.layout.names("sink"):
            for line in self.node.daemons.output(name, 0).splitlines():
                if line.startswith("{") and (taken := json.loads(line))["is_delivered"]:
                    return str(taken["sender"])
        return ""

    def report(self) -> int:
        """Brings a bounce to the return path, through HAProxy. Returns the reply's code to it."""
        text = ("From: mailer-daemon@inbox1.example\r\nSubject: failure notice\r\n\r\n"
                "Hi. This is the qmail-send program at inbox1.example.\r\n\r\n<ok.someone@inbox1.example>:\r\n"
                "Sorry, no mailbox here by that name. (#5.1.1)\r\n")
        with smtplib.SMTP("127.0.0.1", self.port["reports"], timeout=120, source_address=(self.REPORTER, 0)) as client:
            client.ehlo("mx.inbox1.example")
            client.mail("")
            code, reply = client.rcpt(self.return_path())
            self.assertEqual(code, 250, reply)
            return client.data(text)[0]

    def is_ready(self, name: str) -> bool:
        """What /readyz says."""
        try:
            with urllib.request.urlopen(f"http://{self.node.layout.back(name)}:{self.status}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False


@needs("redis-server", "redis-cli")
class RedisRunTests(RunningCase):
    """start-redis: three machines, the master lost, and come back."""

    PASSWORD = "secret"

    def start(self, role: str, number: int) -> Child:
        """One Redis or Sentinel; machines are loopback addresses."""
        directory = self.directory / f"{role}{number}"
        directory.mkdir(exist_ok=True)
        places = [f"127.0.0.{70 + other}" for other in (1, 2, 3)]
        environment = {
            "REDIS_SELF": places[number - 1], "REDIS_FIRST": places[0], "REDIS_SENTINELS": " ".join(places),
            "REDIS_PASSWORD": self.PASSWORD, "REDIS_DIRECTORY": str(directory), "REDIS_PORT": str(self.port),
            "SENTINEL_PORT": str(self.sentinel_port),
        }
        return self.processes.start(f"{role}{number}", ["sh", str(self.script), role], environment=environment)

    def ask(self, number: int, port: int, *words: str) -> str:
        """redis-cli."""
        return run(["redis-cli", "-h", f"127.0.0.{70 + number}", "-p", str(port), *words], seconds=30,
                   environment={"REDISCLI_AUTH": self.PASSWORD})

    def master(self, number: int) -> str:
        """As that machine's Sentinel sees it."""
        return self.ask(number, self.sentinel_port, "SENTINEL", "get-master-addr-by-name", "postrider").split()[0]

    def test_a_lost_master_is_replaced_and_comes_back_as_a_replica(self) -> None:
        places = [f"127.0.0.{70 + number}" for number in (1, 2, 3)]
        self.port, self.sentinel_port = free_port(*places), free_port(*places)
        # Without a bind all would listen on every address of this machine.
        self.script = self.directory / "start-redis"
        text = (CLUSTER / "kubernetes/redis/start-redis").read_text()
        self.script.write_text(re.sub(r'(?m)^( *)echo "dir ', r'\1echo "bind $REDIS_SELF"\n\1echo "dir ', text))
        servers = [self.start("redis", number) for number in (1, 2, 3)]
        sentinels = [self.start("sentinel", number) for number in (1, 2, 3)]
        self.assertEqual(len(sentinels), 3)
        self.wait_for(lambda: "connected_slaves:2" in self.ask(1, self.port, "INFO", "replication"), "two replicas")
        self.wait_for(lambda: all("num-slaves\n2" in self.ask(number, self.sentinel_port, "SENTINEL", "master", "postrider")
                                  and "num-other-sentinels\n2" in self.ask(number, self.sentinel_port, "SENTINEL", "master",
                                                                          "postrider")
                                  for number in (1, 2, 3)), "Sentinels that know all")
        # A master refuses to write while its replicas have not been heard of lately.
        self.wait_for(lambda: self.ask(1, self.port, "SET", "key", "value").strip() == "OK", "a first write")
        # Replication is asynchronous: what the master alone has goes with it.
        self.wait_for(lambda: self.ask(1, self.port, "WAIT", "2", "20000").strip() == "2", "two copies of it")
        servers[0].kill()
        self.wait_for(lambda: self.master(2) != places[0] and self.master(3) == self.master(2), "another master", 300)
        successor = places.index(self.master(2)) + 1
        self.assertEqual(self.ask(successor, self.port, "GET", "key").strip(), "value")
        # It would begin as master by REDIS_FIRST; the Sentinels know better.
        self.start("redis", 1)
        self.wait_for(lambda: "role:slave" in self.ask(1, self.port, "INFO", "replication"), "the old one as a replica")
        self.wait_for(lambda: self.ask(successor, self.port, "SET", "key", "other").strip() == "OK", "writes")


class StandbyRunTests(RunningCase):
    """replication.sh and start-standby of the compose file."""

    def test_a_standby_is_made_and_commits_wait_for_it(self) -> None:
        user = unprivileged_user()
        place = self.directory / "postgres"
        place.mkdir()
        secret = place / "password"
        secret.write_text("secret\n")
        for path in (place, secret):
            path.chmod(0o700 if path == place else 0o600)
            if user:
                os.chown(path, *user)
        self.directory.chmod(0o755)
        options: dict[str, typing.Any] = {"user": user[0], "group": user[1], "extra_groups": []} if user else {}
        run(initdb_command(str(place)), cwd="/", **options)
        port, standby_port = free_port(), free_port()
        command = server_command(str(place), "127.0.0.1", port, {})
        command[command.index("unix_socket_directories=")] = f"unix_socket_directories={place}"
        url = f"host=127.0.0.1 port={port} user={ROLE} password=secret"
        primary = self.processes.start("primary", command, ready="ready to accept", user=user, stop_signal=2)
        Connection(f"{url} dbname=postgres").query("CREATE DATABASE postrider")
        environment = {
            "PATH": f"{programs()}:{os.environ['PATH']}", "PGDATA": str(place / "data"), "PGHOST": "127.0.0.1",
            "PGPORT": str(port), "PGPASSWORD": "secret", "POSTGRES_PASSWORD_FILE": str(secret), "MAILBOXES_PASSWORD_FILE": str(secret),
        }
        run(["sh", str(CLUSTER / "container/replication.sh")], environment=environment, **options)
        primary.stop()
        self.processes.start("primary2", command, ready="ready to accept", user=user, stop_signal=2)

        # Nobody follows yet: a commit waits.
        waiting = Connection(f"{url} dbname=postrider")
        waiting.query("SET statement_timeout = '1s'")
        waiting.query("SET synchronous_commit = on")
        with self.assertRaises(Trouble):
            waiting.query("DO 'BEGIN PERFORM 1; END'; CREATE TABLE t (); SELECT pg_sleep(2)")

        (place / "standby").mkdir(mode=0o700)
        if user:
            os.chown(place / "standby", *user)
        environment |= {"PGDATA": str(place / "standby"), "PRIMARY": "127.0.0.1", "PRIMARY_PORT": str(port)}
        script = ["sh", str(CLUSTER / "container/start-standby"), "-p", str(standby_port), "-c",
                  "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"]
        self.processes.start("standby", script, ready="ready to accept", environment=environment, user=user,
                             stop_signal=2, seconds=60)
        asked = Connection(f"{url} dbname=postrider")
        self.wait_for(lambda: asked.query("SELECT application_name, sync_state FROM pg_stat_replication")
                      == [["standby", "quorum"]], "a synchronous standby")
        begun = time.monotonic()
        asked.query("CREATE TABLE followed ()")
        self.assertLess(time.monotonic() - begun, 30)
        follower = Connection(f"host=127.0.0.1 port={standby_port} user={ROLE} password=secret dbname=postrider")
        self.wait_for(lambda: follower.value("SELECT to_regclass('followed') IS NOT NULL") == "t", "the table there")
        self.assertEqual(follower.value("SELECT pg_is_in_recovery()"), "t")
