"""What changed between two releases (prompts, tools, models, parameters, rules) beside what moved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards import data, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import METRICS, UNKNOWN, format_count, format_value
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.views import filters, notices

CHANGES_MAX: Final = 30
TEXT_MAX: Final = 20_000
_SCHEMA: Final = pa.schema([(name, pa.string()) for name in ("metric", "before", "after", "what moved")])
_WORDS: Final = {"added": "new", "removed": "gone", "changed": "changed"}


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=False)
    st.title("Compare")
    if filters.is_empty(values):
        notices.empty_store()
        return
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    names = sorted({str(item["value"]) for item in values.get("release") or [] if item.get("value")}, key=_version)
    before, after = _chosen(names)
    if before is None or after is None:
        st.info("Two releases are needed: set `service.version`, or `whichstep.configure(release=…)`.")
        return
    kept = tuple(pair for pair in pairs if pair[0] != "release")
    try:
        with st.spinner("Comparing …"):
            found = data.compare(kept, before=before, after=after)
    except data.ApiError as error:
        if error.status != 400:
            raise
        st.info(plain(error.detail or error.title, limit=600))
        return
    _heading(found)
    with st.container(border=True):
        st.markdown("##### What moved")
        _metrics(found.get("metrics") or {})
    _changes(found.get("changes") or [])


def _chosen(names: Sequence[str]) -> tuple[str | None, str | None]:
    """The two sides of the address, else the last two releases; a configuration's id may stand there too."""
    last = [None, None, *names][-2:]
    sides = [query_string.read_one(name) or fallback for name, fallback in zip(("before", "after"), last, strict=True)]
    for column, name, side in zip(st.columns(2), ("before", "after"), sides, strict=True):
        options = [*names, *([side] if side and side not in names else [])]
        st.session_state[name] = side
        column.selectbox(
            name.capitalize(), options, key=name, format_func=lambda value: one_line(value, limit=60),
            on_change=lambda name=name: query_string.write(**{name: st.session_state[name]}),
        )  # fmt: skip
    return sides[0], sides[1]


def _heading(found: Document) -> None:
    words = []
    for side in (found.get("before") or {}, found.get("after") or {}):
        ran = len([one for one in side.get("configurations") or [] if one.get("configuration_id")])
        words.append(
            f"{plain(side.get('name'), limit=60)}: {format_count(side.get('executions'))} executions, "
            f"{format_count(ran)} {'configuration' if ran == 1 else 'configurations'}"
        )
    st.caption(" · ".join(words))
    if warnings := found.get("warnings"):
        st.warning("  \n".join(plain(warning, limit=400) for warning in warnings), icon=":material/warning:")


def _metrics(metrics: Document) -> None:
    rows = [_row(metric, metrics.get(metric.id) or {}) for metric in METRICS]
    st.dataframe(
        pa.Table.from_pylist(rows, schema=_SCHEMA),
        hide_index=True,
        width="stretch",
        column_config={"what moved": st.column_config.TextColumn(width=520)},
    )


def _row(metric: Any, found: Document) -> dict[str, str]:
    previous, change = found.get("previous") or {}, found.get("change") or {}
    said = change.get("words") or found.get("reason") or previous.get("reason") or "cannot be compared"
    return {
        "metric": metric.label,
        "before": _value(previous.get("value"), metric.unit),
        "after": _value(found.get("value"), metric.unit),
        "what moved": one_line(said, limit=300),
    }


def _value(value: float | None, unit: str) -> str:
    return UNKNOWN if value is None else format_value(value, unit)


def _changes(changes: Sequence[Document]) -> None:
    st.markdown(f"##### What changed ({format_count(len(changes))})")
    if not changes:
        st.caption("No part is known to have changed.")
    for number, change in enumerate(changes[:CHANGES_MAX]):
        kind = str(change.get("kind"))
        name = plain(change.get("name") or "", limit=80)
        title = f"{plain(change.get('part'))} {name} · {_WORDS.get(kind, plain(kind))}"
        with st.expander(title, expanded=number < 3):
            st.code(str(change.get("diff") or "")[:TEXT_MAX], language="diff")
    if len(changes) > CHANGES_MAX:
        st.caption(f"{CHANGES_MAX} of {format_count(len(changes))}")


def _version(name: str) -> list[tuple[int, str]]:
    """Numbers within a release count as numbers: 2026.11.22 comes after 2026.11.8."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
