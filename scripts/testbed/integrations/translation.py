"""Pages in other languages: prose from po files, everything else from the English page.

po4a finds the paragraphs and puts their translations in their places. It sees neither code blocks nor marks: each is a
line that po4a passes on, and is put back afterwards from the English page. So code cannot differ between languages.
"""
import concurrent.futures
import functools
import os
import pathlib
import re
import shutil
import tempfile
import typing

from ..processes import run
from ..trouble import Trouble
from .catalogue import Entry, read_catalogue, write_catalogue
from .headings import anchors
from .pages import english_pages

# By suffix, as each language calls itself.
LANGUAGES = {"en": "English", "nl": "Nederlands", "fi": "Suomi"}
TRANSLATIONS = [language for language in LANGUAGES if language != "en"]
# What po4a passes on untouched: what it takes for the beginning of a macro.
_HELD = "[[!kept{}"
_KEPT = re.compile(r"^```.*?^```$|^<!--.*?-->$|^\|[-:| ]+\|$|^\[(?:English|Nederlands|Suomi)\]\([^\n]*$", re.S | re.M)
_ROW = re.compile(r"^\|.*$", re.M)
_ROW_END = "\n[[!row"
_TRANSLATED_ROW = re.compile(r"^(\|.*?)" + re.escape(_ROW_END) + "$", re.S | re.M)
_LINK = re.compile(r"\]\(([\w./-]+\.md)?(#[^)\s]*)?\)")
_OPTIONS = ["-f", "text", "-o", "markdown", "-M", "UTF-8"]


class Translator:
    """The pages of one directory, and `po` below it."""

    def __init__(self, directory: pathlib.Path) -> None:
        if missing := [name for name in ("po4a-updatepo", "po4a-translate", "msgmerge") if not shutil.which(name)]:
            raise Trouble(f"{', '.join(missing)} cannot be found; next: scripts/setup")
        self._directory = directory
        (directory / "po").mkdir(exist_ok=True)
        self._pages = english_pages(directory)
        self._names = {page.stem for page in self._pages}

    def write(self, names: typing.Collection[str] = ()) -> list[str]:
        """Brings po files up to date with the English pages, and writes the pages whose translation is whole.

        - names: pages; all without one.

        Returns what is not translated, as `check` does.
        """
        # Twice: a link's anchor is that of another page's heading, which may have been written after it.
        return self._each(names, self._write) or self._each(names, self._write)

    def check(self) -> list[str]:
        """What is wrong, in words that name page and paragraph: untranslated, uncertain (fuzzy), stale, without source."""
        pairs = [(name, language) for name in self._names for language in TRANSLATIONS]
        ours = {make(*pair) for pair in pairs for make in (self._page, self._catalogue)}
        found = [file for pattern in ("*.*.md", "po/*") for file in sorted(self._directory.glob(pattern))]
        strays = [file for file in found if file not in ours]
        lines = [f"{page}: no line that leads to its translations: {_languages(page.stem, 'en')}" for page in self._pages
                 if _languages(page.stem, "en") not in page.read_text(encoding="utf-8").splitlines()]
        return [*lines, *(f"{file}: there is no English page of that name" for file in strays), *self._each((), self._check)]

    def adopt(self, name: str, language: str, file: pathlib.Path) -> None:
        """Makes a po file from a translation that was written as a page: paragraph by paragraph, code left out. Raises
        Trouble where the two pages do not have the same build."""
        catalogues = [read_catalogue(_extracted(text)) for text in (self._english(name), file.read_text(encoding="utf-8"))]
        kinds = [[entry.kind for entry in catalogue] for catalogue in catalogues]
        for ours, other in zip(*catalogues):
            if ours.kind != other.kind:
                raise Trouble(f"{file}: {other.kind} where the English page has {ours.kind}: «{other.text[:60]}» beside "
                              f"«{ours.text[:60]}»")
        if len(kinds[0]) != len(kinds[1]):
            raise Trouble(f"{file}: {len(kinds[1])} paragraphs, and {len(kinds[0])} in the English page")
        for entry, other in zip(*catalogues):
            entry.translation = other.text
        write_catalogue(self._catalogue(name, language), language, catalogues[0])

    # One page in one language

    def _write(self, name: str, language: str) -> list[str]:
        entries = self._merged(name, language)
        write_catalogue(self._catalogue(name, language), language, entries)
        if faults := _faults(self._catalogue(name, language), entries):
            return faults
        text = self._translated(name, language, entries)
        self._page(name, language).write_text(text, encoding="utf-8")
        return []

    def _check(self, name: str, language: str) -> list[str]:
        entries = self._merged(name, language)
        if faults := _faults(self._catalogue(name, language), entries):
            return faults
        page = self._page(name, language)
        if not page.exists() or page.read_text(encoding="utf-8") != self._translated(name, language, entries):
            return [f"{page}: stale; next: scripts/translate-guides {name}"]
        return []

    def _merged(self, name: str, language: str) -> list[Entry]:
        """The English page's paragraphs with what the po file has of them."""
        catalogue = self._catalogue(name, language)
        extracted = _extracted(self._english(name))
        if not catalogue.exists():
            return read_catalogue(extracted)
        with tempfile.TemporaryDirectory() as place:
            template = pathlib.Path(place, "page.pot")
            template.write_text(extracted, encoding="utf-8")
            return read_catalogue(run(["msgmerge", "--quiet", "--no-location", "-o", "-", str(catalogue), str(template)]))

    def _translated(self, name: str, language: str, entries: list[Entry]) -> str:
        english = self._english(name)
        held, kept = _held(english)
        with tempfile.TemporaryDirectory() as place:
            page, catalogue = pathlib.Path(place, "page.md"), pathlib.Path(place, "page.po")
            result = pathlib.Path(place, "result.md")
            page.write_text(held, encoding="utf-8")
            write_catalogue(catalogue, language, entries)
            run(["po4a-translate", *_OPTIONS, "-m", str(page), "-p", str(catalogue), "-l", str(result), "-k", "100"])
            text = result.read_text(encoding="utf-8")
        # Paragraphs come wrapped, but a row must be one line.
        text = _TRANSLATED_ROW.sub(lambda row: row[1].replace("\n", " "), text)
        text = self._linked(text, english, name, language)
        for number, part in enumerate(kept):
            text = text.replace(_HELD.format(number) + "\n", _put_back(part, name, language))
        return text

    def _linked(self, text: str, english: str, name: str, language: str) -> str:
        """Links to pages that are there in this language lead to them, and to their headings."""
        def link(match: re.Match[str]) -> str:
            target, anchor = match[1] or "", match[2] or ""
            stem = target.removesuffix(".md") if target else name
            if stem not in self._names:
                return match[0]
            ours = anchors(english if stem == name else self._english(stem))
            there = self._page(stem, language)
            theirs = anchors(text if stem == name else there.read_text(encoding="utf-8") if there.exists() else "")
            if anchor and anchor[1:] in ours and len(ours) == len(theirs):
                anchor = "#" + theirs[ours.index(anchor[1:])]
            return f"]({f'{stem}.{language}.md' if target else ''}{anchor})"
        return _LINK.sub(link, text)

    # Files

    def _english(self, name: str) -> str:
        return (self._directory / f"{name}.md").read_text(encoding="utf-8")

    def _page(self, name: str, language: str) -> pathlib.Path:
        return self._directory / f"{name}.{language}.md"

    def _catalogue(self, name: str, language: str) -> pathlib.Path:
        return self._directory / "po" / f"{name}.{language}.po"

    def _each(
        self, names: typing.Collection[str], task: typing.Callable[[str, str], list[str]],
    ) -> list[str]:
        if strange := set(names) - self._names:
            raise Trouble(f"no such page: {', '.join(sorted(strange))}")
        pairs = [(page.stem, language) for page in self._pages if not names or page.stem in names
                 for language in TRANSLATIONS]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            return [fault for faults in pool.map(lambda pair: task(*pair), pairs) for fault in faults]


def _held(english: str) -> tuple[str, list[str]]:
    """The page as po4a is to see it, and what it is not to see."""
    kept: list[str] = []

    def hold(match: re.Match[str]) -> str:
        kept.append(match[0])
        return _HELD.format(len(kept) - 1)
    # Each row of a table is a paragraph of its own.
    return _ROW.sub(lambda row: row[0] + _ROW_END, _KEPT.sub(hold, english)), kept


def _put_back(part: str, name: str, language: str) -> str:
    if part.startswith("["):
        return _languages(name, language) + "\n"
    # Marks are of use in the English page only.
    return "" if part.startswith("<!--") else part + "\n"


def _languages(name: str, here: str) -> str:
    """The line that leads to the page in other languages."""
    return " · ".join(f"[{title}]({name}{'' if language == 'en' else f'.{language}'}.md)"
                      for language, title in LANGUAGES.items() if language != here)


@functools.cache
def _extracted(text: str) -> str:
    """The paragraphs of a page, as the text of a po file."""
    with tempfile.TemporaryDirectory() as place:
        page, template = pathlib.Path(place, "page.md"), pathlib.Path(place, "page.pot")
        page.write_text(_held(text)[0], encoding="utf-8")
        run(["po4a-updatepo", *_OPTIONS, "-m", str(page), "-p", str(template)])
        return template.read_text(encoding="utf-8")


def _faults(catalogue: pathlib.Path, entries: list[Entry]) -> list[str]:
    return [f"{catalogue}: {'not sure any more' if entry.is_fuzzy else 'not translated'}: «{' '.join(entry.text.split())}»"
            for entry in entries if entry.is_fuzzy or not entry.translation]
