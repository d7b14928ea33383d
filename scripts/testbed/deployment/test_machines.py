"""HAProxy, systemd, Patroni: what runs on machines."""
import pathlib
import re
import socket

from .case import CLUSTER, DRAIN_SLACK, PRODUCTS, ClusterCase, check_environment, effective, from_pypi, needs, \
    port_of, seconds, settings

HAPROXY = CLUSTER / "haproxy/haproxy.cfg"
# Where the servers of a backend listen.
LISTENS = {"tls": "smtp.implicit_tls.listen", "starttls": "smtp.starttls.listen", "reports": "inbound.listen"}
UNITS = sorted((CLUSTER / "systemd").glob("*.service"))
PATRONI = CLUSTER / "postgresql/patroni.yml"


class HAProxyTests(ClusterCase):
    """cluster/haproxy/haproxy.cfg, and the one of the compose file."""

    @needs("haproxy")
    def test_haproxy_accepts_it(self) -> None:
        self.assert_accepts("haproxy", "-c", "-dW", "-f", self.with_certificates(HAPROXY))
        # Its servers are found by name, and only when it runs.
        self.assert_accepts("haproxy", "-c", "-f", self.with_certificates(CLUSTER / "container/haproxy.cfg"))

    @needs("haproxy")
    def test_haproxy_sees_a_fault(self) -> None:
        wrong = self.broken(self.with_certificates(HAPROXY), "default_backend ready_tls", "default_backend nobody")
        self.assert_refuses("haproxy", "-c", "-f", wrong, because="nobody")

    def test_ports_and_times_fit_the_settings(self) -> None:
        for file, ours in ((HAPROXY, CLUSTER / "postrider.yaml"),
                           (CLUSTER / "container/haproxy.cfg", CLUSTER / "container/postrider.yaml")):
            text, values = file.read_text(), effective(ours)
            backends = re.findall(r"^backend \w+_(\w+)\n(?:  .*\n)*?  server \S+ \S+:(\d+)", text, re.M)
            self.assertEqual([backend for backend, _ in backends].count("reports"), 2, file)
            for backend, port in backends:
                self.assertRegex(values[LISTENS[backend]], rf":{port}\b", f"{file}: {backend}")
            self.assertEqual(set(re.findall(r"GET (\S+)", text)), {"/readyz", "/healthz"})
            inter, fall = re.search(r"inter (\S+) fall (\d+)", text).groups()
            self.assertGreater(seconds(values["shutdown.notice"]), seconds(inter) * int(fall))
            for side in ("client", "server"):
                limit = re.search(rf"^  timeout {side} (\S+)", text, re.M)[1]
                for role in ("smtp", "inbound"):
                    self.assertGreater(seconds(limit), seconds(values[f"{role}.command_timeout"]))
            self.assertGreater(seconds(re.search(r"timeout check (\S+)", text)[1]), 1)
            self.assertIn("send-proxy-v2", text)
            self.assertNotEqual(values["smtp.proxy_protocol.allow_networks"], "none")

    def test_readers_and_discovery_are_where_the_balancer_looks(self) -> None:
        dovecot = (CLUSTER / "dovecot/dovecot.conf").read_text()
        for file, ours in ((HAPROXY, CLUSTER / "postrider.yaml"),
                           (CLUSTER / "container/haproxy.cfg", CLUSTER / "container/postrider.yaml")):
            text, values = file.read_text(), effective(ours)
            sections: dict[str, str] = {}
            for name, body in re.findall(r"^(?:frontend|backend) (\w+)\n((?:  .*\n)*)", text, re.M):
                sections[name] = sections.get(name, "") + body
            for name, port in (("imaps", "993"), ("pop3s", "995")):
                # The listener that wants to be told the client's address, by which mail programs' port it is.
                inside = re.search(rf"inet_listener {name}_haproxy {{\n    port = (\d+)\n    ssl = yes\n    haproxy = yes", dovecot)[1]
                self.assertIn(f"frontend {name}\n  bind :{port},[::]:{port} v6only\n", text)
                self.assertRegex(sections[name], rf"\n  server d1 \S+:{inside}\n")
                self.assertRegex(sections[name], rf"check port {inside} check-ssl verify none check-send-proxy")
                self.assertEqual(values[f"discovery.{name[:-1]}.port"], port)
            for side in ("client", "server"):
                # Longer than Dovecot lets anybody be idle (RFC 9051, 5.4).
                limits = re.findall(rf"^(?:frontend|backend) (?:imaps|pop3s)\n(?:  .*\n)*?  timeout {side} (\S+)", text, re.M)
                self.assertEqual(len(limits), 2)
                self.assertGreater(min(map(seconds, limits)), 1800)
            self.assertNotRegex(text, r"bind [^\n]*:24\b")
            listens = port_of(values, "discovery.http.listen")
            self.assertEqual(set(re.findall(r"^  server m\d \S+:(\d+)$", text, re.M)), {listens})
            # Who asks is told by the balancer, and it is believed.
            self.assertIn("http-request set-header X-Forwarded-For %[src]", text)
            self.assertEqual(values["discovery.proxies"], values["smtp.proxy_protocol.allow_networks"])
            self.assertIn(f"https://{values['discovery.hostname']} ", text)
            limit = re.search(r"^  timeout client (\S+)", sections["discovery"], re.M)[1]
            self.assertGreater(seconds(limit), seconds(values["discovery.request_timeout"]))

    def test_roles_are_asked_where_their_units_answer(self) -> None:
        text = HAPROXY.read_text()
        for role, section in (("acceptor", r"^defaults"), ("inbound", r"^backend \w+_reports"),
                              ("discovery", r"^backend discovery")):
            unit = (CLUSTER / f"systemd/postrider-{role}@.service").read_text()
            port = re.search(r"STATUS_LISTEN=\S+:(\d+)%i", unit)[1] + "1"
            asked = re.findall(rf"{section}\n(?:  .*\n)*?  default-server .*?check port (\d+)", text, re.M)
            self.assertTrue(asked)
            self.assertEqual(set(asked), {port})


class SystemdTests(ClusterCase):
    """cluster/systemd."""

    def units(self) -> list[pathlib.Path]:
        """The units with the executable that was built."""
        for file in [*UNITS, CLUSTER / "systemd/postrider.target"]:
            text = file.read_text().replace("/usr/bin/postrider ", f"{PRODUCTS}/postrider ")
            # A template is looked at as an instance.
            (self.directory / file.name.replace("@.", "@1.")).write_text(text)
        return sorted(self.directory.glob("*.service"))

    @needs("systemd-analyze")
    def test_systemd_accepts_them(self) -> None:
        self.assertEqual(len(self.units()), 6)
        # Only the name of whoever is not here may be told.
        output = self.assert_accepts("systemd-analyze", "verify", "--man=no", *sorted(self.directory.iterdir()))
        ours = [line for line in output.splitlines() if "postrider" in line]
        self.assertEqual(ours, [])

    @needs("systemd-analyze")
    def test_systemd_sees_a_fault(self) -> None:
        unit = self.units()[0]
        unit.write_text(unit.read_text().replace("ProtectSystem=strict", "ProtectSystem=very"))
        _, output = self.run_tool("systemd-analyze", "verify", "--man=no", unit)
        self.assertIn("very", output)
        unit.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/nowhere/postrider", unit.read_text()))
        self.assert_refuses("systemd-analyze", "verify", "--man=no", unit, because="not executable")

    @needs("systemd-analyze")
    def test_little_is_exposed(self) -> None:
        for unit in UNITS:
            self.assert_accepts("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)
        loose = self.broken(UNITS[0], "ProtectSystem=strict", "ProtectSystem=no")
        loose.write_text(re.sub(r"(?m)^(Protect|Restrict|SystemCall|Capab|Private).*\n", "", loose.read_text()))
        self.assert_refuses("systemd-analyze", "security", "--offline=true", "--threshold=20", loose, because="UNSAFE")

    def test_every_variable_is_a_setting(self) -> None:
        for unit in UNITS:
            variables = dict(re.findall(r"^Environment=(\w+)=(.*)$", unit.read_text(), re.M))
            self.assertEqual(variables["POSTRIDER_CONFIG"], "/etc/postrider/postrider.yaml")
            variables = {name: value.replace("%d", "/run/credentials").replace("%i", "1")
                         for name, value in variables.items()}
            check_environment(variables, CLUSTER / "postrider.yaml")
        for file in (CLUSTER / "systemd").glob("*.env.example"):
            variables = dict(re.findall(r"^(\w+)=(.*)$", file.read_text(), re.M))
            self.assertTrue(variables)
            check_environment(variables, CLUSTER / "postrider.yaml")
        with self.assertRaises(AssertionError):
            check_environment({"POSTRIDER_STATUS_LISTENS": "127.0.0.1:9641"}, CLUSTER / "postrider.yaml")
        with self.assertRaises(AssertionError):
            check_environment({"POSTRIDER_STATUS_LISTEN": "somewhere"}, CLUSTER / "postrider.yaml")

    def test_time_to_end_fits_the_drain(self) -> None:
        values = effective(CLUSTER / "postrider.yaml")
        for unit in UNITS:
            if "migrate" in unit.name:
                continue
            notice = 0 if "worker" in unit.name or "keeper" in unit.name else seconds(values["shutdown.notice"])
            limit = seconds(re.search(r"^TimeoutStopSec=(\S+)", unit.read_text(), re.M)[1])
            self.assertGreater(limit, notice + seconds(values["shutdown.timeout"]) + DRAIN_SLACK, unit.name)
        for role, limit in (("acceptor", "smtp.sessions_max"), ("inbound", "inbound.sessions_max"),
                            ("discovery", "discovery.connections_max")):
            unit = (CLUSTER / f"systemd/postrider-{role}@.service").read_text()
            files = int(re.search(r"LimitNOFILE=(\d+)", unit)[1])
            self.assertGreaterEqual(files, int(settings()[limit]) + 500)

    @needs("systemd-sysusers", "systemd-tmpfiles")
    def test_user_and_directories_are_made(self) -> None:
        root = self.directory / "root"
        (root / "etc").mkdir(parents=True)
        units = CLUSTER / "systemd"
        self.assert_accepts("systemd-sysusers", f"--root={root}", units / "postrider.sysusers.conf")
        self.assertIn("postrider:", (root / "etc/passwd").read_text())
        # Only root can give files away.
        if pathlib.Path(root).owner() == "root":
            self.assert_accepts("systemd-tmpfiles", "--create", f"--root={root}", units / "postrider.tmpfiles.conf")
            self.assertEqual((root / "etc/postrider/tls").stat().st_mode & 0o777, 0o750)


class PatroniTests(ClusterCase):
    """cluster/postgresql/patroni.yml."""

    def adapted(self, listener: socket.socket) -> pathlib.Path:
        """With an etcd whose port answers: Patroni tries, and says nothing otherwise."""
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        text = re.sub(r"hosts: \[.*\]", f"hosts: [{place}, {place}, {place}]", PATRONI.read_text())
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        text = re.sub(r"bin_dir: .*", f"bin_dir: {programs}", text)
        text = re.sub(r"data_dir: .*", f"data_dir: {self.directory}/data", text)
        file = self.directory / "patroni.yml"
        file.write_text(text)
        return file

    @from_pypi("patroni")
    def test_patroni_accepts_it(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            file = self.adapted(listener)
            output = self.assert_accepts("patroni", "--validate-config", "--ignore-listen-port", file)
            self.assertNotIn("didn't pass", output)
            file.write_text(file.read_text().replace("loop_wait: 10", "loop_wait: soon"))
            self.assert_refuses("patroni", "--validate-config", "--ignore-listen-port", file, because="loop_wait")

    def test_a_commit_waits_for_any_one_of_two(self) -> None:
        text = PATRONI.read_text()
        for line in ("synchronous_mode: quorum", "synchronous_mode_strict: true", "synchronous_node_count: 1",
                     'fsync: "on"', 'full_page_writes: "on"', 'synchronous_commit: "on"'):
            self.assertIn(line, text)
        self.assertEqual(len(re.search(r"hosts: \[(.*)\]", text)[1].split(",")), 3)
