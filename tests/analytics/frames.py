"""Frames of spans as the store gives them to the jobs: a span says only what its test is about."""

from __future__ import annotations

from typing import Any

import polars as pl

from whichstep_analytics.job import Recomputed, recompute
from whichstep_analytics.jobs.frames import SPAN_SCHEMA, empty
from whichstep_analytics.prices import default_prices
from whichstep_store.results import EVALUATION_FIELDS, NEIGHBOUR_FIELDS

NOON = 1_790_000_000_000_000_000 // 86_400_000_000_000 * 86_400_000_000_000 + 43_200_000_000_000
SECOND = 10**9
MINUTE = 60 * SECOND

_DEFAULTS: dict[str, Any] = {
    "status": "unset", "scope": "tests", "service": "support", "dialect": "whichstep", "type": "other", "setup": False,
    "pending": False, "synthetic": False, "error": False, "error_guessed": False, "flags": [], "links_join": False,
    "linked_trace_ids": [], "tags": [], "asked_tools": [], "asked_call_ids": [], "attribute_count": 3,
}  # fmt: skip


def trace(number: int) -> str:
    """The id of the trace with that number."""
    return f"{number:032x}"


def span(span_id: int, parent: int | None = None, *, at: float | None = None, took: float = 1, trace_id: int = 1, **columns: Any) -> dict[str, Any]:  # fmt: skip
    """One span; starts `at` seconds after noon (by default: its id) and takes so many seconds; negative: not ended."""
    started_at = int(NOON + (span_id if at is None else at) * SECOND)
    name = columns.get("step_name") or columns.get("tool") or columns.get("model") or columns.get("agent") or "step"
    return {
        **dict.fromkeys(SPAN_SCHEMA),
        **_DEFAULTS,
        "trace_id": trace(trace_id),
        "span_id": span_id,
        "parent_span_id": parent,
        "started_at": started_at,
        "ended_at": None if took < 0 else int(started_at + took * SECOND),
        "received_at": int(started_at + abs(took) * SECOND),
        "name": name,
        "step_name": name,
        "digest": f"{span_id:032x}",
        **columns,
    }


def agent(span_id: int = 1, parent: int | None = None, **columns: Any) -> dict[str, Any]:
    """An agent that takes a minute unless told otherwise."""
    return span(span_id, parent, **{"type": "agent", "agent": "support", "took": 60, **columns})


def call(span_id: int, parent: int | None = 1, *, asks: str | None = None, **columns: Any) -> dict[str, Any]:
    """A model call, priced and with tokens; `asks` names the tool that it asks for."""
    given = {"type": "llm_call", "model": "gpt-4o-mini", "provider": "openai", "input_tokens": 100, "output_tokens": 10}
    asked = {"asked_tools": [asks], "asked_call_ids": [""]} if asks else {}
    return span(span_id, parent, **{**given, **asked, **columns})


def tool(span_id: int, parent: int | None = 1, *, name: str = "lookup", arguments: str = "a", **columns: Any) -> dict[str, Any]:  # fmt: skip
    """A tool call; equal `arguments` are the same action."""
    given = {"type": "tool_call", "tool": name, "arguments": arguments, "arguments_digest": arguments}
    return span(span_id, parent, **{**given, **columns})


def failed(row: dict[str, Any], message: str = "boom", error_type: str | None = "ValueError") -> dict[str, Any]:
    """The same span with an error."""
    return {**row, "error": True, "status": "error", "error_type": error_type, "error_message": message}


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    """The spans as `JobInputs.spans`."""
    columns = {
        name: pl.Series(name, [row[name] for row in rows], pl.Int64 if kind == pl.Datetime("ns") else kind).cast(kind)
        for name, kind in SPAN_SCHEMA.items()
    }
    return pl.DataFrame(columns)


def evaluation(**columns: Any) -> pl.DataFrame:
    """One evaluation of trace 1."""
    row = {"trace_id": trace(1), "name": "task_success", "trusted": False, "occurred_at": NOON, **columns}
    schema = empty(EVALUATION_FIELDS).schema
    return pl.DataFrame({name: pl.Series(name, [row.get(name)]).cast(kind) for name, kind in schema.items()})


def results(*rows: dict[str, Any], evaluations: pl.DataFrame | None = None, neighbours: pl.DataFrame | None = None, as_of: int = NOON + 5 * MINUTE, **judging: Any) -> Recomputed:  # fmt: skip
    """What the jobs make of these spans, at five minutes past noon unless told otherwise."""
    return recompute(
        frame(*rows),
        empty(EVALUATION_FIELDS) if evaluations is None else evaluations,
        empty(NEIGHBOUR_FIELDS) if neighbours is None else neighbours,
        prices=default_prices(),
        as_of=as_of,
        **judging,
    )


def execution(*rows: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The one execution of these spans."""
    found = results(*rows, **given).executions
    assert found.height == 1
    return found.row(0, named=True)


def steps(*rows: dict[str, Any], **given: Any) -> pl.DataFrame:
    """The steps of these spans."""
    return results(*rows, **given).steps
