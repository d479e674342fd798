"""What the jobs read and write: the currency between the store and analytics.

Ids of traces, executions and digests are text of 32 hex digits here, span ids are UInt64, times are naive UTC
`timestamp[ns]`. The DDL under `tables/` is the authority for the meaning of a column; a contract test compares both.
Knows neither DuckDB nor Polars: any Arrow string layout (string, large_string, string_view) is accepted.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import pyarrow as pa

from whichstep_store.batches import SPAN_FIELDS

HEX: Final = pa.string()
TIME: Final = pa.timestamp("ns")
TEXTS: Final = pa.list_(pa.string())
HEXES: Final = pa.list_(HEX)
SPAN_IDS: Final = pa.list_(pa.uint64())

Fields = tuple[tuple[str, pa.DataType, bool], ...]

# Columns of span_open that the jobs do not need; every other is read.
_UNREAD: Final = frozenset({
    "name", "kind", "status", "scope", "outcome_explanation", "request_model", "resend_count",
    "normaliser_version", "input_parts", "input_is_list", "output_parts", "output_is_list",
    "arguments_parts", "result_parts", "query_parts", "sources_parts", "attributes", "events", "links", "resource",
})  # fmt: skip
JOB_TEXT_COLUMNS: Final[tuple[str, ...]] = (
    "input", "output", "arguments", "result", "query", "sources", "user_message",
)  # fmt: skip
JOB_SPAN_COLUMNS: Final[tuple[str, ...]] = tuple(name for name, _, _ in SPAN_FIELDS if name not in _UNREAD)

TOUCHED_FIELDS: Final[Fields] = (
    # one row per trace with rows that the jobs have not seen
    ("trace_id", HEX, False),
    ("first_touched_at", TIME, False),
    ("touched_at", TIME, False),  # the latest
    ("root_ended", pa.bool_(), False),  # any of the new rows is a root that ended
    ("span_count", pa.int32(), False),  # new rows
    ("known_span_count", pa.int32(), False),  # spans of its executions at the last recompute, 0 when new
    ("min_started_at", TIME, False),
    ("max_started_at", TIME, False),
)
STALE_FIELDS: Final[Fields] = (
    # traces whose execution is to be recomputed though nothing arrived
    ("trace_id", HEX, False),
    ("min_started_at", TIME, False),
    ("max_started_at", TIME, False),
)
EVALUATION_FIELDS: Final[Fields] = (
    # log_rows with an evaluation, and evaluations of the ledger; ids as far as the sender gave them
    ("execution_id", HEX, True),  # ledger, or execution_key of the log row
    ("trace_id", HEX, True),
    ("span_id", pa.uint64(), True),
    ("response_id", pa.string(), True),
    ("name", pa.string(), False),
    ("score", pa.float64(), True),
    ("label", pa.string(), True),
    ("explanation", pa.string(), True),
    ("source", pa.string(), True),  # HUMAN, LLM, CODE, AVERAGE
    ("trusted", pa.bool_(), False),  # written with a reviewer's token: only then is HUMAN believed
    ("inclusion_probability", pa.float64(), True),  # of the sample that the execution was judged in
    ("occurred_at", TIME, False),
)
EXPECTATION_FIELDS: Final[Fields] = (
    # expectations of the ledger: of a task type, or of one execution with what tells that another is the same case
    ("labelled_id", HEX, True),  # null: holds for the task type
    ("task_type", pa.string(), True),
    ("task_id", pa.string(), True),  # null where the execution had none of its own
    ("input_digest", HEX, True),
    ("expectation", pa.string(), False),
    ("stated_at", TIME, False),
)
NEIGHBOUR_FIELDS: Final[Fields] = (
    # execution_rows of the same sessions and tasks, and re-runs: what one execution must know of others
    ("execution_id", HEX, False),
    ("session_id", pa.string(), True),
    ("task_id", pa.string(), False),
    ("rerun_of", HEX, True),
    ("rerun_rule", pa.string(), True),
    ("started_at", TIME, False),
    ("turn", pa.int32(), True),
    ("task_type", pa.string(), True),
    ("agent", pa.string(), True),
    ("purpose", pa.string(), False),
    ("input_digest", HEX, True),
    ("input_length", pa.int32(), True),
    ("first_pass", pa.bool_(), True),
)
TRACE_EXECUTION_FIELDS: Final[Fields] = (
    ("trace_id", HEX, False),
    ("execution_id", HEX, False),
    ("rule", pa.string(), False),
    ("started_at", TIME, False),
    ("ended_at", TIME, True),
    ("execution_key", HEX, True),
    ("links", HEXES, False),
    ("session_id", pa.string(), True),
    ("agent", pa.string(), True),
    ("waiting", pa.bool_(), False),
)
STEP_FIELDS: Final[Fields] = (
    ("execution_id", HEX, False),
    ("step_id", pa.uint64(), False),
    ("trace_id", HEX, False),
    ("span_ids", SPAN_IDS, False),
    ("parent_step_id", pa.uint64(), True),
    ("type", pa.string(), False),
    ("name", pa.string(), False),
    ("path", pa.string(), False),
    ("agent", pa.string(), True),
    ("position", pa.int32(), False),
    ("attempt", pa.int32(), False),
    ("requested_by", pa.uint64(), True),
    ("started_at", TIME, False),
    ("ended_at", TIME, True),
    ("latency_ms", pa.float64(), True),
    ("status", pa.string(), False),
    ("error_type", pa.string(), True),
    ("error_message", pa.string(), True),
    ("recovered", pa.bool_(), False),
    ("control_flow", pa.string(), True),
    ("model", pa.string(), True),
    ("provider", pa.string(), True),
    ("input_tokens", pa.int64(), True),
    ("output_tokens", pa.int64(), True),
    ("cache_read_tokens", pa.int64(), True),
    ("cache_write_tokens", pa.int64(), True),
    ("reasoning_tokens", pa.int64(), True),
    ("cost_usd", pa.float64(), True),
    ("finish_reason", pa.string(), True),
    ("time_to_first_token_ms", pa.float64(), True),
    ("tool", pa.string(), True),
    ("tool_call_id", pa.string(), True),
    ("arguments", pa.string(), True),
    ("result", pa.string(), True),
    ("query", pa.string(), True),
    ("sources", pa.string(), True),
    ("document_count", pa.int32(), True),
    ("input", pa.string(), True),
    ("output", pa.string(), True),
    ("output_summary", pa.string(), True),
    ("approval_id", pa.string(), True),
    ("dialect", pa.string(), False),
    ("flags", TEXTS, False),
    ("arguments_digest", HEX, True),
    ("critical_path_ms", pa.float64(), True),
)
EXECUTION_FIELDS: Final[Fields] = (
    ("execution_id", HEX, False),
    ("external_id", pa.string(), True),
    ("task_id", pa.string(), False),
    ("rerun_of", HEX, True),
    ("trace_ids", HEXES, False),
    ("session_id", pa.string(), True),
    ("turn", pa.int32(), True),
    ("user_id", pa.string(), True),
    ("task_type", pa.string(), True),
    ("agent", pa.string(), True),
    ("workflow", pa.string(), True),
    ("service", pa.string(), False),
    ("release", pa.string(), True),
    ("configuration_id", HEX, True),
    ("environment", pa.string(), True),
    ("purpose", pa.string(), False),
    ("tags", TEXTS, False),
    ("metadata", pa.string(), True),
    ("started_at", TIME, False),
    ("ended_at", TIME, True),
    ("status", pa.string(), False),
    ("input", pa.string(), True),
    ("output", pa.string(), True),
    ("success", pa.bool_(), True),
    ("success_source", pa.string(), True),
    ("first_pass", pa.bool_(), True),
    ("self_corrected", pa.bool_(), True),
    ("escalated", pa.bool_(), True),
    ("escalation_reason", pa.string(), True),
    ("violated", pa.bool_(), True),
    ("latency_ms", pa.float64(), True),
    ("active_ms", pa.float64(), True),
    ("cost_usd", pa.float64(), True),
    ("unpriced_calls", pa.int32(), False),
    ("input_tokens", pa.int64(), True),
    ("output_tokens", pa.int64(), True),
    ("cache_read_tokens", pa.int64(), True),
    ("cache_write_tokens", pa.int64(), True),
    ("reasoning_tokens", pa.int64(), True),
    ("wasted_cost_usd", pa.float64(), True),
    ("step_count", pa.int32(), False),
    ("llm_call_count", pa.int32(), False),
    ("tool_call_count", pa.int32(), False),
    ("retry_count", pa.int32(), False),
    ("error_count", pa.int32(), False),
    ("failing_step_id", pa.uint64(), True),
    ("failing_step_name", pa.string(), True),
    ("failing_step_path", pa.string(), True),
    ("cause_step_id", pa.uint64(), True),
    ("failure_kind", pa.string(), True),
    ("failure_reason", pa.string(), True),
    ("failure_confidence", pa.float64(), True),
    ("failure_signature", pa.string(), True),
    ("suspects", pa.string(), True),
    ("autonomy_level", pa.uint8(), True),
    ("span_count", pa.int32(), False),
    ("root_ended", pa.bool_(), False),
    ("last_received_at", TIME, False),
    ("result_version", pa.int32(), False),
    ("tool_error_count", pa.int32(), True),
    ("critical_path_ms", pa.float64(), True),
    ("success_disputed", pa.bool_(), True),
    ("success_reason", pa.string(), True),
    ("rerun_rule", pa.string(), True),
    ("input_digest", HEX, True),
    ("input_length", pa.int32(), True),
    ("outcome_weight", pa.float64(), True),
    ("context_tokens_max", pa.int64(), True),
    ("failing_call", pa.int32(), True),
    ("failing_context_tokens", pa.int64(), True),
    ("action_count", pa.int32(), True),
    ("ungated_count", pa.int32(), True),
    ("expectation", pa.string(), True),
    ("expectation_source", pa.string(), True),
    ("tool_accuracy", pa.float64(), True),
    ("tools_expected", pa.int32(), True),
    ("tools_called", pa.int32(), True),
    ("tools_matched", pa.int32(), True),
    ("calls_matched", pa.int32(), True),
    ("tool_order", pa.float64(), True),
    ("expected_escalation", pa.bool_(), True),
)
APPROVAL_FIELDS: Final[Fields] = (
    # requests of the ledger, as far as the jobs judge by them
    ("approval_id", pa.string(), False),
    ("execution_id", HEX, False),
    ("step_id", pa.uint64(), True),  # of its approval, or of the step that asked
    ("action", pa.string(), False),
    ("arguments", pa.string(), True),  # JSON, the first 1,024 characters
    ("asked_by", pa.string(), True),  # the agent
    ("requested_at", TIME, False),
    ("used", pa.bool_(), False),  # the agent consumed a decision that lets the action run
    ("state", pa.string(), False),
    ("settled_at", TIME, True),  # since when nobody is waited for; null while it is pending
)
ACTION_FIELDS: Final[Fields] = (
    ("execution_id", HEX, False),
    ("step_id", pa.uint64(), False),
    ("started_at", TIME, False),
    ("action", pa.string(), False),
    ("risk_level", pa.string(), True),
    ("rule", pa.string(), True),
    ("policy_digest", pa.string(), False),
    ("ran", pa.bool_(), False),
    ("gated", pa.bool_(), False),
    ("approval_id", pa.string(), True),
)
GROUNDING_FIELDS: Final[Fields] = (
    # rows of grounding_rows
    ("execution_id", HEX, False),
    ("step_id", pa.uint64(), True),
    ("span_count", pa.int32(), False),
    ("version", pa.int32(), False),
    ("checked", pa.int32(), False),
    ("ungrounded", TEXTS, False),
)
UNGROUNDED_FIELDS: Final[Fields] = (
    # of these executions, those with values that stand in no source
    ("execution_id", HEX, False),
    ("step_id", pa.uint64(), False),
    ("ungrounded", TEXTS, False),
)
TOOL_MATCH_FIELDS: Final[Fields] = (
    # rows of tool_match_rows
    ("execution_id", HEX, False),
    ("started_at", TIME, False),
    ("expected", pa.string(), False),
    ("chosen", pa.string(), False),
    ("step_id", pa.uint64(), True),
    ("arguments_match", pa.bool_(), True),
)
TEMPLATE_FIELDS: Final[Fields] = (
    # rows of failure_templates
    ("failure_signature", pa.string(), False),
    ("cluster", pa.string(), False),
    ("template", pa.string(), False),
)
CONTRACT_FIELDS: Final[Fields] = (
    # rows of contract_rows
    ("digest", HEX, False),
    ("workflow", pa.string(), False),
    ("level", pa.uint8(), False),
    ("contract", pa.string(), False),
    ("first_seen_at", TIME, False),
)
CONFORMANCE_FIELDS: Final[Fields] = (
    # rows of conformance_rows
    ("execution_id", HEX, False),
    ("started_at", TIME, False),
    ("workflow", pa.string(), False),
    ("contract_digest", HEX, False),
    ("level", pa.uint8(), False),
    ("source", pa.string(), False),
    ("complete", pa.bool_(), False),
    ("conformant", pa.bool_(), True),
    ("fitness", pa.float64(), False),
    ("step_count", pa.int32(), False),
    ("deviation_count", pa.int32(), False),
    ("deviations", pa.string(), False),
    ("unchecked_outputs", pa.int32(), False),
    ("variant", HEX, False),
    ("conformance_version", pa.int32(), False),
)
DAILY_FIELDS: Final[Fields] = (
    # rows of metrics_daily
    ("day", pa.date32(), False),
    ("metric", pa.string(), False),
    ("purpose", pa.string(), False),
    ("release", pa.string(), True),
    ("task_type", pa.string(), True),
    ("agent", pa.string(), True),
    ("environment", pa.string(), True),
    ("numerator", pa.float64(), True),
    ("denominator", pa.float64(), True),
    ("n", pa.int64(), False),
    ("known", pa.int64(), False),
    ("value", pa.float64(), True),
    ("lower", pa.float64(), True),
    ("upper", pa.float64(), True),
)
WEEKLY_FIELDS: Final[Fields] = (
    # rows of metrics_weekly
    ("week", pa.date32(), False),
    ("metric", pa.string(), False),
    ("whole", pa.bool_(), False),
    *DAILY_FIELDS[2:],
)
REPLACED_FIELDS: Final[Fields] = (("execution_id", HEX, False),)
ALIAS_FIELDS: Final[Fields] = (("alias", HEX, False), ("execution_id", HEX, False))
MOVED_FIELDS: Final[Fields] = (
    # what these results say of other stored executions
    ("execution_id", HEX, False),
    ("turn", pa.int32(), True),
    ("rerun_of", HEX, True),
    ("rerun_rule", pa.string(), True),
    ("first_pass", pa.bool_(), True),
)
CONSUMED_FIELDS: Final[Fields] = (("trace_id", HEX, False), ("touched_at", TIME, False))


def schema(fields: Fields) -> pa.Schema:
    """The Arrow schema of one of the field lists of this module."""
    return pa.schema([pa.field(name, kind, nullable=nullable) for name, kind, nullable in fields])


class JobInputs(NamedTuple):
    """All that a recompute of some touched traces may look at.

    `spans` holds every span (JOB_SPAN_COLUMNS) of the traces asked for and of the traces related to them:
    1. traces with the same `execution_key`; 2. traces that they link to or that link to them (only spans with
    `links_join`, and `trace_executions.links` for the other direction); 3. of the same session: the last trace
    before each asked one that is `waiting`, and the first trace after it; 4. traces of an execution that an asked one
    is a re-run of; 5. traces whose root is a model call with the response id of an asked one's root, where two
    spans tell it; 6. last, for every trace found so far, all traces that `trace_executions` gives the same
    execution. 6 is what makes a replacement safe: an execution is never recomputed from a part of its traces.
    `trace_executions`: the stored rows of these traces, several where executions share a trace. `evaluations`: of these
    traces and executions. `expectations`: all that the ledger holds.
    `neighbours`: stored executions of the sessions and tasks in `spans`, and those that are a re-run of one of them.
    `approvals`: requests for approval of these executions. `ungrounded`: what was found in their answers.
    """

    spans: pa.Table
    evaluations: pa.Table
    expectations: pa.Table
    trace_executions: pa.Table
    neighbours: pa.Table
    approvals: pa.Table
    ungrounded: pa.Table


class Results(NamedTuple):
    """One replacement of results, applied in one transaction.

    Delete the rows of `replaced` from step_rows, action_rows, execution_rows and tool_match_rows (every id that the
    traces had before, and every id that they have now); of all of them the old and new rows lie within [since, until]
    of `started_at`. Delete the trace_executions rows of the traces given; insert all; add `aliases` that are new; set
    what `moved` says; delete touched_traces rows with `touched_at` at or before the one consumed, trace by trace.
    """

    replaced: pa.Table
    trace_executions: pa.Table
    steps: pa.Table
    executions: pa.Table
    tool_matches: pa.Table
    aliases: pa.Table
    moved: pa.Table
    consumed: pa.Table
    actions: pa.Table
    since: int  # nanoseconds since epoch, inclusive
    until: int
