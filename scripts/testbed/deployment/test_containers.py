"""The image and the compose file."""
import ipaddress
import os
import re
import subprocess
import typing

from .case import CLUSTER, DRAIN_SLACK, PRODUCTS, ROOT, ClusterCase, check_environment, effective, from_pypi, needs, \
    seconds, yaml

CONTAINER = CLUSTER / "container"
COMPOSE = CONTAINER / "compose.yaml"
SETTINGS = CONTAINER / "postrider.yaml"


class ImageTests(ClusterCase):
    """The container file and what it makes the image of."""

    @from_pypi("hadolint")
    def test_hadolint_accepts_it(self) -> None:
        for name in ("Containerfile", "Containerfile.mailboxes"):
            self.assert_accepts("hadolint", CONTAINER / name)
        loose = self.broken(CONTAINER / "Containerfile", "USER 65532:65532", "USER root")
        self.assert_refuses("hadolint", loose, because="DL3002")

    def test_it_builds_what_there_is(self) -> None:
        text = (CONTAINER / "Containerfile").read_text()
        for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.M):
            self.assertTrue((ROOT / source).exists(), source)
        # What scripts/setup installs to build with is installed there too.
        wanted = set(re.findall(r"lib\S+-dev", (ROOT / "scripts/setup").read_text()))
        self.assertEqual(wanted - set(re.findall(r"lib\S+-dev", text)), set())
        self.assertIn(".build/release/postrider", text)
        for port in re.search(r"^EXPOSE (.*)$", text, re.M)[1].split():
            values = effective(SETTINGS)
            listens = [values[key] for key in ("smtp.implicit_tls.listen", "smtp.starttls.listen", "inbound.listen",
                                               "discovery.http.listen")]
            self.assertRegex(" ".join([*listens, ":9641"]), rf":{port}\b")

    def test_dovecots_image_has_what_it_needs(self) -> None:
        text = (CONTAINER / "Containerfile.mailboxes").read_text()
        sources = re.findall(r"cluster/(?:dovecot|container)/[\w.-]+", text.split("FROM", 1)[1])
        wanted = {"cluster/container/start-dovecot", *(f"cluster/dovecot/{file.name}" for file in (CLUSTER / "dovecot").glob(
            "*.conf*") if file.name.startswith(("dovecot.conf", "postrider-")))}
        self.assertEqual(set(sources), wanted)
        for source in sources:
            self.assertTrue((ROOT / source).exists(), source)
        ports = set(re.findall(r"^    port = (\d+)$", (CLUSTER / "dovecot/dovecot.conf").read_text(), re.M)) - {"0"}
        self.assertEqual(set(re.search(r"^EXPOSE (.*)$", text, re.M)[1].split()), ports)
        # The packages of the instructions for machines.
        instructions = re.search(r"apt-get install (dovecot-.*)", (CLUSTER / "README.md").read_text())[1].split()
        self.assertEqual(set(re.findall(r"dovecot-\w+d\b|dovecot-pgsql", text)), set(instructions))

    def test_the_executable_runs_where_there_is_no_shell(self) -> None:
        if os.geteuid() != 0:
            self.skipTest("only root can change its root")
        root = self.directory / "root"
        self.assert_accepts(str(CONTAINER / "collect-root"), PRODUCTS / "postrider", root)
        self.assertFalse((root / "bin/sh").exists())
        (root / "settings.yaml").write_bytes(SETTINGS.read_bytes())
        # As every runtime of containers does; Swift finds its arguments there.
        enter = 'mount -t proc proc "$0/proc" && exec chroot --userspec=65532:65532 "$0" /usr/bin/postrider "$@"'
        command = ["unshare", "--mount", "--", "sh", "-c", enter, str(root)]
        said = self.assert_accepts(command[0], *command[1:], "config", "check", "--config", "/settings.yaml")
        self.assertIn("in order", said)
        # It gets as far as looking for its database: libpq and OpenSSL are there.
        code, output = self.run_tool(command[0], *command[1:], "queue", "show", "--set",
                                     "database.url=postgresql://postrider@127.0.0.1:1/postrider?sslmode=verify-full"
                                     "&sslrootcert=/etc/ssl/certs/ca-certificates.crt")
        self.assertEqual(code, 69, output)
        self.assertIn("refused", output)


@needs("yaml")
class ComposeTests(ClusterCase):
    """cluster/container/compose.yaml."""

    def setUp(self) -> None:
        super().setUp()
        self.compose: dict[str, typing.Any] = yaml.safe_load(COMPOSE.read_text())
        self.services: dict[str, typing.Any] = self.compose["services"]

    @from_pypi("check-jsonschema")
    def test_it_is_after_the_specification(self) -> None:
        self.assert_accepts("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)
        wrong = self.broken(COMPOSE, "stop_grace_period: 60s", "stop_grace: 60s")
        self.assert_refuses("check-jsonschema", "--builtin-schema", "vendor.compose-spec", wrong, because="stop_grace")

    def test_every_variable_is_a_setting(self) -> None:
        roles = {name: service for name, service in self.services.items() if "postrider:" in service["image"]}
        self.assertEqual(len(roles), 12)
        for name, service in roles.items():
            values = check_environment(service["environment"], SETTINGS)
            self.assertEqual(values["status.listen"], "0.0.0.0:9641", name)
            self.assertIn(service["command"][0], ("acceptor", "inbound", "discovery", "worker", "keeper", "migrate", "database"))

    def test_discovery_has_no_secret_but_the_certificates_key(self) -> None:
        for name in ("discovery1", "discovery2"):
            service = self.services[name]
            self.assertEqual({one["source"] for one in service["secrets"]}, {"server.pem", "server.key"})
            self.assertFalse(service["env_file"] or service["depends_on"])
            self.assertNotIn("POSTRIDER_KEYS_MASTER_FILE", service["environment"])

    def test_dovecot_is_where_the_workers_look(self) -> None:
        dovecot, values = self.services["dovecot"], effective(SETTINGS)
        network = self.compose["networks"]["inside"]["ipam"]["config"][0]
        place = ipaddress.ip_address(dovecot["networks"]["inside"]["ipv4_address"])
        self.assertEqual(values["mailboxes.lmtp"], f"{place}:24")
        self.assertIn(place, ipaddress.ip_network(network["subnet"]))
        # Nobody is given its address before it comes.
        self.assertNotIn(place, ipaddress.ip_network(network["ip_range"]))
        self.assertEqual(dovecot["environment"]["MAILBOXES_PROXIES"], network["subnet"])
        self.assertNotIn("ports", dovecot)
        for name, value in dovecot["environment"].items():
            self.assertIn(f"{name}", (CONTAINER / "start-dovecot").read_text())
            if value.startswith("/run/secrets/"):
                self.assertIn(value.removeprefix("/run/secrets/"), dovecot["secrets"])
        role = re.search(r"user=(\w+)", dovecot["environment"]["MAILBOXES_DATABASE"])[1]
        self.assertIn(f"CREATE ROLE {role} ", (CONTAINER / "replication.sh").read_text())
        self.assertEqual(self.services["grant"]["command"][-1], role)

    def test_time_to_end_fits_the_drain(self) -> None:
        values = effective(SETTINGS)
        for name, service in self.services.items():
            if role := re.match(r"(acceptor|inbound|discovery|worker|keeper)\d$", name):
                notice = seconds(values["shutdown.notice"]) if role[1] in ("acceptor", "inbound", "discovery") else 0
                self.assertGreater(seconds(service["stop_grace_period"]),
                                   notice + seconds(values["shutdown.timeout"]) + DRAIN_SLACK, name)

    def test_what_it_names_is_there(self) -> None:
        for name, config in self.compose["configs"].items():
            self.assertTrue((CONTAINER / config["file"]).exists(), name)
        for name, service in self.services.items():
            for kind in ("configs", "secrets", "networks"):
                used = [item["source"] if isinstance(item, dict) else item for item in service.get(kind, [])]
                self.assertEqual(set(used) - set(self.compose[kind]), set(), name)
            self.assertEqual(set(service.get("depends_on", [])) - set(self.services), set(), name)
        # HAProxy's servers are the acceptors and the inbound listeners; what it listens on is published.
        balancer = (CONTAINER / "haproxy.cfg").read_text()
        for letter, role in (("a", "acceptor"), ("r", "inbound"), ("m", "discovery"), ("d", "dovecot")):
            servers = set(re.findall(rf"server {letter}\d (\w+):", balancer))
            self.assertEqual(servers, {name for name in self.services if name.startswith(role)})
        fronts = set(re.findall(r"^  bind :(\d+)", balancer, re.M))
        certificates = {secret["target"] for secret in self.services["haproxy"]["secrets"]}
        self.assertEqual(certificates, {f"/etc/haproxy/certificates/server.pem{end}" for end in ("", ".key")})
        self.assertIn("crt /etc/haproxy/certificates/", balancer)
        self.assertEqual({port.split(":")[1] for port in self.services["haproxy"]["ports"]}, fronts)
        self.assertIn(self.compose["networks"]["inside"]["ipam"]["config"][0]["subnet"],
                      effective(SETTINGS)["smtp.proxy_protocol.allow_networks"])

    def test_shell_scripts_are_shell(self) -> None:
        for file in (CONTAINER / "collect-root", CONTAINER / "start-standby", CONTAINER / "replication.sh", CONTAINER / "start-dovecot",
                     CLUSTER / "kubernetes/redis/start-redis"):
            result = subprocess.run(["sh", "-n", file], capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr)

    @from_pypi("yamllint")
    def test_yaml_is_in_order(self) -> None:
        rules = ("{extends: default, rules: {line-length: {max: 130}, document-start: disable, "
                 "comments: {min-spaces-from-content: 1}, truthy: {check-keys: false}, "
                 "braces: {max-spaces-inside: 0}, octal-values: disable}}")
        files = [file for ending in ("yaml", "yml") for file in CLUSTER.rglob(f"*.{ending}")]
        self.assertGreater(len(files), 10)
        self.assert_accepts("yamllint", "--strict", "-d", rules, *files)
        wrong = self.broken(COMPOSE, "name: postrider\n", "name: postrider\nname: postrider\n")
        self.assert_refuses("yamllint", "--strict", "-d", rules, wrong, because="duplication")
