"""gettext's po files, as far as pages need them."""
import dataclasses
import pathlib
import re

_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}
_WIDTH = 100


@dataclasses.dataclass
class Entry:
    """A paragraph and its translation."""

    text: str
    translation: str
    # What po4a calls it: «type: Title #», «type: Plain text».
    kind: str = ""
    flags: list[str] = dataclasses.field(default_factory=list)

    @property
    def is_fuzzy(self) -> bool:
        """Whether the translation is that of another text, which only looks like it."""
        return "fuzzy" in self.flags


def read_catalogue(text: str) -> list[Entry]:
    """The entries of a po file's text without its header, and without those that are of use no more."""
    entries = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if not line.startswith("#~")]
        if not any(line.startswith("msgid") for line in lines):
            continue
        entry = Entry("", "")
        into = ""
        for line in lines:
            if line.startswith("#."):
                entry.kind = line[2:].strip()
            elif line.startswith("#,"):
                entry.flags += [flag.strip() for flag in line[2:].split(",")]
            elif match := re.match(r'(?:(msgid|msgstr) )?"(.*)"$', line):
                into = match[1] or into
                words = re.sub(r"\\(.)", lambda escape: _ESCAPES[escape[1]], match[2])
                if into == "msgid":
                    entry.text += words
                else:
                    entry.translation += words
        if entry.text:
            entries.append(entry)
    return entries


def write_catalogue(file: pathlib.Path, language: str, entries: list[Entry]) -> None:
    """Writes a po file. Nothing in it depends on when it was made."""
    header = (f"Language: {language}\n", "MIME-Version: 1.0\n", "Content-Type: text/plain; charset=UTF-8\n",
              "Content-Transfer-Encoding: 8bit\n")
    parts = ['msgid ""\nmsgstr ""\n' + "".join(f"{_quoted(line)}\n" for line in header)]
    for entry in entries:
        comments = f"#. {entry.kind}\n" if entry.kind else ""
        flags = f"#, {', '.join(entry.flags)}\n" if entry.flags else ""
        parts.append(f"{comments}{flags}msgid {_lines(entry.text)}\nmsgstr {_lines(entry.translation)}\n")
    file.write_text("\n".join(parts), encoding="utf-8")


def _lines(text: str) -> str:
    if len(text) < _WIDTH and "\n" not in text[:-1]:
        return _quoted(text)
    lines = [""]
    for word in re.findall(r"\S*\s*", text):
        if lines[-1] and (len(lines[-1]) + len(word) > _WIDTH or lines[-1].endswith("\n")):
            lines.append("")
        lines[-1] += word
    return '""\n' + "\n".join(map(_quoted, lines))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
