"""The same load, the same faults and the same ledger against Debian's Postfix, for what applies to it.

Postfix has no database that says what became of each recipient; what its sink and its notices say stands for that.
"""
import os
import pathlib
import shutil
import signal
import typing

from ..cluster.daemons import descendants
from ..network import free_port
from ..postfix import Postfix
from ..processes import Processes
from ..trouble import Trouble
from .ledger import BOUNCED, DELIVERED, Ledger, Recorded
from .load import Load, Options
from .source import Place

PACKAGES = ("postfix",)


class Places:
    """A directory of a run, and its children."""

    def __init__(self, directory: pathlib.Path) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "logs").mkdir(parents=True)
        directory.chmod(0o755)
        self._directory = directory
        self.processes = Processes(directory / "logs")

    def scratch(self, name: str) -> pathlib.Path:
        """An empty directory."""
        path = self._directory / name
        path.mkdir()
        return path


class PostfixRun(Load):
    """A Postfix under load."""

    def __init__(self, name: str, options: Options) -> None:
        if os.geteuid() != 0 or not shutil.which("postfix"):
            raise Trouble("this needs root and Postfix; next: scripts/setup postfix")
        super().__init__(name, options)
        self._places = Places(options.directory)
        self._sink_port = free_port()
        self.postfix = Postfix(self._places, self._sink_port)

    def __enter__(self) -> "PostfixRun":
        try:
            self.begin_sink({"sink1": ("127.0.0.1", self._sink_port)})
            self.say(f"starting Postfix in {self.options.directory}")
            self.postfix.prepare()
            self.postfix.start()
            self.begin_load(Place("127.0.0.1", self.postfix.port, "app@sender.example"))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._places.processes.stop_all()
        super().__exit__()

    def kill(self) -> None:
        """kill -9 of all its processes."""
        with self.fault("kill all of Postfix", may_repeat=True):
            for pid in self._all():
                os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: not self._all(), "the end of Postfix")

    def restart(self) -> None:
        """SIGTERM, and again from the start."""
        with self.fault("restart Postfix"):
            left = self._all()
            self.postfix.stop()
        self.wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left), "the end of Postfix")
        self.postfix.start()

    def _all(self) -> list[int]:
        pid = self.postfix.pid
        return [] if pid is None else [pid, *descendants(pid)]

    def drain(self) -> None:
        self.behaviours.calm()
        if self.postfix.pid is None:
            self.postfix.start()
        try:
            self.wait_for(self._is_drained, "the drain", 300)
        except Trouble as trouble:
            self.breaches.append(str(trouble))

    def _is_drained(self) -> bool:
        self.postfix.flush()
        self.pause(0.5)
        return self.postfix.is_drained()

    def ledger(self) -> Ledger:
        ledger = super().ledger()
        taken = {(t.message_id, name) for t in ledger.taken if t.is_delivered for name in t.recipients}
        told = {name for t in ledger.taken if t.is_delivered and t.tells_failure for name in t.about}
        ledger.recorded = [
            Recorded(one.queue_id, name, (DELIVERED,) if (one.message_id, name) in taken
                     else (BOUNCED,) if name in told else (), False)
            for one in ledger.offered if one.state == "accepted" for name in one.recipients]
        return ledger


def killed(run: PostfixRun) -> None:
    """kill -9 of everything, three times."""
    for _ in range(3):
        run.kill()
        run.postfix.start()
        run.expect_service("everything's death", 60, 60)
        run.wait_for_progress(40)


def restarted(run: PostfixRun) -> None:
    """A restart, three times."""
    for _ in range(3):
        run.restart()
        run.expect_service("a restart", 60, 60)
        run.wait_for_progress(40)


# By the name of the scenario that does the same to a cluster.
SCENARIOS: dict[str, typing.Callable[[PostfixRun], None]] = {"all-kill": killed, "rolling": restarted}
