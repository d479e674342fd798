"""Requests for approval: the inbox, or the one request that the address names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards import data, query_string
from whichstep_dashboards.data import ApiError, Document
from whichstep_dashboards.figures import format_age, format_left
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.views import approval_request, deliveries, notices, reviewer

PAGE_SIZE: Final = 50
REFRESH_SECONDS: Final = 3
STATES: Final = ("pending", "approved", "edited", "rejected", "expired", "cancelled", "consumed", "all")
_ROW_PIXELS: Final = 35
_OFTEN_EMPTY: Final = ("time", "state", "decided by", "webhook")
"""Columns that are left out where no request of the page has a value."""
_SCHEMA: Final = pa.schema(
    [
        ("time", pa.string()),
        ("state", pa.string()),
        ("action", pa.string()),
        ("webhook", pa.string()),
        ("risk", pa.string()),
        ("agent", pa.string()),
        ("summary", pa.string()),
        ("age", pa.string()),
        ("decided by", pa.string()),
    ]
)


def show() -> None:
    """Draws the screen."""
    reviewer.sidebar()
    approval_id = query_string.read_one("approval")
    if approval_id:
        approval_request.show(approval_id)
        return
    st.title("Approvals")
    reviewer.last_decision()
    state = _choose_state()
    if action := query_string.read_one("action"):
        st.button(
            f"Only {plain(one_line(action, limit=60))}",
            icon=":material/close:",
            on_click=query_string.filter_by,
            kwargs={"action": None},
            help="Show the requests of every action.",
        )
    _inbox(state)


def _choose_state() -> str:
    chosen = query_string.read_one("state", "pending")
    st.session_state["approval-state"] = chosen if chosen in STATES else "pending"
    st.segmented_control(
        "State",
        STATES,
        key="approval-state",
        label_visibility="collapsed",
        required=True,
        on_change=lambda: query_string.filter_by(state=st.session_state["approval-state"]),
    )
    return str(st.session_state["approval-state"])


@st.fragment(run_every=REFRESH_SECONDS)
def _inbox(state: str) -> None:
    """The list, read again every few seconds while the page is open."""
    pairs = [("limit", str(PAGE_SIZE)), *([] if state == "all" else [("state", state)])]
    if action := query_string.read_one("action"):
        pairs.append(("action", action))
    if cursor := query_string.read_one("cursor"):
        pairs.append(("cursor", cursor))
    try:
        found = data.approvals(tuple(pairs), token=reviewer.token())
    except ApiError as error:
        notices.problem(error)
        return
    rows = found["approvals"]
    st.markdown(f"**{len(rows):,} of {found['total']:,}**")
    if not rows:
        _nothing(state, filtered=bool(action))
        return
    _table(rows, of_all_states=state == "all")
    if found["next_cursor"]:
        st.button(
            "Next page",
            icon=":material/chevron_right:",
            on_click=query_string.write,
            kwargs={"cursor": found["next_cursor"]},
        )


def _nothing(state: str, *, filtered: bool) -> None:
    if filtered:
        st.info("No request of this action is in this state.", icon=":material/filter_alt_off:")
    elif state == "pending":
        st.info("**Nothing waits for a decision.** New requests appear here by themselves.", icon=":material/inbox:")
        st.caption("An action waits for a person where the policy says so: `whichstep policy explain ACTION` tells.")
    else:
        st.info(f"No request is {plain(state)}.", icon=":material/filter_alt_off:")


def _table(rows: Sequence[Document], *, of_all_states: bool) -> None:
    now = datetime.now(UTC)
    table = pa.Table.from_pylist([_cells(row, now, of_all_states=of_all_states) for row in rows], schema=_SCHEMA)
    st.dataframe(
        table.drop_columns([name for name in _OFTEN_EMPTY if table[name].null_count == len(rows)]),
        key="approvals",
        hide_index=True,
        width="stretch",
        height=_ROW_PIXELS * (len(rows) + 1) + 3,
        row_height=_ROW_PIXELS,
        on_select=lambda: _open(rows, st.session_state["approvals"].selection),
        selection_mode=("single-row", "single-cell"),
        placeholder="\N{EN DASH}",
        column_config={
            "time": st.column_config.TextColumn("time left", width=90),
            "state": st.column_config.TextColumn(width=85),
            "action": st.column_config.TextColumn(width=180),
            "risk": st.column_config.TextColumn(width=70),
            "agent": st.column_config.TextColumn(width=120),
            "summary": st.column_config.TextColumn(width=320),
            "age": st.column_config.TextColumn(width=90),
            "decided by": st.column_config.TextColumn(width=110),
            "webhook": st.column_config.TextColumn(width=150, help="Where the message about it was not taken."),
        },
    )


def _cells(row: Mapping[str, Any], now: datetime, *, of_all_states: bool) -> dict[str, str | None]:
    return {
        "time": format_left(row["expires_at"], now=now) if row["state"] == "pending" else None,
        "state": row["state"] if of_all_states else None,
        "action": one_line(row["action"], limit=120),
        "risk": row["risk_level"],
        "agent": one_line(row["agent"], limit=80) or None,
        "summary": one_line(row["summary"], limit=200),
        "age": format_age(row["created_at"], now=now),
        "decided by": one_line(row["decided_by"], limit=80) or None,
        "webhook": deliveries.trouble(row["notification"]) if row["notification"] else None,
    }


def _open(rows: Sequence[Document], selection: Any) -> None:
    for index in (*selection.rows, *(row for row, _ in selection.cells)):
        query_string.write(approval=str(rows[index]["approval_id"]))
