"""Rows as the collector would hand them over: batches of spans, texts and logs with every column filled."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from whichstep_store.batches import CONTENT_SCHEMA, LOG_SCHEMA, SPAN_SCHEMA, Batch
from whichstep_store.results import (
    ACTION_FIELDS,
    ALIAS_FIELDS,
    CONFORMANCE_FIELDS,
    CONSUMED_FIELDS,
    CONTRACT_FIELDS,
    EXECUTION_FIELDS,
    MOVED_FIELDS,
    REPLACED_FIELDS,
    STEP_FIELDS,
    TOOL_MATCH_FIELDS,
    TRACE_EXECUTION_FIELDS,
    Fields,
    Results,
)
from whichstep_store.results import schema as result_schema

NOON = 1_790_000_000_000_000_000 // 86_400_000_000_000 * 86_400_000_000_000 + 43_200_000_000_000
"""Nanoseconds since the epoch at noon, UTC, of a day in September 2026."""
SECOND = 1_000_000_000
DAY = 86_400 * SECOND

_SPAN_DEFAULTS: dict[str, Any] = {
    "kind": "internal", "status": "unset", "scope": "tests", "service": "support", "dialect": "whichstep",
    "type": "llm_call", "setup": False, "pending": False, "synthetic": False, "error": False,
    "error_guessed": False, "flags": [], "links_join": False, "linked_trace_ids": [], "tags": [],
    "asked_tools": [], "asked_call_ids": [], "attribute_count": 3, "normaliser_version": 1,
    "attributes": "{}", "events": "[]", "links": "[]", "resource": "{}",
}  # fmt: skip


def digest(*parts: object) -> bytes:
    """16 bytes that stand for the parts."""
    return blake2b(repr(parts).encode(), digest_size=16).digest()


def trace(number: int) -> bytes:
    """The id of the trace with that number."""
    return digest("trace", number)


def hex_id(value: bytes) -> str:
    """An id as 32 hex digits, as everything outside the store has it."""
    return value.hex()


def span(trace_number: int = 1, span_id: int = 1, **columns: Any) -> dict[str, Any]:
    """One row of spans; started at noon plus `span_id` seconds and ended a second later unless told otherwise."""
    started_at = columns.pop("started_at", NOON + span_id * SECOND)
    row = {
        **_SPAN_DEFAULTS,
        "trace_id": trace(trace_number),
        "span_id": span_id,
        "received_at": started_at + 2 * SECOND,
        "started_at": started_at,
        "ended_at": started_at + SECOND,
        "name": f"step {span_id}",
        "step_name": f"step {span_id}",
        **columns,
    }
    if "digest" not in columns:
        row["digest"] = digest(sorted((name, repr(value)) for name, value in row.items() if name != "received_at"))
    return row


def content(trace_number: int, text: str) -> dict[str, Any]:
    """One text of a trace."""
    return {"trace_id": trace(trace_number), "hash": digest(text), "text": text}


def log(trace_number: int | None = 1, **columns: Any) -> dict[str, Any]:
    """One log record, an evaluation unless told otherwise."""
    row: dict[str, Any] = {
        "trace_id": None if trace_number is None else trace(trace_number),
        "received_at": NOON + SECOND,
        "occurred_at": NOON,
        "event_name": "gen_ai.evaluation.result",
        "severity": 9,
        "scope": "tests",
        "service": "support",
        "evaluation_name": "helpful",
        "evaluation_score": 0.5,
        "attributes": "{}",
        **columns,
    }
    row.setdefault("digest", digest(sorted((name, repr(value)) for name, value in row.items())))
    return row


def batch(
    spans: Iterable[Mapping[str, Any]] = (),
    contents: Iterable[Mapping[str, Any]] = (),
    logs: Iterable[Mapping[str, Any]] = (),
) -> Batch:
    """What one request carried."""
    return Batch(_record(spans, SPAN_SCHEMA), _record(contents, CONTENT_SCHEMA), _record(logs, LOG_SCHEMA))


def _record(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    kept = list(rows)
    columns = [_column([row.get(field.name) for row in kept], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if kind == pa.uuid():
        return pa.array(values, pa.binary(16)).cast(kind)
    if kind == pa.list_(pa.uuid()):
        return pa.array(values, pa.list_(pa.binary(16))).cast(kind)
    return pa.array(values, kind)


def new_id() -> bytes:
    """A random id, for tests that need many."""
    return uuid.uuid4().bytes


def _result_table(fields: Fields, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    kept = list(rows)
    unset = {name: _unset(kind) for name, kind, nullable in fields if not nullable}
    return pa.Table.from_pylist([{**unset, **row} for row in kept], schema=result_schema(fields))


def _unset(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_string(kind):
        return ""
    return NOON if pa.types.is_timestamp(kind) else False if pa.types.is_boolean(kind) else 0


def conformance(*execution_ids: str) -> tuple[pa.Table, pa.Table, pa.Table]:
    """What `writer.replace_conformance` takes, for executions that keep to one contract."""
    contract = {"digest": digest("contract").hex(), "workflow": "support", "level": 2, "contract": "{}"}
    rows = [
        {
            "execution_id": execution_id,
            "contract_digest": contract["digest"],
            "variant": contract["digest"],
            "deviations": "[]",
            "conformant": True,
        }
        for execution_id in execution_ids
    ]
    return (
        _result_table(REPLACED_FIELDS, [{"execution_id": execution_id} for execution_id in execution_ids]),
        _result_table(CONFORMANCE_FIELDS, rows),
        _result_table(CONTRACT_FIELDS, [contract]),
    )


def results(**given: Any) -> Results:
    """One replacement of results; each table as rows, ids in hex, columns that are not null filled where not given."""
    return Results(
        replaced=_result_table(REPLACED_FIELDS, [{"execution_id": item} for item in given.get("replaced", ())]),
        trace_executions=_result_table(TRACE_EXECUTION_FIELDS, given.get("trace_executions", ())),
        steps=_result_table(STEP_FIELDS, given.get("steps", ())),
        executions=_result_table(EXECUTION_FIELDS, given.get("executions", ())),
        tool_matches=_result_table(TOOL_MATCH_FIELDS, given.get("tool_matches", ())),
        aliases=_result_table(ALIAS_FIELDS, given.get("aliases", ())),
        moved=_result_table(MOVED_FIELDS, given.get("moved", ())),
        actions=_result_table(ACTION_FIELDS, given.get("actions", ())),
        consumed=given.get("consumed", result_schema(CONSUMED_FIELDS).empty_table()),
        since=given.get("since", NOON - DAY),
        until=given.get("until", NOON + DAY),
    )
