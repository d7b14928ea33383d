"""A guide's page, read: its code blocks, how each is run, and what is expected of the mail.

Marks are HTML comments, which a reader of the rendered page does not see; docs/guides.md explains them.
"""
import dataclasses
import itertools
import json
import pathlib
import re
import typing

from ..trouble import Trouble

PORTS = (465, 587)
OPERATOR = "operator"
REFUSALS = ("not allowed", "wrong password", "unknown authority", "other host", "no STARTTLS")
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.S | re.M)
_COMMENT = re.compile(r"^<!--(.*?)-->[ \t]*\n", re.S | re.M)
_TRANSLATION = re.compile(r"\.[a-z]{2}\.md$")


@dataclasses.dataclass
class Expected:
    """What a page says of the mail that its programs send."""

    # The reverse-path.
    sender: str = "alice@example.com"
    # Whether the client compares the host's name with the certificate; where it cannot, the page must say so.
    checks_host: bool = True
    # Decoded; None: the page does not state it.
    text: str | None = None
    html: str | None = None
    # Header fields by name.
    fields: dict[str, str] = dataclasses.field(default_factory=dict)
    # What the client says in a case where it must fail, as the page tells its reader; by the names in REFUSALS.
    says: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Program:
    """Files that together send one message over one port."""

    name: str
    port: int
    # The first block's, which says how it is run unless program or page do.
    language: str
    # File name to text; blocks of one file follow each other as on the page. The empty name: the language's usual one.
    files: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Page:
    """One page of docs/integrations."""

    name: str
    expected: Expected
    programs: list[Program]
    # What an operator runs before any of the programs.
    operator: list[str]


def english_pages(directory: pathlib.Path) -> list[pathlib.Path]:
    """The pages that others are translations of, by name."""
    return sorted(file for file in directory.glob("*.md") if not _TRANSLATION.search(file.name))


def read(file: pathlib.Path) -> Page:
    """Reads a page. Raises Trouble for a block without a mark, or a mark that is not understood."""
    return read_text(file.stem, file.read_text(encoding="utf-8"))


def read_text(name: str, text: str) -> Page:
    """The same for a page's text."""
    comments = {match.end(): match[1].strip() for match in _COMMENT.finditer(text)}
    page = Page(name, Expected(), [], [])
    names = [""]
    for comment in comments.values():
        if comment.startswith("expect:"):
            page.expected = _expected(name, comment.removeprefix("expect:"), _COMMENT.sub("", text))
        elif comment.startswith("programs:"):
            names = comment.removeprefix("programs:").split()
    programs: dict[tuple[str, int], Program] = {}
    for block in _FENCE.finditer(text):
        _take(page, programs, names, comments.get(block.start(), ""), block)
    page.programs = list(programs.values())
    for program in page.programs:
        if missing := [port for port in PORTS if (program.name, port) not in programs]:
            raise Trouble(f"{name}: {program.name or 'its program'} has no block for port {missing[0]}")
    if page.programs and page.expected == Expected():
        raise Trouble(f"{name}: nothing says what mail to expect")
    return page


def _take(
    page: Page, programs: dict[tuple[str, int], Program], names: list[str], mark: str, block: re.Match[str],
) -> None:
    """Puts one block where its mark says."""
    if re.match(r"not run: \S", mark):
        return
    if not mark.startswith("run:"):
        raise Trouble(f"{page.name}: no mark directly above the block that begins «{block[2].splitlines()[0]}»")
    words = mark.removeprefix("run:").split()
    if words == [OPERATOR]:
        page.operator.append(block[2])
        return
    ports, options = _words(page.name, words)
    chosen = [options["program"]] if "program" in options else names
    if strange := set(chosen) - set(names):
        raise Trouble(f"{page.name}: a mark names {strange.pop()}, which is not among the page's programs")
    for key in itertools.product(chosen, ports):
        program = programs.setdefault(key, Program(*key, language=block[1]))
        place = options.get("file", "")
        program.files[place] = program.files.get(place, "") + block[2]


def _words(name: str, words: list[str]) -> tuple[list[int], dict[str, str]]:
    ports = [int(word) for word in words if word.isdigit()]
    options = dict(word.split("=", 1) for word in words if "=" in word)
    strange = [word for word in words if not word.isdigit() and word.partition("=")[0] not in ("file", "program")]
    if strange or not ports or set(ports) - set(PORTS):
        raise Trouble(f"{name}: a mark that is not understood: run: {' '.join(words)}")
    return ports, options


def _expected(name: str, text: str, prose: str) -> Expected:
    """What a comment states. prose: what a reader sees."""
    expected = Expected()
    for line in filter(None, map(str.strip, text.splitlines())):
        key, colon, value = line.partition(":")
        if not colon:
            raise Trouble(f"{name}: an expectation that is not understood: {line}")
        value = value.strip()
        stated: typing.Any = json.loads(value) if value.startswith('"') else value
        if (key, stated) == ("host", "unchecked"):
            expected.checks_host = False
        elif key in ("sender", "text", "html"):
            setattr(expected, key, stated)
        elif key in REFUSALS:
            if stated not in prose:
                raise Trouble(f"{name}: the page does not tell its reader of «{stated}»")
            expected.says[key] = stated
        elif key[:1].isupper():
            expected.fields[key] = stated
        else:
            raise Trouble(f"{name}: an expectation that is not understood: {line}")
    return expected
