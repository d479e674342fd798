"""A table of failure signatures; a click on a row looks closer at it. Cells are text: nothing in them is rendered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import format_time
from whichstep_dashboards.plain import one_line

_SCHEMA: Final = pa.schema(
    [
        ("what failed", pa.string()),
        ("step", pa.string()),
        ("kind", pa.string()),
        ("failed", pa.int64()),
        ("share", pa.float64()),
        ("weeks", pa.list_(pa.int64())),
        ("new since", pa.string()),
        ("first seen", pa.string()),
        ("last seen", pa.string()),
    ]
)
_ROW_PIXELS: Final = 35
_ROWS_SHOWN: Final = 12


def show(groups: Sequence[Document], *, key: str, on_pick: Callable[[Document], None]) -> None:
    """Draws the table of all groups; it scrolls past twelve rows."""

    def pick() -> None:
        selection = st.session_state[key].selection
        for index in (*selection.rows, *(row for row, _ in selection.cells)):
            on_pick(groups[index])

    st.dataframe(
        pa.Table.from_pylist([_cells(group) for group in groups], schema=_SCHEMA),
        key=key,
        hide_index=True,
        width="stretch",
        height=_ROW_PIXELS * (min(len(groups), _ROWS_SHOWN) + 1) + 3,
        row_height=_ROW_PIXELS,
        on_select=pick,
        selection_mode=("single-row", "single-cell"),
        placeholder="\N{EN DASH}",
        column_config={
            "what failed": st.column_config.TextColumn(width=360),
            "step": st.column_config.TextColumn(width=150),
            "kind": st.column_config.TextColumn(width=110),
            "failed": st.column_config.NumberColumn(width=60),
            "share": st.column_config.NumberColumn(format="percent", width=65, help="Of all failed executions"),
            "weeks": st.column_config.BarChartColumn("week by week", width=110, y_min=0),
            "first seen": st.column_config.TextColumn("first seen (UTC)", width=145),
            "last seen": st.column_config.TextColumn("last seen (UTC)", width=145),
        },
    )


def words(group: Document) -> str:
    """What the failures of a signature say, without the workflow, step and kind that stand before it."""
    text = str(group.get("label") or "")
    for part in ("workflow", "step", "kind"):
        text = text.removeprefix(f"{group.get(part)} · ")
    return text


def _cells(group: Document) -> dict[str, Any]:
    return {
        "what failed": one_line(words(group), limit=240),
        "step": _text(group.get("step")),
        "kind": _text(group.get("kind")),
        "failed": group.get("count"),
        "share": group.get("share"),
        "weeks": [week.get("count") or 0 for week in group.get("weeks") or []],
        "new since": _text(group.get("new_since_release")),
        "first seen": format_time(group.get("first_seen")),
        "last seen": format_time(group.get("last_seen")),
    }


def _text(value: object) -> str | None:
    return None if value is None else one_line(value, limit=160)
