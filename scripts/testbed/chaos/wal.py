"""PostgreSQL's write-ahead log as files, and when a trace shows that a part of it was on disk.

A WAL page is written again and again while it fills. So it is not enough that the place of a commit record was written:
the octets of the record itself have to be in what was written before the flush began.
"""
import dataclasses
import pathlib
import re
import typing

from .syscalls import Call

SEGMENT_BYTES, PAGE_BYTES = 16 << 20, 8192
_FIRST_PAGE_HEADER, _PAGE_HEADER = 40, 24
_SEGMENT = re.compile(r"^(.*)/pg_wal/[0-9A-F]{8}([0-9A-F]{8})([0-9A-F]{8})$")
_COMMIT = re.compile(
    r"rmgr: Transaction\s+len \(rec/tot\):\s*\d+/\s*(\d+), tx:\s*(\d+), lsn: ([0-9A-F]+/[0-9A-F]+),.*desc: COMMIT (.*)")
_SUBTRANSACTIONS = re.compile(r"subxacts: ([\d ]+)")


def position(text: str) -> int:
    """An LSN such as 0/16B3748 as a number."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def segment_of(path: str) -> tuple[str, int] | None:
    """Whose WAL a file is (its data directory) and the position of its first octet; None for other files."""
    found = _SEGMENT.match(path)
    return (found[1], (int(found[2], 16) << 32) + int(found[3], 16) * SEGMENT_BYTES) if found else None


@dataclasses.dataclass(eq=False)
class Part:
    """Octets of a record that lie together: a record goes on behind the header of the next page."""

    start: int
    octets: bytes
    # How much of it has been written; a standby writes as octets come, so it may come in pieces.
    written: bytearray = dataclasses.field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.written = bytearray(len(self.octets))

    @property
    def is_written(self) -> bool:
        """All of it."""
        return all(self.written)

    @property
    def segment(self) -> int:
        """The position of its file's first octet."""
        return self.start - self.start % SEGMENT_BYTES


def commits(listing: str) -> dict[int, tuple[int, int]]:
    """What pg_waldump lists: transaction, and each of its subtransactions, to the record's position and length."""
    found = {}
    for length, transaction, lsn, rest in _COMMIT.findall(listing):
        subtransactions = _SUBTRANSACTIONS.search(rest)
        for one in [transaction, *(subtransactions[1].split() if subtransactions else [])]:
            found[int(one)] = (position(lsn), int(length))
    return found


def places(start: int, length: int) -> list[tuple[int, int]]:
    """Where a record's octets lie: positions and lengths without the page headers in between."""
    found = []
    while length:
        if start % PAGE_BYTES == 0:
            start += _PAGE_HEADER if start % SEGMENT_BYTES else _FIRST_PAGE_HEADER
        taken = min(length, PAGE_BYTES - start % PAGE_BYTES)
        found.append((start, taken))
        start, length = start + taken, length - taken
    return found


def read_parts(directory: pathlib.Path, start: int, length: int, timeline: int = 1) -> list[Part]:
    """A record's octets from the files below pg_wal."""
    parts = []
    for place, count in places(start, length):
        number = place // SEGMENT_BYTES
        name = f"{timeline:08X}{number >> 8:08X}{number & 0xFF:08X}"
        with open(directory / "pg_wal" / name, "rb") as file:
            file.seek(place % SEGMENT_BYTES)
            parts.append(Part(place, file.read(count)))
    return parts


def flushed(calls: typing.Iterable[Call], directory: str, records: list[list[Part]]) -> list[int | None]:
    """For each record the place in the trace where all of it was on disk for certain; None: never.

    - directory: the data directory whose WAL counts.
    """
    events: list[tuple[int, str, Call]] = []
    for call in calls:
        found = segment_of(call.path)
        if not found or found[0] != directory or call.ended is None or call.result < 0:
            continue
        if call.name == "pwrite64":
            events.append((call.ended, "written", call))
        elif call.name in ("fdatasync", "fsync"):
            events += [(call.begun, "begun", call), (call.ended, "flushed", call)]
    parts = [Part(part.start, part.octets) for record in records for part in record]
    covered: dict[int, list[Part]] = {}
    ends: dict[Part, int] = {}
    for place, kind, call in sorted(events, key=lambda event: event[0]):
        start = (segment_of(call.path) or ("", 0))[1]
        if kind == "written":
            _write(parts, start + call.offset, call.data[:call.result])
        elif kind == "begun":
            covered[id(call)] = [part for part in parts if part.is_written and part.segment == start]
        else:
            for part in covered.pop(id(call), []):
                ends.setdefault(part, place)
    remaining = iter(parts)
    found_ends = [[ends.get(next(remaining)) for _ in record] for record in records]
    return [None if None in ends_ or not ends_ else max(end for end in ends_ if end is not None) for ends_ in found_ends]


def _write(parts: list[Part], start: int, data: bytes) -> None:
    for part in parts:
        begin, end = max(start, part.start), min(start + len(data), part.start + len(part.octets))
        if begin < end and data[begin - start:end - start] == part.octets[begin - part.start:end - part.start]:
            part.written[begin - part.start:end - part.start] = b"\1" * (end - begin)
