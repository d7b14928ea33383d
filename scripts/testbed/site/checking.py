"""Is the built site in order: does every link lead somewhere, and does no page load anything from elsewhere?"""
import html.parser
import pathlib
import re
import urllib.parse

# What a browser fetches by itself, by element and attribute.
_LOADED = {
    ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"), ("audio", "src"),
    ("embed", "src"), ("object", "data"), ("use", "href"), ("image", "href"),
}
# A link element fetches, but for these.
_ONLY_NAMED = {"canonical", "alternate", "prev", "next", "author", "license"}


class _Page(html.parser.HTMLParser):
    """What a page has and where it leads."""

    def __init__(self) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.classes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self.classes |= set(found.get("class", "").split())
        self.loads += [found[name] for kind, name in _LOADED if tag == kind and name in found]
        if tag == "link" and "href" in found and found.get("rel") not in _ONLY_NAMED:
            self.loads.append(found["href"])
        elif tag in ("a", "link") and "href" in found:
            self.links.append(found["href"])


def faults(site: pathlib.Path) -> list[str]:
    """What is wrong, a line for each."""
    pages = {}
    for file in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(file.read_text(encoding="utf-8"))
        pages[file] = page
    if len(pages) < 10:
        return [f"only {len(pages)} pages in {site}"]
    found = []
    for file, page in pages.items():
        name = file.relative_to(site)
        found += [f"{name}: loads from elsewhere: {place}" for place in page.loads if _is_elsewhere(place)]
        # The theme would fetch its drawing program from elsewhere.
        if "mermaid" in page.classes:
            found.append(f"{name}: a drawing that needs a program from elsewhere")
        for link in dict.fromkeys([*page.links, *page.loads]):
            if fault := _fault(link, file, site, pages):
                found.append(f"{name}: {fault}: {link}")
    for style in sorted(site.rglob("*.css")):
        places = re.findall(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)", style.read_text(encoding="utf-8"))
        found += [f"{style.relative_to(site)}: loads from elsewhere: {place}" for pair in places for place in pair
                  if _is_elsewhere(place)]
    return found


def _is_elsewhere(place: str) -> bool:
    return place.startswith("//") or bool(re.match(r"(?!data:)[\w+.-]+:", place))


def _fault(link: str, file: pathlib.Path, site: pathlib.Path, pages: dict[pathlib.Path, _Page]) -> str | None:
    parts = urllib.parse.urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = urllib.parse.unquote(parts.path)
    # Not found by name alone: its links begin at the site's root.
    base = site if path.startswith("/") or file == site / "404.html" else file.parent
    target = (base / path.lstrip("/")).resolve() if path else file
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return "leads nowhere"
    anchor = urllib.parse.unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "no such place on that page"
    return None
