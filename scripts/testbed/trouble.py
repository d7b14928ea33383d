"""What ends a run."""


class Trouble(Exception):
    """Why it cannot be measured, in words for whoever started it."""
