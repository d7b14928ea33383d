"""What every program of every page must do, and refuse."""
import dataclasses
import os
import pathlib
import re
import tempfile
import textwrap
import threading
import typing

from ..processes import run
from .arrival import differences
from .clients import Clients, Said
from .languages import DRIVERS, runner_of
from .node import PASSWORD, Node
from .pages import Expected, Page, Program
from .place import HOST
from .stripper import Stripper

RECIPIENT = "recipient@example.net"
# What clients say when they do not believe a certificate. Whole phrases: a traceback or a list of options has the words
# «certificate», «verify» and «hostname» too.
_UNTRUSTED = re.compile("|".join(map(re.escape, (
    # OpenSSL, and with it Python, Ruby, PHP, swaks and curl
    "certificate verify failed", "unable to get local issuer certificate",
    # curl
    "no alternative certificate subject name matches",
    # PHP
    "did not match expected",
    # Node.js
    "unable to verify the first certificate", "does not match certificate's altnames",
    # Go
    "certificate signed by unknown authority", "certificate is valid for", "cannot validate certificate for",
    # Java
    "unable to find valid certification path", "Can't verify identity of server",
))))
_making_stores = threading.Lock()


class Attempt:
    """One program of a page, to be run in several ways."""

    def __init__(self, node: Node, clients: Clients, page: Page, program: Program) -> None:
        self._node, self._clients, self._page, self._program = node, clients, page, program
        # Of the last run.
        self.said = Said(0, "")
        self._runner = runner_of(page, program)
        words = filter(None, (page.name, program.name, str(program.port)))
        # Where what comes from PyPI is; None: it cannot be had.
        self.tools = self._runner.tools() if self._runner.pypi else pathlib.Path("/usr")
        self._recipient = f"{'-'.join(words)}@example.net"

    def cases(self) -> dict[str, typing.Callable[[], None]]:
        """The cases by what they show, in an order that they must be run in. Each raises AssertionError."""
        cases = {
            "sends its mail": self.sends,
            "fails with a wrong password": self.refuses_password,
            "does not believe an unknown authority": self.refuses_authority,
        }
        if self._page.expected.checks_host:
            cases["does not believe another host's certificate"] = self.refuses_host
        else:
            cases["believes another host's certificate, as its page admits"] = self.believes_host
        if self._program.port == 587:
            cases["says nothing in the clear when STARTTLS is taken away"] = self.refuses_clear_text
        return cases

    def refuses_sender(self) -> None:
        """The page's operator has not yet allowed its sender."""
        said = self._failing("not allowed")
        _expect_reply(553, said)

    def sends(self) -> None:
        """The page's mail arrives as the page says."""
        said = self._run()
        _expect(said.code == 0, f"the client failed with {said.code}", said)
        arrived = self._node.wait_for_arrival(self._recipient)
        _expect(len(arrived) == 1, f"{len(arrived)} messages arrived", said)
        found = differences(arrived[0], self._expected(), self._recipient)
        _expect(not found, "; ".join(found), said)
        # Another one may still be on its way to the sink.
        accepted = self._node.accepted(self._recipient)
        _expect(accepted == 1, f"the node has taken {accepted} messages", said)

    def refuses_password(self) -> None:
        """The node's 535 reaches whoever runs the program."""
        said = self._failing("wrong password", password="not-the-password")
        _expect_reply(535, said)

    def refuses_authority(self) -> None:
        """A certificate that nobody known has signed."""
        said = self._failing("unknown authority", authority=self._node.unknown_authority)
        _expect(_UNTRUSTED.search(said.output) is not None, "nothing is said of a certificate", said)

    def refuses_host(self) -> None:
        """A certificate that is good for another name."""
        said = self._failing("other host", host=self._node.place.other_host)
        _expect(_UNTRUSTED.search(said.output) is not None, "nothing is said of a certificate", said)

    def believes_host(self) -> None:
        """The page says that the client cannot tell. Once it can, the page must say so."""
        said = self._run(host=self._node.place.other_host)
        _expect(said.code == 0, "the client can tell", said)

    def refuses_clear_text(self) -> None:
        """A man in the middle learns nothing."""
        with Stripper(self._node.place.ports[587]) as stripper:
            said = self._failing("no STARTTLS", port=stripper.port)
        _expect(stripper.stripped > 0, "the client did not get as far as EHLO", said)
        told = {"AUTH", "MAIL"} & set(stripper.heard)
        _expect(not told, f"said in the clear: {' '.join(stripper.heard)}", said)

    # Inside

    def _failing(self, why: str, **changes: typing.Any) -> Said:
        """Runs it where it must fail; the node has taken nothing, and the client says what its page says it does."""
        before = self._node.accepted(self._recipient)
        said = self._run(**changes)
        _expect(said.code != 0, "the client believes that it has sent its mail", said)
        _expect(self._node.accepted(self._recipient) == before, "the node has taken a message", said)
        # Outside of a private network there is no other name, only an address.
        is_comparable = self._node.place.is_private or why != "other host"
        told = self._page.expected.says.get(why, "") if is_comparable else ""
        _expect(told in said.output, f"the page speaks of «{told}»", said)
        return said

    def _run(
        self, *, host: str = "", port: int = 0, password: str = PASSWORD, authority: pathlib.Path | None = None,
    ) -> Said:
        place, printed = self._node.place, self._program.port
        changes = {HOST: host or place.host, PASSWORD: password, RECIPIENT: self._recipient}
        authority = authority or self._node.authority
        runner = self._runner
        with tempfile.TemporaryDirectory(prefix="postrider-guide-") as name:
            directory = pathlib.Path(name)
            for file, text in self._program.files.items():
                # The port first: its digits are in the recipient's name too.
                changed = re.sub(rf"\b{printed}\b", str(port or place.ports[printed]), text)
                target = directory / (file or runner.file)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(_replaced(changed, changes), encoding="utf-8")
            self._make_store(authority)
            environment = {
                "PATH": os.environ["PATH"], "HOME": name, "LANG": "C.UTF-8", "TMPDIR": name,
                "PYTHONDONTWRITEBYTECODE": "1",
            } | {key: self._filled(value, authority) for key, value in runner.environment.items()}
            command = [self._filled(word, authority) for word in runner.run]
            self.said = self._clients.run(command, directory, environment)
            return self.said

    def _make_store(self, authority: pathlib.Path) -> None:
        """What the runner wants to be made of the authority's file, once."""
        if command := [self._filled(word, authority) for word in self._runner.authority]:
            done = authority.with_suffix("." + re.sub(r"\W", "-", command[0]) + ".done")
            with _making_stores:
                if not done.exists():
                    run(command)
                    done.touch()

    def _filled(self, word: str, authority: pathlib.Path) -> str:
        return _replaced(word, {
            "{authority}": str(authority), "{drivers}": str(DRIVERS), "{python}": f"{self.tools}/bin/python"})

    def _expected(self) -> Expected:
        expected = self._page.expected
        fields = {name: _replaced(value, {RECIPIENT: self._recipient}) for name, value in expected.fields.items()}
        return dataclasses.replace(expected, fields=fields)


def _replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def _expect_reply(code: int, said: Said) -> None:
    _expect(re.search(rf"\b{code}\b", said.output) is not None, f"nothing is said of {code}", said)


def _expect(condition: bool, otherwise: str, said: Said) -> None:
    if not condition:
        # Indented, so that nobody takes the client's words for the test's own.
        words = textwrap.indent(said.output.strip(), "  | ", lambda line: True)
        raise AssertionError(f"{otherwise}; the client said:\n{words}")
