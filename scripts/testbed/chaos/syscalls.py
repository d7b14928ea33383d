"""What strace wrote: the system calls of several processes in the one order in which a single tracer saw them.

A call counts as begun when the tracer sees it enter the kernel, before it has any effect, and as ended when the tracer
sees it leave, before its process goes on. So where one call causes another, in whatever process, the order is right.
"""
import codecs
import dataclasses
import re
import typing

# All that is looked at. `send…` and `write…` are what a process says to another.
NAMES = ("pwrite64", "fdatasync", "fsync", "write", "writev", "sendto", "sendmsg")

_LINE = re.compile(r"^(\d+) +\d+\.\d+ (.*)$")
_BEGIN = re.compile(r"^(\w+)\((.*)$")
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>")
_RESULT = re.compile(r"\) += (-?\d+)[^=\"]*$")
_PATH = re.compile(r"^\d+<([^>]*)>")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PLACE = re.compile(r"(\d+), (\d+)$")
_UNFINISHED = " <unfinished ...>"


@dataclasses.dataclass(eq=False)
class Call:
    """One system call. Places in the order of all of them; ended is None where the trace ends first."""

    name: str
    # What the descriptor stands for, as the kernel names it.
    path: str
    # What was to be written.
    data: bytes
    # Of pwrite64: where.
    offset: int
    begun: int
    ended: int | None = None
    result: int = -1


def parse(lines: typing.Iterable[str]) -> list[Call]:
    """The calls of `strace -f -y -ttt -s MANY`, in the order of their beginnings."""
    calls: list[Call] = []
    open_: dict[str, Call] = {}
    for place, line in enumerate(lines):
        if not (found := _LINE.match(line.rstrip("\n"))):
            continue
        pid, text = found.groups()
        if _RESUMED.match(text):
            call = open_.pop(pid, None)
        elif begin := _BEGIN.match(text):
            if begin[1] not in NAMES:
                continue
            call = _begun(begin[1], begin[2], place)
            calls.append(call)
            if text.endswith(_UNFINISHED):
                open_[pid] = call
                continue
        else:
            continue
        if call and (result := _RESULT.search(text)):
            call.ended, call.result = place, int(result[1])
    return calls


def _begun(name: str, arguments: str, place: int) -> Call:
    path = _PATH.match(arguments)
    data = b"".join(codecs.escape_decode(text.encode("latin-1"))[0] for text in _TEXT.findall(arguments))
    offset = 0
    if name == "pwrite64":
        whole = arguments.removesuffix(_UNFINISHED)
        where = _PLACE.search(re.sub(_RESULT, "", whole))
        offset = int(where[2]) if where else 0
    return Call(name, path[1] if path else "", data, offset, place)
