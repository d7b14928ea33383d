"""What must be there before anything is measured: packages and executables, by the same scripts that people use."""
import pathlib
import subprocess
import sys
import typing

from .trouble import Trouble


def ensure_prerequisites(root: pathlib.Path, packages: typing.Sequence[str], installs: bool) -> None:
    """Runs scripts/setup, and scripts/build where a source has changed since it last did.

    - packages: what scripts/setup installs in addition.
    - installs: False only checks.

    Raises Trouble when that fails or something is missing.
    """
    executables = [root / ".build/release" / name for name in ("postrider", "postrider-lab")]
    are_built = all(executable.exists() for executable in executables)
    if not installs:
        missing = [package for package in packages if not is_installed(package)]
        if missing or not are_built:
            raise Trouble(f"something is missing; run {' '.join(['scripts/setup', *packages])} and scripts/build")
        return
    install(root, *packages)
    if not are_built or _is_stale(root):
        _script(root, "build")
        _stamp(root).touch()


def install(root: pathlib.Path, *packages: str) -> None:
    """What scripts/setup installs, and these packages in the same way. Raises Trouble when it fails."""
    _script(root, "setup", *packages)


def _stamp(root: pathlib.Path) -> pathlib.Path:
    # An executable's own time says little: what had not to be linked again keeps its old one.
    return root / ".build/benchmark-built"


def is_installed(package: str) -> bool:
    """Whether a Debian package is there."""
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout == "installed"


def _is_stale(root: pathlib.Path) -> bool:
    if not _stamp(root).exists():
        return True
    built = _stamp(root).stat().st_mtime
    sources = [root / "Package.swift", *(path for path in (root / "Sources").rglob("*") if path.is_file())]
    return any(source.stat().st_mtime > built for source in sources)


def _script(root: pathlib.Path, name: str, *arguments: str) -> None:
    # stdout may belong to --json.
    command = [str(root / "scripts" / name), *arguments]
    if subprocess.run(command, stdout=sys.stderr.fileno()).returncode != 0:
        raise Trouble(f"{' '.join(['scripts/' + name, *arguments])} failed")
