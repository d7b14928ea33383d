"""What must be there before anything is measured: packages and executables, by the same scripts that people use."""
import os
import pathlib
import subprocess
import sys
import typing

from .trouble import Trouble


def ensure_prerequisites(root: pathlib.Path, packages: typing.Sequence[str], installs: bool) -> None:
    """Runs scripts/setup where something is missing, and scripts/build where a source has changed since it last did.

    Raises Trouble when that fails or, without `installs`, when something is missing.
    """
    missing = [package for package in packages if not _is_installed(package)]
    if missing or not _has_programs():
        _script(root, installs, "setup", *packages)
    executables = [root / ".build/release" / name for name in ("postrider", "postrider-lab")]
    if not all(executable.exists() for executable in executables) or (installs and _is_stale(root)):
        _script(root, installs, "build")
        _stamp(root).touch()


def _stamp(root: pathlib.Path) -> pathlib.Path:
    # An executable's own time says little: what had not to be linked again keeps its old one.
    return root / ".build/benchmark-built"


def _has_programs() -> bool:
    return any(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")) and _is_installed("redis-server")


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout == "installed"


def _is_stale(root: pathlib.Path) -> bool:
    if not _stamp(root).exists():
        return True
    built = _stamp(root).stat().st_mtime
    sources = [root / "Package.swift", *(path for path in (root / "Sources").rglob("*") if path.is_file())]
    return any(source.stat().st_mtime > built for source in sources)


def _script(root: pathlib.Path, installs: bool, name: str, *arguments: str) -> None:
    command = [str(root / "scripts" / name), *arguments]
    shown = " ".join(["scripts/" + name, *arguments])
    if not installs:
        raise Trouble(f"something is missing or old; run {shown}")
    # stdout may belong to --json.
    if subprocess.run(command, stdout=sys.stderr.fileno(), env=os.environ | {"LC_ALL": "C.UTF-8"}).returncode != 0:
        raise Trouble(f"{shown} failed")
