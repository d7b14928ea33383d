"""One run of the benchmark: its directory, its children, its progress lines."""
import argparse
import contextlib
import datetime
import fcntl
import os
import pathlib
import platform
import shutil
import sys
import time
import typing

from testbed.network import free_port
from testbed.processes import Processes, run
from testbed.trouble import Trouble
from testbed.waiting import wait_until

__all__ = ["Bench", "Trouble", "free_port", "wait_until"]


class Bench(contextlib.AbstractContextManager["Bench"]):
    """What every measurement is given. Leaving it stops every child and removes the databases (unless --keep)."""

    def __init__(self, root: pathlib.Path, options: argparse.Namespace) -> None:
        self.root = root
        self.options = options
        self.quick: bool = options.quick
        self.directory = (root / options.directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        # Others' processes (PostgreSQL's, Postfix's) must find their way through it.
        self.directory.chmod(0o755)
        self._lock = self._take_lock()
        self.logs = self.directory / "logs"
        shutil.rmtree(self.logs, ignore_errors=True)
        self.logs.mkdir()
        self._give_to_caller()
        self.processes = Processes(self.logs)
        self._scratch: list[pathlib.Path] = []

    def __exit__(self, *_: object) -> None:
        self.processes.stop_all()
        if not self.options.keep:
            for path in self._scratch:
                shutil.rmtree(path, ignore_errors=True)
        self._lock.close()

    # Programs

    @property
    def postrider(self) -> str:
        """The release executable."""
        return str(self.root / ".build/release/postrider")

    @property
    def lab(self) -> str:
        """The release executable of the load source and the programmable sink."""
        return str(self.root / ".build/release/postrider-lab")

    # Output

    def say(self, text: str = "") -> None:
        """Progress and tables for people; with --json stdout belongs to the object alone."""
        print(text, file=sys.stderr if self.options.json else sys.stdout, flush=True)

    def describe_machine(self) -> dict[str, typing.Any]:
        """Without these a figure says little."""
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return {
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "quick": self.quick,
            "revision": _revision(self.root),
            "machine": {
                "cores": len(os.sched_getaffinity(0)), "processor": _processor(), "memory_gb": round(pages / 2**30, 1),
                "kernel": platform.release(),
            },
        }

    # Places

    def scratch(self, name: str) -> pathlib.Path:
        """An empty directory that does not outlive the run. What an earlier run left there is removed."""
        path: pathlib.Path = self.directory / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        self._scratch.append(path)
        return path

    def free_disk_bytes(self) -> int:
        """What is free where the databases are."""
        return shutil.disk_usage(self.directory).free

    def _give_to_caller(self) -> None:
        # Whoever called sudo measures the rest, and removes the directory, without it.
        if os.geteuid() == 0 and "SUDO_UID" in os.environ:
            for path in (self.directory, self.logs, self.directory / "lock"):
                os.chown(path, int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"]))

    def _take_lock(self) -> typing.IO[str]:
        # Two runs at once would measure each other.
        file = open(self.directory / "lock", "w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Trouble(f"another benchmark runs in {self.directory}") from None
        return file


def _revision(root: pathlib.Path) -> str:
    """What was measured; empty where git does not know."""
    try:
        return run(["git", "-c", f"safe.directory={root}", "describe", "--always", "--dirty"], cwd=root).strip()
    except (Trouble, OSError):
        return ""


def _processor() -> str:
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()
