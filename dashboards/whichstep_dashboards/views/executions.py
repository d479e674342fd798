"""The list of executions: filters, order and page are in the address; the engine filters, sorts and cuts."""

from __future__ import annotations

from typing import Final

import streamlit as st

from whichstep_dashboards import data, query_string
from whichstep_dashboards.views import execution_table, filters, notices

PAGE_SIZE: Final = 50
ORDERS: Final = {
    "started_at:desc": "newest first",
    "started_at:asc": "oldest first",
    "latency_ms:desc": "slowest first",
    "cost_usd:desc": "most expensive first",
    "total_tokens:desc": "most tokens first",
    "step_count:desc": "most steps first",
    "error_count:desc": "most errors first",
}


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=True)
    st.title("Executions")
    if filters.is_empty(values):
        notices.empty_store()
        return
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    order = query_string.read_one("order", "started_at:desc")
    with st.spinner("Reading executions …"):
        found = data.executions(pairs, limit=PAGE_SIZE, order=order, cursor=query_string.read_one("cursor"))
    rows = found.get("executions") or []
    _heading(rows=len(rows), total=found.get("total"), order=order)
    if not rows:
        notices.no_match()
        return
    execution_table.show(rows, key="executions")
    _paging(found.get("next_cursor"))


def _page() -> int:
    text = query_string.read_one("page", "1")
    return max(int(text), 1) if text.isdecimal() else 1


def _heading(*, rows: int, total: int | None, order: str) -> None:
    first = (_page() - 1) * PAGE_SIZE + 1
    count, choice = st.columns([3, 1], vertical_alignment="bottom")
    of = "an unknown number" if total is None else f"{total:,}"
    count.markdown(f"**{first:,}\N{EN DASH}{first + rows - 1:,} of {of}**" if rows else f"**0 of {of}**")
    with choice:
        st.session_state["order"] = order
        st.selectbox(
            "Order",
            [*ORDERS, *([] if order in ORDERS else [order])],
            key="order",
            format_func=lambda name: ORDERS.get(name, name),
            help="Over all matching executions, not only this page",
            on_change=lambda: query_string.filter_by(order=st.session_state["order"]),
        )


def _paging(next_cursor: str | None) -> None:
    with st.container(horizontal=True, horizontal_alignment="right"):
        if _page() > 1:
            st.button("First page", icon=":material/first_page:", on_click=query_string.filter_by)
        turn = {"cursor": next_cursor, "page": str(_page() + 1)}
        st.button(
            "Next page",
            icon=":material/chevron_right:",
            on_click=query_string.write,
            kwargs=turn,
            disabled=not next_cursor,
        )
    if _page() > 1:
        st.caption("The browser's back button leads to the page before.", text_alignment="right")
