"""A flush counts only when what it flushed had the record in it, and only for what comes after its end."""
import unittest

from ..chaos import syscalls, wal

DATA = "/srv/pg1/data"
SEGMENT = f"{DATA}/pg_wal/000000010000000000000002"
START = 2 * wal.SEGMENT_BYTES + 4096
RECORD = b"commit of 745"


def line(pid: int, text: str) -> str:
    return f"{pid} 1700000000.000001 {text}\n"


def written(pid: int = 7, octets: str = "commit of 745", offset: int = 4096, rest: str = "") -> str:
    return line(pid, f'pwrite64(9<{SEGMENT}>, "{octets}", {len(octets)}, {offset}{rest or f") = {len(octets)}"}')


def flushed(pid: int = 7, rest: str = ") = 0") -> str:
    return line(pid, f"fdatasync(9<{SEGMENT}>{rest}")


REPLY = line(3, 'write(20<socket:[5]>, "250 2.0.0 Ok: queued as X\\r\\n", 27) = 27')


class TraceTests(unittest.TestCase):
    def place(self, *lines: str, start: int = START, octets: bytes = RECORD) -> int | None:
        return wal.flushed(syscalls.parse(lines), DATA, [[wal.Part(start, octets)]])[0]

    def test_written_then_flushed(self) -> None:
        self.assertEqual(self.place(REPLY, written(), flushed(), REPLY), 2)

    def test_without_a_flush_nothing_is_on_disk(self) -> None:
        self.assertIsNone(self.place(written(), REPLY))

    def test_a_flush_that_failed_is_none(self) -> None:
        self.assertIsNone(self.place(written(), flushed(rest=") = -1 EIO (Input/output error)")))

    def test_a_flush_counts_when_it_has_ended(self) -> None:
        lines = [written(), flushed(rest=" <unfinished ...>"), REPLY, line(7, "<... fdatasync resumed>) = 0")]
        self.assertEqual(self.place(*lines), 3)

    def test_what_is_written_during_a_flush_waits_for_the_next(self) -> None:
        lines = [flushed(8, " <unfinished ...>"), written(), line(8, "<... fdatasync resumed>) = 0"), flushed(8)]
        self.assertEqual(self.place(*lines), 3)

    def test_a_page_without_the_record_does_not_count(self) -> None:
        empty = written(octets="\\0" * 13)
        self.assertIsNone(self.place(empty, flushed()))
        self.assertEqual(self.place(empty, flushed(), written(), flushed()), 3)

    def test_a_record_in_two_pieces_needs_both(self) -> None:
        first, second = written(octets="commit"), written(octets=" of 745", offset=4102)
        self.assertIsNone(self.place(first, flushed()))
        self.assertEqual(self.place(first, second, flushed()), 2)

    def test_another_server_and_another_segment_do_not_count(self) -> None:
        self.assertIsNone(self.place(written(), flushed().replace("pg1", "pg2")))
        self.assertIsNone(self.place(written(), flushed().replace("0002>", "0003>")))

    def test_escapes_and_unfinished_calls_are_read(self) -> None:
        octets = b"\0\1\xffa\"7\\"
        text = r'\0\1\377a\"7\\'
        lines = [line(7, f'pwrite64(9<{SEGMENT}>, "{text}", 7, 4096 <unfinished ...>'),
                 line(7, "<... pwrite64 resumed>) = 7"), flushed()]
        self.assertEqual(self.place(*lines, octets=octets), 2)

    def test_commit_records_are_found_with_their_subtransactions(self) -> None:
        listing = ("rmgr: Transaction len (rec/tot):     34/    46, tx:        745, lsn: 0/02001000, prev 0/02000F00, "
                   "desc: COMMIT 2026-01-01 00:00:00.0 UTC; subxacts: 746 747\n"
                   "rmgr: Transaction len (rec/tot):     34/    34, tx:        748, lsn: 0/02002000, prev 0/02001000, "
                   "desc: ABORT 2026-01-01 00:00:00.0 UTC\n")
        where = (START, 46)
        self.assertEqual(wal.commits(listing), {745: where, 746: where, 747: where})

    def test_a_record_goes_on_behind_the_next_page_header(self) -> None:
        page = START - START % wal.PAGE_BYTES + wal.PAGE_BYTES
        self.assertEqual(wal.places(page - 8, 20), [(page - 8, 8), (page + 24, 12)])
        segment = 3 * wal.SEGMENT_BYTES
        self.assertEqual(wal.places(segment - 8, 20), [(segment - 8, 8), (segment + 40, 12)])
