"""Settings as nested dictionaries."""
import typing


def merged(base: dict[str, typing.Any], more: dict[str, typing.Any]) -> dict[str, typing.Any]:
    """`base` with what `more` has in addition or otherwise, section by section."""
    result = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result
