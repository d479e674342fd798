"""A table of executions, a click on a row opens it. Cells are text: nothing in them is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import format_time
from whichstep_dashboards.pages import open_execution
from whichstep_dashboards.plain import one_line

_SCHEMA: Final = pa.schema(
    [
        ("outcome", pa.string()),
        ("started", pa.string()),
        ("task", pa.string()),
        ("failing step", pa.string()),
        ("kind", pa.string()),
        ("active s", pa.float64()),
        ("cost $", pa.float64()),
        ("steps", pa.int64()),
        ("release", pa.string()),
        ("agent", pa.string()),
        ("input", pa.string()),
    ]
)
_ROW_PIXELS: Final = 35


def outcome(execution: Document) -> str:
    """The outcome in a glyph and a word: of an execution that has not ended, its status."""
    status = execution.get("status")
    if status == "running":
        return "… running"
    if status == "waiting":
        return "… waiting"
    return {True: "✓ success", False: "✕ failed", None: "? unknown"}[execution.get("success")]


def show(executions: Sequence[Document], *, key: str) -> None:
    """Draws the table; a click on a row shows that execution."""
    st.dataframe(
        pa.Table.from_pylist([_cells(execution) for execution in executions], schema=_SCHEMA),
        key=key,
        hide_index=True,
        width="stretch",
        height=_ROW_PIXELS * (len(executions) + 1) + 3,
        row_height=_ROW_PIXELS,
        on_select=lambda: _open(executions, st.session_state[key].selection),
        selection_mode=("single-row", "single-cell"),
        placeholder="\N{EN DASH}",
        column_config={
            "outcome": st.column_config.TextColumn(width=95),
            "started": st.column_config.TextColumn("started (UTC)", width=145),
            "task": st.column_config.TextColumn("task type", width=115),
            "failing step": st.column_config.TextColumn(width=120),
            "kind": st.column_config.TextColumn(width=110),
            "release": st.column_config.TextColumn(width=85),
            "agent": st.column_config.TextColumn(width=80),
            "input": st.column_config.TextColumn(width=320),
            "active s": st.column_config.NumberColumn(
                "active", format="%.3f s", width=78, help="Wall time less the time spent waiting for people"
            ),
            "cost $": st.column_config.NumberColumn(
                "cost", format="$%.5f", width=82, help="Empty where a call has no known price"
            ),
            "steps": st.column_config.NumberColumn(width=55),
        },
    )


def _open(executions: Sequence[Document], selection: Any) -> None:
    for index in (*selection.rows, *(row for row, _ in selection.cells)):
        open_execution(str(executions[index]["execution_id"]))


def _cells(execution: Document) -> dict[str, Any]:
    active = execution.get("active_ms", execution.get("latency_ms"))
    return {
        "outcome": outcome(execution),
        "started": format_time(execution.get("started_at")),
        "task": _text(execution.get("task_type")),
        "agent": _text(execution.get("agent")),
        "release": _text(execution.get("release")),
        "input": _text(execution.get("input")),
        "failing step": _text(execution.get("failing_step_name")),
        "kind": _text(execution.get("failure_kind")),
        "active s": None if active is None else active / 1000,
        "cost $": execution.get("cost_usd"),
        "steps": execution.get("step_count"),
    }


def _text(value: object) -> str | None:
    return None if value is None else one_line(value, limit=160)
