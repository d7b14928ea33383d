"""The command line of scripts/chaos: which scenario, against what, and what came of it."""
import argparse
import json
import pathlib
import signal
import sys
import types
import typing

from ..trouble import Trouble
from .against import SCENARIOS, PostfixRun
from .proof import prove
from .load import Options
from .run import Run
from .scenarios import ALL, Scenario
from .trace import can_trace

DESCRIPTION = """Runs a whole cluster under load, does it harm, and checks that nothing was lost or repeated beyond what
was in flight. Exit code 0 only when everything holds."""

# What takes little time, and says most.
SHORT = ("acceptor-kill", "worker-uncommitted", "pg-failover", "redis-kill")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; ends the program when it is not understood."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=DESCRIPTION)
    parser.add_argument("scenarios", nargs="*", metavar="NAME", help="see --list; `short`: what scripts/test runs; `all`")
    parser.add_argument("--prove", action="store_true", help="build without the fence, and with 250 before COMMIT, and "
                        "see that the checkers turn red; with the usual build they must not. Takes many minutes")
    parser.add_argument("--list", action="store_true", help="print the scenarios")
    parser.add_argument("--against", choices=["postfix"], help="the same to another system: all-kill and rolling")
    parser.add_argument("--seed", type=int, default=1, help="fixes what is done when, and to whom (default: 1)")
    parser.add_argument("--minutes", type=float, default=5, help="how long `random` goes on (default: 5)")
    parser.add_argument("--rate", type=float, default=20, help="messages a second (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object; progress goes to stderr")
    parser.add_argument("--directory", default="var/chaos", help="where everything is made (default: var/chaos)")
    parser.add_argument("--products", default=".build/release", help="where postrider is (default: .build/release)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Runs what is asked for. Returns the exit code: 0 all held, 1 not, 130 interrupted."""
    options = parse(arguments)
    if options.list:
        for one in ALL.values():
            print(f"{one.name:24} {one.text}")
        return 0
    signal.signal(signal.SIGTERM, _interrupt)
    root = pathlib.Path(__file__).resolve().parent.parent.parent.parent

    def say(text: str) -> None:
        print(text, file=sys.stderr if options.json else sys.stdout, flush=True)

    results = []
    try:
        if options.prove:
            return prove(lambda one, products: _run(one, Options(
                root, (root / options.directory / one.name).resolve(), products, options.seed, options.minutes,
                options.rate, say=say)), root,
                (root / options.products).resolve(), say)
        for one in _chosen(options.scenarios or (list(SCENARIOS) if options.against else [])):
            say(f"== {one.name}: {one.text}")
            result = (_run_against if options.against else _run)(one, Options(
                root, (root / options.directory / one.name).resolve(), (root / options.products).resolve(),
                options.seed, options.minutes, options.rate, say=say))
            results.append(result)
            _print(result, say)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: interrupted; everything is stopped", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps(results if len(results) > 1 else results[0], indent=2))
    broken = [result["scenario"] for result in results if result["breaches"]]
    say(f"{len(results) - len(broken)} held, {len(broken)} did not{': ' if broken else ''}{', '.join(broken)}")
    return 1 if broken else 0


def _chosen(names: list[str]) -> list[Scenario]:
    if names == ["all"]:
        return [one for one in ALL.values() if one.name != "random"]
    if names == ["short"]:
        why = can_trace()
        if why:
            print(f"without trace: {why}", file=sys.stderr)
        return [ALL[name] for name in (*SHORT, *([] if why else ["trace"]))]
    if not names:
        raise Trouble("which scenario? scripts/chaos --list prints them")
    for name in names:
        if name not in ALL:
            raise Trouble(f"there is no scenario {name}; scripts/chaos --list prints them")
    return [ALL[name] for name in names]


def _run(one: Scenario, options: Options) -> dict[str, typing.Any]:
    if one.alone:
        try:
            return one.alone(options)
        except Trouble as trouble:
            return {"scenario": one.name, "breaches": [f"it could not be run to its end: {trouble}"]}
    return _judged(lambda: Run(one.name, options, one.settings, one.has_small_disk, one.has_tls), one.act)


def _run_against(one: Scenario, options: Options) -> dict[str, typing.Any]:
    if one.name not in SCENARIOS:
        raise Trouble(f"{one.name} does not apply to Postfix; {' and '.join(SCENARIOS)} do")
    return _judged(lambda: PostfixRun(one.name, options), SCENARIOS[one.name])


def _judged(
    make: typing.Callable[[], typing.Any], act: typing.Callable[[typing.Any], None],
) -> dict[str, typing.Any]:
    made = make()
    try:
        with made as run:
            try:
                act(run)
            except Trouble as trouble:
                # What was promised did not happen; the ledger says what became of the mail.
                run.breaches.append(str(trouble))
            result: dict[str, typing.Any] = run.judge()
            return result
    except Trouble as trouble:
        return {"scenario": made.name, "breaches": [f"it could not be run to its end: {trouble}"]}


def _print(result: dict[str, typing.Any], say: typing.Callable[[str], None]) -> None:
    if "accepted" in result:
        _print_figures(result, say)
    for text in result.get("notes", []):
        say(f"  {text}")
    for text in result["breaches"][:20]:
        say(f"  BREACH: {text}")
    if len(result["breaches"]) > 20:
        say(f"  … and {len(result['breaches']) - 20} more")


def _print_figures(result: dict[str, typing.Any], say: typing.Callable[[str], None]) -> None:
    say(f"  accepted {result['accepted']} messages with {result['recipients']} recipients")
    say("  " + ", ".join(f"{name} {result[name]}" for name in (
        "delivered", "bounced", "expired", "lost", "duplicated", "allowed", "notices")))
    for what, seconds in result["longest_gap_seconds"].items():
        say(f"  longest gap of the {what}s: {seconds} s")
    for what, seconds in result["time_to_recover_seconds"].items():
        say(f"  {what}: {seconds} s")
    say(f"  slowest reply: {result['slowest_reply_seconds']} s; the machine stood still for "
        f"{result['machine_stood_still_seconds']} s")


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    # SIGTERM takes the way of Ctrl-C, so that everything is stopped.
    raise KeyboardInterrupt
