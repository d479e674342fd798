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
from whichstep_dashboards.views import clickable, execution_table, filters, notices, signature_table

GROUPS_MAX: Final = 15
EXAMPLES_MAX: Final = 5
DRAWN_MAX: Final = 60
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
    if by == "signature":
        with st.container(border=True):
            st.markdown(f"##### All {format_count(len(groups))} signatures")
            signature_table.show(groups, key="signatures", on_pick=_look_at)
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
    chosen = next((group for group in groups if query_string.read_one("group") in _names(group)), groups[0])
    drawn = _drawn(groups)
    rows = [
        {
            "label": label,
            "count": group["count"],
            "share": group.get("share"),
            "new": bool(group.get("new_since_release")),
        }
        for label, group in drawn.items()
    ]
    pareto, weeks = st.columns([4, 3], gap="medium")
    with pareto.container(border=True, height="stretch"):
        st.markdown("##### Which few explain most")
        chart = charts.pareto(rows, colours=colours, selected=_label_of(chosen, drawn))
        clickable.show(chart, key="pareto", on_pick=lambda mark: _pick(mark, drawn))
    with weeks.container(border=True, height="stretch"):
        st.markdown("##### Week by week")
        cells = [_cell(label, week) for label, group in drawn.items() for week in group.get("weeks") or []]
        shown = sorted({cell["week"] for cell in cells})
        chart = charts.heat_map(cells, weeks=shown, labels=list(drawn), colours=colours)
        st.altair_chart(chart, width="stretch", key="weeks")


def _drawn(groups: Sequence[Document]) -> dict[str, Document]:
    """The groups by the short label that charts show, each label once."""
    found: dict[str, Document] = {}
    for number, group in enumerate(groups, start=1):
        label = one_line(signature_table.words(group), limit=DRAWN_MAX)
        mark = f" ({number})"
        found[one_line(label, limit=DRAWN_MAX - len(mark)) + mark if label in found else label] = group
    return found


def _label_of(group: Document, drawn: Mapping[str, Document]) -> str:
    return next(label for label, one in drawn.items() if one is group)


def _cell(label: str, week: Mapping[str, Any]) -> dict[str, Any]:
    return {"label": label, "week": str(week.get("week")), "count": week.get("count") or 0}


def _pick(mark: Mapping[str, Any], drawn: Mapping[str, Document]) -> None:
    if mark.get("label") in drawn:
        _look_at(drawn[mark["label"]])


def _look_at(group: Document) -> None:
    query_string.write(group=_names(group)[0])


def _names(group: Document) -> tuple[str, str]:
    """What the address may call a group: by its key, which stays, or by its label."""
    label = str(group["label"])
    key = next(iter((group.get("key") or {}).values()), None)
    return str(key or label), label


def _selected(groups: Sequence[Document]) -> Document:
    """The group of the address, else the first, in a box to choose another."""
    wanted = query_string.read_one("group")
    by_name = {_names(group)[0]: group for group in groups}
    found = next((name for name, group in by_name.items() if wanted in _names(group)), next(iter(by_name)))
    st.session_state["group"] = found
    st.selectbox(
        "Look closer at", list(by_name), key="group",
        format_func=lambda name: one_line(by_name[name]["label"], limit=120),
        on_change=lambda: query_string.write(group=st.session_state["group"]),
    )  # fmt: skip
    return by_name[st.session_state["group"]]


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
