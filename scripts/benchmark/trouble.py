"""What ends a measurement."""


class Trouble(Exception):
    """Why it cannot be measured, in words for whoever started the benchmark."""
