"""Answers with ids, amounts, dates or addresses that stand in no input, source or tool result of their execution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards import charts, data, palette, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import UNKNOWN, format_count, format_share, format_time
from whichstep_dashboards.pages import open_execution
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.views import filters, notices

LATEST_MAX: Final = 50
TASK_TYPES_MAX: Final = 12
_SCHEMA: Final = pa.schema(
    [
        ("ungrounded values", pa.string()),
        ("of", pa.int64()),
        ("outcome", pa.string()),
        ("started", pa.string()),
        ("task type", pa.string()),
        ("agent", pa.string()),
    ]
)
_ROW_PIXELS: Final = 35
_ROWS_SHOWN: Final = 15
_HELP: Final = (
    "Of each answer, ids, amounts, dates and addresses are looked up in the whole texts of its execution: inputs, "
    "documents, results of tools. Other notations of the same value count, and what follows from given numbers by one "
    "step. Small whole numbers and words are not checked."
)


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=False)
    st.title("Grounding")
    if filters.is_empty(values):
        notices.empty_store()
        return
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    with st.spinner("Reading figures …"):
        found = data.grounding(pairs, limit=LATEST_MAX)
    if not found.get("executions"):
        notices.no_match()
        return
    _summary(found)
    with st.container(border=True):
        _by_task_type(found.get("by_task_type") or [])
    with st.container(border=True):
        _latest(found.get("latest") or [], ungrounded=found.get("ungrounded"))


def _summary(found: Document) -> None:
    rate = found.get("rate")
    with st.container(border=True, key="card-ungrounded"):
        st.markdown("**Answers with ungrounded values**", help=_HELP)
        st.header(f":gray[{UNKNOWN}]" if rate is None else plain(format_share(rate)), anchor=False)
        if rate is None:
            st.caption(plain(found.get("reason")))
        else:
            lower, upper = (format_share(found[end]) for end in ("lower", "upper"))
            st.caption(plain(f"between {lower} and {upper} (95 %)"))
        names = ("ungrounded", "with_values", "checked", "executions")
        ungrounded, with_values, checked, executions = (format_count(found.get(name)) for name in names)
        st.caption(
            f"{ungrounded} of {with_values} answers that have such values · {checked} of {executions} answers checked"
        )


def _by_task_type(groups: Sequence[Document]) -> None:
    st.markdown("##### By task type")
    known = [group for group in groups if group.get("with_values")]
    if not known:
        st.caption("No answer in this window has ids, amounts, dates or addresses.")
        return
    rows = [
        {
            "label": group.get("task_type") or "(no task type)",
            "value": group.get("rate"),
            "lower": group.get("lower"),
            "upper": group.get("upper"),
            "n": group.get("with_values"),
        }
        for group in known[:TASK_TYPES_MAX]
    ]
    chart = charts.share_by_group(rows, colours=palette.of_theme(st.context.theme.type), what="ungrounded")
    st.altair_chart(chart, width="stretch", key="ungrounded-by-task-type")
    st.caption(f"{len(rows)} of {len(known)} task types · the line is the 95 % interval")


def _latest(rows: Sequence[Document], *, ungrounded: int | None) -> None:
    st.markdown("##### Latest")
    if not rows:
        st.caption("None in this window.")
        return

    def pick() -> None:
        selection = st.session_state["ungrounded"].selection
        for index in (*selection.rows, *(row for row, _ in selection.cells)):
            open_execution(str(rows[index]["execution_id"]))

    st.dataframe(
        pa.Table.from_pylist([_cells(row) for row in rows], schema=_SCHEMA),
        key="ungrounded",
        hide_index=True,
        width="stretch",
        height=_ROW_PIXELS * (min(len(rows), _ROWS_SHOWN) + 1) + 3,
        row_height=_ROW_PIXELS,
        on_select=pick,
        selection_mode=("single-row", "single-cell"),
        placeholder="\N{EN DASH}",
        column_config={"started": st.column_config.TextColumn("started (UTC)")},
    )
    st.caption(f"{len(rows)} of {format_count(ungrounded)}")


def _cells(row: Document) -> dict[str, Any]:
    success = {True: "✓ success", False: "✕ failed", None: "? unknown"}[row.get("success")]
    return {
        "ungrounded values": one_line(", ".join(str(value) for value in row.get("ungrounded") or []), limit=240),
        "of": row.get("checked"),
        "outcome": success,
        "started": format_time(row.get("started_at")),
        "task type": None if row.get("task_type") is None else one_line(row["task_type"]),
        "agent": None if row.get("agent") is None else one_line(row["agent"]),
    }
