"""Children of a run: started with a log of their own, stopped in any event."""
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import time
import typing

from .trouble import Trouble

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Child:
    """A started process. What it prints is in its log."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", log: pathlib.Path, stop_signal: int) -> None:
        self.name = name
        self.process = process
        self.log = log
        self._stop_signal = stop_signal

    @property
    def pid(self) -> int:
        """Its id, which is also that of its process group."""
        return self.process.pid

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for_line(self, text: str, seconds: float = 180) -> None:
        """Returns once the text is in the log. Raises Trouble when the process ends first or the time is over."""
        deadline = time.monotonic() + seconds
        while text not in self.output():
            if not self.is_running():
                raise Trouble(f"{self.name} ended with {self.process.returncode}:\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise Trouble(f"{self.name} did not say «{text}» in {seconds:g} seconds:\n{self.last_lines()}")
            time.sleep(0.01)

    def wait(self, seconds: float) -> int:
        """Its exit code. Raises Trouble when it does not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Trouble(f"{self.name} did not end in {seconds:g} seconds:\n{self.last_lines()}") from None

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self.output().splitlines()[-count:])

    def send(self, number: int) -> None:
        """Sends a signal, if it still runs."""
        if self.is_running():
            os.kill(self.pid, number)

    def stop(self, seconds: float = 30) -> None:
        """Asks it to end, waits for a bounded time, then kills what is left of its process group."""
        if not self.is_running():
            return
        self.send(self._stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        self._kill_group()

    def kill(self) -> None:
        """Ends it and its process group at once."""
        if self.is_running():
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(10)


class Processes:
    """All children of a run."""

    def __init__(self, logs: pathlib.Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    def start(
        self, name: str, command: typing.Sequence[str], *, ready: str | None = None, seconds: float = 180,
        environment: dict[str, str] | None = None, directory: str = "/", user: tuple[int, int] | None = None,
        stop_signal: int = signal.SIGTERM, keeps: tuple[int, ...] = (),
    ) -> Child:
        """Starts a program and, with `ready`, waits until its log has that text.

        Call it from the main thread: the kernel ends the child with the thread that started it.

        - user: ids of the user and group that it becomes; only root can.
        - stop_signal: what asks it to end.
        - keeps: open descriptors that it inherits.
        """
        log = self._logs / f"{name}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=directory,
                env=os.environ | (environment or {}), user=user[0] if user else None, group=user[1] if user else None,
                extra_groups=[] if user else None, pass_fds=keeps, start_new_session=True,
                preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, stop_signal))
        child = Child(name, process, log, stop_signal)
        self._children.append(child)
        if ready is not None:
            child.wait_for_line(ready, seconds)
        return child

    def stop_all(self) -> None:
        """Stops the children that still run, the youngest first."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
        signal.signal(signal.SIGINT, before)


def run(
    command: typing.Sequence[str], seconds: float = 120, environment: dict[str, str] | None = None,
    **options: typing.Any,
) -> str:
    """Runs a program to its end. Returns its stdout; raises Trouble with its output when it fails."""
    try:
        result: subprocess.CompletedProcess[str] = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=os.environ | (environment or {}), **options)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{command[0]} did not end in {seconds:g} seconds") from None
    if result.returncode != 0:
        raise Trouble(f"{' '.join(command)} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout
