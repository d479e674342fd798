"""Workflows: what their contracts say, how many executions keep to them, what they do, whether they earned more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards import charts, data, flow_graph, palette, query_string
from whichstep_dashboards.data import ApiError, Document
from whichstep_dashboards.figures import format_count, format_share
from whichstep_dashboards.pages import open_execution
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.views import filters, notices

LEVELS: Final = {1: "fixed pipeline", 2: "conditional routing", 3: "tools within constraints", 4: "autonomous"}
_ROW_PIXELS: Final = 35
_ROWS_SHOWN: Final = 10
_PARAMETER: Final = "workflow"


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=False)
    st.title("Workflows")
    if filters.is_empty(values):
        notices.empty_store()
        return
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    with st.spinner("Reading workflows …"):
        found = data.workflows(pairs)
    rows: Sequence[Document] = found.get("workflows") or []
    if not rows:
        notices.no_match()
        return
    examined, total = format_count(found.get("examined")), format_count(found.get("executions"))
    st.caption(f"From the latest {examined} of {total} executions. A click on a row looks closer at it.")
    _table(rows)
    name = _chosen(rows)
    try:
        with st.spinner("Reading the workflow …"):
            _workflow(data.workflow(pairs, name), palette.of_theme(st.context.theme.type))
    except ApiError as error:
        notices.problem(error)


def _table(rows: Sequence[Document]) -> None:
    def pick() -> None:
        selection = st.session_state["workflows"].selection
        for index in (*selection.rows, *(row for row, _ in selection.cells)):
            query_string.write(**{_PARAMETER: str(rows[index]["workflow"])})

    st.dataframe(
        pa.Table.from_pylist([_cells(row) for row in rows]), key="workflows", hide_index=True, width="stretch",
        height=_height(rows), row_height=_ROW_PIXELS, on_select=pick, selection_mode=("single-row", "single-cell"),
        placeholder="\N{EN DASH}",
    )  # fmt: skip


def _cells(row: Document) -> dict[str, str]:
    return {
        "workflow": one_line(row["workflow"], limit=80),
        "executions": format_count(row.get("executions")),
        "contract": _level(row.get("level")) if row.get("level") else "none",
        "observed": _level((row.get("observed") or {}).get("level")),
        "keep to the contract": _share(row.get("conformance") or {}),
    }


def _chosen(rows: Sequence[Document]) -> str:
    """The workflow of the address, else the first that has a contract, in a box to choose another."""
    names = [str(row["workflow"]) for row in rows]
    first = next((str(row["workflow"]) for row in rows if row.get("held")), names[0])
    wanted = query_string.read_one(_PARAMETER, first)
    st.session_state["workflow"] = wanted if wanted in names else first
    st.selectbox(
        "Look closer at", names, key="workflow", format_func=lambda name: one_line(name, limit=80),
        on_change=lambda: query_string.write(**{_PARAMETER: st.session_state["workflow"]}),
    )  # fmt: skip
    return str(st.session_state["workflow"])


def _workflow(found: Document, colours: Palette) -> None:
    _figures(found)
    with st.container(border=True):
        _flow(found.get("graph") or {}, colours)
    with st.container(border=True):
        _deviations(found)
    weeks, ready = st.columns(2, gap="medium")
    with weeks.container(border=True, height="stretch"):
        _weeks(found, colours)
    with ready.container(border=True, height="stretch"):
        _readiness(found)
    with st.container(border=True):
        _variants(found)
    _contract(found)


def _flow(graph: Mapping[str, Any], colours: Palette) -> None:
    st.markdown("##### What came after what")
    st.graphviz_chart(flow_graph.dot(graph, colours=colours), width="stretch")
    nodes = len(graph.get("nodes") or [])
    shown = f"{min(nodes, flow_graph.NODES_MAX)} of {nodes} activities, at most {flow_graph.EDGES_MAX} arrows"
    st.caption(f"{shown} · wider: more frequent · orange: executions failed · dashed: not allowed by the contract")


def _figures(found: Document) -> None:
    conformance, observed = found.get("conformance") or {}, found.get("observed") or {}
    cards = (
        (
            "Keep to the contract",
            _share(conformance),
            f"of {format_count(conformance.get('denominator'))} that are known",
        ),
        ("Fitness", _number(found.get("fitness")), "1: all steps have a place in the contract"),
        ("Precision", _number(found.get("precision")), "1: every way that is allowed is used"),
        ("Level of the contract", _level(found.get("level")), "" if found.get("contract") else "no contract holds it"),
        ("Observed level", _level(observed.get("level")), str(observed.get("reason") or "")),
    )
    for column, (label, value, remark) in zip(st.columns(len(cards)), cards, strict=True):
        with column.container(border=True, height="stretch", gap="xxsmall"):
            st.markdown(f"**{label}**")
            st.subheader(plain(value), anchor=False)
            st.caption(plain(remark, limit=160))


def _deviations(found: Document) -> None:
    st.markdown("##### What breaks the contract")
    rows: Sequence[Document] = found.get("deviations") or []
    if not found.get("contract"):
        st.caption("No contract: write one, or let `whichstep workflow learn` propose one.")
        return
    if unchecked := found.get("unchecked_outputs"):
        st.caption(f"{format_count(unchecked)} outputs with a schema are not known whole and were not checked.")
    if not rows:
        st.success("Nothing, in this window.")
        return
    words = {"log": "too many", "model": "missing", "rule": "rule"}
    cells = [
        {
            "step": one_line(row.get("step") or "\N{EN DASH}", limit=60),
            "what": words.get(str(row.get("move")), str(row.get("move"))),
            "executions": row.get("executions"),
            "reason": one_line(row.get("reason"), limit=160),
        }
        for row in rows
    ]
    _clickable(cells, rows, key="deviations")


def _variants(found: Document) -> None:
    rows: Sequence[Document] = found.get("variants") or []
    st.markdown("##### Ways that executions went")
    st.caption(f"The {len(rows)} most frequent; a click on a row opens an execution that went so.")
    cells = [
        {
            "executions": row.get("count"),
            "share": format_share(row["share"]) if row.get("share") is not None else None,
            "failed": row.get("failed"),
            "break the contract": row.get("deviating"),
            "steps": one_line(" → ".join(str(step) for step in row.get("steps") or []), limit=400),
        }
        for row in rows
    ]
    if cells:
        _clickable(cells, rows, key="variants")


def _clickable(cells: list[dict[str, Any]], rows: Sequence[Document], *, key: str) -> None:
    """A table whose rows open their first example."""

    def pick() -> None:
        selection = st.session_state[key].selection
        for index in (*selection.rows, *(row for row, _ in selection.cells)):
            if examples := rows[index].get("examples"):
                open_execution(str(examples[0]))

    st.dataframe(
        pa.Table.from_pylist(cells), key=key, hide_index=True, width="stretch", height=_height(cells),
        row_height=_ROW_PIXELS, on_select=pick, selection_mode=("single-row", "single-cell"),
        column_config={
            "step": st.column_config.TextColumn(width=180),
            "what": st.column_config.TextColumn(width=80),
            "executions": st.column_config.NumberColumn(width=80),
            "reason": st.column_config.TextColumn(width=560),
            "steps": st.column_config.TextColumn(width=640),
        },
    )  # fmt: skip


def _weeks(found: Document, colours: Palette) -> None:
    st.markdown("##### Week by week")
    weeks: Sequence[Document] = found.get("weeks") or []
    known = [
        {**week, "label": str(week["week"]), "n": week.get("denominator")} for week in weeks if week.get("denominator")
    ]
    if known:
        chart = charts.share_by_group(known, colours=colours, what="keep to the contract")
        st.altair_chart(chart, width="stretch", key="weeks")
        st.caption("Share that keeps to the contract; the line is the 95 % interval.")
    else:
        st.caption("Conformance is known in no week.")
    moved = [week for week in weeks if week.get("distance") is not None]
    if moved:
        widest = max(moved, key=lambda week: float(week["distance"]))
        st.caption(
            f"What was done moved most in {plain(widest['week'])}: {format_share(widest['distance'])} of the pairs of "
            "neighbours differ from the week before."
        )


def _readiness(found: Document) -> None:
    ready: Mapping[str, Any] = found.get("readiness") or {}
    st.markdown("##### Has it earned the next level?")
    words = {True: ":green[✓ yes]", False: ":orange[✕ not yet]", None: ":gray[? unknown]"}[ready.get("ready")]
    following = f" · level {ready['next_level']}" if ready.get("next_level") else ""
    st.markdown(f"{words}{following}")
    st.caption(plain(ready.get("reason"), limit=400))
    for bound in ready.get("bounds") or []:
        lower = "unknown" if bound.get("lower") is None else f"at least {format_share(bound['lower'])}"
        counted = f"{format_count(bound.get('good'))} of {format_count(bound.get('known'))} known"
        st.text(f"{bound.get('of')}: {lower} ({counted}), bar {format_share(bound['bar'])}")


def _contract(found: Document) -> None:
    if not found.get("contract"):
        return
    with st.expander("The contract"):
        st.json(found["contract"], expanded=2)
    with st.expander("The contract as Mermaid"):
        st.code(str(found.get("mermaid")), language="text")


def _level(level: int | None) -> str:
    return "unknown" if level is None else f"{level} · {LEVELS.get(level, '')}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _share(share: Mapping[str, Any]) -> str:
    if share.get("value") is None:
        return "unknown"
    return f"{format_share(share['value'])} (at least {format_share(share['lower'])})"


def _height(rows: Sequence[object]) -> int:
    return _ROW_PIXELS * (min(len(rows), _ROWS_SHOWN) + 1) + 3
