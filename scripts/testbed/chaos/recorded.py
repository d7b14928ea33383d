"""What the outside knows of a cluster: what its database has recorded, and whose a connection is."""
import contextlib
import os

from ..network import endpoint

# Every recipient of every message: its final outcomes, whether it is queued, what it is a notice about.
RECORDED = """
    SELECT m.id, convert_from(r.address, 'UTF8'),
      (SELECT string_agg(o.kind::text, ',') FROM postrider.outcome o
       WHERE o.message = m.id AND o.day = m.day AND o.recipient = r.place AND o.kind IN (0, 2, 3, 6) AND NOT o.late),
      EXISTS (SELECT FROM postrider.job j WHERE j.message = m.id AND j.recipient = r.place), m.notice_of,
      EXISTS (SELECT FROM postrider.outcome o
              WHERE o.message = m.id AND o.day = m.day AND o.recipient = r.place AND o.late)
    FROM postrider.message m CROSS JOIN LATERAL unnest(m.recipients) WITH ORDINALITY r(address, place)
    """


def owner_of(peer: tuple[str, int], known: dict[int, str]) -> tuple[str, int]:
    """Which of the known processes (id to name) has the socket with that address; ("", 0) when none has."""
    sockets = _sockets(1, peer)
    for pid, name in known.items() if sockets else ():
        if sockets & _open(pid):
            return name, pid
    return "", 0


def connects(pids: list[int], place: tuple[str, int]) -> bool:
    """Whether one of these processes has an established connection to an address and port."""
    sockets = _sockets(2, place)
    return bool(sockets) and any(sockets & _open(pid) for pid in pids)


_ESTABLISHED = "01"


def _sockets(column: int, place: tuple[str, int]) -> set[str]:
    """The sockets with that place in a column of the kernel's table: 1 their own, 2 that of an established peer."""
    with open("/proc/net/tcp") as table:
        lines = [line.split() for line in table.readlines()[1:]]
    return {f"socket:[{fields[9]}]" for fields in lines
            if endpoint(fields[column]) == tuple(place) and (column == 1 or fields[3] == _ESTABLISHED)}


def _open(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for descriptor in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found.add(os.readlink(descriptor.path))
    return found
