"""Tools from PyPI, of pinned versions, each set in a virtual environment of its own below `var`."""
import hashlib
import pathlib
import subprocess
import sys
import typing


def environment(
    root: pathlib.Path, place: str, packages: typing.Sequence[str], makes: bool = True,
) -> pathlib.Path | None:
    """The virtual environment with these packages; made if it is not there. None when they cannot be had, which is told
    on stdout.

    - root: the checkout.
    - place: a directory below `var`.
    - makes: False only looks.
    """
    name = hashlib.sha256("\n".join([sys.version, *packages]).encode()).hexdigest()[:12]
    directory = root / "var" / place / name
    if (directory / "complete").exists():
        return directory
    if not makes:
        return None
    print(f"== getting tools into {directory.relative_to(root)}", flush=True)
    directory.parent.mkdir(parents=True, exist_ok=True)
    make = [sys.executable, "-m", "venv", "--clear", str(directory)]
    install = [str(directory / "bin/pip"), "install", "--quiet", "--prefer-binary", "--disable-pip-version-check", *packages]
    for command in (make, install):
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode != 0:
            print(f"warning: {', '.join(packages)} from PyPI cannot be had, what needs them is skipped:\n"
                  f"{result.stdout[-500:]}{result.stderr[-1500:]}", flush=True)
            return None
    (directory / "complete").touch()
    return directory
