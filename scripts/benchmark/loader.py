"""How fast the database takes the same rows from a program that does nothing else.

One connection, one transaction for 32 messages, unnest, everything in binary and pipelined in one round trip, the
parameters made beforehand except for the ids: what is left to the client is to hand 32 messages to libpq.
"""
import dataclasses
import os
import struct
import time

from testbed.libpq import Connection
from testbed.trouble import Trouble

from .postgres import Postgres

BATCH = 32
DATABASE = "bare"

# Each table that an acceptance writes, and its column with the message's id.
_TABLES = (("message", "id"), ("body_chunk", "message"), ("job", "message"))


@dataclasses.dataclass
class _Column:
    name: str
    # The element's for a column that is an array: all our messages have one recipient.
    type: str
    oid: int
    is_array: bool


@dataclasses.dataclass
class _Insertion:
    """An INSERT of 32 messages' rows: parameters in binary, the one at `id_index` made anew each time."""

    table: str
    sql: str
    parameters: list[bytes]
    id_index: int
    # For each row, which of the 32 messages it belongs to.
    owners: list[int]


class Loader:
    """Puts copies of rows that a node has written into a copy of its database."""

    def __init__(self, postgres: Postgres, source: str) -> None:
        """
        - source: a node's database in which at least 32 messages are queued, and to which nobody is connected.
        """
        self._postgres = postgres
        postgres.query(f"CREATE DATABASE {DATABASE} TEMPLATE {source}")
        connection = postgres.connect(DATABASE)
        self._insertions = [_insertion(connection, *names) for names in _TABLES]
        self._insertions = [insertion for insertion in self._insertions if insertion.owners]
        connection.close()

    def rate(self, messages: int) -> float:
        """Messages per second."""
        connection = self._postgres.connect(DATABASE)
        for insertion in self._insertions:
            connection.prepare(insertion.table, insertion.sql)
        connection.begin_pipeline()
        rounds = max(1, messages // BATCH)
        # PostgreSQL plans a statement anew for its first executions.
        for _ in range(8):
            self._load(connection)
        start = time.monotonic()
        for _ in range(rounds):
            self._load(connection)
        seconds = time.monotonic() - start
        connection.close()
        return rounds * BATCH / seconds

    def _load(self, connection: Connection) -> None:
        # As the node's ids: time first, so that an index grows at its end.
        moment = int(time.time() * 1000).to_bytes(6, "big")
        ids = [moment + os.urandom(10) for _ in range(BATCH)]
        for insertion in self._insertions:
            parameters = list(insertion.parameters)
            parameters[insertion.id_index] = _array(_UUID, [ids[owner] for owner in insertion.owners])
            connection.send(insertion.table, parameters)
        # What lies between two synchronisations is one transaction.
        connection.finish_round()


_UUID = 2950


def _insertion(connection: Connection, table: str, key: str) -> _Insertion:
    columns = _columns(connection, table)
    picked = ", ".join(f"t.{column.name}[1]" if column.is_array else f"t.{column.name}" for column in columns)
    rows = connection.binary(
        f"""
        SELECT m.number, {picked}
        FROM (SELECT id, (row_number() OVER (ORDER BY id))::int - 1 AS number FROM postrider.message LIMIT {BATCH}) m
          JOIN postrider.{table} t ON t.{key} = m.id
        ORDER BY m.number
        """)
    if table == "message" and len(rows) != BATCH:
        raise Trouble(f"the loader found {len(rows)} messages to copy instead of {BATCH}")
    names = ", ".join(column.name for column in columns)
    given = ", ".join(f"${number}::{column.type}[]" for number, column in enumerate(columns, 1))
    values = ", ".join(f"ARRAY[u.{column.name}]" if column.is_array else f"u.{column.name}" for column in columns)
    return _Insertion(
        table=table,
        sql=f"INSERT INTO postrider.{table} ({names}) SELECT {values} FROM unnest({given}) u({names})",
        parameters=[
            _array(column.oid, [row[number] for row in rows]) for number, column in enumerate(columns, 1)],
        id_index=[column.name for column in columns].index(key),
        owners=[int.from_bytes(row[0] or b"", "big") for row in rows])


def _columns(connection: Connection, table: str) -> list[_Column]:
    rows = connection.query(
        f"""
        SELECT a.attname, format_type(e.oid, NULL), e.oid, t.typcategory = 'A'
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
          JOIN pg_type e ON e.oid = CASE t.typcategory WHEN 'A' THEN t.typelem ELSE t.oid END
        WHERE a.attrelid = 'postrider.{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attgenerated = ''
        ORDER BY a.attnum
        """)
    return [_Column(str(name), str(type), int(oid or 0), array == "t") for name, type, oid, array in rows]


def _array(oid: int, cells: list[bytes | None]) -> bytes:
    """PostgreSQL's binary form of a one-dimensional array."""
    parts = [struct.pack(">iiIii", 1, any(cell is None for cell in cells), oid, len(cells), 1)]
    for cell in cells:
        parts.append(struct.pack(">i", -1) if cell is None else struct.pack(">i", len(cell)) + cell)
    return b"".join(parts)
