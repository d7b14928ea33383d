"""The command line of scripts/translate-guides."""
import argparse
import pathlib

from ..trouble import Trouble
from .translation import TRANSLATIONS, Translator

PAGES = pathlib.Path(__file__).resolve().parent.parent.parent.parent / "docs/integrations"


def main(arguments: list[str]) -> int:
    """Translates or checks. Returns the exit code: 0 every page is there in every language."""
    parser = argparse.ArgumentParser(
        prog="scripts/translate-guides",
        description="Brings docs/integrations/po/PAGE.LANGUAGE.po up to date with each English page, and writes "
                    "PAGE.LANGUAGE.md where every paragraph is translated. docs/guides.md tells how to translate.")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="such as nodemailer; all without one")
    parser.add_argument("--check", action="store_true", help="change nothing, tell what is stale or not translated")
    parser.add_argument(
        "--adopt", action="store_true",
        help="take PAGE.LANGUAGE.md as it was written by hand: its paragraphs become the translations of the English "
             "page's, one by one")
    options = parser.parse_args(arguments)
    try:
        translator = Translator(PAGES)
        if options.adopt:
            for name in options.pages:
                for language in TRANSLATIONS:
                    translator.adopt(name, language, PAGES / f"{name}.{language}.md")
        faults = translator.check() if options.check else translator.write(options.pages)
    except Trouble as trouble:
        faults = [str(trouble)]
    root = f"{PAGES.parent.parent}/"
    print("\n".join(fault.removeprefix(root) for fault in faults) or "guides: every page is there in every language")
    return 1 if faults else 0
