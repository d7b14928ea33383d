"""The anchors of a page's headings."""
import re


def anchors(text: str) -> list[str]:
    """As they are made where pages are usually read, in the page's order."""
    titles = re.findall(r"^#+ +(.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M), flags=re.M)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
