"""The command line: which measurement, how long, for whom."""
import argparse
import importlib
import json
import os
import pathlib
import shutil
import signal
import sys
import types
import typing

from testbed.prerequisites import ensure_prerequisites

from .bench import Bench, Trouble

# Name, module in this package, what it measures. A module has `run(bench: Bench) -> dict`; what it returns is what
# --json prints. It may have `PACKAGES`, Debian packages that it needs besides those of scripts/setup, `NEEDS_ROOT`,
# why only root can measure it, and `add_options(group)` for options of its own.
MEASUREMENTS: dict[str, tuple[str, str]] = {
    "throughput": ("throughput", "accepted and delivered messages per second beside Postfix (the default)"),
    "backlog": ("backlog", "claims, completions and acceptance at 10 thousand to 10 million queued recipients"),
    "micro": ("micro", "parsers, ciphers, header rewriting and the hot statements, each by itself"),
    "connections": ("connections", "TLS handshakes beside openssl s_server; resumption across two acceptors"),
    "memory": ("memory", "memory of many idle sessions, of large messages; processor time of an idle node"),
    "fairness": ("fairness", "single messages beside a million, shares by weight, slow destinations"),
    "admission": ("admission", "accepted messages per second with limits, signatures and scanners, and without"),
    "scraping": ("scraping", "accepted messages per second with and without metrics that are asked for each second"),
    "quiet": ("quiet", "how soon a message is accepted and delivered at a tenth of the maximum rate"),
}

DESCRIPTION = "Measures Postrider on this machine. docs/benchmarks.md tells the method."


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program when it is not understood."""
    lines = "\n".join(f"  {name:12} {text}" for name, (_, text) in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=DESCRIPTION, epilog=f"measurements:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "measurement", nargs="?", default="throughput", choices=list(MEASUREMENTS), metavar="measurement")
    parser.add_argument("--quick", action="store_true", help="fewer cases and messages")
    parser.add_argument("--json", action="store_true", help="print one JSON object; progress goes to stderr")
    parser.add_argument("--directory", default="var/bench", help="where everything is made (default: var/bench)")
    parser.add_argument("--keep", action="store_true", help="keep the databases for a look afterwards")
    parser.add_argument("--statements", action="store_true", help="load pg_stat_statements and show the costliest")
    parser.add_argument("--no-setup", action="store_true", help="install and build nothing, only check")
    for name, (module, _) in MEASUREMENTS.items():
        if add := getattr(importlib.import_module(f".{module}", __package__), "add_options", None):
            add(parser.add_argument_group(f"options of {name}"))
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Runs one measurement. Returns the exit code: 0 measured, 1 not, 130 interrupted."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        module = importlib.import_module(f".{MEASUREMENTS[options.measurement][0]}", __package__)
        result = _measure(module, options)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; everything is stopped", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps(result, indent=2))
    return 0


def _measure(module: types.ModuleType, options: argparse.Namespace) -> dict[str, typing.Any]:
    root = pathlib.Path(__file__).resolve().parent.parent.parent
    ensure_prerequisites(root, getattr(module, "PACKAGES", ()), installs=not options.no_setup)
    if hasattr(module, "NEEDS_ROOT") and os.geteuid() != 0:
        _become_root(root, module.NEEDS_ROOT)
    with Bench(root, options) as bench:
        result: dict[str, typing.Any] = module.run(bench)
        return bench.describe_machine() | result


def _become_root(root: pathlib.Path, why: str) -> None:
    """Starts the benchmark anew through sudo; what had to be installed and built is there by now."""
    sudo = shutil.which("sudo")
    if not sudo:
        raise Trouble(f"{why}, and there is no sudo: run scripts/bench as root")
    print(f"{why}: asking sudo", file=sys.stderr, flush=True)
    os.execv(sudo, [sudo, str(root / "scripts/bench"), *sys.argv[1:], "--no-setup"])


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    # SIGTERM takes the way of Ctrl-C, so that the children are stopped.
    raise KeyboardInterrupt
