"""Processes by name that outlive the script that started them: `processes.json` says which they are.

A process is known by its id and the moment of its start, so that a stranger who got the id later is never touched.
"""
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import subprocess
import typing

from ..trouble import Trouble
from ..waiting import wait_until

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Daemons:
    """All processes of one cluster."""

    def __init__(self, directory: pathlib.Path, is_tied: bool) -> None:
        """
        - directory: where `processes.json` and `logs` are.
        - is_tied: whether what is started ends with this process.
        """
        self._file = directory / "processes.json"
        self._logs = directory / "logs"
        self._is_tied = is_tied
        self._children: dict[int, "subprocess.Popen[bytes]"] = {}

    def start(
        self, name: str, command: typing.Sequence[str], *, user: tuple[int, int] | None = None,
        environment: dict[str, str] | None = None, keeps: tuple[int, ...] = (), stop_signal: int = signal.SIGTERM,
    ) -> int:
        """Starts it. Returns where in its log the new process begins to write."""
        if self.is_running(name):
            raise Trouble(f"{name} runs already")
        log = self.log(name)
        position = log.stat().st_size if log.exists() else 0
        with open(log, "ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd="/",
                env=os.environ | (environment or {}), user=user[0] if user else None, group=user[1] if user else None,
                extra_groups=[] if user else None, pass_fds=keeps, start_new_session=True,
                preexec_fn=(lambda: _libc.prctl(_PR_SET_PDEATHSIG, stop_signal)) if self._is_tied else None)
        self._children[process.pid] = process
        known = self.known()
        known[name] = {"pid": process.pid, "started": _started(process.pid), "stop_signal": int(stop_signal)}
        self._write(known)
        return position

    def wait_for_line(self, name: str, text: str, position: int, seconds: float = 60) -> None:
        """Returns once the text stands in its log behind the position. Raises Trouble when it ends before."""
        def is_there() -> bool:
            if text in self.output(name, position):
                return True
            if not self.is_running(name):
                raise Trouble(f"{name} has ended:\n{self.last_lines(name)}")
            return False
        wait_until(is_there, seconds, f"«{text}» in {self.log(name)}")

    # Looking

    def known(self) -> dict[str, typing.Any]:
        """What was started under each name last."""
        with contextlib.suppress(FileNotFoundError):
            found: dict[str, typing.Any] = json.loads(self._file.read_text())
            return found
        return {}

    def pid(self, name: str) -> int | None:
        """Its process, if it runs."""
        entry = self.known().get(name)
        if not entry:
            return None
        pid = int(entry["pid"])
        child = self._children.get(pid)
        if child and child.poll() is not None:
            return None
        return pid if entry["started"] and _started(pid) == entry["started"] else None

    def is_running(self, name: str) -> bool:
        """Whether it runs, frozen or not."""
        return self.pid(name) is not None

    def is_frozen(self, name: str) -> bool:
        """Whether it is stopped by a signal."""
        pid = self.pid(name)
        return pid is not None and (_stat(pid) or ["?"])[0] == "T"

    def log(self, name: str) -> pathlib.Path:
        """What it prints."""
        return self._logs / f"{name}.log"

    def output(self, name: str, position: int = 0) -> str:
        """What it has printed behind a position."""
        with contextlib.suppress(FileNotFoundError), open(self.log(name), "rb") as file:
            file.seek(position)
            return file.read().decode(errors="replace")
        return ""

    def last_lines(self, name: str, count: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.output(name).splitlines()[-count:])

    def tree(self, name: str) -> list[int]:
        """Its process and all that come from it."""
        pid = self.pid(name)
        return [] if pid is None else [pid, *descendants(pid)]

    # Ending

    def send(self, name: str, number: int) -> list[int]:
        """Sends a signal to it and all its children, itself first. Returns their ids; Trouble when it does not run."""
        pids = self.tree(name)
        if not pids:
            raise Trouble(f"{name} does not run")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def kill(self, name: str) -> None:
        """kill -9, of all its processes; returns when they are gone."""
        started = {pid: _started(pid) for pid in self.tree(name)}
        gone = self.send(name, signal.SIGKILL)
        wait_until(lambda: not any(self._lives(pid, started.get(pid)) for pid in gone), 30, f"the end of {name}")

    def stop(self, name: str, seconds: float = 60) -> bool:
        """Asks it to end. Returns whether it did in time; what is left is killed."""
        entry, pid = self.known().get(name), self.pid(name)
        if entry is None or pid is None:
            return True
        children = {child: _started(child) for child in descendants(pid)}
        os.kill(pid, entry["stop_signal"])
        # A frozen one could not hear.
        for one in [pid, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGCONT)
        try:
            wait_until(lambda: not self.is_running(name), seconds, name)
            return True
        except Trouble:
            self.kill(name)
            return False
        finally:
            for child, started in children.items():
                if self._lives(child, started):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)

    def forget(self) -> None:
        """Nothing runs any more."""
        self._file.unlink(missing_ok=True)

    def _lives(self, pid: int, started: str | None) -> bool:
        if child := self._children.get(pid):
            return child.poll() is None
        return started is not None and _started(pid) == started

    def _write(self, known: dict[str, typing.Any]) -> None:
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(known))
        temporary.replace(self._file)


def descendants(pid: int) -> list[int]:
    """Its children, their children, and so on."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(int(entry))):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, open_ = [], [pid]
    while open_:
        more = children.get(open_.pop(), [])
        found.extend(more)
        open_.extend(more)
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None when there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _started(pid: int) -> str | None:
    """The moment of its start; None for what is not there, or has ended and only waits for its parent to notice."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] not in "ZX" else None
