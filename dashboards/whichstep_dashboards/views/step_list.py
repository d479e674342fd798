"""The steps of an execution: the tree over time on the left, one step on the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from whichstep_dashboards import palette, query_string, step_tree, waterfall
from whichstep_dashboards.data import Document
from whichstep_dashboards.palette import CAUSE_GLYPH, FAILING_GLYPH
from whichstep_dashboards.plain import one_line
from whichstep_dashboards.step_tree import Row
from whichstep_dashboards.views import clickable, step_detail

ROWS_MAX: Final = 120
"""Rows of the waterfall at once; more are a click away, and counted."""
CHART_PIXELS_MAX: Final = 820


def show(execution: Document) -> None:
    """Draws tree and step side by side; the address says which step and which rows."""
    steps: Sequence[Document] = execution.get("steps") or []
    if not steps:
        st.info("No step of this execution has arrived yet.")
        return
    selected = _selected(execution, steps)
    tree, detail = st.columns([5, 3], gap="medium")
    with tree:
        _tree(execution, steps, selected)
    with detail:
        _detail(execution, steps, selected)


def _selected(execution: Document, steps: Sequence[Document]) -> Document:
    by_id = {str(step["step_id"]): step for step in steps}
    wanted = (query_string.read_one("step"), str(execution.get("failing_step_id")))
    return next((by_id[step_id] for step_id in wanted if step_id in by_id), steps[0])


def _tree(execution: Document, steps: Sequence[Document], selected: Document) -> None:
    picked = str(selected["step_id"])
    fold = query_string.read_one("fold") != "no"
    rows = step_tree.rows(
        steps,
        failing=_text(execution.get("failing_step_id")),
        cause=_text(execution.get("cause_step_id")),
        selected=picked,
        fold=fold,
    )
    first = _first_row(rows, picked)
    shown = rows[first : first + ROWS_MAX]
    _tree_heading(rows, shown, first=first, steps=len(steps), fold=fold)
    total = max((row.end_ms or row.start_ms or 0.0 for row in rows), default=0.0)
    colours = palette.of_theme(st.context.theme.type)
    chart = waterfall.waterfall(shown, total_ms=total, selected=picked, colours=colours)
    key = f"waterfall-{execution.get('execution_id')}"
    tall = waterfall.waterfall_pixels(len(shown)) > CHART_PIXELS_MAX
    with st.container(height=CHART_PIXELS_MAX if tall else "content", border=False):
        clickable.show(chart, key=key, on_pick=lambda mark: query_string.write(step=str(mark["step_id"])))
    st.caption(
        f"{FAILING_GLYPH} failing step · {CAUSE_GLYPH} cause · ! error · ↺ error that was recovered · … running. "
        "Click a row, or choose the step on the right."
    )


def _first_row(rows: Sequence[Row], picked: str) -> int:
    """The window's first row: the address's, else the page that holds the picked step."""
    wanted = query_string.read_one("from")
    if wanted.isdecimal():
        return min(int(wanted), max(len(rows) - 1, 0)) // ROWS_MAX * ROWS_MAX
    at = next((index for index, row in enumerate(rows) if row.step_id == picked), 0)
    return at // ROWS_MAX * ROWS_MAX


def _tree_heading(rows: Sequence[Row], shown: Sequence[Row], *, first: int, steps: int, fold: bool) -> None:
    in_rows = f"{steps:,} steps" if len(rows) == steps else f"{steps:,} steps in {len(rows):,} rows"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        if len(shown) < len(rows):
            st.markdown(
                f"**Rows {first + 1:,}\N{EN DASH}{first + len(shown):,} of {len(rows):,}** :gray[· {in_rows}]",
                width="content",
            )
            _window_buttons(first, len(rows))
        else:
            st.markdown(f"**{in_rows}**", width="content")
        if len(rows) < steps or not fold:
            st.session_state["fold"] = fold
            st.toggle(
                "Fold repeats",
                key="fold",
                on_change=_toggle_fold,
                help="Equal steps in a row become one line with a count",
            )


def _window_buttons(first: int, total: int) -> None:
    st.button(
        "Earlier", icon=":material/expand_less:", disabled=first == 0,
        on_click=query_string.write, kwargs={"from": str(max(first - ROWS_MAX, 0))},
    )  # fmt: skip
    st.button(
        "Later", icon=":material/expand_more:", disabled=first + ROWS_MAX >= total,
        on_click=query_string.write, kwargs={"from": str(first + ROWS_MAX)},
    )  # fmt: skip


def _toggle_fold() -> None:
    query_string.write(fold=None if st.session_state["fold"] else "no", **{"from": None})


def _detail(execution: Document, steps: Sequence[Document], selected: Document) -> None:
    picked = str(selected["step_id"])
    words = {
        str(step["step_id"]): f"{step.get('position', '?')}. {one_line(step.get('name'), limit=60)}" for step in steps
    }
    before, after = step_tree.neighbours(steps, picked)
    back, choice, onward = st.columns([1, 8, 1], vertical_alignment="bottom")
    _turn(back, "chevron_left", "Step before", before)
    _turn(onward, "chevron_right", "Step after", after)
    with choice:
        st.session_state["step"] = picked
        st.selectbox(
            "Step", list(words), key="step", format_func=lambda step_id: words[step_id],
            on_change=lambda: query_string.write(step=st.session_state["step"], **{"from": None}),
        )  # fmt: skip
    _marks(execution, picked)
    step_detail.show(str(execution.get("execution_id")), selected)


def _option(step: Document) -> str:
    return f"{step.get('position', '?')}. {one_line(step.get('name'), limit=60)}"


def _turn(column: Any, icon: str, words: str, step_id: str | None) -> None:
    column.button(
        "", icon=f":material/{icon}:", help=words, disabled=step_id is None, key=words, width="stretch",
        on_click=query_string.write, kwargs={"step": step_id, "from": None},
    )  # fmt: skip


def _marks(execution: Document, step_id: str) -> None:
    if step_id == _text(execution.get("failing_step_id")):
        st.markdown(f":red[**{FAILING_GLYPH} This is the failing step.**]")
    if step_id == _text(execution.get("cause_step_id")):
        st.markdown(f":orange[**{CAUSE_GLYPH} The failure was caused here.**]")


def _text(value: object) -> str | None:
    return None if value is None else str(value)
