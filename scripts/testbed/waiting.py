"""Waiting for a condition of the outside world, with a limit."""
import time
import typing

from .trouble import Trouble


def wait_until(condition: typing.Callable[[], bool], seconds: float, what: str, pause: float = 0.01) -> None:
    """Looks again and again until the condition holds.

    Raises Trouble when it does not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Trouble(f"waited {seconds:g} seconds in vain for {what}")
        time.sleep(pause)
