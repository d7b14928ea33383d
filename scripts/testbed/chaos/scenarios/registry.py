"""The faults by name. A scenario is a function that is given a `Run`: a cluster under load, judged afterwards."""
import dataclasses
import typing

from ..load import Options
from ..run import Run


@dataclasses.dataclass(frozen=True)
class Scenario:
    """One of them."""

    name: str
    text: str
    act: typing.Callable[[Run], None]
    settings: dict[str, typing.Any]
    has_small_disk: bool = False
    has_tls: bool = False
    # A scenario with a cluster and a judgement of its own.
    alone: typing.Callable[[Options], dict[str, typing.Any]] | None = None


ALL: dict[str, Scenario] = {}


def scenario(
    name: str, text: str, *, has_small_disk: bool = False, has_tls: bool = False, **settings: typing.Any
) -> typing.Callable[[typing.Any], typing.Any]:
    """Registers one.

    - has_small_disk: PostgreSQL has little room; needs root.
    - has_tls: mail exchangers offer STARTTLS, and workers trust their certificate.
    - settings: of Postrider, nested, in addition.
    """
    def register(act: typing.Callable[[Run], None]) -> typing.Callable[[Run], None]:
        ALL[name] = Scenario(name, text, act, settings, has_small_disk, has_tls)
        return act
    return register
