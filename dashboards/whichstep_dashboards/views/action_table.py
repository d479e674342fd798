"""A table of actions, a click on a row opens the step in its execution. Cells are text: nothing in them is rendered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import format_time
from whichstep_dashboards.pages import open_execution
from whichstep_dashboards.plain import one_line

_COLUMNS: Final = ("action", "arguments", "rule", "ran", "started", "agent", "task", "release")
_SCHEMA: Final = pa.schema([(name, pa.string()) for name in _COLUMNS])
_ROW_PIXELS: Final = 35


def show(actions: Sequence[Document], *, key: str) -> None:
    """Draws the table; a click on a row shows that step."""
    st.dataframe(
        pa.Table.from_pylist([_cells(action) for action in actions], schema=_SCHEMA),
        key=key,
        hide_index=True,
        width="stretch",
        height=min(_ROW_PIXELS * (len(actions) + 1) + 3, 600),
        row_height=_ROW_PIXELS,
        on_select=lambda: _open(actions, st.session_state[key].selection),
        selection_mode=("single-row", "single-cell"),
        placeholder="\N{EN DASH}",
        column_config={
            "action": st.column_config.TextColumn(width=150),
            "arguments": st.column_config.TextColumn(width=330),
            "rule": st.column_config.TextColumn("rule of the policy", width=160),
            "ran": st.column_config.TextColumn(width=70),
            "started": st.column_config.TextColumn("started (UTC)", width=145),
            "agent": st.column_config.TextColumn(width=100),
            "task": st.column_config.TextColumn("task type", width=115),
            "release": st.column_config.TextColumn(width=85),
        },
    )


def _open(actions: Sequence[Document], selection: Any) -> None:
    for index in (*selection.rows, *(row for row, _ in selection.cells)):
        open_execution(str(actions[index]["execution_id"]), str(actions[index]["step_id"]))


def _cells(action: Document) -> dict[str, str | None]:
    arguments = action.get("arguments")
    told = arguments if isinstance(arguments, str) or arguments is None else json.dumps(arguments, ensure_ascii=False)
    return {
        "action": _text(action.get("action")),
        "arguments": _text(told),
        "rule": _text(action.get("rule")),
        "ran": "ran" if action.get("ran") else "✕ did not",
        "started": format_time(action.get("started_at")),
        "agent": _text(action.get("agent")),
        "task": _text(action.get("task_type")),
        "release": _text(action.get("release")),
    }


def _text(value: object) -> str | None:
    return None if value is None else one_line(value, limit=160)
