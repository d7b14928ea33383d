"""The guides' programs while they run, so that all of them can be ended at once."""
import contextlib
import dataclasses
import os
import pathlib
import signal
import subprocess
import threading

_SECONDS = 90


@dataclasses.dataclass
class Said:
    """How a client ended, and what it said."""

    code: int
    output: str


class Clients:
    """All clients of a run, whichever thread runs them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: "set[subprocess.Popen[bytes]]" = set()
        self._are_over = False

    def run(self, command: list[str], directory: pathlib.Path, environment: dict[str, str]) -> Said:
        """Runs one to its end, for a bounded time. Raises KeyboardInterrupt once `end` has been called."""
        with self._lock:
            if self._are_over:
                raise KeyboardInterrupt
            process = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, start_new_session=True)
            self._running.add(process)
        try:
            output, _ = process.communicate(timeout=_SECONDS)
            said = Said(process.returncode, output.decode(errors="replace"))
        except subprocess.TimeoutExpired:
            _kill(process)
            output, _ = process.communicate()
            said = Said(-1, output.decode(errors="replace") + f"\nstill running after {_SECONDS} seconds")
        finally:
            with self._lock:
                self._running.discard(process)
        if self._are_over:
            raise KeyboardInterrupt
        return said

    def end(self) -> None:
        """Kills those that run, with everything that they have started. Nobody starts another one."""
        with self._lock:
            self._are_over = True
            for process in self._running:
                _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    # Its group is gone when it has ended by itself meanwhile.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
