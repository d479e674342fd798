"""What agents tried that the policy forbids, what ran without approval, what to review, and what people decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from whichstep_dashboards import data, figures, pages, palette, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import METRICS, UNGATED, Metric, format_count
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.query_string import Pairs
from whichstep_dashboards.views import action_table, decisions, filters, metric_card, notices, reviewer

BLOCKED, UNGATED_KIND, LOGGED = "blocked", "ungated", "logged"
KINDS: Final[Mapping[str, str]] = {
    BLOCKED: "Blocked attempts",
    UNGATED_KIND: "Ran without approval",
    LOGGED: "Logged, to review",
}
SHOWN_MAX: Final = 100
SAMPLE: Final = 20
"""Logged actions to look at: a sample that stays the same, so that two reviewers see the same ones."""
REVIEW: Final = "action_review"
FINE, SHOULD_ASK = "fine", "should have asked"
_NOTHING: Final[Mapping[str, str]] = {
    BLOCKED: "Nothing that is blocked was attempted in this window.",
    UNGATED_KIND: "No action that the policy holds or blocks ran without an approval in this window.",
    LOGGED: "No action with risk level `log` ran in this window.",
}
_METRICS: Final = {metric.id: metric for metric in METRICS}


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=False)
    st.title("Safety")
    if filters.is_empty(values):
        notices.empty_store()
        return
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    kind = query_string.read_one("kind", BLOCKED)
    kind = kind if kind in KINDS else BLOCKED
    with st.spinner("Reading actions …"):
        found = data.actions(pairs, kind=kind, limit=SAMPLE if kind == LOGGED else SHOWN_MAX)
    if not found.get("executions"):
        notices.no_match()
        return
    _rates(pairs, palette.of_theme(st.context.theme.type))
    counts: Mapping[str, Any] = found.get("counts") or {}
    _evidence(found, counts)
    with st.container(border=True):
        _choose(kind, counts)
        _list(kind, found)
    decisions.show(data.approval_figures(pairs), colours=palette.of_theme(st.context.theme.type))


def _rates(pairs: Pairs, colours: Palette) -> None:
    groups = data.metrics(pairs).get("groups") or [{}]
    weeks = sorted(data.metrics(pairs, by="week").get("groups") or [], key=_week)
    known: Mapping[str, Any] = groups[0].get("metrics") or {}
    shown: tuple[Metric, ...] = (_METRICS["policy_violation_rate"], UNGATED, _METRICS["human_escalation_rate"])
    for metric, column in zip(shown, st.columns(len(shown)), strict=True):
        trend = [_point(group, metric.id) for group in weeks]
        with column:
            metric_card.show(metric, known.get(metric.id) or {}, trend, colours=colours)


def _week(group: Document) -> str:
    return str((group.get("group") or {}).get("week") or "")


def _point(group: Document, metric_id: str) -> dict[str, Any]:
    figure = (group.get("metrics") or {}).get(metric_id) or {}
    return {"period": _week(group), "value": figure.get("value"), "n": figure.get("n")}


def _evidence(found: Document, counts: Mapping[str, Any]) -> None:
    judged, executions = found.get("judged") or 0, found.get("executions")
    if not judged:
        st.info(
            "No action in this window was compared with a policy. Start the sidecar with `whichstep up --policy "
            "policy.toml`; what is stored is compared then, too.",
            icon=":material/info:",
        )
        return
    parts = [
        f"{format_count(counts.get('actions'))} actions compared with the policy",
        f"{format_count(counts.get('automatic'))} automatic",
        f"{format_count(counts.get('logged'))} logged",
        f"{format_count(counts.get('gated'))} approved by a person",
        f"{format_count(counts.get('unknown'))} that cannot be judged",
        f"{format_count(judged)} of {format_count(executions)} executions judged whole",
    ]
    st.caption(" · ".join(parts))


def _choose(kind: str, counts: Mapping[str, Any]) -> None:
    st.session_state["safety-kind"] = kind
    st.segmented_control(
        "Actions",
        list(KINDS),
        key="safety-kind",
        format_func=lambda name: f"{KINDS[name]} · {format_count(counts.get(name))}",
        label_visibility="collapsed",
        on_change=lambda: query_string.write(kind=st.session_state["safety-kind"]),
    )


def _list(kind: str, found: Document) -> None:
    rows = found.get("actions") or []
    if not rows:
        st.caption(_NOTHING[kind])
        return
    if kind == LOGGED:
        _reviews(rows)
    else:
        action_table.show(rows, key=f"actions-{kind}")
    sample = "a sample, not yet reviewed first · " if kind == LOGGED else "newest first · "
    st.caption(f"{sample}{len(rows)} of {format_count(found.get('total'))}")


def _reviews(rows: list[Document]) -> None:
    for row in rows:
        action, verdict = st.columns([5, 3], vertical_alignment="center")
        with action:
            pages.link(
                pages.EXECUTION,
                plain(f"{row.get('action')} {_arguments(row)}", limit=140),
                parameters={"execution": str(row["execution_id"]), "step": str(row["step_id"])},
                icon=":material/chevron_right:",
            )
            st.caption(plain(_where(row), limit=160))
        with verdict:
            _verdict(row)


def _verdict(row: Document) -> None:
    if row.get("review"):
        st.caption(f"✓ reviewed: {plain(row['review'], limit=60)}", text_alignment="right")
        return
    with st.container(horizontal=True, horizontal_alignment="right"):
        for label, icon in ((FINE, ":material/check:"), (SHOULD_ASK, ":material/front_hand:")):
            st.button(
                label.capitalize(),
                icon=icon,
                key=f"review-{row['execution_id']}-{row['step_id']}-{label}",
                on_click=_review,
                args=(str(row["execution_id"]), str(row["step_id"]), label),
            )


def _review(execution_id: str, step_id: str, label: str) -> None:
    try:
        data.evaluate(execution_id, step_id, name=REVIEW, label=label, token=reviewer.token())
    except data.ApiError as error:
        st.toast(plain(f"The review was not stored: {error.title}. {error.remedy}"), icon=":material/error:")


def _arguments(row: Document) -> str:
    arguments = row.get("arguments")
    if isinstance(arguments, Mapping):
        return ", ".join(f"{name}: {one_line(value, limit=60)}" for name, value in arguments.items())
    return "" if arguments is None else one_line(arguments, limit=120)


def _where(row: Document) -> str:
    started = f"{figures.format_time(row.get('started_at'))} UTC"
    facts = (started, row.get("agent"), row.get("task_type"), row.get("release"))
    return " · ".join(one_line(fact, limit=40) for fact in facts if fact)
