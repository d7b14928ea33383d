"""The command line of scripts/test-integrations."""
import argparse
import concurrent.futures
import pathlib
import signal
import smtplib
import sys
import tempfile
import textwrap
import threading
import time
import traceback
import types
import typing

from ..prerequisites import is_installed, install
from ..trouble import Trouble
from .cases import Attempt
from .clients import Clients
from .languages import runner_of
from .node import USER, Node
from .pages import Page, english_pages, read
from .place import enter, has_entered

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
PAGES = ROOT / "docs/integrations"
# Some clients take two processors while they start.
_PARALLEL = 3


class Results:
    """What came of each case, told at once in the words of unittest, which scripts/count-tests reads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: list[tuple[str, str]] = []
        self._count, self._skipped = 0, 0
        self._began = time.monotonic()
        self._is_over = False

    def run(self, name: str, case: typing.Callable[[], None]) -> None:
        """Runs one case."""
        words = ""
        try:
            case()
        except Exception as error:
            if self._is_over:
                raise
            plain = isinstance(error, (AssertionError, Trouble))
            words = str(error) if plain else "".join(traceback.format_exception(error))
        with self._lock:
            self._count += 1
            if words:
                self._failures.append((name, words))
            print(f"{name} ... {'FAIL' if words else 'ok'}", flush=True)

    def skip(self, name: str, why: str) -> None:
        """Tells that a case cannot be run here. It does not count as passed."""
        with self._lock:
            self._count += 1
            self._skipped += 1
            print(f"{name} ... skipped '{why}'", flush=True)

    def end(self) -> None:
        """From now on a case fails because the run ends, and nothing is told of it."""
        self._is_over = True

    def summary(self) -> int:
        """Tells of the failures and how many cases there were. Returns the exit code."""
        for name, words in self._failures:
            print(f"\n{'=' * 70}\nFAIL: {name}\n{'-' * 70}\n{words}")
        seconds = time.monotonic() - self._began
        print(f"\n{'-' * 70}\nRan {self._count} tests in {seconds:.3f}s\n")
        skipped = f"skipped={self._skipped}" if self._skipped else ""
        if self._failures:
            print(f"FAILED ({', '.join(filter(None, [f'failures={len(self._failures)}', skipped]))})")
        else:
            print(f"OK ({skipped})" if skipped else "OK")
        return 1 if self._failures or not self._count else 0


def main(arguments: list[str]) -> int:
    """Runs the guides. Returns the exit code: 0 all of them hold, 1 not, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="scripts/test-integrations",
        description="Runs the code of docs/integrations against a node, over implicit TLS and over STARTTLS, and checks "
                    "what arrives; then what must be refused. docs/guides.md tells how.")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="such as nodemailer; all without one")
    parser.add_argument("--filter", metavar="TEXT", default="", help="only cases whose line has this")
    parser.add_argument("--products", default=".build/debug", help="where postrider is (default: .build/debug)")
    parser.add_argument("--on-localhost", action="store_true",
                        help="make no private network: localhost and free ports stand in for host and ports")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the clients say")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        products = (ROOT / options.products).resolve()
        if not (products / "postrider").exists():
            raise Trouble(f"{products} has no postrider; next: swift build")
        pages = _chosen(options.pages)
        if not has_entered():
            # Later there is no way out of the private network.
            _install(pages)
        return _run(pages, products, options)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _chosen(names: list[str]) -> list[Page]:
    pages = [page for page in map(read, english_pages(PAGES)) if page.programs]
    if strange := set(names) - {page.name for page in pages}:
        raise Trouble(f"no page with programs: {', '.join(sorted(strange))}")
    # The longest first: at the end nobody waits for one page.
    return sorted((page for page in pages if not names or page.name in names), key=lambda page: -len(page.programs))


def _install(pages: list[Page]) -> None:
    """What the languages need beyond what scripts/setup installs for everybody."""
    runners = [runner_of(page, program) for page in pages for program in page.programs]
    packages = {name for runner in runners for name in runner.packages}
    if missing := sorted(name for name in packages if not is_installed(name)):
        install(ROOT, *missing)
    for runner in runners:
        if runner.pypi:
            runner.tools(makes=True)


def _run(pages: list[Page], products: pathlib.Path, options: argparse.Namespace) -> int:
    wanted, place = options.filter, enter(not options.on_localhost)
    if not place.is_private:
        print("== no private network: localhost and other ports stand in for the guides'", flush=True)
    results = Results()
    with tempfile.TemporaryDirectory(prefix="postrider-guides-") as name:
        directory = pathlib.Path(name)
        # PostgreSQL is somebody else when we are root.
        directory.chmod(0o755)
        node = Node(directory, products, place)
        try:
            node.start()
            if wanted in (line := "the node takes neither login nor mail before TLS"):
                results.run(line, lambda: _refuses_clear_text(place.ports[587]))
            _run_pages(pages, node, options, results)
        finally:
            node.stop()
    return results.summary()


def _run_pages(pages: list[Page], node: Node, options: argparse.Namespace, results: Results) -> None:
    """Several at a time. Whatever interrupts it ends the clients and the node at once, so that no thread waits for them."""
    clients = Clients()
    pool = concurrent.futures.ThreadPoolExecutor(_PARALLEL)
    try:
        for done in [pool.submit(_run_page, node, clients, page, options, results) for page in pages]:
            done.result()
    except BaseException:
        results.end()
        pool.shutdown(wait=False, cancel_futures=True)
        clients.end()
        node.stop()
        raise
    finally:
        # Nobody writes any more when the directory is removed.
        pool.shutdown()


def _run_page(node: Node, clients: Clients, page: Page, options: argparse.Namespace, results: Results) -> None:
    wanted = options.filter
    if page.operator:
        first = Attempt(node, clients, page, page.programs[0])
        if wanted in (line := f"{page.name} is refused before its operator's commands") and first.tools:
            results.run(line, first.refuses_sender)
        results.run(f"{page.name}: its operator's commands", lambda: node.operate(page.operator))
    for program in page.programs:
        attempt = Attempt(node, clients, page, program)
        for what, case in attempt.cases().items():
            line = " ".join(filter(None, (page.name, program.name, str(program.port), what)))
            if wanted in line and attempt.tools:
                results.run(line, case)
                if options.verbose:
                    print(textwrap.indent(attempt.said.output.strip(), "  | "), flush=True)
            elif wanted in line:
                results.skip(line, "cannot be had here: what comes from PyPI")


def _refuses_clear_text(port: int) -> None:
    """A client that would go on in the clear is not served."""
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as client:
        client.ehlo()
        mechanisms = client.esmtp_features.get("auth", "")
        if mechanisms:
            raise AssertionError(f"AUTH is offered in the clear: {mechanisms}")
        for command, wanted in (("AUTH PLAIN", 538), (f"MAIL FROM:<{USER}>", 530)):
            code, words = client.docmd(command)
            if code != wanted:
                raise AssertionError(f"{command}: {code} {words.decode()} instead of {wanted}")


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    # SIGTERM takes the way of Ctrl-C, so that everything is stopped.
    raise KeyboardInterrupt
