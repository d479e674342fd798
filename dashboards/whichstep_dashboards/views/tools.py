"""How the tools fare, and whether they were the right ones: calls, errors, time, cost; what was chosen for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import streamlit as st

from whichstep_dashboards import charts, data, pages, palette, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import (
    UNKNOWN,
    format_cost,
    format_count,
    format_duration,
    format_share,
    format_value,
)
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.views import clickable, filters, notices

NO_TOOL: Final = "(no tool)"
PERSON: Final = "(a person)"
CELLS_MAX: Final = 12
"""Tools that the map has on a side: those that were right, or chosen, most often."""
TASK_TYPES_MAX: Final = 12
_CARDS: Final = {
    "tool_selection_accuracy": (
        "Right tools chosen",
        "Matched ÷ (matched + missing + needless) per execution, averaged.",
    ),
    "tool_recall_name": ("Right tools called", "Of the calls that were right, those that were made."),
    "tool_precision_name": ("Calls that were right", "Of the calls that were made, those that were right."),
    "tool_precision_arguments": ("… with right arguments", "Calls with the right name and the right arguments."),
    "tool_order_match": ("In the right order", "1 less the edit distance of the two sequences ÷ the longer one."),
}
_SCHEMA: Final = pa.schema(
    [
        ("tool", pa.string()),
        ("calls", pa.int64()),
        ("errors", pa.string()),
        ("between", pa.string()),
        ("retries", pa.int64()),
        ("p50", pa.string()),
        ("p95", pa.string()),
        ("cost", pa.string()),
        ("asking", pa.string()),
    ]
)
_ROW_PIXELS: Final = 35
_ROWS_SHOWN: Final = 15
_EXAMPLE: Final = """# expectations.toml: whichstep up --expectations expectations.toml
[refund_request]
tools = ["lookup_order", "issue_refund"]
ordered = true
"""


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=False)
    st.title("Tools")
    if filters.is_empty(values):
        notices.empty_store()
        return
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    with st.spinner("Reading tools …"):
        found = data.tools(pairs)
    if not found.get("executions"):
        notices.no_match()
        return
    colours = palette.of_theme(st.context.theme.type)
    _choice(found, colours)
    with st.container(border=True):
        _table(found.get("tools") or [])


def _choice(found: Document, colours: Palette) -> None:
    known = (found.get("expectations") or {}).keys() - {"none"}
    if not known:
        st.info(
            "Nobody said which tools are right in this window, so the choice is unknown. Say it by task type in a "
            "file, in code with `whichstep.expect(tools=[…])`, or of one execution: `whichstep expect ID --tools …`.",
            icon=":material/info:",
        )
        st.code(_EXAMPLE, language="toml")
        return
    _cards(found.get("metrics") or {})
    cells = found.get("confusion") or []
    drawn, by_type = st.columns([5, 3], gap="medium")
    with drawn.container(border=True, height="stretch"):
        st.markdown("##### What was chosen for what")
        _confusion(cells, colours)
    with by_type.container(border=True, height="stretch"):
        st.markdown("##### Right tools chosen, by task type")
        _by_task_type(found.get("by_task_type") or [], colours)
    _amiss(found)


def _cards(metrics: Mapping[str, Any]) -> None:
    for (name, (label, text)), column in zip(_CARDS.items(), st.columns(len(_CARDS)), strict=True):
        figure: Mapping[str, Any] = metrics.get(name) or {}
        value = figure.get("value")
        with column.container(border=True, height="stretch", key=f"card-{name}"):
            st.markdown(f"**{label}**", help=text)
            st.header(f":gray[{UNKNOWN}]" if value is None else plain(format_value(value, "share")), anchor=False)
            if value is None:
                st.caption(plain(figure.get("reason")))
            elif figure.get("lower") is not None:
                lower, upper = (format_share(float(figure[end])) for end in ("lower", "upper"))
                st.caption(plain(f"between {lower} and {upper} (95 %)"))
            st.caption(f"known of {format_count(figure.get('known'))} of {format_count(figure.get('n'))} executions")


def _confusion(cells: Sequence[Document], colours: Palette) -> None:
    if not cells:
        st.caption("No expectation of this window names a tool.")
        return
    expected, chosen = _sides(cells)
    rows = [
        {"expected": _short(cell["expected"]), "chosen": _short(cell["chosen"]),
         "count": cell["count"], "right": cell["expected"] == cell["chosen"]}
        for cell in cells
        if cell["expected"] in expected and cell["chosen"] in chosen
    ]  # fmt: skip
    names = [[_short(name) for name in side] for side in (expected, chosen)]
    chart = charts.confusion(rows, expected=names[0], chosen=names[1], colours=colours)
    clickable.show(chart, key="confusion", on_pick=_pick)
    st.caption(
        f"rows: the right tool · columns: the chosen one · {len(rows)} of {len(cells)} pairs · "
        "blue: right, orange: another"
    )
    wrong = [cell for cell in cells if cell["expected"] != cell["chosen"]]
    if wrong:
        _one_pair(wrong)


def _sides(cells: Sequence[Document]) -> tuple[list[str], list[str]]:
    """The tools of both sides in one order, most frequent first: what is right lies on the diagonal."""
    counts: dict[str, int] = {}
    for cell in cells:
        for side in ("expected", "chosen"):
            counts[cell[side]] = counts.get(cell[side], 0) + cell["count"]
    order = sorted(counts, key=lambda name: (-counts[name], name))
    expected, chosen = ({cell[side] for cell in cells} for side in ("expected", "chosen"))
    return [name for name in order if name in expected][:CELLS_MAX], [name for name in order if name in chosen][
        :CELLS_MAX
    ]


def _pick(mark: Mapping[str, Any]) -> None:
    query_string.write(right=str(mark.get("expected")), taken=str(mark.get("chosen")))


def _one_pair(wrong: Sequence[Document]) -> None:
    """A box to choose a wrong pair, and the way to its executions."""
    labels = [f"{_short(cell['chosen'])} in place of {_short(cell['expected'])}" for cell in wrong]
    asked = (query_string.read_one("right"), query_string.read_one("taken"))
    known = [(_short(cell["expected"]), _short(cell["chosen"])) for cell in wrong]
    index = st.selectbox(
        "Look at",
        range(len(wrong)),
        index=known.index(asked) if asked in known else 0,
        format_func=lambda at: f"{labels[at]} · {format_count(wrong[at]['count'])}",
    )
    cell = wrong[index or 0]
    pages.link(
        pages.EXECUTIONS,
        f"To the executions: {format_count(cell['executions'])}",
        parameters={"expected_tool": [str(cell["expected"])], "chosen_tool": [str(cell["chosen"])]},
        icon=":material/list:",
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{format_count(count)} times"


def _short(tool: object) -> str:
    return one_line(tool, limit=40)


def _by_task_type(groups: Sequence[Document], colours: Palette) -> None:
    figures = [(group, group["metrics"].get("tool_selection_accuracy") or {}) for group in groups]
    known = [(group, figure) for group, figure in figures if figure.get("value") is not None]
    if not known:
        st.caption("Known for no task type.")
        return
    rows = [
        {
            "label": group.get("task_type") or "(no task type)",
            "n": figure.get("known"),
            **{name: figure.get(name) for name in ("value", "lower", "upper")},
        }
        for group, figure in known[:TASK_TYPES_MAX]
    ]
    chart = charts.share_by_group(rows, colours=colours, what="right tools chosen")
    st.altair_chart(chart, width="stretch", key="choice-by-task-type")
    st.caption(f"{len(rows)} of {len(known)} task types · the line is the 95 % interval")


def _amiss(found: Document) -> None:
    """What was right and never chosen, and what was called although nothing was right."""
    unknown = set(found.get("unknown") or ())
    said = [
        f"**{plain(row['tool'], limit=60)}** was right {_times(row['expected'])} and never chosen"
        + ("; no stored execution ever called it: is it misspelt?" if row["tool"] in unknown else "")
        for row in found.get("never_chosen") or ()
    ]
    said += [
        f"**{plain(row['tool'], limit=60)}** was called {_times(row['calls'])} where no tool was needed"
        for row in found.get("needless") or ()
    ]
    if said:
        with st.container(border=True):
            st.markdown("\n".join(f"- {text}" for text in said))


def _table(tools: Sequence[Document]) -> None:
    st.markdown(f"##### {format_count(len(tools))} tools that were called")
    if not tools:
        st.caption("No execution of this window called a tool.")
        return

    def pick() -> None:
        selection = st.session_state["tools"].selection
        for index in (*selection.rows, *(row for row, _ in selection.cells)):
            query_string.write(looked=str(tools[index]["tool"]))

    st.dataframe(
        pa.Table.from_pylist([_cells(tool) for tool in tools], schema=_SCHEMA),
        key="tools",
        hide_index=True,
        width="stretch",
        height=_ROW_PIXELS * (min(len(tools), _ROWS_SHOWN) + 1) + 3,
        row_height=_ROW_PIXELS,
        on_select=pick,
        selection_mode=("single-row", "single-cell"),
        placeholder="\N{EN DASH}",
        column_config={
            "between": st.column_config.TextColumn("error rate, 95 %"),
            "p50": st.column_config.TextColumn("time p50"),
            "p95": st.column_config.TextColumn("time p95"),
            "cost": st.column_config.TextColumn("own cost"),
            "asking": st.column_config.TextColumn("cost of asking", help="Of the model calls that asked for it."),
        },
    )
    looked = query_string.read_one("looked")
    chosen = next((tool for tool in tools if str(tool["tool"]) == looked), tools[0])
    pages.link(
        pages.EXECUTIONS,
        f"{format_count(chosen['executions'])} executions that called {plain(chosen['tool'], limit=60)}",
        parameters={"tool": [str(chosen["tool"])]},
        icon=":material/list:",
    )


def _cells(tool: Document) -> dict[str, Any]:
    lower, upper, rate = (tool.get(name) for name in ("error_rate_lower", "error_rate_upper", "error_rate"))
    return {
        "tool": one_line(tool.get("tool"), limit=80),
        "calls": tool.get("calls"),
        "errors": f"{format_count(tool.get('errors'))} of {format_count(tool.get('ended'))}",
        "between": None
        if rate is None or lower is None or upper is None
        else f"{format_share(rate)} ({format_share(lower)} to {format_share(upper)})",
        "retries": tool.get("retries"),
        "p50": None if tool.get("latency_p50_ms") is None else format_duration(tool["latency_p50_ms"]),
        "p95": None if tool.get("latency_p95_ms") is None else format_duration(tool["latency_p95_ms"]),
        "cost": None if tool.get("cost_usd") is None else format_cost(tool["cost_usd"]),
        "asking": None if tool.get("asked_cost_usd") is None else format_cost(tool["asked_cost_usd"]),
    }
