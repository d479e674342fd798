"""`POST /api/v1/query`: bounded SQL or a named query, answered as an Arrow IPC stream or as JSON.

JSON is `{"columns": [{"name", "type"}], "rows": [[…]], "truncated": false}`. Times are text in UTC with nine digits
and Z, ids are hex text; a float that is no number is null.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from whichstep_collector.refusals import BAD_REQUEST, Refused
from whichstep_store.reader import Reader

ARROW_TYPE: Final = "application/vnd.apache.arrow.stream"
_KEYS: Final = frozenset({"sql", "name", "parameters", "row_limit"})
STEP_CONTENT: Final = "step_content"
"""The named query of whole texts: its tables are narrowed to the executions asked for before they are read."""
_EXECUTIONS_MAX: Final = 200
_EXECUTION_ID: Final = re.compile(r"[0-9a-f]{32}")
_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%SZ"


class QueryLimits(NamedTuple):
    """What one query may cost."""

    rows_max: int
    timeout_seconds: float
    memory_bytes_max: int


class Question(NamedTuple):
    """A query as asked: one of `sql` and `name`."""

    sql: str | None
    name: str | None
    parameters: Mapping[str, object]
    row_limit: int


class Rows(NamedTuple):
    """An answer; `truncated` when there were more rows than asked for."""

    table: pa.Table
    truncated: bool


def parse_question(body: bytes, limits: QueryLimits) -> Question:
    """Read the request body.

    Raises:
        Refused: BAD_REQUEST, with what is wrong.
    """
    document = json_object(body, _KEYS)
    sql, name = document.get("sql"), document.get("name")
    if (sql is None) == (name is None) or not isinstance(sql or name, str):
        raise Refused(BAD_REQUEST, 'give either "sql" or "name", as text')
    parameters = document.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Refused(BAD_REQUEST, '"parameters" is an object')
    if parameters and sql is not None:
        raise Refused(BAD_REQUEST, '"parameters" goes with "name"')
    row_limit = document.get("row_limit", limits.rows_max)
    if not isinstance(row_limit, int) or not 1 <= row_limit <= limits.rows_max:
        raise Refused(BAD_REQUEST, f'"row_limit" is between 1 and {limits.rows_max}')
    return Question(sql, name, parameters, row_limit)


def answer(reader: Reader, question: Question, limits: QueryLimits) -> Rows:
    """Run a query within its limits; one more row than asked for is read, to know whether there are more.

    Raises:
        SqlRefused, SqlStopped, StoreError: from the store.
        Refused: BAD_REQUEST, with what is wrong with the parameters.
    """
    if question.sql is not None:
        table = reader.sql(
            question.sql,
            row_limit=question.row_limit + 1,
            time_limit_seconds=limits.timeout_seconds,
            memory_limit=limits.memory_bytes_max,
        )
    elif question.name == STEP_CONTENT:
        table = reader.step_content(_execution_ids(question.parameters))
    else:
        table = reader.query(str(question.name), question.parameters)
    return Rows(table.slice(0, question.row_limit), table.num_rows > question.row_limit)


def _execution_ids(parameters: Mapping[str, object]) -> list[str]:
    ids = parameters.get("execution_ids")
    if parameters.keys() != {"execution_ids"} or not isinstance(ids, list) or len(ids) > _EXECUTIONS_MAX:
        raise Refused(BAD_REQUEST, f'{STEP_CONTENT} takes "execution_ids", at most {_EXECUTIONS_MAX}')
    if not all(isinstance(found, str) and _EXECUTION_ID.fullmatch(found) for found in ids):
        raise Refused(BAD_REQUEST, '"execution_ids" are 32 hex digits each')
    return ids


def arrow_body(rows: Rows) -> bytes:
    """Return the Arrow IPC stream; whether it was cut stands in the schema's metadata as `truncated`."""
    metadata = {**(rows.table.schema.metadata or {}), b"truncated": b"true" if rows.truncated else b"false"}
    table = rows.table.replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def json_body(rows: Rows) -> bytes:
    """Return the JSON document."""
    fields = rows.table.schema
    columns = [_values(rows.table.column(index)) for index in range(len(fields))]
    return orjson.dumps(
        {
            "columns": [{"name": field.name, "type": str(field.type)} for field in fields],
            "rows": list(zip(*columns, strict=True)),
            "truncated": rows.truncated,
        },
        default=_plain,
    )


def json_object(body: bytes, keys: frozenset[str]) -> dict[str, Any]:
    """Return a request body that has to be a JSON object with no other keys.

    Raises:
        Refused: BAD_REQUEST.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(BAD_REQUEST, "the body is no JSON") from error
    if not isinstance(document, dict):
        raise Refused(BAD_REQUEST, "the body is no JSON object")
    unknown = sorted(document.keys() - keys)
    if unknown:
        raise Refused(BAD_REQUEST, f"unknown key {unknown[0][:80]!r}; known are {', '.join(sorted(keys))}")
    return document


def _values(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = pc.strftime(column.cast(pa.timestamp("ns")), _TIME_FORMAT)
    values: list[Any] = column.to_pylist()
    if column.type == pa.uuid():
        return [value and value.hex for value in values]
    return values


def _plain(value: object) -> object:
    """Return what JSON has for a value that orjson does not know."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
