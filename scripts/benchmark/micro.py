"""Micro-benchmarks: parts of the product by themselves, its statements in a PostgreSQL, its script in a Redis."""
import json
import os
import subprocess
import sys
import typing

from testbed.trouble import Trouble

from .bench import Bench
from .figures import rounded, table
from .postgres import Postgres
from .redis import Redis

_DATABASE = "micro"


def run(bench: Bench) -> dict[str, typing.Any]:
    """Builds and runs them. Prints and returns microseconds: median, 99 %, least."""
    postgres = Postgres(bench)
    postgres.start()
    postgres.query(f"CREATE DATABASE {_DATABASE}")
    redis = Redis(bench)
    redis.start()
    bench.say("building and running the micro-benchmarks (the first time takes several minutes)")
    output = _run_harness(bench, postgres.url(_DATABASE), redis.url)
    entries = json.loads(output[output.index("\n[") + 1:])
    results = {_name(entry): _figures(entry) for entry in entries}
    bench.say(table(
        ["microseconds", "median", "99 %", "least"],
        [[name, *(f"{figures[key]:.1f}" for key in ("median", "p99", "min"))] for name, figures in results.items()]))
    ratio = _signing(entries)
    bench.say(f"a signed message costs {ratio:.2f} times the CPU of its bare signatures (bar 1.3)")
    return {"microseconds": results, "signing beside the bare signatures": ratio}


def _signing(entries: list[dict[str, typing.Any]]) -> float:
    """The median of what the benchmark measures in turns, in percent."""
    for entry in entries:
        metrics = {entry["primaryMetric"].get("name", ""): entry["primaryMetric"], **entry["secondaryMetrics"]}
        for name, metric in metrics.items():
            if name.startswith("percent"):
                return float(metric["scorePercentiles"]["50.0"]) / 100
    raise Trouble("the harness did not measure what signing costs")


def _name(entry: dict[str, typing.Any]) -> str:
    # The harness puts the package's and the target's name in front.
    return str(entry["benchmark"]).split(".", 3)[-1].replace("_", " ")


def _figures(entry: dict[str, typing.Any]) -> dict[str, float]:
    percentiles = entry["secondaryMetrics"]["Time (wall clock)"]["scorePercentiles"]
    scale = {"ns": 0.001, "μs": 1, "ms": 1_000, "s": 1_000_000}[
        entry["secondaryMetrics"]["Time (wall clock)"]["scoreUnit"]]
    names = {"median": "50.0", "p99": "99.0", "min": "0.0"}
    return {name: rounded(percentiles[key] * scale) for name, key in names.items()}


def _run_harness(bench: Bench, database: str, redis: str) -> str:
    package = ["--package-path", str(bench.root / "Tests/Benchmarks"),
               "--scratch-path", str(bench.root / ".build/benchmarks")]
    command = ["swift", "package", *package, "benchmark", "--format", "jmh", "--path", "stdout", "--no-progress"]
    if bench.quick:
        command += ["--skip", "database.*", "--skip", "limits.*"]
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=sys.stderr.fileno(), text=True,
        env=os.environ | {"POSTRIDER_BENCHMARK_DATABASE": database, "POSTRIDER_BENCHMARK_REDIS": redis})
    if result.returncode != 0:
        raise Trouble(f"the harness ended with {result.returncode}:\n{result.stdout}")
    return result.stdout
