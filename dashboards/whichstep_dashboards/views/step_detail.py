"""One step: what it did, took and cost, and its texts whole, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from whichstep_dashboards import content, data, figures
from whichstep_dashboards.content import Block
from whichstep_dashboards.data import ApiError, Document
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.views import notices

FIELDS: Final = ("input", "arguments", "query", "result", "sources", "output")
_EMPTY_WORDS: Final = "This step carries no content: none was sent, or content capture is off."


def show(execution_id: str, step: Document) -> None:
    """Draws the step; its texts are fetched now and only for this step."""
    _facts(step)
    if step.get("error_type") or step.get("error_message"):
        with st.container(border=True):
            recovered = ", recovered later by success of the same action" if step.get("recovered") else ""
            st.markdown(f":red[**Error**]{recovered}")
            st.text(": ".join(str(step[name]) for name in ("error_type", "error_message") if step.get(name)))
    try:
        with st.spinner("Reading the step's content …"):
            fields = data.step_fields(execution_id, str(step["step_id"]))
    except ApiError as error:
        notices.problem(error)
        return
    names = [*(name for name in FIELDS if fields.get(name)), *(sorted(set(fields) - set(FIELDS)))]
    if not names:
        st.caption(_EMPTY_WORDS)
    for name in names:
        _field(name, fields[name], step_id=str(step["step_id"]))


def _facts(step: Document) -> None:
    facts = _fact_rows(step)
    for start in range(0, len(facts), 3):
        for (label, value), column in zip(facts[start : start + 3], st.columns(3), strict=False):
            with column.container(gap=None):
                st.caption(label)
                st.text(value)


def _fact_rows(step: Document) -> list[tuple[str, str]]:
    facts = [
        ("type", one_line(step.get("type"))),
        ("status", one_line(step.get("status"))),
        ("took", figures.format_duration(step.get("latency_ms"))),
        ("of it on the critical path", _on_path(step)),
    ]
    if step.get("model") or step.get("type") == "llm_call":
        facts += [
            ("model", one_line(step.get("model")) or figures.UNKNOWN),
            ("tokens in → out", _tokens(step)),
            ("cost", figures.format_cost(step.get("cost_usd"))),
        ]
    facts += [(words, one_line(step[name])) for name, words in _OPTIONAL_FACTS.items() if step.get(name)]
    if (step.get("attempt") or 1) > 1:
        facts.append(("attempt", str(step["attempt"])))
    if step.get("flags"):
        facts.append(("flags", one_line(", ".join(map(str, step["flags"])))))
    return facts


_OPTIONAL_FACTS: Final = {
    "agent": "agent", "provider": "provider", "tool": "tool", "finish_reason": "finish reason",
    "document_count": "documents", "approval_id": "approval",
}  # fmt: skip


def _on_path(step: Document) -> str:
    """Its own part of the time that the end of the execution waited for."""
    own = step.get("critical_path_ms")
    return "none: something beside it took longer, or steps below it did" if own == 0 else figures.format_duration(own)


def _tokens(step: Mapping[str, Any]) -> str:
    pair = f"{figures.format_count(step.get('input_tokens'))} → {figures.format_count(step.get('output_tokens'))}"
    cached = step.get("cache_read_tokens")
    return f"{pair} ({figures.format_count(cached)} cached)" if cached else pair


def _field(name: str, text: str, *, step_id: str) -> None:
    pieces = content.blocks(text)
    shown = pieces[-content.MESSAGES_MAX :]
    heading, download = st.columns([3, 1], vertical_alignment="center")
    left_out = f" · last {len(shown)} of {len(pieces)} messages" if len(shown) < len(pieces) else ""
    heading.markdown(f"**{plain(name)}** :gray[{len(text):,} characters{left_out}]")
    download.download_button(
        "whole", text, file_name=f"{step_id}-{one_line(name, limit=20)}.txt", mime="text/plain",
        icon=":material/download:", type="tertiary", key=f"download-{step_id}-{name}",
    )  # fmt: skip
    for piece in shown:
        _block(piece)


def _block(block: Block) -> None:
    if block.title:
        st.caption(plain(block.title))
    lines = block.text.count("\n") + len(block.text) // 60
    st.code(block.text, language=block.language, wrap_lines=True, height=320 if lines > 14 else "content")
    if len(block.text) < block.length:
        st.caption(f"{len(block.text):,} of {block.length:,} characters")
