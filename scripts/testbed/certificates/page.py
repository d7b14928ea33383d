"""The commands of docs/certificates.md, with other places in them."""
import pathlib
import re

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent.parent / "docs/certificates.md"
NAME = "smtp.example.com"


def commands(program: str) -> list[str]:
    """Those of the page that are marked with a program's name, in its order: the first one gets, the second renews."""
    found = re.findall(rf"^<!-- run: {program} -->\n```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.S | re.M)
    assert len(found) == 2, f"{PAGE} has {len(found)} commands of {program}"
    return found


def placed(command: str, places: dict[str, str]) -> str:
    """The same command with other paths, and options that only say where something is. Each place must be in it."""
    for place, ours in places.items():
        assert place in command, f"«{place}» is not in: {command}"
        command = command.replace(place, ours)
    return command
