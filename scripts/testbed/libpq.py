"""PostgreSQL's own client library, without a package in between. Text results; parameters in binary where asked."""
import ctypes
import typing

from .trouble import Trouble

_library = ctypes.CDLL("libpq.so.5")


def _declare(name: str, result: typing.Any, *arguments: typing.Any) -> typing.Any:
    function = getattr(_library, name)
    function.restype = result
    function.argtypes = arguments
    return function


_pointer, _text, _int = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_texts, _ints, _oids = ctypes.POINTER(_text), ctypes.POINTER(_int), ctypes.POINTER(ctypes.c_uint)
_connect = _declare("PQconnectdb", _pointer, _text)
_status = _declare("PQstatus", _int, _pointer)
_error = _declare("PQerrorMessage", _text, _pointer)
_finish = _declare("PQfinish", None, _pointer)
_exec = _declare("PQexec", _pointer, _pointer, _text)
_exec_params = _declare("PQexecParams", _pointer, _pointer, _text, _int, _oids, _texts, _ints, _ints, _int)
_prepare = _declare("PQprepare", _pointer, _pointer, _text, _text, _int, _oids)
_send_prepared = _declare("PQsendQueryPrepared", _int, _pointer, _text, _int, _texts, _ints, _ints, _int)
_enter_pipeline = _declare("PQenterPipelineMode", _int, _pointer)
_sync = _declare("PQpipelineSync", _int, _pointer)
_get_result = _declare("PQgetResult", _pointer, _pointer)
_result_status = _declare("PQresultStatus", _int, _pointer)
_result_error = _declare("PQresultErrorMessage", _text, _pointer)
_clear = _declare("PQclear", None, _pointer)
_rows = _declare("PQntuples", _int, _pointer)
_columns = _declare("PQnfields", _int, _pointer)
_is_null = _declare("PQgetisnull", _int, _pointer, _int, _int)
_length = _declare("PQgetlength", _int, _pointer, _int, _int)
_value = _declare("PQgetvalue", _pointer, _pointer, _int, _int)

_COMMAND_OK, _TUPLES_OK, _PIPELINE_SYNC = 1, 2, 10


class Connection:
    """One connection, used by one thread at a time. Calls let other threads run."""

    def __init__(self, url: str) -> None:
        self._handle = _connect(url.encode())
        if _status(self._handle) != 0:
            message = _error(self._handle).decode(errors="replace")
            self.close()
            raise Trouble(f"no connection to the database: {message}")

    def close(self) -> None:
        """Ends the connection; afterwards it is of no use."""
        if self._handle:
            _finish(self._handle)
            self._handle = None

    def query(self, sql: str) -> list[list[str | None]]:
        """The rows of one or several statements' last, as text. Raises Trouble with the server's message."""
        return [[cell.decode() if cell is not None else None for cell in row]
                for row in self._taken(_exec(self._handle, sql.encode()))]

    def value(self, sql: str) -> str:
        """The first column of the first row; an empty text when there is none or it is null."""
        rows = self.query(sql)
        return rows[0][0] or "" if rows else ""

    def binary(self, sql: str) -> list[list[bytes | None]]:
        """The rows of one statement in PostgreSQL's binary format."""
        return self._taken(_exec_params(self._handle, sql.encode(), 0, None, None, None, None, 1))

    # A pipeline: several statements, one round trip.

    def prepare(self, name: str, sql: str) -> None:
        """Names a statement for `send`."""
        self._taken(_prepare(self._handle, name.encode(), sql.encode(), 0, None))

    def begin_pipeline(self) -> None:
        """From here on only `send` and `finish_round`."""
        if _enter_pipeline(self._handle) != 1:
            raise Trouble("libpq is older than 14: it has no pipelines")

    def send(self, name: str, parameters: typing.Sequence[bytes] = ()) -> None:
        """Queues a prepared statement with parameters in binary format."""
        count = len(parameters)
        values = (_text * count)(*parameters)
        lengths = (_int * count)(*(len(parameter) for parameter in parameters))
        formats = (_int * count)(*([1] * count))
        if _send_prepared(self._handle, name.encode(), count, values, lengths, formats, 0) != 1:
            raise Trouble(_error(self._handle).decode(errors="replace"))

    def finish_round(self) -> None:
        """Sends what is queued and waits for all answers. Raises Trouble with the first error."""
        _sync(self._handle)
        failure = None
        while True:
            result = _get_result(self._handle)
            # Nothing stands between the answers to two statements.
            if not result:
                continue
            status = _result_status(result)
            if status not in (_COMMAND_OK, _TUPLES_OK, _PIPELINE_SYNC) and failure is None:
                failure = _result_error(result).decode(errors="replace")
            _clear(result)
            if status == _PIPELINE_SYNC:
                break
        if failure is not None:
            raise Trouble(failure)

    def _taken(self, result: int) -> list[list[bytes | None]]:
        try:
            if _result_status(result) not in (_COMMAND_OK, _TUPLES_OK):
                message = _result_error(result) if result else _error(self._handle)
                raise Trouble(message.decode(errors="replace"))
            return [[_cell(result, row, column) for column in range(_columns(result))] for row in range(_rows(result))]
        finally:
            _clear(result)


def _cell(result: int, row: int, column: int) -> bytes | None:
    if _is_null(result, row, column):
        return None
    return ctypes.string_at(_value(result, row, column), _length(result, row, column))
