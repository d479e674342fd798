"""The waterfall of an execution: step names indented on the left, their time as bars on the right; pure.

One drawing of at most a few hundred rows. Each row is clickable; names reach the drawing as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from whichstep_dashboards.chart_style import AXIS_PIXELS, LEGEND_PIXELS, SELECTED, axis, chart_of, view
from whichstep_dashboards.figures import format_duration
from whichstep_dashboards.palette import CAUSE_GLYPH, FAILING_GLYPH, FAMILIES, Palette, family
from whichstep_dashboards.plain import one_line
from whichstep_dashboards.step_tree import CAUSE, FAILING, Row

ROW_PIXELS: Final = 26
NAME_PIXELS: Final = 240

# Vega trims blanks at the start of a text; after a zero-width space they stay.
_INDENT: Final = "\u2003"
_KEEP_BLANKS: Final = "\u200b"
_LABEL_DEPTH_MAX: Final = 8


def waterfall(rows: Sequence[Row], *, total_ms: float, selected: str | None, colours: Palette) -> alt.LayerChart:
    """The step tree with a bar for each row's time; a click on a row picks its `step_id`."""
    longest = max(total_ms, 1.0)
    data = [_waterfall_row(row, index, longest, selected) for index, row in enumerate(rows)]
    names = alt.Scale(domain=list(FAMILIES), range=list(colours.families))
    lines = alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    time = alt.Scale(domain=[0, longest], range=[NAME_PIXELS, {"expr": "width - 70"}], nice=False)
    pick = alt.selection_point(name=SELECTED, fields=["step_id"], on="click", empty=False)
    base = chart_of(data).encode(
        y=lines,
        tooltip=[
            alt.Tooltip("what:N", title="step"),
            alt.Tooltip("type:N", title="type"),
            alt.Tooltip("status:N", title="status"),
            alt.Tooltip("shown:N", title="took"),
            alt.Tooltip("from:N", title="started after"),
        ],
    )
    tint = {"failing": colours.failing, "cause": colours.cause, "picked": colours.accent}
    bands = base.mark_rect(cursor="pointer", cornerRadius=4).encode(
        x=alt.value(0),
        x2=alt.value("width"),
        color=alt.Color(
            "band:N", scale=alt.Scale(domain=[*tint, ""], range=[*tint.values(), colours.background]), legend=None
        ),
        opacity=alt.condition(alt.datum.band != "", alt.value(0.16), alt.value(0)),
    )
    bars = base.mark_bar(height=12, cornerRadius=2, cursor="pointer").encode(
        x=alt.X("start:Q", scale=time, title=None, axis=_time_axis(colours)),
        x2="end:Q",
        color=alt.Color("family:N", scale=names, legend=_legend(colours)),
    )
    label = base.mark_text(align="left", limit=NAME_PIXELS - 14, cursor="pointer", fontSize=13)
    ink = {**tint, "": colours.text}
    labels = label.encode(
        x=alt.value(6),
        text="label:N",
        color=alt.Color("ink:N", scale=alt.Scale(domain=list(ink), range=list(ink.values())), legend=None),
    )
    took = base.mark_text(align="left", dx=6, color=colours.muted, fontSize=11.5).encode(
        x=alt.X("after:Q", scale=time, title=None), text="shown:N"
    )
    chart = alt.layer(bands.add_params(pick), bars, labels, took).resolve_scale(color="independent")
    return view(chart, height=waterfall_pixels(len(data)))


def waterfall_pixels(rows: int) -> int:
    """Height of a waterfall of so many rows, legend and time axis included."""
    return ROW_PIXELS * rows + LEGEND_PIXELS + AXIS_PIXELS


def _waterfall_row(row: Row, index: int, longest: float, selected: str | None) -> dict[str, Any]:
    start = min(row.start_ms or 0.0, longest)
    end = start if row.end_ms is None else min(max(row.end_ms, start + longest / 400), longest * 1.0025)
    name = one_line(row.name, limit=80) + (f"  \N{MULTIPLICATION SIGN} {row.repeats}" if row.repeats > 1 else "")
    glyph = {FAILING: f"{FAILING_GLYPH} ", CAUSE: f"{CAUSE_GLYPH} "}.get(row.mark) or _status_glyph(row)
    band = row.mark or ("picked" if row.step_id == selected else "")
    return {
        "row": index,
        "step_id": row.step_id,
        "label": f"{_KEEP_BLANKS}{_INDENT * min(row.depth, _LABEL_DEPTH_MAX)}{glyph}{name}",
        "what": f"{row.position}. {name}",
        "type": one_line(row.type),
        "family": family(row.type),
        "status": _status_words(row),
        "start": start,
        "end": end,
        "after": end,
        "band": band,
        "ink": row.mark,
        "shown": _took(row),
        "from": format_duration(row.start_ms) if row.start_ms is not None else "untimed",
    }


def _took(row: Row) -> str:
    if row.latency_ms is not None:
        return format_duration(row.latency_ms)
    return "running" if row.status == "running" else "untimed"


def _status_glyph(row: Row) -> str:
    if row.status == "error":
        return "↺ " if row.recovered else "! "
    return {"running": "… ", "pending_approval": "… ", "blocked": "⊘ ", "rejected": "⊘ ", "expired": "⊘ "}.get(
        row.status, ""
    )


def _status_words(row: Row) -> str:
    if row.mark:
        return f"{row.status}, {row.mark} step"
    return f"{row.status}, recovered" if row.recovered else row.status


def _time_axis(colours: Palette) -> alt.Axis:
    seconds = "datum.value >= 1000 ? format(datum.value / 1000, '~g') + ' s' : format(datum.value, '~g') + ' ms'"
    return axis(colours, orient="top", labelExpr=seconds, tickCount=4, grid=True)


def _legend(colours: Palette) -> alt.Legend:
    return alt.Legend(
        orient="top",
        title=None,
        symbolType="square",
        symbolSize=90,
        labelColor=colours.muted,
        labelFontSize=12,
        columnPadding=14,
    )
