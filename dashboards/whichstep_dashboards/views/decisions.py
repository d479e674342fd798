"""What people decided on held actions: how often yes, how fast, by whom, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards import charts, pages, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import format_count, format_duration, format_share, format_value
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import one_line, plain

_CARDS: Final = {
    "approval_rate": ("Approved", "Of the requests that a person decided, with or without changes."),
    "edit_rate": ("Approved with changes", "Of the requests that a person decided."),
    "expired_share": ("Expired", "Of the requests that are over: nobody decided in time."),
    "decided_in_time": ("Decided within 30 s", "From the request to the decision."),
    "approved_then_failed": ("Approved, then failed", "Executions that failed although their action was approved."),
}
_BY: Final = ("action", "rule", "week")
_CHOSEN: Final = "decisions_by"
_GROUPS_MAX: Final = 12
_SCHEMA: Final = pa.schema(
    [
        ("reviewer", pa.string()),
        ("sign", pa.string()),
        ("decisions", pa.int64()),
        ("approved", pa.string()),
        ("median", pa.string()),
        ("fast", pa.string()),
    ]
)


def show(found: Document, *, colours: Palette) -> None:
    """Draws the section; says so where no person was asked for anything."""
    with st.container(border=True):
        st.subheader("Decisions of people")
        if without := found.get("without_execution"):
            st.caption(
                f"{format_count(without)} further requests belong to no stored execution: they are not counted here."
            )
        if not found.get("requests"):
            st.caption("No action of these executions waited for a person.")
            return
        _cards(found)
        by_group, by_reviewer = st.columns(2, gap="large")
        with by_group:
            _shares(found, colours)
        with by_reviewer:
            st.markdown("**By reviewer**")
            _reviewers(found.get("by_reviewer") or [])
        st.caption(_evidence(found))
        pages.link(pages.APPROVALS, "To the requests", parameters={"state": "all"}, icon=":material/inbox:")


def _shares(found: Document, colours: Palette) -> None:
    """The approved share by action, rule or week, with links to the requests of each action."""
    st.markdown("**Approved, by**")
    chosen = query_string.read_one(_CHOSEN, _BY[0])
    st.session_state[_CHOSEN] = by = chosen if chosen in _BY else _BY[0]
    st.segmented_control(
        "Approved, by", _BY, key=_CHOSEN, label_visibility="collapsed", required=True,
        on_change=lambda: query_string.write(**{_CHOSEN: st.session_state[_CHOSEN]}),
    )  # fmt: skip
    rows = found.get(f"by_{by}") or []
    shown = rows[-_GROUPS_MAX:] if by == "week" else rows[:_GROUPS_MAX]
    chart = charts.share_by_group(_groups(shown, by), colours=colours, what="approved", counted="decided")
    st.altair_chart(chart, width="stretch", key="decisions")
    order = "the latest" if by == "week" else "the most frequent first"
    st.caption(f"{len(shown)} of {len(rows)} {by}s, {order}")
    if by == "action":
        _links(shown)


def _links(rows: Sequence[Document]) -> None:
    """From an action to its requests, and, where any was approved and then failed, to the failed executions with it."""
    for row in rows:
        action, failed = str(row.get("action")), (row.get("approved_then_failed") or {}).get("numerator")
        with st.container(horizontal=True, gap="small"):
            label = f"{plain(one_line(action, limit=40))}: {format_count(row.get('requests'))} requests"
            pages.link(pages.APPROVALS, label, parameters={"state": "all", "action": action})
            if failed:
                failures: dict[str, str | list[str]] = {"tool": action, "success": "false"}
                pages.link(pages.EXECUTIONS, "failed executions with it", parameters=failures)


def _cards(found: Document) -> None:
    for (name, (label, text)), column in zip(_CARDS.items(), st.columns(len(_CARDS)), strict=True):
        share: Mapping[str, Any] = found.get(name) or {}
        value, all_ = share.get("value"), share.get("denominator") or 0
        with column:
            st.metric(label, "unknown" if value is None else format_value(value, "share"), help=text)
            if value is None:
                st.caption("nothing to count yet")
                continue
            lower, upper = (format_share(float(share[end])) for end in ("lower", "upper"))
            st.caption(f"{format_count(share.get('numerator'))} of {format_count(all_)} · {lower} to {upper}")


def _groups(rows: Sequence[Document], by: str) -> list[dict[str, Any]]:
    shares = [(row, row.get("approval_rate") or {}) for row in rows]
    return [
        {
            "label": one_line(row.get(by) or f"no {by}", limit=40),
            "n": share.get("denominator") or 0,
            **{name: share.get(name) for name in ("value", "lower", "upper")},
        }
        for row, share in shares
    ]


def _reviewers(rows: Sequence[Document]) -> None:
    if not rows:
        st.caption("Nobody has decided anything yet.")
        return
    st.dataframe(
        pa.Table.from_pylist([_cells(row) for row in rows], schema=_SCHEMA),
        hide_index=True,
        width="stretch",
        placeholder="\N{EN DASH}",
        column_config={
            "median": st.column_config.TextColumn("median time"),
            "fast": st.column_config.TextColumn("under 3 s"),
            "sign": st.column_config.TextColumn("to look at", width="medium"),
        },
    )


def _cells(row: Document) -> dict[str, Any]:
    approved, fast = ((row.get(name) or {}).get("value") for name in ("approval_rate", "fast_share"))
    return {
        "reviewer": one_line(row.get("reviewer"), limit=40),
        "decisions": row.get("decisions"),
        "approved": None if approved is None else format_share(approved),
        "median": _time(row.get("seconds_p50")),
        "fast": None if fast is None else format_share(fast),
        "sign": f"⚠ {row['sign']}" if row.get("sign") else None,
    }


def _evidence(found: Document) -> str:
    sent = found.get("notifications") or {}
    parts = [
        f"{format_count(found.get('decided'))} of {format_count(found.get('requests'))} requests decided by a person",
        f"{format_count(found.get('pending'))} pending",
        f"median {_time(found.get('seconds_p50')) or 'unknown'}, p95 {_time(found.get('seconds_p95')) or 'unknown'}",
        f"{format_count((found.get('unused_share') or {}).get('numerator'))} approved and never used",
        f"{format_count(sent.get('undelivered'))} notifications undelivered",
    ]
    return " · ".join(parts)


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds * 1000)
