"""The command line of scripts/build-docs."""
import argparse
import http.server
import functools
import pathlib
import subprocess
import sys

from ..pypi import environment
from ..trouble import Trouble
from .checking import faults
from .navigation import navigation
from .staging import stage

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Builds and checks. Returns the exit code: 0 every link of the site leads somewhere."""
    parser = argparse.ArgumentParser(
        prog="scripts/build-docs",
        description="Makes a static site of docs/ and of the other documents in the checkout, with search, in English, Dutch "
                    "and Finnish, and checks its links. Any web server can serve it; it asks nobody else for anything.",
        epilog="MkDocs comes from PyPI into var/docs-tools.")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "var/site", help="where to (default: var/site)")
    parser.add_argument("--serve", type=int, metavar="PORT", help="then serve it on 127.0.0.1")
    options = parser.parse_args(arguments)
    try:
        build(options.output.resolve())
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    print(f"== built {options.output}; next: scripts/build-docs --serve 8000" if not options.serve
          else f"== http://127.0.0.1:{options.serve}/ until Ctrl-C", flush=True)
    if options.serve:
        serve(options.output, options.serve)
    return 0


def build(output: pathlib.Path) -> None:
    """Makes the site. Raises Trouble with all that is wrong with it."""
    packages = (HERE / "requirements.txt").read_text(encoding="utf-8").split()
    tools = environment(ROOT, "docs-tools", packages)
    if tools is None:
        raise Trouble("without MkDocs there is no site")
    source = ROOT / "var/docs-source"
    pages = stage(ROOT, source / "pages")
    configuration = source / "mkdocs.yml"
    configuration.write_text(
        f"INHERIT: {HERE / 'mkdocs.yml'}\ndocs_dir: {source / 'pages'}\nsite_dir: {output}\nnav:\n"
        + navigation(pages), encoding="utf-8")
    print("== building the site", flush=True)
    command = [str(tools / "bin/mkdocs"), "build", "--strict", "--clean", "--quiet", "-f", str(configuration)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode != 0:
        raise Trouble(f"MkDocs refuses:\n{result.stdout}{result.stderr}")
    if found := faults(output):
        raise Trouble("the site is not in order:\n" + "\n".join(found))


def serve(directory: pathlib.Path, port: int) -> None:
    """Serves the site until Ctrl-C."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
