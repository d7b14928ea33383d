"""The command line of scripts/test-certificates."""
import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
PACKAGES = ["pebble", "lego", "certbot"]


def main(arguments: list[str]) -> int:
    """Installs what is missing, then runs the tests. Returns the exit code: 0 all passed."""
    parser = argparse.ArgumentParser(
        prog="scripts/test-certificates",
        description="Gets and renews certificates with the commands of docs/certificates.md, from an authority on loopback, "
                    "while a node uses them.")
    parser.add_argument("--products", default=".build/debug", help="where postrider is (default: .build/debug)")
    parser.add_argument("-k", action="append", metavar="PATTERN", default=[], help="only tests whose name has this")
    options = parser.parse_args(arguments)
    products = (ROOT / options.products).resolve()
    if not (products / "postrider").exists():
        print(f"error: {products} has no postrider; next: swift build", file=sys.stderr)
        return 1
    set_up = subprocess.run([ROOT / "scripts/setup", *PACKAGES])
    if set_up.returncode != 0:
        return set_up.returncode
    chosen = [part for pattern in options.k for part in ("-k", pattern)]
    command = [sys.executable, "-B", "-W", "ignore::ResourceWarning", "-m", "unittest", "discover", "-v",
               "-s", "testbed/certificates", "-t", ".", *chosen]
    return subprocess.run(command, cwd=ROOT / "scripts", env=os.environ | {"CERTIFICATE_PRODUCTS": str(products)}).returncode
