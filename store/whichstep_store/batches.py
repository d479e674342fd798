"""Arrow schemas of what the collector hands to the store: the currency between journal, loader and segments.

The DDL under `tables/` is the authority; a contract test compares both. A batch is what one or more requests
carried after normalising. Ids are 16-byte UUIDs (`arrow.uuid`) and unsigned 64-bit span ids; hex text exists only
outside the store. Knows neither OTLP nor DuckDB.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import pyarrow as pa

UUID: Final = pa.uuid()
TIME: Final = pa.timestamp("ns")
TEXTS: Final = pa.list_(pa.string())
UUIDS: Final = pa.list_(UUID)

# span_open.sql, in its order: a whole row, as open rows, journal and segments have it.
SPAN_FIELDS: Final[tuple[tuple[str, pa.DataType, bool], ...]] = (
    # name, type, nullable
    ("trace_id", UUID, False),
    ("span_id", pa.uint64(), False),
    ("parent_span_id", pa.uint64(), True),
    ("received_at", TIME, False),
    ("started_at", TIME, False),
    ("ended_at", TIME, True),
    ("name", pa.string(), False),
    ("kind", pa.string(), False),
    ("status", pa.string(), False),
    ("scope", pa.string(), False),
    ("service", pa.string(), False),
    ("release", pa.string(), True),
    ("environment", pa.string(), True),
    ("dialect", pa.string(), False),
    ("type", pa.string(), False),
    ("setup", pa.bool_(), False),
    ("pending", pa.bool_(), False),
    ("synthetic", pa.bool_(), False),
    ("step_name", pa.string(), False),
    ("agent", pa.string(), True),
    ("workflow", pa.string(), True),
    ("step_index", pa.int32(), True),
    ("merge_key", pa.string(), True),
    ("error", pa.bool_(), False),
    ("error_type", pa.string(), True),
    ("error_message", pa.string(), True),
    ("control_flow", pa.string(), True),
    ("error_guessed", pa.bool_(), False),
    ("flags", TEXTS, False),
    ("execution_key", UUID, True),
    ("execution_rule", pa.string(), True),
    ("external_id", pa.string(), True),
    ("links_join", pa.bool_(), False),
    ("linked_trace_ids", UUIDS, False),
    ("session_id", pa.string(), True),
    ("user_id", pa.string(), True),
    ("task_id", pa.string(), True),
    ("task_type", pa.string(), True),
    ("rerun_of", UUID, True),
    ("purpose", pa.string(), True),
    ("tags", TEXTS, False),
    ("metadata", pa.string(), True),
    ("autonomy_level", pa.uint8(), True),
    ("outcome_success", pa.bool_(), True),
    ("outcome_explanation", pa.string(), True),
    ("escalation", pa.string(), True),
    ("approval_id", pa.string(), True),
    ("provider", pa.string(), True),
    ("model", pa.string(), True),
    ("request_model", pa.string(), True),
    ("response_id", pa.string(), True),
    ("input_tokens", pa.int64(), True),
    ("output_tokens", pa.int64(), True),
    ("cache_read_tokens", pa.int64(), True),
    ("cache_write_tokens", pa.int64(), True),
    ("reasoning_tokens", pa.int64(), True),
    ("reported_cost_usd", pa.float64(), True),
    ("finish_reason", pa.string(), True),
    ("time_to_first_token_ms", pa.float64(), True),
    ("asked_tools", TEXTS, False),
    ("asked_call_ids", TEXTS, False),
    ("configuration_digest", UUID, True),
    ("input_digest", UUID, True),
    ("tool", pa.string(), True),
    ("tool_call_id", pa.string(), True),
    ("arguments_digest", UUID, True),
    ("document_count", pa.int32(), True),
    ("resend_count", pa.int32(), True),
    ("expectation", pa.string(), True),
    ("output_summary", pa.string(), True),
    ("attribute_count", pa.int32(), False),
    ("digest", UUID, False),
    ("normaliser_version", pa.int16(), False),
    # wide: previews, the hashes of whole texts, what was sent
    ("input", pa.string(), True),
    ("input_parts", UUIDS, True),
    ("input_is_list", pa.bool_(), True),
    ("output", pa.string(), True),
    ("output_parts", UUIDS, True),
    ("output_is_list", pa.bool_(), True),
    ("arguments", pa.string(), True),
    ("arguments_parts", UUIDS, True),
    ("result", pa.string(), True),
    ("result_parts", UUIDS, True),
    ("query", pa.string(), True),
    ("query_parts", UUIDS, True),
    ("sources", pa.string(), True),
    ("sources_parts", UUIDS, True),
    ("user_message", pa.string(), True),
    ("attributes", pa.string(), True),
    ("events", pa.string(), True),
    ("links", pa.string(), True),
    ("resource", pa.string(), True),
)
LOG_FIELDS: Final[tuple[tuple[str, pa.DataType, bool], ...]] = (
    ("trace_id", UUID, True),
    ("span_id", pa.uint64(), True),
    ("received_at", TIME, False),
    ("occurred_at", TIME, False),
    ("event_name", pa.string(), False),
    ("severity", pa.uint8(), False),
    ("scope", pa.string(), False),
    ("service", pa.string(), False),
    ("session_id", pa.string(), True),
    ("evaluation_name", pa.string(), True),
    ("evaluation_score", pa.float64(), True),
    ("evaluation_label", pa.string(), True),
    ("evaluation_explanation", pa.string(), True),
    ("evaluation_source", pa.string(), True),
    ("execution_key", UUID, True),
    ("response_id", pa.string(), True),
    ("body", pa.string(), True),
    ("attributes", pa.string(), True),
    ("digest", UUID, False),
)
CONTENT_FIELDS: Final[tuple[tuple[str, pa.DataType, bool], ...]] = (
    ("trace_id", UUID, False),
    ("hash", UUID, False),
    ("text", pa.string(), False),
)


def _schema(fields: tuple[tuple[str, pa.DataType, bool], ...]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, nullable=nullable) for name, kind, nullable in fields])


# span_rows.sql, in its order: of each span what SQL looks through all spans for. A column costs 500 instructions a
# span to load and 270 to seal (benchmarks/load.py), so what only the jobs read of one execution is not among them.
SPAN_ROW_COLUMNS: Final[tuple[str, ...]] = (
    "trace_id", "span_id", "parent_span_id", "received_at", "started_at", "ended_at", "name", "scope", "service",
    "dialect", "type", "pending", "flags", "execution_key", "links_join", "linked_trace_ids", "session_id", "rerun_of",
    "response_id", "expectation", "attribute_count", "digest",
)  # fmt: skip
SPAN_SCHEMA: Final[pa.Schema] = _schema(SPAN_FIELDS)
LOG_SCHEMA: Final[pa.Schema] = _schema(LOG_FIELDS)
CONTENT_SCHEMA: Final[pa.Schema] = _schema(CONTENT_FIELDS)


class Batch(NamedTuple):
    """What requests carried: normalised spans, the texts they refer to, log events. Any part may have no rows."""

    spans: pa.RecordBatch
    content: pa.RecordBatch
    logs: pa.RecordBatch


class JournalPosition(NamedTuple):
    """A point in the journal: everything before `byte_offset` of `segment` has been read."""

    segment: int
    byte_offset: int
