"""What processes cost, from /proc."""
import contextlib
import os
import pathlib
import typing

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: typing.Iterable[int]) -> float:
    """Processor time, user and system, of these processes and all their descendants, ended ones included.

    Ended descendants count where their parent waited for them, as PostgreSQL, Postfix and Postrider do. Take the
    difference of two calls; between them the roots must not end.
    """
    table = _table()
    return sum(table[pid][1] for pid in _family(table, roots)) / _TICKS


def family(roots: typing.Iterable[int]) -> set[int]:
    """These processes and all their living descendants."""
    return _family(_table(), roots)


def memory_bytes(pid: int) -> int:
    """Memory that the process alone would need (proportional set size: shared pages are divided among their users)."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def resident_bytes(pid: int, peak: bool = False) -> int:
    """Memory that the process has in RAM now, shared pages included; with `peak`, the most that it ever had."""
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) * 1024
    return 0


def _family(table: dict[int, tuple[int, int]], roots: typing.Iterable[int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [pid for pid in roots if pid in table]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def _table() -> dict[int, tuple[int, int]]:
    """For each process its parent and its ticks, those of the children it waited for included."""
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        # It may end while we look.
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{name}/stat").read_text()
            # The second field is the program's name in brackets and may hold anything.
            fields = text[text.rindex(")") + 2:].split()
            table[int(name)] = (int(fields[1]), sum(int(field) for field in fields[11:15]))
    return table
