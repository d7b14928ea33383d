"""The documents as a site: what is made of them, and what is noticed when something is wrong."""
import json
import pathlib
import tempfile
import unittest

from ..processes import run
from ..site.checking import faults
from ..site.main import ROOT, build
from ..site.navigation import navigation
from ..site.staging import prepared


class SiteTests(unittest.TestCase):
    """The real documents, built."""

    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="postrider-site-")
        cls.addClassCleanup(temporary.cleanup)
        cls.site = pathlib.Path(temporary.name) / "site"
        # Raises Trouble when a link leads nowhere or something is loaded from elsewhere.
        build(cls.site)

    def search(self, *words: str) -> list[list[str]]:
        """Where the site's own search finds each of them, best first."""
        program = ROOT / "scripts/testbed/site/search.js"
        return [json.loads(line) for line in run(["node", str(program), str(self.site), *words]).splitlines()]

    def test_words_of_each_language_are_found(self) -> None:
        # The page adds the star to what a reader has typed so far.
        english, dutch, finnish, none = self.search("retries", "mailprogr*", "sähköpostiohj*", "xyzzy*")
        self.assertIn("retries/", english)
        self.assertTrue([place for place in dutch if place.startswith("nl/")], dutch)
        self.assertTrue([place for place in finnish if place.startswith("fi/")], finnish)
        self.assertEqual(none, [])

    def test_what_is_not_translated_is_there_in_english(self) -> None:
        for language in ("", "nl/", "fi/"):
            self.assertIn("reverse-path", (self.site / language / "glossary/index.html").read_text(encoding="utf-8"))

    def test_every_page_leads_to_the_other_languages(self) -> None:
        text = (self.site / "index.html").read_text(encoding="utf-8")
        for language in ("nl", "fi"):
            self.assertIn(f'hreflang="{language}"', text)

    def test_the_files_outside_of_docs_are_in_it(self) -> None:
        for name in ("about", "contributing", "changelog", "cluster"):
            self.assertTrue((self.site / name / "index.html").exists(), name)


class CheckingTests(unittest.TestCase):
    """A site with a fault in it."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="postrider-site-")
        self.addCleanup(temporary.cleanup)
        self.site = pathlib.Path(temporary.name)
        for number in range(10):
            page = self.site / f"p{number}" / "index.html"
            page.parent.mkdir()
            page.write_text(f'<h1 id="top">Page</h1><a href="../p{(number + 1) % 10}/#top">next</a>')

    def add(self, text: str, name: str = "p0/more.html") -> list[str]:
        """What is found wrong with one more file."""
        (self.site / name).write_text(text)
        return faults(self.site)

    def test_a_good_one_is_good(self) -> None:
        self.assertEqual(self.add('<a href="https://example.org/">elsewhere</a><link rel="stylesheet" href="s.css">', "p0/x.html"),
                         ["p0/x.html: leads nowhere: s.css"])
        self.assertEqual(self.add("", "p0/s.css"), [])

    def test_links_that_lead_nowhere(self) -> None:
        self.assertEqual(self.add('<a href="../p77/">x</a>'), ["p0/more.html: leads nowhere: ../p77/"])
        self.assertEqual(self.add('<a href="../p1/#gone">x</a>'),
                         ["p0/more.html: no such place on that page: ../p1/#gone"])

    def test_what_is_loaded_from_elsewhere(self) -> None:
        for text in ('<script src="https://cdn.example/x.js"></script>', '<img src="//cdn.example/x.png">',
                     '<link rel="preconnect" href="https://fonts.example">'):
            self.assertIn("loads from elsewhere", self.add(text)[0])
        (self.site / "p0/more.html").unlink()
        for text in ("a { background: url('https://cdn.example/x.png') }", '@import "//cdn.example/x.css";'):
            self.assertIn("loads from elsewhere", self.add(text, "p0/s.css")[0])

    def test_nothing_is_no_site(self) -> None:
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(len(faults(pathlib.Path(empty))), 1)


class StagingTests(unittest.TestCase):
    """One document."""

    PLACES = {
        "docs/a.md": "a.md", "docs/b/README.md": "b/README.md", "docs/b/c.md": "b/c.md", "docs/b/c.nl.md": "b/c.nl.md",
        "cluster/README.md": "cluster.md",
    }

    def staged(self, text: str, name: str) -> str:
        """The text as the site gets it."""
        return prepared(text, name, self.PLACES)

    def test_links_lead_to_where_the_site_has_it(self) -> None:
        self.assertEqual(self.staged("[x](../docs/a.md#y) [z](https://e.example/)", "cluster/README.md"),
                         "[x](a.md#y) [z](https://e.example/)")
        self.assertEqual(self.staged("[x](../../cluster/README.md)", "docs/b/c.md"), "[x](../cluster.md)")
        self.assertEqual(self.staged("[x](b)", "docs/a.md"), "[x](b/README.md)")
        self.assertEqual(self.staged("[x](c.nl.md) [y](../../LICENSE)", "docs/b/c.nl.md"), "[x](c.md) y")

    def test_code_stays_as_it_is(self) -> None:
        text = "```\ntext\n- [x](../LICENSE)\n```\n"
        self.assertEqual(self.staged(text, "docs/a.md"), text)

    def test_lists_and_tables_begin_after_an_empty_line(self) -> None:
        self.assertEqual(self.staged("text\n- one\n- two\n  more\n", "docs/a.md"), "text\n\n- one\n- two\n  more\n")
        self.assertEqual(self.staged("text\n| a |\n|---|\n", "docs/a.md"), "text\n\n| a |\n|---|\n")

    def test_every_page_is_in_the_navigation_once(self) -> None:
        pages = ["README.md", "queue.md", "new.md", "integrations/README.md", "integrations/new.md",
                 "integrations/new.nl.md", "decisions/0001-x.md"]
        lines = [line.strip() for line in navigation(pages).splitlines()]
        for page in pages:
            self.assertEqual(sum(line.endswith(f" {page}") for line in lines), int(not page.endswith(".nl.md")), page)
        self.assertEqual(lines.index("- integrations/new.md"), lines.index("- integrations/README.md") + 1)
