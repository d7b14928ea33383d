"""What throughput found out, for people and for programs."""
from __future__ import annotations

import typing

from .bench import Bench
from .figures import Figure, rounded, table

if typing.TYPE_CHECKING:
    from .throughput import Case, Measured, Sample

_SIZES = {2_048: "2k", 10_240: "10k", 102_400: "100k"}
_MAIN = 10_240

# Name in the object, what it is, the least, the aim; "+" when more is better.
_BARS = (
    ("accepted_ratio_10k", "accepted/s ÷ Postfix's, 10 KB, connections reused", 4, 8, "+"),
    ("accepted_ratio_10k_one_each", "the same, one message each", 4, 8, "+"),
    ("delivered_ratio_10k", "delivered/s ÷ Postfix's, 10 KB, connections reused", 3, 5, "+"),
    ("delivered_ratio_10k_one_each", "the same, one message each", 3, 5, "+"),
    ("loader_ratio_10k", "accepted/s without a worker ÷ bare loader's, 10 KB, connections reused", 0.4, 0.8, "+"),
    ("wal_ratio_10k", "WAL bytes per message ÷ its size, 10 KB, the greater of both modes", 2, 1.3, "-"),
    ("tls_ratio_10k", "accepted/s with TLS 1.3 and login ÷ without, 10 KB, connections reused", 0.7, 0.85, "+"),
)


def print_facts(bench: Bench, facts: dict[str, typing.Any]) -> None:
    """How the systems are set up."""
    postfix, postgresql = facts["postfix"], facts["postgresql"]
    bench.say(f"Postfix {postfix['version']} with: " + ", ".join(
        f"{name}={value}" for name, value in postfix["settings"].items()))
    bench.say("Source straight to sink, 10 KB, messages per second: " + ", ".join(
        f"{mode} {rate:.0f}" for mode, rate in facts["source_to_sink_10k"].items()))
    bench.say(f"PostgreSQL {postgresql['version']} with: " + ", ".join(
        f"{name}={value}" for name, value in (postgresql["durable"] | postgresql["settings"]).items()))


def progress(system: str, case: Case, sample: Sample) -> str:
    """One line for what has just been measured."""
    return (
        f"  {system:9} {_SIZES[case.size]:>4}, {_mode(case)}: accepted {sample.accepted:.0f}/s, delivered "
        f"{sample.delivered:.0f}/s, CPU {sample.cpu_per_thousand:.2f} s per 1000")


def finish(bench: Bench, measured: Measured) -> dict[str, typing.Any]:
    """Prints the tables. Returns the object for programs."""
    rounds = len(measured.loader)
    bench.say(f"\nMedian (least-most) of {rounds} rounds; ratios are those of the medians.\n")
    bench.say(_systems_table(measured))
    result = _object(measured)
    bench.say("\n" + _parts_table(result))
    bench.say("\n" + _ratios_table(result))
    bench.say("\n" + _bars_table(result))
    return result


def statements(rows: list[list[str | None]]) -> str:
    """The costliest statements."""
    header = ("statement", "calls", "ms in all", "ms mean", "WAL bytes")
    return table(header, [[str(cell) for cell in (row[4], *row[:4])] for row in rows])


def _mode(case: Case) -> str:
    return "connections reused" if case.reuses else "one message each  "


def _systems_table(measured: Measured) -> str:
    rows = []
    for (system, case), samples in sorted(measured.samples.items(), key=lambda item: _order(*item[0])):
        rows.append((
            f"{_SIZES[case.size]}, {_mode(case).strip()}, {system}",
            str(Figure.of([sample.accepted for sample in samples])),
            str(Figure.of([sample.delivered for sample in samples])),
            str(Figure.of([sample.cpu_per_thousand for sample in samples]))))
    return table(("messages", "accepted/s", "delivered/s", "CPU s per 1000"), rows)


def _order(system: str, case: Case) -> tuple[int, bool, str]:
    return case.size, not case.reuses, system


def _parts_table(result: dict[str, typing.Any]) -> str:
    parts = list(result["cases"][0]["postrider"]["cpu_parts"])
    rows = [
        (f"{case['size']}, {case['connections']}", *(f"{case['postrider']['cpu_parts'][part]:.3f}" for part in parts))
        for case in result["cases"]]
    return table(("Postrider's CPU s per 1000", *parts), rows)


def _ratios_table(result: dict[str, typing.Any]) -> str:
    rows = [
        (f"{case['size']}, {case['connections']}",
         *(f"{case['ratios'][name]:.2f}" for name in ("accepted", "delivered", "cpu")))
        for case in result["cases"]]
    return table(("Postrider ÷ Postfix", "accepted/s", "delivered/s", "CPU"), rows)


def _bars_table(result: dict[str, typing.Any]) -> str:
    rows = []
    for name, text, least, aim, direction in _BARS:
        value = result[name]
        sign = 1 if direction == "+" else -1
        verdict = "aim" if value * sign >= aim * sign else "enough" if value * sign >= least * sign else "MISSED"
        rows.append((text, f"{value:.2f}", str(least), str(aim), verdict))
    return table(("bar", "measured", "least", "aim", "verdict"), rows)


def _object(measured: Measured) -> dict[str, typing.Any]:
    cases = [_case(measured, case) for system, case in measured.samples if system == "Postrider"]
    main = [case for case in cases if case["size"] == _SIZES[_MAIN]]
    reused, one_each = main
    loader, alone, plain, secure = (
        Figure.of(values)
        for values in (measured.loader, measured.accepted_alone, measured.lab_plain, measured.lab_secure))
    return {
        "accepted_ratio_10k": reused["ratios"]["accepted"],
        "accepted_ratio_10k_one_each": one_each["ratios"]["accepted"],
        "delivered_ratio_10k": reused["ratios"]["delivered"],
        "delivered_ratio_10k_one_each": one_each["ratios"]["delivered"],
        "loader_ratio_10k": rounded(alone.median / loader.median),
        "wal_ratio_10k": rounded(max(case["postrider"]["wal_bytes"]["median"] for case in main) / _MAIN),
        "tls_ratio_10k": rounded(secure.median / plain.median),
        "rounds": len(measured.loader),
        "cases": cases,
        "loader": loader.record(),
        "accepted_alone": alone.record(),
        "own_source": {"plain": plain.record(), "tls_and_login": secure.record()},
        **measured.facts,
    }


def _case(measured: Measured, case: Case) -> dict[str, typing.Any]:
    systems = {
        name: {
            what: Figure.of([getattr(sample, what) for sample in measured.samples[name, case]])
            for what in ("accepted", "delivered", "cpu_per_thousand")}
        for name in ("Postfix", "Postrider")}
    postfix, postrider = systems["Postfix"], systems["Postrider"]
    samples = measured.samples["Postrider", case]
    wal = [sample.wal_bytes for sample in samples if sample.wal_bytes is not None]
    parts = {
        part: rounded(Figure.of([sample.cpu_parts[part] for sample in samples]).median)
        for part in samples[0].cpu_parts}
    return {
        "size": _SIZES[case.size], "connections": "reused" if case.reuses else "one message each",
        "messages": case.messages,
        "postfix": {what: figure.record() for what, figure in postfix.items()},
        "postrider": {what: figure.record() for what, figure in postrider.items()} | {
            "wal_bytes": Figure.of(wal).record(), "cpu_parts": parts},
        "ratios": {
            name: rounded(postrider[what].median / postfix[what].median)
            for name, what in (("accepted", "accepted"), ("delivered", "delivered"), ("cpu", "cpu_per_thousand"))},
    }
