"""How guides are read, judged and translated, on pages made up here."""
import contextlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from ..integrations.arrival import differences
from ..integrations.catalogue import Entry, read_catalogue, write_catalogue
from ..integrations.languages import runner_of
from ..integrations.main import PAGES, Results
from ..integrations.node import Arrived
from ..integrations.pages import Expected, english_pages, read, read_text
from ..integrations.translation import Translator
from ..trouble import Trouble
from .test_counting import PROGRAM as COUNT

_EXPECT = '<!-- expect:\nSubject: Hello\ntext: "one\\ntwo"\n-->\n'


def _block(mark: str, code: str, language: str = "python") -> str:
    return f"<!-- {mark} -->\n```{language}\n{code}\n```\n\n"


class PageTests(unittest.TestCase):
    """Blocks and marks."""

    def test_each_port_gets_its_own_blocks_and_the_shared_ones_in_their_order(self) -> None:
        page = read_text("made-up", _EXPECT + _block("run: 465", "a") + _block("run: 587", "b") + _block("run: 465 587", "c")
                         + _block("run: 587 file=other.py", "d"))
        self.assertEqual({program.port: program.files for program in page.programs},
                         {465: {"": "a\nc\n"}, 587: {"": "b\nc\n", "other.py": "d\n"}})
        self.assertEqual(page.expected, Expected(text="one\ntwo", fields={"Subject": "Hello"}))

    def test_blocks_without_a_program_belong_to_all_of_them(self) -> None:
        page = read_text("made-up", "<!-- programs: old new -->\n" + _EXPECT + _block("run: 465 587", "a")
                         + _block("run: 465 587 program=new", "b"))
        self.assertEqual({(program.name, program.port): program.files[""] for program in page.programs},
                         {("old", 465): "a\n", ("old", 587): "a\n", ("new", 465): "a\nb\n", ("new", 587): "a\nb\n"})

    def test_what_only_an_operator_runs_and_what_is_not_run_is_no_program(self) -> None:
        page = read_text("made-up", _block("run: operator", "postrider queue", "sh") + _block("not run: for people", "x"))
        self.assertEqual((page.operator, page.programs), (["postrider queue\n"], []))

    def test_a_page_is_refused_that_would_not_be_tested_whole(self) -> None:
        both = _block("run: 465 587", "a")
        for text, why in {
            _EXPECT + both + "```python\nb\n```\n": "no mark directly above",
            _EXPECT + both + "<!-- not run: -->\n```python\nb\n```\n": "no mark directly above",
            _EXPECT + _block("run: 465", "a"): "no block for port 587",
            both: "what mail to expect",
            _EXPECT + _block("run: 25", "a"): "not understood",
            _EXPECT + _block("run: 465 587 flie=a", "a"): "not understood",
            _EXPECT + _block("run: 465 587 program=new", "a"): "not among",
            "<!-- expect:\nsubject: lower case\n-->\n" + both: "not understood",
            "<!-- expect:\nwrong password: Sorry\n-->\n" + both: "does not tell its reader of «Sorry»",
        }.items():
            with self.subTest(why=why), self.assertRaisesRegex(Trouble, why):
                read_text("made-up", text)

    def test_code_is_the_same_in_every_language(self) -> None:
        for page in english_pages(PAGES):
            blocks = {language: re.findall(r"^```.*?^```$", (PAGES / f"{page.stem}{language}.md").read_text(encoding="utf-8"),
                                           re.S | re.M) for language in ("", ".nl", ".fi")}
            self.assertEqual(blocks[".nl"], blocks[""], page.name)
            self.assertEqual(blocks[".fi"], blocks[""], page.name)

    def test_every_program_of_every_page_can_be_run(self) -> None:
        pages = [read(file) for file in english_pages(PAGES)]
        self.assertGreater(sum(len(page.programs) for page in pages), 0)
        for page in pages:
            for program in page.programs:
                self.assertTrue(runner_of(page, program).run, page.name)


class ArrivalTests(unittest.TestCase):
    """A message against what its page says."""

    EXPECTED = Expected(text="één\n", html="<p>één</p>", fields={"Subject": "Hellö", "To": "b@example.net"})
    OCTETS = (
        'From: <a@example.com>\r\nTo: b@example.net\r\nSubject: =?utf-8?q?Hell=C3=B6?=\r\nMIME-Version: 1.0\r\n'
        'Content-Type: multipart/alternative; boundary="x"\r\n\r\n--x\r\nContent-Type: text/plain; charset=utf-8\r\n'
        'Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9=C3=A9n\r\n\r\n--x\r\n'
        'Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+6eluPC9wPg==\r\n--x--\r\n')

    def seen(self, old: str = "", new: str = "", **changes: object) -> list[str]:
        """The differences of a message in which something is otherwise."""
        octets = self.OCTETS.replace(old, new).encode() if old else self.OCTETS.encode()
        fields: dict[str, object] = {"reverse_path": "alice@example.com", "recipients": ["b@example.net"], "octets": octets}
        return differences(Arrived(**(fields | changes)), self.EXPECTED, "b@example.net")  # type: ignore[arg-type]

    def test_what_is_encoded_in_another_way_is_the_same(self) -> None:
        self.assertEqual(self.seen(), [])

    def test_anything_that_differs_is_named(self) -> None:
        for old, new, what in (("=C3=A9n", "=C3=A8n", "text/plain"), ("n\r\n\r\n--x", "n\r\n--x", "text/plain"),
                               ("PHA+6eluPC9wPg==", "PHA+6eluPC9wPgo=", "text/html"), ("Hell=C3=B6", "Hell=C3=B7", "Subject"),
                               ("To: b", "To: c", "To"), ("multipart/alternative", "multipart/related", "the parts")):
            with self.subTest(what=what):
                self.assertEqual([words.partition(":")[0] for words in self.seen(old, new)], [what])
        self.assertIn("the reverse-path", self.seen(reverse_path="mallory@example.com")[0])
        self.assertIn("the recipients", self.seen(recipients=["b@example.net", "c@example.net"])[0])


class ResultTests(unittest.TestCase):
    """What a run says of itself."""

    def test_it_is_counted(self) -> None:
        def fail() -> None:
            raise AssertionError("not as it should be")
        with tempfile.NamedTemporaryFile("w+", suffix=".txt") as output:
            with contextlib.redirect_stdout(output):
                results = Results()
                results.run("one", lambda: None)
                results.run("two", fail)
                results.skip("three", "cannot be had here")
                code = results.summary()
            output.flush()
            counted = subprocess.run([COUNT, output.name], capture_output=True, text=True).stdout.splitlines()
        self.assertEqual((code, counted[-1]), (1, "1 passed, 1 failed"))
        self.assertIn("not as it should be", counted)
        self.assertIn("failed: two", counted)


class CatalogueTests(unittest.TestCase):
    """po files."""

    def test_what_is_written_is_read_again(self) -> None:
        entries = [Entry('a "quoted" \\ word', "één", "type: Plain text", ["fuzzy"]),
                   Entry("two\nlines, and so many words that they do not have room in one line of the file, not at all\n", "")]
        with tempfile.TemporaryDirectory() as place:
            file = pathlib.Path(place, "x.po")
            write_catalogue(file, "nl", entries)
            self.assertEqual(read_catalogue(file.read_text(encoding="utf-8")), entries)


@unittest.skipUnless(shutil.which("po4a-translate"), "po4a is not installed")
class TranslationTests(unittest.TestCase):
    """A page in two other languages."""

    ENGLISH = ("# One\n\n[Nederlands](one.nl.md) · [Suomi](one.fi.md)\n\nWords over\ntwo lines, see [two](two.md#more) and "
               "[below](#code).\n\n## Code\n\n<!-- run: 465 -->\n```python\nprint('Words over')\n```\n\n| a | b |\n|---|---|\n| c | d |\n")
    OTHER = "# Two\n\n[Nederlands](two.nl.md) · [Suomi](two.fi.md)\n\n## More\n"
    WORDS = {"One": "Eén", "Two": "Twee", "More": "Meer", "Code": "De code", "| a | b |": "| A | B |", "| c | d |": "| C | D |",
             "Words over two lines, see [two](two.md#more) and [below](#code).": "Woorden, zie [twee](two.md#more) en [onder](#code)."}

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = pathlib.Path(temporary.name)
        (self.directory / "one.md").write_text(self.ENGLISH, encoding="utf-8")
        (self.directory / "two.md").write_text(self.OTHER, encoding="utf-8")
        self.translator = Translator(self.directory)

    def translate(self) -> None:
        """What a translator does."""
        self.translator.write()
        for file in (self.directory / "po").iterdir():
            entries = read_catalogue(file.read_text(encoding="utf-8"))
            for entry in entries:
                entry.translation = self.WORDS[entry.text]
            write_catalogue(file, file.suffixes[0][1:], entries)
        self.assertEqual(self.translator.write(), [])

    def page(self, name: str) -> str:
        """A page's text."""
        return (self.directory / name).read_text(encoding="utf-8")

    def test_prose_is_translated_and_code_is_not(self) -> None:
        self.translate()
        self.assertEqual(self.page("one.nl.md"), (
            "# Eén\n\n[English](one.md) · [Suomi](one.fi.md)\n\nWoorden, zie [twee](two.nl.md#meer) en [onder](#de-code).\n\n"
            "## De code\n\n```python\nprint('Words over')\n```\n\n| A | B |\n|---|---|\n| C | D |\n"))
        self.assertEqual(self.translator.check(), [])

    def test_a_changed_paragraph_is_named_until_it_is_translated_anew(self) -> None:
        self.translate()
        (self.directory / "one.md").write_text(self.ENGLISH.replace("two lines", "three lines"), encoding="utf-8")
        faults = self.translator.check()
        self.assertEqual(len(faults), 2)
        for fault, language in zip(faults, ("nl", "fi")):
            self.assertRegex(fault, rf"po/one\.{language}\.po: .*«Words over three lines")

    def test_changed_code_makes_the_pages_stale(self) -> None:
        self.translate()
        (self.directory / "one.md").write_text(self.ENGLISH.replace("print", "say"), encoding="utf-8")
        self.assertEqual([fault.partition(": ")[2][:5] for fault in self.translator.check()], ["stale", "stale"])
        self.translator.write(["one"])
        self.assertIn("say('Words over')", self.page("one.fi.md"))

    def test_an_edited_page_is_stale_and_one_without_a_source_is_named(self) -> None:
        self.translate()
        page = self.directory / "two.nl.md"
        page.write_text(page.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
        (self.directory / "three.fi.md").write_text("# Drei\n", encoding="utf-8")
        (self.directory / "po/four.nl.po").touch()
        faults = self.translator.check()
        self.assertEqual(len(faults), 3, faults)
        self.assertIn("three.fi.md: there is no English page", faults[0])
        self.assertIn("four.nl.po: there is no English page", faults[1])
        self.assertIn("two.nl.md: stale", faults[2])

    def test_a_translation_that_was_written_as_a_page_is_taken(self) -> None:
        self.translate()
        before = self.page("one.nl.md")
        for file in (self.directory / "po").iterdir():
            file.unlink()
        for name in ("one", "two"):
            for language in ("nl", "fi"):
                self.translator.adopt(name, language, self.directory / f"{name}.{language}.md")
        self.assertEqual(self.translator.write(), [])
        self.assertEqual(self.page("one.nl.md"), before)
        (self.directory / "one.nl.md").write_text(before.replace("## De code\n\n", ""), encoding="utf-8")
        with self.assertRaisesRegex(Trouble, "where the English page has type: Title ##"):
            self.translator.adopt("one", "nl", self.directory / "one.nl.md")


if __name__ == "__main__":
    unittest.main()
