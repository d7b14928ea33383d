"""The order of the pages, for whom they are."""
import json
import re

# Section to its pages, or to further sections. `…` takes whatever is in its directory and named nowhere, `*` all the rest.
_SECTIONS: dict[str, object] = {
    "Home": "README.md",
    "Send mail": ["integrations/README.md", "integrations/…", "integrations/troubleshooting.md"],
    "Operate": {
        "Set up": ["cluster.md", "configuration.md", "commands.md", "certificates.md", "domains.md", "walls.md"],
        "Mail": [
            "limits.md", "scanning.md", "message-checks.md", "blocklists.md", "retries.md", "bounce-info.md", "returns.md",
            "notices.md", "retention.md",
        ],
        "Keep it running": ["operations.md", "metrics.md", "sharding.md", "reliability.md", "*"],
    },
    "Develop": {
        "Understand": ["about.md", "architecture.md", "message-path.md", "queue.md", "glossary.md"],
        "Change": ["contributing.md", "testing.md", "guides.md", "faults.md", "lab.md", "benchmarks.md", "changelog.md"],
        "Decisions": ["decisions/README.md", "decisions/…"],
    },
}
_TRANSLATION = re.compile(r"\.(?:nl|fi)\.md$")


def navigation(pages: list[str]) -> str:
    """The value of MkDocs' `nav` for these pages, each of which is in it once."""
    left = [page for page in pages if not _TRANSLATION.search(page)]
    named = set(_named(_SECTIONS))
    return "".join(_lines(_SECTIONS, left, named, 1))


def _named(section: object) -> list[str]:
    if isinstance(section, str):
        return [section]
    return [page for part in (section.values() if isinstance(section, dict) else section) for page in _named(part)]  # type: ignore[attr-defined]


def _lines(section: object, pages: list[str], named: set[str], depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(section, dict):
        lines = []
        for title, part in section.items():
            inside = _lines(part, pages, named, depth + 1)
            if isinstance(part, str):
                lines.append(f"{indent}- {json.dumps(title)}: {part}\n")
            elif inside:
                lines += [f"{indent}- {json.dumps(title)}:\n", *inside]
        return lines
    names = [section] if isinstance(section, str) else list(section)  # type: ignore[call-overload]
    return [f"{indent}- {page}\n" for name in names for page in _expanded(str(name), pages, named)]


def _expanded(name: str, pages: list[str], named: set[str]) -> list[str]:
    if name == "*":
        folders = tuple(other.removesuffix("…") for other in named if other.endswith("…"))
        return [page for page in pages if page not in named and not page.startswith(folders)]
    if name.endswith("…"):
        return [page for page in pages if page.startswith(name.removesuffix("…")) and page not in named]
    return [name] if name in pages else []
