"""The name server's files: who takes mail for which domain."""
from .layout import DOMAINS, Layout


def files_of(layout: Layout, name: str, visible: str) -> dict[str, str]:
    """The texts of nsd.conf and its zones by file name. visible: its directory as it finds it itself."""
    files = {}
    zones = {"": "@ TXT root"}
    sinks = layout.names("sink")
    for place in range(DOMAINS):
        zones[f"inbox{place + 1}.example"] = f"@ MX 10 mx\nmx A {layout.front(sinks[place % len(sinks)])}"
    zones[layout.DOMAIN] = f"@ MX 10 mx\nmx A {layout.front(sinks[0])}"
    configuration = f"""
        server:
          ip-address: {layout.back(name)}
          port: {layout.port(name)}
          username: ""
          chroot: ""
          database: ""
          pidfile: ""
          zonesdir: "{visible}"
          zonelistfile: "{visible}/zone.list"
          xfrdfile: "{visible}/xfrd.state"
          xfrdir: "{visible}"
          logfile: ""
          server-count: 1
          verbosity: 1
          rrl-ratelimit: 0
        remote-control:
          control-enable: no
        """
    for place, (zone, records) in enumerate(zones.items()):
        configuration += f'zone:\n name: "{zone or "."}"\n zonefile: "zone{place}"\n'
        head = "@ IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 1\n@ IN NS ns.invalid.\n"
        files[f"zone{place}"] = f"$ORIGIN {zone}.\n$TTL 1\n{head}{records}\n"
    files["nsd.conf"] = configuration
    return files
