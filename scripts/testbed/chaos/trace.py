"""Durability below the process: the system calls of PostgreSQL, its standby and an acceptor under load, by strace.

For each 250 the commit record of its message has to be in what both servers had flushed to disk before the acceptor
began to write the reply. Clients come without TLS, so that the reply can be read in the trace. The same is then done
with commits that do not wait and with a database that does not flush, to see that the lack of a flush is noticed.
"""
import asyncio
import contextlib
import os
import pathlib
import re
import shutil
import signal
import typing

from ..cluster.cluster import Cluster
from ..cluster.layout import Layout
from ..postgresql import programs
from ..processes import Processes, run
from ..trouble import Trouble
from ..waiting import wait_until
from . import syscalls, wal
from .ledger import uuid_of
from .load import Options
from .source import Place, Source

MESSAGES = 40
_COUNTS = {"acceptor": 1, "worker": 0, "keeper": 0, "pg": 2, "redis": 1, "sentinel": 0, "sink": 1, "haproxy": 0}
_REPLY = re.compile(rb"250 2\.0\.0 Ok: queued as ([0-9A-Z]{26})")
# A commit in a transaction in which somebody has said so does not wait for its flush.
_HURRY = """
    CREATE FUNCTION public.hurry() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM set_config('synchronous_commit', 'off', true); RETURN NULL; END $$;
    CREATE TRIGGER hurry AFTER INSERT ON postrider.message FOR EACH STATEMENT EXECUTE FUNCTION public.hurry()
    """


def can_trace() -> str:
    """Why this cannot be done here; empty when it can."""
    if os.geteuid() != 0:
        return "only root can trace PostgreSQL's processes"
    return "" if shutil.which("strace") else "strace is missing; next: scripts/setup strace"


def trace(options: Options) -> dict[str, typing.Any]:
    """Runs it. Returns what --json prints of a scenario."""
    if why := can_trace():
        raise Trouble(why)
    plain = {"tenant": Layout.TENANT, "allow_networks": ["127.0.0.0/8"]}
    cluster = Cluster.make(
        options.root, options.directory, options.products, counts=_COUNTS, is_test=True, is_tied=True,
        settings={"smtp": {"plain": plain}})
    tracing = Processes(options.directory / "logs")
    try:
        options.say(f"  starting two PostgreSQL and an acceptor in {options.directory}")
        cluster.up(without=("sink1",))
        return _Traced(cluster, tracing, options).result()
    finally:
        tracing.stop_all()
        cluster.down()


class _Traced:
    """A cluster that is looked at."""

    def __init__(self, cluster: Cluster, tracing: Processes, options: Options) -> None:
        self._cluster, self._tracing, self._options = cluster, tracing, options
        self._file = options.directory / "trace.txt"
        self._breaches: list[str] = []
        self._notes: list[str] = []

    def result(self) -> dict[str, typing.Any]:
        """Submits, in three ways, and judges."""
        begin = self._value("SELECT pg_current_wal_insert_lsn()")
        self._start_tracing()
        usual = self._submit("as it is")
        self._cluster.query(_HURRY)
        hurried = self._submit("with commits that do not wait")
        self._cluster.query("DROP FUNCTION public.hurry() CASCADE")
        self._set_fsync("off")
        unflushed = self._submit("with a database that does not flush")
        self._tracing.stop_all()
        self._set_fsync("on")
        self._cluster.query("CHECKPOINT")
        proof = _Proof(self._cluster, syscalls.parse(self._lines()), begin, usual + hurried + unflushed)
        for server in self._cluster.layout.names("pg"):
            early = proof.early(server, usual)
            self._note(f"{server}: {len(usual) - len(early)} of {len(usual)} replies came after the flush")
            self._breaches += [f"{one} got its 250 before {server} had flushed its commit" for one in early]
        for what, ids in (("commits that do not wait", hurried), ("a database that does not flush", unflushed)):
            early = proof.early("pg1", ids)
            self._note(f"with {what} {len(early)} of {len(ids)} replies came before a flush")
            if not early:
                self._breaches.append(f"{what}: nobody noticed")
        return {"scenario": "trace", "seed": self._options.seed, "notes": self._notes, "breaches": self._breaches}

    def _start_tracing(self) -> None:
        pids = [pid for name in ("pg1", "pg2", "acceptor1") for pid in self._cluster.daemons.tree(name)]
        self._tracing.start("strace", [
            "strace", "-f", "-y", "-ttt", "-s", str(4 << 20), "-e", "signal=none",
            "-e", f"trace={','.join(syscalls.NAMES)}", "-o", str(self._file), *(f"--attach={pid}" for pid in pids),
        ], ready=f"Process {pids[-1]} attached", stop_signal=signal.SIGINT)

    def _lines(self) -> typing.Iterator[str]:
        with open(self._file, encoding="latin-1") as file:
            yield from file

    def _submit(self, how: str) -> list[str]:
        """So many messages; returns the ids in their 250s."""
        layout = self._cluster.layout
        # The acceptor takes everybody here for a load balancer.
        place = Place(layout.back("acceptor1"), layout.port("acceptor1", "plain"), layout.USER,
                      proxy_line="PROXY TCP4 127.0.0.1 127.0.0.1 1 1")
        source = Source(place, self._options.seed, connections=4, per_second=50)

        async def send() -> None:
            sending = asyncio.ensure_future(source.run())
            with contextlib.suppress(asyncio.TimeoutError):
                async with asyncio.timeout(60):
                    while len(source.accepted()) < MESSAGES:
                        await asyncio.sleep(0.02)
            source.stop()
            await sending

        asyncio.run(send())
        if len(source.accepted()) < MESSAGES:
            replies = {sent.reply for sent in source.sent if sent.reply}
            raise Trouble(f"{how}: {len(source.accepted())} of {MESSAGES} messages were accepted; {replies or 'no reply'}")
        return [sent.queue_id for sent in source.accepted()]

    def _set_fsync(self, value: str) -> None:
        self._cluster.query(f"ALTER SYSTEM SET fsync = {value}")
        self._cluster.query("SELECT pg_reload_conf()")
        wait_until(lambda: self._value("SHOW fsync") == value, 10, f"fsync {value}")

    def _value(self, sql: str) -> str:
        return str(self._cluster.query(sql)[0][0])

    def _note(self, text: str) -> None:
        self._notes.append(text)


class _Proof:
    """What the trace says of each message."""

    def __init__(self, cluster: Cluster, calls: list[syscalls.Call], begin: str, ids: list[str]) -> None:
        """
        - begin: where the WAL of these messages begins.
        - ids: as in the 250s.
        """
        self._cluster, self._calls, self._ids = cluster, calls, ids
        self._replied: dict[str, int] = {}
        for call in calls:
            for found in _REPLY.findall(call.data) if call.name != "pwrite64" else ():
                self._replied.setdefault(found.decode(), call.begun)
        self._records = self._commit_records(begin)

    def early(self, server: str, ids: list[str]) -> list[str]:
        """Whoever got a 250 before the server had flushed its commit, or at all without one."""
        directory = str(self._cluster.services.data_directory(server))
        flushed = dict(zip(self._ids, wal.flushed(self._calls, directory, [self._records[one] for one in self._ids])))
        missing = [one for one in ids if one not in self._replied]
        if missing:
            raise Trouble(f"the replies to {len(missing)} messages are not in the trace")
        return [one for one in ids if (end := flushed[one]) is None or end > self._replied[one]]

    def _commit_records(self, begin: str) -> dict[str, list[wal.Part]]:
        directory = pathlib.Path(self._cluster.services.data_directory("pg1"))
        end = str(self._cluster.query("SELECT pg_current_wal_flush_lsn()")[0][0])
        listing = run([f"{programs()}/pg_waldump", "--path", str(directory / "pg_wal"), "--rmgr", "Transaction",
                       "--start", begin, "--end", end])
        commits = wal.commits(listing)
        rows = self._cluster.query("SELECT id, xmin FROM postrider.message")
        transactions = {str(row[0]): int(row[1] or 0) for row in rows}
        found = {}
        for one in self._ids:
            transaction = transactions.get(uuid_of(one), 0)
            # What is not there was never flushed before its reply either.
            found[one] = wal.read_parts(directory, *commits[transaction]) if transaction in commits else []
        return found
