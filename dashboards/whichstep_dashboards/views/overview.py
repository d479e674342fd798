"""The first screen: the eight metrics with change and trend, success by release, where and what failed last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from whichstep_dashboards import charts, data, pages, palette, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import METRICS, format_count, format_value
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import plain
from whichstep_dashboards.query_string import Pairs
from whichstep_dashboards.views import execution_table, filters, metric_card, notices

CARDS_PER_ROW: Final = 4
RELEASES_MAX: Final = 8
FAILING_STEPS_MAX: Final = 5
LATEST_MAX: Final = 5


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=False)
    title, fresh = st.columns([2, 3], vertical_alignment="bottom")
    title.title("Overview")
    if filters.is_empty(values):
        notices.empty_store()
        return
    with st.spinner("Reading figures …"):
        newest = data.executions(pairs, limit=1)
    with fresh:
        rows = newest.get("executions") or []
        notices.freshness(rows[0].get("started_at") if rows else None)
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    if not rows:
        notices.no_match()
        return
    colours = palette.of_theme(st.context.theme.type)
    _metrics(pairs, total=newest.get("total"), colours=colours)
    releases, failing = st.columns(2, gap="medium")
    with releases.container(border=True, height="stretch"):
        _releases(pairs, colours)
    with failing.container(border=True, height="stretch"):
        _failing_steps(pairs)
    with st.container(border=True):
        _latest_failed(pairs)


def _metrics(pairs: Pairs, *, total: int | None, colours: Palette) -> None:
    by = _trend_unit()
    with st.spinner("Reading figures …"):
        groups = data.metrics(pairs).get("groups") or [{}]
        trend = sorted(data.metrics(pairs, by=by).get("groups") or [], key=lambda group: _key(group, by))
    figures: Mapping[str, Any] = groups[0].get("metrics") or {}
    before = (
        f"changes against the {query_string.window_words()} before" if query_string.window() else "no earlier window"
    )
    st.caption(f"{format_count(total)} executions · {before} · “between” is the 95 % interval · trends by {by}")
    for start in range(0, len(METRICS), CARDS_PER_ROW):
        for metric, column in zip(METRICS[start:], st.columns(CARDS_PER_ROW), strict=False):
            points = [_point(group, by, metric.id) for group in trend]
            with column:
                metric_card.show(metric, figures.get(metric.id) or {}, points, colours=colours)


def _trend_unit() -> str:
    """Days up to five weeks, weeks beyond: about as many points as a small drawing can show."""
    relative = re.fullmatch(r"(\d+)([hdw])", query_string.window())
    if not relative:
        return "week"
    days = int(relative[1]) * {"h": 1 / 24, "d": 1, "w": 7}[relative[2]]
    return "day" if days <= 35 else "week"


def _key(group: Document, by: str) -> str:
    return str((group.get("group") or {}).get(by) or "")


def _point(group: Document, by: str, metric_id: str) -> dict[str, Any]:
    figure = (group.get("metrics") or {}).get(metric_id) or {}
    return {"period": _key(group, by), "value": figure.get("value"), "n": figure.get("n")}


def _releases(pairs: Pairs, colours: Palette) -> None:
    st.markdown("##### Success by release")
    groups = data.metrics(pairs, by="release").get("groups") or []
    rows = sorted((_release(group) for group in groups), key=_version, reverse=True)
    if not any(row["n"] for row in rows):
        st.caption("No release is known in this window: set `service.version`, or `whichstep.configure(release=…)`.")
        return
    st.altair_chart(charts.share_by_group(rows[:RELEASES_MAX], colours=colours), width="stretch", key="releases")
    st.caption(f"{min(len(rows), RELEASES_MAX)} of {len(rows)} releases · the line is the 95 % interval")


def _version(row: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Numbers within a release count as numbers: 2026.11.22 comes after 2026.11.8."""
    parts = re.findall(r"\d+|\D+", str(row["label"]))
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _release(group: Document) -> dict[str, Any]:
    figure = (group.get("metrics") or {}).get("task_success_rate") or {}
    row = {name: figure.get(name) for name in ("value", "lower", "upper", "n")}
    return row | {"label": (group.get("group") or {}).get("release") or "(no release)"}


def _failing_steps(pairs: Pairs) -> None:
    st.markdown("##### Failing steps")
    found = data.failures(pairs, by="step")
    groups = found.get("groups") or []
    if not groups:
        st.caption("No execution in this window failed at a step that could be told.")
        return
    for group in groups[:FAILING_STEPS_MAX]:
        name, count = st.columns([3, 1], vertical_alignment="center")
        with name:
            new = " · **new**" if group.get("new_since_release") else ""
            pages.link(
                pages.FAILING_STEPS,
                plain(group["label"], limit=60) + new,
                parameters={"group": str(group["label"])},
                icon=":material/chevron_right:",
            )
        count.caption(
            f"{format_count(group['count'])} · {format_value(group.get('share'), 'share')}", text_alignment="right"
        )
    st.caption(
        f"{min(len(groups), FAILING_STEPS_MAX)} of {len(groups)} steps · "
        f"{format_count(found.get('failed'))} of {format_count(found.get('executions'))} executions failed"
    )


def _latest_failed(pairs: Pairs) -> None:
    st.markdown("##### Latest failed executions")
    found = data.executions((*pairs, ("success", "false")), limit=LATEST_MAX)
    rows = found.get("executions") or []
    if not rows:
        st.caption("None in this window.")
        return
    execution_table.show(rows, key="latest-failed")
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.caption(f"{len(rows)} of {format_count(found.get('total'))}", width="content")
        pages.link(
            pages.EXECUTIONS, "All failed executions", parameters={"success": "false"}, icon=":material/arrow_forward:"
        )
