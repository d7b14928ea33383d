"""The end of a run of the guides, with programs that would go on for an hour."""
import os
import pathlib
import tempfile
import threading
import unittest

from ..integrations.clients import Clients, Said
from ..waiting import wait_until


class ClientTests(unittest.TestCase):
    """Real processes."""

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.directory = pathlib.Path(holder.name)
        self.clients = Clients()
        self.addCleanup(self.clients.end)

    def run_script(self, script: str) -> Said:
        """In a shell, in the test's directory."""
        return self.clients.run(["sh", "-euc", script], self.directory, {"PATH": os.environ["PATH"]})

    def test_a_client_says_what_it_says_and_how_it_ended(self) -> None:
        self.assertEqual(self.run_script("echo one; echo two >&2; exit 3"), Said(3, "one\ntwo\n"))

    def test_the_end_ends_what_a_client_has_started_too_and_nobody_starts_another(self) -> None:
        outcome: list[BaseException] = []

        def attempt() -> None:
            try:
                self.run_script("sleep 3600 & echo $! > started; mv started child; wait")
            except KeyboardInterrupt as interrupt:
                outcome.append(interrupt)
        thread = threading.Thread(target=attempt)
        thread.start()
        child = self.directory / "child"
        wait_until(child.exists, 30, "the client's own child")
        self.clients.end()
        thread.join(30)
        self.assertEqual(len(outcome), 1)
        wait_until(lambda: not _runs(int(child.read_text())), 30, "the end of the client's own child")
        with self.assertRaises(KeyboardInterrupt):
            self.run_script("touch another")
        self.assertFalse((self.directory / "another").exists())


def _runs(process: int) -> bool:
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    # Dead, and nobody has asked for its exit code yet.
    return state != "Z"
