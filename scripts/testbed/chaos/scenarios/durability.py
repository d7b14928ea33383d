"""Below the process: not what is answered, but what had been written to disk by then."""
from ..run import Run
from ..trace import trace
from .registry import ALL, Scenario


def _nothing(run: Run) -> None:
    """It is no fault that is done to a cluster under load."""


ALL["trace"] = Scenario(
    "trace", "strace of PostgreSQL, its standby and an acceptor: both had flushed before each 250", _nothing, {},
    alone=trace)
