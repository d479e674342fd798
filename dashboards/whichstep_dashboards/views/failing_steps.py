"""Where executions fail: most frequent first, week by week, what is new, and examples one click away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from whichstep_dashboards import charts, data, pages, palette, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import format_count, format_time, format_value
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.query_string import Pairs
from whichstep_dashboards.views import clickable, execution_table, filters, notices

GROUPS_MAX: Final = 15
EXAMPLES_MAX: Final = 5
BY: Final = {"step": "Step", "kind": "Kind", "signature": "Signature"}
# What a group is called in the API's key, and the filter that finds its executions.
_FILTER_OF: Final = {
    "step": "failing_path", "path": "failing_path", "failing_path": "failing_path", "failing_step_path": "failing_path",
    "failing_step": "failing_step", "failing_step_name": "failing_step",
    "kind": "failure_kind", "failure_kind": "failure_kind",
    "signature": "signature", "failure_signature": "signature",
}  # fmt: skip


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=False)
    st.title("Failing steps")
    if filters.is_empty(values):
        notices.empty_store()
        return
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    by = _choose_by()
    with st.spinner("Reading failures …"):
        found = data.failures(pairs, by=by)
    groups: Sequence[Document] = found.get("groups") or []
    if not groups:
        st.success(
            "No failure in this window could be told to a step."
            if found.get("failed")
            else "No execution failed in this window."
        )
        return
    _summary(found, groups)
    _charts(groups[:GROUPS_MAX], palette.of_theme(st.context.theme.type))
    _group(_selected(groups), pairs, purpose=filters.purpose_shown(values))


def _choose_by() -> str:
    current = query_string.read_one("by", "step")
    st.session_state["by"] = current if current in BY else "step"
    st.segmented_control(
        "Group by", list(BY), key="by", format_func=lambda name: BY[name], label_visibility="collapsed",
        on_change=lambda: query_string.write(by=st.session_state["by"], group=None),
    )  # fmt: skip
    return str(st.session_state["by"] or "step")


def _summary(found: Document, groups: Sequence[Document]) -> None:
    new = sum(1 for group in groups if group.get("new_since_release"))
    st.caption(
        f"{format_count(found.get('failed'))} of {format_count(found.get('executions'))} executions failed · "
        f"{min(len(groups), GROUPS_MAX)} of {len(groups)} groups drawn"
        + (f" · **{new} new since the last release**" if new else "")
    )


def _charts(groups: Sequence[Document], colours: Palette) -> None:
    chosen = query_string.read_one("group") or str(groups[0]["label"])
    rows = [
        {
            "label": group["label"],
            "count": group["count"],
            "share": group.get("share"),
            "new": bool(group.get("new_since_release")),
        }
        for group in groups
    ]
    pareto, weeks = st.columns([4, 3], gap="medium")
    with pareto.container(border=True, height="stretch"):
        st.markdown("##### Which few explain most")
        chart = charts.pareto(rows, colours=colours, selected=chosen)
        clickable.show(chart, key="pareto", on_pick=lambda mark: _pick(mark, groups))
    with weeks.container(border=True, height="stretch"):
        st.markdown("##### Week by week")
        cells = [_cell(group, week) for group in groups for week in group.get("weeks") or []]
        shown = sorted({cell["week"] for cell in cells})
        labels = [str(group["label"]) for group in groups]
        st.altair_chart(
            charts.heat_map(cells, weeks=shown, labels=labels, colours=colours), width="stretch", key="weeks"
        )


def _cell(group: Document, week: Mapping[str, Any]) -> dict[str, Any]:
    return {"label": group["label"], "week": str(week.get("week")), "count": week.get("count") or 0}


def _pick(mark: Mapping[str, Any], groups: Sequence[Document]) -> None:
    drawn = {one_line(group["label"], limit=60): str(group["label"]) for group in groups}
    if mark.get("label") in drawn:
        query_string.write(group=drawn[mark["label"]])


def _selected(groups: Sequence[Document]) -> Document:
    labels = [str(group["label"]) for group in groups]
    wanted = query_string.read_one("group")
    st.session_state["group"] = wanted if wanted in labels else labels[0]
    st.selectbox(
        "Look closer at", labels, key="group", format_func=lambda label: one_line(label, limit=120),
        on_change=lambda: query_string.write(group=st.session_state["group"]),
    )  # fmt: skip
    return groups[labels.index(st.session_state["group"])]


def _group(group: Document, pairs: Pairs, *, purpose: str) -> None:
    link = _link(group, purpose)
    found = data.executions(_narrowed(pairs, link), limit=EXAMPLES_MAX)
    with st.container(border=True):
        st.markdown(f"##### {plain(group['label'], limit=80)}")
        first, last = (format_time(group.get(name)) for name in ("first_seen", "last_seen"))
        share = format_value(group.get("share"), "share")
        counts = f"{format_count(group['count'])} failed executions, {share} of all failures"
        st.text(f"{counts} · first {first}, last {last} UTC")
        if group.get("reason"):
            st.text(f"for example: {one_line(group['reason'], limit=400)}")
        if new := group.get("new_since_release"):
            since = plain(new) if isinstance(new, str) else "the latest release"
            st.markdown(f":orange[◆ **New**]: not seen before {since}.")
        rows = found.get("executions") or []
        if rows:
            execution_table.show(rows, key="examples")
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.caption(f"{len(rows)} of {format_count(found.get('total'))}", width="content")
            pages.link(pages.EXECUTIONS, "Open all of them", icon=":material/arrow_forward:", parameters=link)


def _link(group: Document, purpose: str) -> dict[str, str | list[str]]:
    """The filters that find exactly the executions of a group."""
    keys: Mapping[str, Any] = group.get("key") or {}
    found = {_FILTER_OF[name]: str(value or "") for name, value in keys.items() if name in _FILTER_OF}
    return {"success": "false", "purpose": purpose, **found}


def _narrowed(pairs: Pairs, link: Mapping[str, Any]) -> Pairs:
    return (*(pair for pair in pairs if pair[0] not in link), *((name, str(value)) for name, value in link.items()))
