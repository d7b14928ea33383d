"""How the blocks of a language, of a page or of one program are run: `runners/NAME.toml`."""
import dataclasses
import pathlib
import tomllib

from ..pypi import environment
from ..trouble import Trouble
from .pages import Page, Program

DRIVERS = pathlib.Path(__file__).resolve().parent / "drivers"
_ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
_RUNNERS = pathlib.Path(__file__).resolve().parent / "runners"


@dataclasses.dataclass
class Runner:
    """One file of `runners/`. In commands and variables `{authority}` is the CA's PEM file, `{drivers}` the directory of
    that name, `{python}` the Python that has what comes from PyPI."""

    # Where blocks go that name no file.
    file: str
    # The command that sends the message: exit code 0 exactly when it was accepted, and what went wrong in its output.
    run: list[str]
    # Run once for each CA, where a language wants it in another form.
    authority: list[str] = dataclasses.field(default_factory=list)
    # Debian packages beyond those of scripts/setup.
    packages: list[str] = dataclasses.field(default_factory=list)
    # Packages from PyPI, with their versions.
    pypi: list[str] = dataclasses.field(default_factory=list)
    # Variables that the client needs beyond PATH, HOME and LANG.
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    def tools(self, makes: bool = False) -> pathlib.Path | None:
        """The virtual environment with what comes from PyPI; None when it is not there and is not to be made, or cannot."""
        return environment(_ROOT, "guide-tools", self.pypi, makes)


def runner_of(page: Page, program: Program) -> Runner:
    """The program's own, else the page's, else its language's."""
    for name in (program.name, page.name, program.language):
        file = _RUNNERS / f"{name}.toml"
        if name and file.exists():
            return Runner(**tomllib.loads(file.read_text(encoding="utf-8")))
    raise Trouble(f"{page.name}: nothing says how {program.language or 'its block'} is run; see docs/guides.md")
