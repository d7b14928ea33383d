"""The command line of scripts/cluster."""
import argparse
import pathlib
import sys

from ..trouble import Trouble
from .cluster import DEFAULT_COUNTS, Cluster
from .names import MODES

DESCRIPTION = """A whole cluster on this machine's loopback addresses: HAProxy before acceptors, workers, keepers,
PostgreSQL with a synchronous standby, Redis with a replica and Sentinels, a name server, sinks."""


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program when it is not understood."""
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=DESCRIPTION)
    parser.add_argument("--directory", default="var/cluster", help="where it is (default: var/cluster)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    up = commands.add_parser("up", help="make and start everything; installs nothing")
    up.add_argument("--products", default=".build/release", help="where postrider is (default: .build/release)")
    up.add_argument("--test", action="store_true", help="a test database, whose schedule can be moved on")
    for kind, count in DEFAULT_COUNTS.items():
        up.add_argument(f"--{kind}", type=int, default=count, metavar="N", help=f"how many (default: {count})")
    commands.add_parser("status", help="who runs, who is frozen, what is cut")
    commands.add_parser("down", help="end everything")
    for name, text in {
        "start": "start what was killed or ended", "stop": "SIGTERM, and wait", "kill": "kill -9",
        "freeze": "SIGSTOP", "thaw": "SIGCONT", "promote": "make a PostgreSQL standby take writes",
        "join": "make a PostgreSQL a standby of the present primary, from a fresh copy",
    }.items():
        commands.add_parser(name, help=text).add_argument("names", nargs="+", metavar="NAME")
    cut = commands.add_parser("cut", help="cut connections between two of them")
    cut.add_argument("names", nargs=2, metavar="NAME")
    cut.add_argument("--mode", choices=["deaf", "reset", "delay"], default="deaf",
                     help="octets are lost silently, connections are broken, or octets come late (default: deaf)")
    cut.add_argument("--seconds", type=float, default=1, help="how much they are late (default: 1)")
    cut.add_argument("--one-way", action="store_true", help="only what the first sends to the second")
    names = commands.add_parser("dns", help="make the name server's answers late, missing or wrong")
    names.add_argument("mode", choices=MODES)
    names.add_argument("--seconds", type=float, default=1, help="how much they are late (default: 1)")
    heal = commands.add_parser("heal", help="end one cut, or all")
    heal.add_argument("names", nargs="*", metavar="NAME")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Does one command. Returns the exit code: 0 done, 1 not."""
    options = parse(arguments)
    root = pathlib.Path(__file__).resolve().parent.parent.parent.parent
    directory = (root / options.directory).resolve()
    try:
        if options.command == "up":
            _up(root, directory, options)
        else:
            _do(Cluster.load(directory), options)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; next: scripts/cluster down", file=sys.stderr)
        return 130
    return 0


def _up(root: pathlib.Path, directory: pathlib.Path, options: argparse.Namespace) -> None:
    counts = {kind: getattr(options, kind) for kind in DEFAULT_COUNTS}
    cluster = Cluster.make(
        root, directory, (root / options.products).resolve(), counts=counts, is_test=options.test)
    try:
        cluster.up(_say)
    except BaseException:
        cluster.down()
        raise
    layout = cluster.layout
    place = layout.front("haproxy")
    print(f"""the cluster is up
  submission  {place}:{layout.port('haproxy', 'tls')} (TLS), {place}:{layout.port('haproxy', 'starttls')} (STARTTLS)
  login       {layout.USER}, password in {directory}/password
  authority   {layout.authority}
  logs        {directory}/logs
next: scripts/cluster status, kill worker1, start worker1, down""")


def _do(cluster: Cluster, options: argparse.Namespace) -> None:
    command = options.command
    if command == "status":
        _print_status(cluster)
    elif command == "down":
        cluster.down(_say)
    elif command == "cut":
        ways = (options.names[0],) if options.one_way else ()
        cluster.cut(*options.names, mode=options.mode, seconds=options.seconds, ways=ways)
    elif command == "dns":
        cluster.confuse_names(options.mode, options.seconds)
    elif command == "heal":
        if len(options.names) not in (0, 2):
            raise Trouble("heal takes two names, or none for all")
        cluster.heal(*options.names)
    else:
        for name in options.names:
            getattr(cluster, command)(name)
            print(f"{name}: {command} done")


def _print_status(cluster: Cluster) -> None:
    for name, state, pid, places in cluster.status():
        print(f"{name:10} {state:18} {pid:>8}  {places}")
    for cut in cluster.cuts:
        print(f"cut: {' '.join(cut['names'])}, {cut['mode']}, from {' and '.join(cut['ways'])}")


def _say(text: str) -> None:
    print(f"== {text}", flush=True)
