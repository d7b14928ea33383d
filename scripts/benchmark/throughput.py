"""Postrider beside Postfix: the same source, the same sink, the same machine, in turn."""
import dataclasses
import itertools
import os
import time
import typing

from testbed.postfix import Postfix

from . import report
from .bench import Bench, Trouble, wait_until
from .figures import rounded
from .loader import BATCH, Loader
from .postrider import Postrider
from .sink import Sink
from .source import CONNECTIONS, lab_source, smtp_source
from .usage import cpu_seconds

PACKAGES = ("postfix",)
# Postfix gives up being root by itself, and only then.
NEEDS_ROOT = "Postfix can only be started by root"


@dataclasses.dataclass(frozen=True)
class Case:
    """What is sent."""

    size: int
    reuses: bool
    messages: int


@dataclasses.dataclass(frozen=True)
class Sample:
    """What one system did with it, once."""

    accepted: float
    delivered: float
    # CPU seconds per thousand messages of each part of the system.
    cpu_parts: dict[str, float]
    wal_bytes: float | None

    @property
    def cpu_per_thousand(self) -> float:
        """Of the whole system."""
        return sum(self.cpu_parts.values())


@dataclasses.dataclass
class Measured:
    """Everything that was measured, one value for each round."""

    samples: dict[tuple[str, Case], list[Sample]] = dataclasses.field(default_factory=dict)
    loader: list[float] = dataclasses.field(default_factory=list)
    accepted_alone: list[float] = dataclasses.field(default_factory=list)
    lab_plain: list[float] = dataclasses.field(default_factory=list)
    lab_secure: list[float] = dataclasses.field(default_factory=list)
    facts: dict[str, typing.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured. A further round is begun only if the time allows it."""

    cases: tuple[Case, ...]
    rounds: int
    seconds: float

    @staticmethod
    def of(bench: Bench) -> "Plan":
        """The whole, or what fits into two minutes."""
        amounts = {10_240: 2_000} if bench.quick else {2_048: 4_000, 10_240: 4_000, 102_400: 1_000}
        cases = [Case(size, reuses, amounts[size]) for size, reuses in itertools.product(amounts, (True, False))]
        return Plan(tuple(cases), rounds=3 if bench.quick else 5, seconds=95 if bench.quick else 520)


def run(bench: Bench) -> dict[str, typing.Any]:
    """Measures, prints tables, returns what --json prints."""
    plan = Plan.of(bench)
    start = time.monotonic()
    sink = Sink(bench)
    sink.start()
    postfix, postrider = Postfix(bench, sink.port), Postrider(bench, sink.port)
    bench.say("setting up Postfix, PostgreSQL and a node")
    postfix.prepare()
    postrider.prepare()
    measured = Measured(facts=_facts(postfix, postrider))
    measured.facts["source_to_sink_10k"] = _ceilings(sink, plan.cases[0].messages)
    report.print_facts(bench, measured.facts)
    loader = _make_loader(postrider)
    for number in range(plan.rounds):
        begun = time.monotonic()
        # Who begins changes, so that nobody always finds the machine as the other left it.
        bench.say(f"round {number + 1} of {plan.rounds}")
        for system in (postfix, postrider) if number % 2 == 0 else (postrider, postfix):
            _turn(bench, system, sink, plan, measured)
            if system is postrider:
                _extras(bench, postrider, sink, measured, loader)
            system.stop()
        now = time.monotonic()
        if now - start + (now - begun) > plan.seconds:
            break
    _show_statements(bench, postrider)
    return report.finish(bench, measured)


def _turn(bench: Bench, system: Postfix | Postrider, sink: Sink, plan: Plan, measured: Measured) -> None:
    """Starts one system and sends it every case; it alone runs meanwhile."""
    system.start()
    # Processes are forked, connections opened, caches filled.
    _measure(system, sink, Case(10_240, True, 500))
    for case in plan.cases:
        sample = _measure(system, sink, case)
        measured.samples.setdefault((system.name, case), []).append(sample)
        bench.say(report.progress(system.name, case, sample))


def _measure(system: Postfix | Postrider, sink: Sink, case: Case) -> Sample:
    """Sends the case's messages and waits until the sink has counted every one."""
    # What earlier cases have left to be written is not this one's.
    os.sync()
    first = sink.count()
    wal = system.wal_bytes() if isinstance(system, Postrider) else 0
    cpu = _cpu(system)
    start = time.monotonic()
    accepted = smtp_source(system.port, case.messages, case.size, case.reuses)
    sink.wait_for(first + case.messages, 180)
    delivered = time.monotonic() - start
    wait_until(system.is_drained, 30, f"{system.name}'s empty queue")
    used = {part: seconds - cpu[part] for part, seconds in _cpu(system).items()}
    if sink.count() != first + case.messages:
        raise Trouble(f"the sink counted {sink.count() - first} messages from {system.name} instead of {case.messages}")
    return Sample(
        accepted=case.messages / accepted, delivered=case.messages / delivered,
        cpu_parts={part: seconds / case.messages * 1000 for part, seconds in used.items()},
        wal_bytes=(system.wal_bytes() - wal) / case.messages if isinstance(system, Postrider) else None)


def _cpu(system: Postfix | Postrider) -> dict[str, float]:
    return {part: cpu_seconds(pids) for part, pids in system.parts().items()}


def _extras(bench: Bench, postrider: Postrider, sink: Sink, measured: Measured, loader: Loader) -> None:
    """What is measured of Postrider alone, with 10 KB: TLS and login, and the database without the node."""
    messages = 2_000 if bench.quick else 4_000
    # The first login computes a password hash; afterwards the node remembers it.
    _own_source(bench, postrider, sink, CONNECTIONS, secure=True)
    plain, secure = (measured.lab_plain, False), (measured.lab_secure, True)
    for rates, is_secure in (plain, secure) if len(measured.loader) % 2 == 0 else (secure, plain):
        rates.append(_own_source(bench, postrider, sink, messages, is_secure))
    # The loader has the machine to itself, so the acceptor has it too.
    postrider.node.stop_workers()
    os.sync()
    measured.accepted_alone.append(messages / smtp_source(postrider.port, messages, 10_240, reuses=True))
    postrider.node.stop()
    postrider.node.query("DELETE FROM postrider.job")
    os.sync()
    measured.loader.append(loader.rate(messages))
    bench.say(
        f"  Postrider 10 KB: own source {measured.lab_plain[-1]:.0f}/s, with TLS 1.3 and login "
        f"{measured.lab_secure[-1]:.0f}/s; accepted without a worker {measured.accepted_alone[-1]:.0f}/s, "
        f"bare loader {measured.loader[-1]:.0f}/s")


def _own_source(bench: Bench, postrider: Postrider, sink: Sink, messages: int, secure: bool) -> float:
    os.sync()
    first = sink.count()
    rate = lab_source(bench, postrider.node, postrider.node.acceptors[0], messages, 10_240, secure)
    sink.wait_for(first + messages, 180)
    wait_until(postrider.is_drained, 30, "an empty queue")
    return rate


def _ceilings(sink: Sink, messages: int) -> dict[str, float]:
    """Messages per second from the source straight to the sink: no system can show more."""
    ceilings = {}
    for reuses in (True, False):
        first = sink.count()
        start = time.monotonic()
        smtp_source(sink.port, messages, 10_240, reuses)
        sink.wait_for(first + messages, 180)
        ceilings["reused" if reuses else "one message each"] = rounded(messages / (time.monotonic() - start))
    return ceilings


def _make_loader(postrider: Postrider) -> Loader:
    """Lets the node accept a few messages while nobody delivers, for the loader to copy."""
    postrider.postgres.start()
    postrider.node.start(workers=0, keepers=0)
    smtp_source(postrider.port, BATCH, 10_240, reuses=True)
    postrider.node.stop()
    postrider.postgres.disconnect(postrider.node.database)
    loader = Loader(postrider.postgres, postrider.node.database)
    postrider.node.query("DELETE FROM postrider.job")
    postrider.postgres.stop()
    return loader


def _facts(postfix: Postfix, postrider: Postrider) -> dict[str, typing.Any]:
    postrider.postgres.start()
    postgres = postrider.postgres
    facts = {
        "connections": CONNECTIONS,
        "postfix": {"version": postfix.version(), "settings": postfix.settings()},
        "postgresql": {
            "version": postgres.version(),
            "durable": {name: postgres.value(f"SHOW {name}") for name in postgres.DURABLE},
            "settings": postgres.differing_settings(),
        },
    }
    postgres.stop()
    return facts


def _show_statements(bench: Bench, postrider: Postrider) -> None:
    if not bench.options.statements:
        return
    postrider.postgres.start()
    bench.say(report.statements(postrider.postgres.statements(postrider.node.database)))
