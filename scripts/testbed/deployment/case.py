"""What the tests of cluster/ share: its files, the tools, the product's own settings."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import typing
import unittest

from ..keys import make_certificate

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
CLUSTER = ROOT / "cluster"
PRODUCTS = pathlib.Path(os.environ.get("CHECK_CLUSTER_PRODUCTS", ROOT / ".build/debug"))
_TOOLS = os.environ.get("CHECK_CLUSTER_TOOLS", "")
# How long a process may need beyond shutdown.notice and shutdown.timeout (docs/metrics.md, «Draining»).
DRAIN_SLACK = 10


def tool(name: str) -> str | None:
    """The path of a program: from PyPI, or the machine's."""
    own = pathlib.Path(_TOOLS) / "bin" / name
    return str(own) if _TOOLS and own.exists() else shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def needs(*names: str) -> typing.Callable[[typing.Any], typing.Any]:
    """Skips a test, saying so, where a program cannot be had. `yaml` stands for Python's package."""
    missing = [name for name in names if not (yaml if name == "yaml" else tool(name))]
    return unittest.skipIf(missing, f"cannot be had here: {', '.join(missing)}")


def from_pypi(*names: str) -> typing.Callable[[typing.Any], typing.Any]:
    """The same for what must be of the pinned version."""
    return unittest.skipUnless(_TOOLS, f"cannot be had here: {', '.join(names)}")


def seconds(text: str | int) -> float:
    """A duration as systemd, HAProxy, compose and Postrider write it; a bare number is seconds."""
    units = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "": 1}
    parts = re.findall(r"(\d+)\s*(ms|min|s|m|h|d|)", str(text))
    return sum(int(number) * units[unit] for number, unit in parts)


@functools.cache
def settings() -> dict[str, str]:
    """Every key of the product with its default."""
    result = subprocess.run([PRODUCTS / "postrider", "config", "--json"], capture_output=True, text=True, check=True,
                            env={"PATH": os.environ["PATH"]})
    return {entry["key"]: entry["value"] for entry in json.loads(result.stdout)}


def effective(file: pathlib.Path, environment: dict[str, str] | None = None) -> dict[str, str]:
    """Every key's value with a settings file and an environment. Raises AssertionError when they are refused."""
    command = [PRODUCTS / "postrider", "config", "--json", "--config", file]
    result = subprocess.run(command, capture_output=True, text=True,
                            env={"PATH": os.environ["PATH"]} | (environment or {}))
    if result.returncode != 0:
        raise AssertionError(f"{file} with {environment}: {result.stderr}")
    return {entry["key"]: entry["value"] for entry in json.loads(result.stdout)}


def check_environment(environment: dict[str, str], file: pathlib.Path) -> dict[str, str]:
    """The settings in effect; raises AssertionError when a variable is no setting of ours or has no valid value: the
    product itself refuses both."""
    return effective(file, {name: value for name, value in environment.items() if name != "POSTRIDER_CONFIG"})


def port_of(values: dict[str, str], key: str) -> str:
    """The port of a setting with one address."""
    return values[key].rsplit(":", 1)[1]


class ClusterCase(unittest.TestCase):
    """A test with a directory of its own."""

    maxDiff = None

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="postrider-check-")
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)
        self.directory.chmod(0o755)

    def run_tool(self, name: str, *arguments: typing.Any, **options: typing.Any) -> tuple[int, str]:
        """Runs a program for a minute at most. Returns its exit code and all that it said."""
        program = tool(name)
        assert program, f"{name} is missing"
        result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)
        return result.returncode, result.stdout + result.stderr

    def assert_accepts(self, name: str, *arguments: typing.Any, **options: typing.Any) -> str:
        """A tool ends with 0. Returns what it said."""
        code, output = self.run_tool(name, *arguments, **options)
        self.assertEqual(code, 0, f"{name}: {output}")
        return output

    def assert_refuses(self, name: str, *arguments: typing.Any, because: str, **options: typing.Any) -> None:
        """A tool ends with another code than 0 and says why: so much for whether it sees anything."""
        code, output = self.run_tool(name, *arguments, **options)
        self.assertNotEqual(code, 0, f"{name} accepts what it must not: {output}")
        self.assertIn(because, output)

    def with_certificates(self, file: pathlib.Path) -> pathlib.Path:
        """A copy of an HAProxy file that finds certificates: HAProxy reads them when it looks at the file."""
        place = self.directory / "certificates"
        if not place.exists():
            made = self.directory / "made"
            for directory in (place, made):
                directory.mkdir()
            make_certificate(made)
            shutil.copy(made / "server.pem", place / "server.pem")
            shutil.copy(made / "server.key", place / "server.pem.key")
        return self.broken(file, "crt /etc/haproxy/certificates/", f"crt {place}/")

    def broken(self, file: pathlib.Path, what: str, replacement: str) -> pathlib.Path:
        """A copy of a file with a fault in it."""
        text = file.read_text()
        self.assertIn(what, text)
        copy = self.directory / file.name
        copy.write_text(text.replace(what, replacement, 1))
        return copy
