"""The documents as MkDocs wants them: all below one directory, links within it, CommonMark's freedoms taken back."""
import pathlib
import re
import shutil
import subprocess

# Documents outside of docs/, by their place in the site.
_OTHERS = {
    "README.md": "about.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md",
    "cluster/README.md": "cluster.md",
}
_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.S | re.M)
_LINK = re.compile(r"\[([^\]\n]*(?:\n[^\]\n]*)?)\]\(([^)\s]+)\)")
_OTHER_LANGUAGES = re.compile(r"^\[(?:English|Nederlands|Suomi)\]\([^)]*\)(?: · \[[^\]]*\]\([^)]*\))*\n\n?", re.M)
_SUFFIX = re.compile(r"\.(?:nl|fi)\.md$")


def stage(root: pathlib.Path, target: pathlib.Path) -> list[str]:
    """Writes every document to where the site has it, and takes away what was there. Returns the pages' places."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=root, capture_output=True, text=True,
        check=True)
    places = {name: place for name in listed.stdout.split("\n") if (place := place_of(name)) and (root / name).exists()}
    shutil.rmtree(target, ignore_errors=True)
    for name, place in places.items():
        file = target / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(prepared((root / name).read_text(encoding="utf-8"), name, places), encoding="utf-8")
    return sorted(places.values())


def place_of(name: str) -> str | None:
    """Where the site has a document of the checkout; None: nowhere."""
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    return _OTHERS.get(name)


def prepared(text: str, name: str, places: dict[str, str]) -> str:
    """A document's text for its place in the site."""
    # The site has a switch of its own.
    text = _OTHER_LANGUAGES.sub("", text, count=1)
    parts = _FENCED.split(text)
    return "".join(part if part.lstrip().startswith("```") else _separated(_relinked(part, name, places)) for part in parts)


def _relinked(text: str, name: str, places: dict[str, str]) -> str:
    """Links lead to where the site has the page; to what it does not have there is none."""
    here = pathlib.PurePosixPath(places[name]).parent

    def link(match: re.Match[str]) -> str:
        words, (target, hash_, anchor) = match[1], match[2].partition("#")
        if not target or re.match(r"[\w+]+:", target):
            return match[0]
        # A page's own language is found by the site.
        original = _normal(f"{pathlib.PurePosixPath(name).parent}/{target}")
        place = places.get(_SUFFIX.sub(".md", original)) or places.get(f"{original.rstrip('/')}/README.md")
        return f"[{words}]({_relative(place, here)}{hash_}{anchor})" if place else words
    return _LINK.sub(link, text)


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _relative(place: str, here: pathlib.PurePosixPath) -> str:
    ups, target = 0, pathlib.PurePosixPath(place)
    while not target.is_relative_to(here):
        here, ups = here.parent, ups + 1
    return "../" * ups + str(target.relative_to(here))


def _separated(text: str) -> str:
    """An empty line before each list and table: elsewhere they may follow a paragraph without one."""
    lines: list[str] = []
    for line in text.split("\n"):
        before = lines[-1] if lines else ""
        follows_paragraph = before.strip() and not re.match(r" |[-*|] ?|\d+\. ", before)
        if follows_paragraph and re.match(r"- |\* |1\. |\|", line):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)
