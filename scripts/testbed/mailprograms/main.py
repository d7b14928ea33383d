"""The command line of scripts/test-mail-programs."""
import argparse
import pathlib
import sys
import unittest

from ..integrations.place import enter
from ..prerequisites import install, is_installed
from ..trouble import Trouble
from . import case

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
_PACKAGES = ("thunderbird", "dovecot-imapd", "dovecot-pop3d", "dovecot-lmtpd", "dovecot-pgsql")


def main(arguments: list[str]) -> int:
    """Runs the tests in a private network. Returns the exit code: 0 all passed."""
    parser = argparse.ArgumentParser(
        prog="scripts/test-mail-programs",
        description="Has real mail programs look up their settings, make an account and send; docs/discovery.md tells more.")
    parser.add_argument("--products", default=".build/debug", help="where postrider is (default: .build/debug)")
    parser.add_argument("-k", action="append", metavar="PATTERN", default=[], help="only tests whose name has this")
    options = parser.parse_args(arguments)
    try:
        products = (ROOT / options.products).resolve()
        if not (products / "postrider").exists():
            raise Trouble(f"{products} has no postrider; next: swift build")
        if missing := [name for name in _PACKAGES if not is_installed(name)]:
            install(ROOT, *missing)
        case.PRODUCTS, case.PLACE = products, enter(True)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    loader = unittest.TestLoader()
    loader.testNamePatterns = [pattern if "*" in pattern else f"*{pattern}*" for pattern in options.k] or None
    tests = loader.discover(str(ROOT / "scripts/testbed/mailprograms"), top_level_dir=str(ROOT / "scripts"))
    return 0 if unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful() else 1
