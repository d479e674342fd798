"""The filters in the sidebar. The address holds them (see `query_string`); widgets show it and write to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import streamlit as st

from whichstep_dashboards import query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.plain import one_line

PURPOSES: Final = ("production", "demo", "dataset", "adversarial", query_string.EVERYTHING)
STATUSES: Final = ("ok", "error", "running", "waiting", "abandoned")
SUCCESS: Final = ("true", "false", "unknown")
FAILURE_KINDS: Final = (
    "tool_error", "tool_timeout", "rate_limited", "invalid_arguments", "wrong_tool", "empty_retrieval", "llm_error",
    "malformed_output", "context_overflow", "loop", "policy_block", "approval_rejected", "approval_expired",
    "handoff_failed", "budget_exceeded", "gave_up", "ungrounded_output", "wrong_answer", "unknown",
)  # fmt: skip

_LABELS: Final = {
    "release": "Release", "task_type": "Task type", "agent": "Agent", "service": "Service",
    "environment": "Environment", "status": "Status", "success": "Success", "failure_kind": "Failure kind",
}  # fmt: skip
_SUCCESS_WORDS: Final = {"true": "succeeded", "false": "failed", "unknown": "unknown"}
# Set by links only; shown as removable chips so that nothing filters unseen.
_LINKED: Final = {
    "failing_step": "failing step", "failing_path": "failing step", "signature": "signature", "session_id": "session",
    "user_id": "user", "until": "until", "tool": "tool", "expected_tool": "right tool", "chosen_tool": "chosen tool",
}  # fmt: skip


def purpose_shown(values: Document) -> str:
    """The purpose of the figures: the address's, else production, else demo when only that has executions."""
    chosen = query_string.read_one("purpose")
    if chosen:
        return chosen
    counts = {entry.get("value"): entry.get("count") or 0 for entry in values.get("purpose") or []}
    return "demo" if counts.get("demo") and not counts.get("production") else "production"


def is_empty(values: Document) -> bool:
    """Whether the store holds no execution at all."""
    return not any(entry.get("count") for entry in values.get("purpose") or [])


def sidebar(values: Document, *, detailed: bool) -> query_string.Pairs:
    """Draws the filters and gives the pairs for the API; `detailed` adds those that concern single executions."""
    purpose = purpose_shown(values)
    with st.sidebar:
        st.space("small")
        _window()
        _choice("purpose", "Purpose", PURPOSES, purpose, lambda text: "any purpose" if text == "all" else text)
        for name in ("release", "task_type", "agent", "environment", "service"):
            _facet(name, values.get(name) or [])
        if detailed:
            _text("query", "Text in input or output")
            _several("success", SUCCESS, _SUCCESS_WORDS.get)
            _several("status", STATUSES)
            _several("failure_kind", FAILURE_KINDS)
        _linked()
        if any(query_string.read(name) for name in query_string.FILTERS):
            st.button(
                "Clear filters", icon=":material/filter_alt_off:", on_click=query_string.clear_filters, width="stretch"
            )
    names = query_string.FILTERS if detailed else query_string.SHARED_FILTERS
    return query_string.filter_pairs(names, purpose=purpose)


def _window() -> None:
    words = {since or query_string.EVERYTHING: label for since, label in query_string.WINDOWS.items()}
    current = query_string.window() or query_string.EVERYTHING
    options = [*words, *([] if current in words else [current])]
    _choice("since", "Time window", options, current, lambda since: _window_words(since, words))


def _window_words(since: str, words: dict[str, str]) -> str:
    if since not in words:
        return f"since {one_line(since, limit=30)}"
    return "All time" if since == query_string.EVERYTHING else f"Last {words[since]}"


def _choice(name: str, label: str, options: Sequence[str], current: str, words: Callable[[str], str]) -> None:
    key = f"filter-{name}"
    st.session_state[key] = current
    st.selectbox(
        label,
        [*options, *([] if current in options else [current])],
        key=key,
        format_func=words,
        on_change=lambda: query_string.filter_by(**{name: st.session_state[key]}),
    )


def _facet(name: str, entries: Sequence[dict[str, Any]]) -> None:
    counts = {str(entry.get("value") or ""): entry.get("count") or 0 for entry in entries}
    if len(counts) > 1 or query_string.read(name):
        _several(
            name, list(counts), lambda value: f"{one_line(value, limit=60) or '(none)'} ({counts.get(value, 0):,})"
        )


def _several(name: str, options: Sequence[str], words: Callable[[str], str | None] = str) -> None:
    key, chosen = f"filter-{name}", query_string.read(name)
    st.session_state[key] = chosen
    st.multiselect(
        _LABELS[name],
        [*options, *(value for value in chosen if value not in options)],
        key=key,
        format_func=lambda value: words(value) or one_line(value, limit=60) or "(none)",
        placeholder="any",
        on_change=lambda: query_string.filter_by(**{name: st.session_state[key]}),
    )


def _text(name: str, label: str) -> None:
    key = f"filter-{name}"
    st.session_state[key] = query_string.read_one(name)
    st.text_input(
        label,
        key=key,
        placeholder="any text",
        on_change=lambda: query_string.filter_by(**{name: st.session_state[key]}),
    )


def _linked() -> None:
    for name, words in _LINKED.items():
        for value in query_string.read(name):
            with st.container(border=True, horizontal=True, vertical_alignment="center"):
                st.text(f"{words}: {one_line(value, limit=80) or '(none)'}", width="stretch")
                st.button(
                    "", icon=":material/close:", key=f"unlink-{name}-{value}", type="tertiary",
                    help=f"Remove the filter on {words}", on_click=query_string.filter_by, kwargs={name: None},
                )  # fmt: skip
