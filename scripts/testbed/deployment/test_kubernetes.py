"""The manifests, as Kustomize renders them."""
import re
import typing

from .case import CLUSTER, DRAIN_SLACK, ROOT, ClusterCase, check_environment, effective, from_pypi, needs, seconds, \
    settings, yaml

KUBERNETES = CLUSTER / "kubernetes"
RENDERED = ["overlays/production", "overlays/trial", "migrate", "redis", "mailboxes", "base"]
# Resources of operators: kubernetes-validate knows no schema of theirs.
FOREIGN = {"ScaledObject", "PodMonitor", "Cluster"}
Resource = dict[str, typing.Any]


@needs("yaml")
@from_pypi("kubectl", "kubernetes-validate")
class ManifestTests(ClusterCase):
    """cluster/kubernetes."""

    def rendered(self, name: str) -> list[Resource]:
        """The resources of a base or an overlay."""
        return [one for one in yaml.safe_load_all(self.assert_accepts("kubectl", "kustomize", KUBERNETES / name)) if one]

    def test_every_resource_is_valid(self) -> None:
        for name in RENDERED:
            file = self.directory / "rendered.yaml"
            file.write_text(yaml.safe_dump_all(self.rendered(name)))
            output = self.assert_accepts("kubernetes-validate", "--strict", file)
            unknown = set(re.findall(r"schema for kind (\w+)", output))
            self.assertEqual(unknown - FOREIGN, set(), name)
            self.assertEqual(output.count("passed"), len([one for one in self.rendered(name)
                                                          if one["kind"] not in FOREIGN]))

    def test_validation_sees_a_fault(self) -> None:
        wrong = self.broken(KUBERNETES / "base/keeper.yaml", "terminationGracePeriodSeconds", "terminationGraceSeconds")
        self.assert_refuses("kubernetes-validate", "--strict", wrong, because="terminationGraceSeconds")

    def test_settings_ports_and_variables_are_the_products(self) -> None:
        file = KUBERNETES / "base/postrider.yaml"
        values = effective(file)
        ports = {"submissions": "smtp.implicit_tls.listen", "submission": "smtp.starttls.listen",
                 "reports": "inbound.listen", "status": "status.listen", "http": "discovery.http.listen",
                 "https": "discovery.https.listen"}
        for one in self.pods("overlays/production"):
            if one["metadata"]["name"] in ("redis", "dovecot"):
                continue
            for container in one["spec"]["template"]["spec"]["containers"]:
                self.assertIn(container["args"][0], ("acceptor", "inbound", "discovery", "worker", "keeper", "migrate"))
                # Where a value comes from a secret, any of its kind will do.
                check_environment({
                    entry["name"]: entry.get("value") or settings()[entry["name"][10:].lower().replace("_", ".", 1)]
                    for entry in container["env"] if entry["name"] != "POSTRIDER_NODE_NAME"}, file)
                for port in container.get("ports", []):
                    self.assertRegex(values[ports[port["name"]]], rf":{port['containerPort']}\b")
                mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
                for key in ("keys.master_file", "smtp.certificate_file", "smtp.key_file"):
                    if container["args"][0] in ("acceptor", "inbound", "discovery") or key == "keys.master_file":
                        self.assertIn(values[key].rsplit("/", 1)[0], mounts | {"/run/secrets/postrider"})
                if "livenessProbe" in container:
                    self.assertEqual(container["livenessProbe"]["httpGet"], {"path": "/healthz", "port": "status"})
                    self.assertEqual(container["readinessProbe"]["httpGet"], {"path": "/readyz", "port": "status"})
                    self.assertGreater(container["readinessProbe"]["timeoutSeconds"], 1)

    def test_time_to_end_fits_the_drain(self) -> None:
        values = effective(KUBERNETES / "base/postrider.yaml")
        for one in self.pods("base"):
            notice = seconds(values["shutdown.notice"]) if one["metadata"]["name"] in ("acceptor", "inbound", "discovery") else 0
            self.assertGreater(one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
                               notice + seconds(values["shutdown.timeout"]) + DRAIN_SLACK)

    def test_pods_are_restricted(self) -> None:
        for name in ("overlays/production", "overlays/trial", "migrate"):
            for one in self.pods(name):
                pod = one["spec"]["template"]["spec"]
                self.assertFalse(pod["automountServiceAccountToken"])
                self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                for container in pod["containers"]:
                    context = container["securityContext"]
                    self.assertTrue(context["readOnlyRootFilesystem"])
                    self.assertFalse(context["allowPrivilegeEscalation"])
                    self.assertEqual(context["capabilities"], {"drop": ["ALL"]})

    def test_what_is_referred_to_is_there(self) -> None:
        for name in ("overlays/production", "overlays/trial"):
            resources = self.rendered(name)
            named = {(one["kind"], one["metadata"]["name"]) for one in resources}
            labels = [one["spec"]["template"]["metadata"]["labels"] for one in self.pods(name)]
            for one in resources:
                spec = one.get("spec", {})
                if target := spec.get("scaleTargetRef"):
                    self.assertIn((target.get("kind", "Deployment"), target["name"]), named)
                    scaled = next(found for found in resources if found["metadata"]["name"] == target["name"]
                                  and found["kind"] == "Deployment")
                    other = [found for found in resources if found["kind"] == "ScaledObject"]
                    if one["kind"] == "HorizontalPodAutoscaler" or other:
                        # Each new rollout would set the number back.
                        self.assertNotIn("replicas", scaled["spec"])
                if one["kind"] in ("Deployment", "StatefulSet", "Service", "PodDisruptionBudget", "NetworkPolicy"):
                    selector = spec.get("selector") or spec.get("podSelector")
                    wanted = selector.get("matchLabels", selector)
                    self.assertTrue(any(wanted.items() <= found.items() for found in labels), one["metadata"]["name"])
                for volume in spec.get("template", {}).get("spec", {}).get("volumes", []):
                    if "configMap" in volume:
                        self.assertIn(("ConfigMap", volume["configMap"]["name"]), named)
            budgets = {one["metadata"]["name"] for one in resources if one["kind"] == "PodDisruptionBudget"}
            self.assertLessEqual({"acceptor", "inbound", "worker", "keeper", "discovery"}, budgets)

    def test_what_a_service_offers_may_be_reached(self) -> None:
        resources = self.rendered("base")
        deployments = {one["metadata"]["name"]: one for one in resources if one["kind"] == "Deployment"}
        offered = set()
        for service in (one for one in resources if one["kind"] == "Service"):
            role = service["spec"]["selector"]["app.kubernetes.io/component"]
            container = deployments[role]["spec"]["template"]["spec"]["containers"][0]
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            allowed = {port["port"] for one in resources if one["kind"] == "NetworkPolicy"
                       and one["spec"]["podSelector"]["matchLabels"].get("app.kubernetes.io/component") == role
                       for rule in one["spec"].get("ingress", []) for port in rule["ports"]}
            self.assertEqual({ports[port["targetPort"]] for port in service["spec"]["ports"]}, allowed, role)
            offered |= {port["port"] for port in service["spec"]["ports"]}
        self.assertEqual(offered, {25, 80, 443, 465, 587})

    def test_one_dovecot_has_the_mailboxes(self) -> None:
        resources = {(one["kind"], one["metadata"]["name"]): one for one in self.rendered("overlays/production")}
        dovecot = resources["StatefulSet", "dovecot"]["spec"]
        self.assertEqual(dovecot["replicas"], 1)
        self.assertEqual([claim["metadata"]["name"] for claim in dovecot["volumeClaimTemplates"]], ["mail"])
        container = dovecot["template"]["spec"]["containers"][0]
        listens = set(re.findall(r"^    port = (\d+)$", (CLUSTER / "dovecot/dovecot.conf").read_text(), re.M))
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        self.assertLessEqual({str(port) for port in ports.values()}, listens)
        # What is open is offered: LMTP inside and to workers alone, the rest to readers.
        self.assertEqual(resources["Service", "dovecot"]["spec"]["clusterIP"], "None")
        self.assertEqual(self.targets(resources["Service", "dovecot"], ports), {24})
        self.assertEqual(resources["Service", "mailboxes"]["spec"]["externalTrafficPolicy"], "Local")
        self.assertEqual(self.targets(resources["Service", "mailboxes"], ports), {993, 995})
        lmtp, reading = resources["NetworkPolicy", "dovecot"]["spec"]["ingress"]
        self.assertEqual(lmtp["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], "worker")
        self.assertEqual({port["port"] for port in lmtp["ports"]}, {24})
        self.assertEqual({port["port"] for port in reading["ports"]}, {993, 995})
        delivery = resources["NetworkPolicy", "postrider-delivery"]["spec"]["egress"]
        self.assertIn({"port": 24, "protocol": "TCP"}, [port for rule in delivery for port in rule["ports"]])
        # Workers find it by a name of the DNS.
        self.assertEqual(effective(KUBERNETES / "base/postrider.yaml")["mailboxes.lmtp"],
                         "dovecot.postrider.svc.cluster.local:24")
        # What the start is told, it asks for; and where it writes can be written.
        script = (CLUSTER / "container/start-dovecot").read_text()
        mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
        for entry in container["env"]:
            self.assertIn(f"{entry['name']}", script)
            if "value" in entry:
                self.assertTrue(any(entry["value"].startswith(f"{mount}/") for mount in mounts), entry)
        roles = resources["Cluster", "postgres"]["spec"]["managed"]["roles"]
        self.assertEqual([role["name"] for role in roles], ["postrider_mailboxes"])

    def targets(self, service: Resource, ports: dict[str, int]) -> set[int]:
        """The ports of a container that a service leads to; its own are the same."""
        for port in service["spec"]["ports"]:
            self.assertEqual(port["port"], ports[port["targetPort"]])
        return {ports[port["targetPort"]] for port in service["spec"]["ports"]}

    def test_workers_scale_on_a_metric_that_is_there(self) -> None:
        scaled = next(one for one in self.rendered("overlays/production") if one["kind"] == "ScaledObject")
        trigger = scaled["spec"]["triggers"][0]
        self.assertEqual(trigger["type"], "prometheus")
        wanted = set(re.findall(r"postrider_\w+", trigger["metadata"]["query"]))
        documented = set(re.findall(r"^\| `(postrider_\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))
        self.assertEqual(wanted, {"postrider_queue_delay_seconds"})
        self.assertLessEqual(wanted, documented)
        # As many connections as all of them may want, those that come with an upgrade included.
        database = next(one for one in self.rendered("overlays/production") if one["kind"] == "Cluster")
        acceptors = next(one for one in self.rendered("base") if one["kind"] == "HorizontalPodAutoscaler")
        inbound = next(one for one in self.pods("base") if one["metadata"]["name"] == "inbound")
        needed = (7 * (acceptors["spec"]["maxReplicas"] + 1) + 7 * (scaled["spec"]["maxReplicaCount"] + 1)
                  + 3 * (inbound["spec"]["replicas"] + 1) + 4 * 3 + 10 + 20)
        parameters = database["spec"]["postgresql"]["parameters"]
        self.assertGreaterEqual(int(parameters["max_connections"]), needed)
        self.assertEqual(database["spec"]["postgresql"]["synchronous"],
                         {"method": "any", "number": 1, "dataDurability": "required"})
        self.assertGreaterEqual(database["spec"]["instances"], 3)

    def pods(self, name: str) -> list[Resource]:
        """What makes pods of ours."""
        return [one for one in self.rendered(name) if one["kind"] in ("Deployment", "StatefulSet", "Job")]
