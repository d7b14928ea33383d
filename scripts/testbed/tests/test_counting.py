"""scripts/count-tests believes what a run says of itself, and tells what failed."""
import pathlib
import subprocess
import tempfile
import textwrap
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parent.parent.parent / "count-tests"


class CountingTests(unittest.TestCase):
    def count(self, *outputs: str) -> tuple[int, list[str]]:
        """Its exit code and lines for the outputs of some runs."""
        with tempfile.TemporaryDirectory() as directory:
            files = [pathlib.Path(directory) / str(number) for number in range(len(outputs))]
            for file, output in zip(files, outputs):
                file.write_text(textwrap.dedent(output).lstrip())
            result = subprocess.run([PROGRAM, *files], capture_output=True, text=True)
            return result.returncode, result.stdout.splitlines()

    def test_what_passed_is_added_up(self) -> None:
        code, lines = self.count(
            "✔ Test run with 12 tests in 3 suites passed after 4.1 seconds.",
            "Ran 4 tests in 1.5s\n\nOK (skipped=1)", "5 held, 0 did not")
        self.assertEqual((code, lines[-1]), (0, "20 passed, 0 failed"))

    def test_a_failure_of_swift_is_told_with_its_issue(self) -> None:
        code, lines = self.count("""
            ◇ Test sums() started.
            ✘ Test sums() recorded an issue at Sums.swift:12:3: Expectation failed: (a → 1) == 2
            ↳ one is not two
            ◇ Test other() started.
            ✘ Test sums() failed after 0.01 seconds with 1 issue.
            ✔ Test other() passed after 0.01 seconds.
            ✘ Test run with 2 tests in 1 suite failed after 0.1 seconds with 1 issue.
            """)
        self.assertEqual(code, 1)
        self.assertIn("↳ one is not two", lines)
        self.assertEqual(lines[-1], "1 passed, 1 failed")

    def test_a_torn_line_is_no_failure(self) -> None:
        code, lines = self.count("""
            ◇ Test sums() started.
            ◇ Test other() started.
            a program's words✔ Test other() passed after 0.01 seconds.
            ✘ Test sums() failed after 0.01 seconds with 1 issue.
            ✘ Test run with 2 tests in 1 suite failed after 0.1 seconds with 1 issue.
            RUNNER ENDED WITH 1
            """)
        self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed"))

    def test_a_failure_of_python_is_told_with_its_traceback(self) -> None:
        rules = {"thick": "=" * 70, "thin": "-" * 70}
        code, lines = self.count(
            "{thick}\nFAIL: test_sums (sums.Sums)\n{thin}\nTraceback (most recent call last):\n  File \"sums.py\"\n"
            "AssertionError: 1 != 2\n\n{thin}\nRan 2 tests in 0.1s\n\nFAILED (failures=1)".format(**rules))
        self.assertEqual(code, 1)
        self.assertIn("AssertionError: 1 != 2", lines)
        self.assertEqual(lines[-1], "1 passed, 1 failed")

    def test_a_run_that_was_stopped_has_failed(self) -> None:
        code, lines = self.count("""
            ◇ Test sums() started.
            RUNNER ENDED WITH 124
            """)
        self.assertEqual(code, 1)
        self.assertIn("failed: sums() (began and never ended)", lines)

    def test_nothing_is_no_success(self) -> None:
        self.assertEqual(self.count("")[0], 1)
