"""Shows that what judges notices what it is there for: builds that break a promise must turn it red, the usual one not.

What breaks a promise is a condition of compilation; nothing in the product can switch it on.
"""
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import typing

from ..trouble import Trouble
from .scenarios import ALL, Scenario
from .trace import can_trace


@dataclasses.dataclass(frozen=True)
class Broken:
    """What a build lacks, a scenario in which that shows, and what stands in its breaches."""

    lack: str
    scenario: str
    text: str


BROKEN = (
    Broken("NO_FENCE", "worker-freeze", "was delivered"),
    Broken("EARLY_REPLY", "pg-restart", "not in the database"),
    Broken("EARLY_REPLY", "trace", "got its 250 before"),
)


def prove(
    run: typing.Callable[[Scenario, pathlib.Path], dict[str, typing.Any]], root: pathlib.Path, products: pathlib.Path,
    say: typing.Callable[[str], None],
) -> int:
    """Runs all of them. Returns 0 when each turned red for its own reason, and nothing with the usual build.

    - products: where the usual build is.
    """
    chosen = [one for one in BROKEN if one.scenario != "trace" or not can_trace()]
    wrong = []
    for one in chosen:
        say(f"== as it is: {one.scenario} must hold")
        breaches = run(ALL[one.scenario], products)["breaches"]
        say(f"  {len(breaches)} breaches{': ' if breaches else ''}{breaches[0] if breaches else ''}")
        if breaches:
            wrong.append(f"{one.scenario} with the usual build")
    for one in chosen:
        say(f"== {one.lack}: {one.scenario} must turn red")
        breaches = run(ALL[one.scenario], _build(root, one.lack, say))["breaches"]
        reasons = [breach for breach in breaches if one.text in breach]
        say(f"  {len(reasons)} breaches: {reasons[0] if reasons else f'none; others: {breaches[:3]}'}")
        if not reasons:
            wrong.append(f"{one.scenario} with {one.lack}")
    say(f"{2 * len(chosen) - len(wrong)} as they must be, {len(wrong)} not{': ' if wrong else ''}{', '.join(wrong)}")
    return 1 if wrong else 0


def _build(root: pathlib.Path, lack: str, say: typing.Callable[[str], None]) -> pathlib.Path:
    """A debug build in a directory of its own, so that it is never mistaken for the product.

    One directory for all of them: only what the condition concerns is built again.
    """
    place = root / ".build" / "unsafe"
    for name in ("checkouts", "repositories", "workspace-state.json"):
        # What the usual build has fetched need not be fetched again.
        source, target = root / ".build" / name, place / name
        if source.is_dir() and not target.exists():
            shutil.copytree(source, target, symlinks=True)
        elif source.is_file() and not target.exists():
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    say(f"  building {lack} in {place}")
    command = ["swift", "build", "--product", "postrider", "--scratch-path", str(place)]
    done = subprocess.run(command, cwd=root, stdout=sys.stderr.fileno(), env=os.environ | {"POSTRIDER_UNSAFE": lack})
    if done.returncode != 0:
        raise Trouble(f"POSTRIDER_UNSAFE={lack} {' '.join(command)} failed")
    return place / "debug"
