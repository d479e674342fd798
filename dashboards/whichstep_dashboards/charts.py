"""Rows in, charts out: pure functions, no fetching and no page.

Rows travel inside the chart's specification, at most a few hundred of them. Text of traces reaches marks and tooltips
as text; no field is ever a link or an image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import altair as alt

from whichstep_dashboards.figures import format_duration, format_value
from whichstep_dashboards.palette import CAUSE_GLYPH, FAILING_GLYPH, FAMILIES, Palette, family
from whichstep_dashboards.plain import one_line
from whichstep_dashboards.step_tree import CAUSE, FAILING, Row

Rows = Sequence[Mapping[str, Any]]

ROW_PIXELS: Final = 26
NAME_PIXELS: Final = 240
# A chart's height includes its axis, its legend and 8 pixels of padding.
AXIS_PIXELS: Final = 34
LEGEND_PIXELS: Final = 34
SELECTED: Final = "picked"
"""Name of the selection that the clickable charts offer."""

# Vega trims blanks at the start of a text; after a zero-width space they stay.
_INDENT: Final = "\u2003"
_KEEP_BLANKS: Final = "\u200b"
_LABEL_DEPTH_MAX: Final = 8


def sparkline(points: Rows, *, unit: str, colours: Palette) -> alt.LayerChart:
    """A small trend without axes; a period without a figure is a gap, not a zero. Points: `period`, `value`, `n`."""
    data = [
        {
            "period": str(point["period"]),
            "value": point["value"],
            "shown": format_value(point["value"], unit),
            "n": point.get("n") or 0,
        }
        for point in points
    ]
    base = _chart(data).encode(
        x=alt.X("period:O", axis=None, scale=alt.Scale(paddingOuter=0.15)),
        y=alt.Y("value:Q", axis=None, scale=alt.Scale(zero=False, nice=False, padding=6)),
        tooltip=[
            alt.Tooltip("period:O", title="period"),
            alt.Tooltip("shown:N", title="value"),
            alt.Tooltip("n:Q", title="executions"),
        ],
    )
    line = base.mark_line(color=colours.accent, strokeWidth=2, invalid="break-paths-show-domains")
    dots = base.mark_circle(color=colours.accent, size=28, opacity=0.9, invalid="filter")
    return _plain_view(line + dots, height=56)


def success_by_group(rows: Rows, *, colours: Palette) -> alt.LayerChart:
    """Shares of success with their intervals, one line a group, in the order given.

    Rows: `label`, `value`, `lower`, `upper`, `n`. An unknown share has no dot, and says so.
    """
    data = [
        {**row, "label": one_line(row["label"], limit=40), "shown": format_value(row["value"], "share")} for row in rows
    ]
    labels = [row["label"] for row in data]
    base = _chart(data).encode(
        y=alt.Y("label:N", sort=labels, title=None, axis=_axis(colours, labelLimit=180)),
        tooltip=[
            alt.Tooltip("label:N", title="group"),
            alt.Tooltip("shown:N", title="success"),
            alt.Tooltip("n:Q", title="executions"),
        ],
    )
    share = alt.Scale(domain=[0, 1], nice=False)
    interval = base.mark_rule(color=colours.muted, strokeWidth=2).encode(
        x=alt.X("lower:Q", scale=share, title=None, axis=_axis(colours, format="%", tickCount=5, grid=True)),
        x2="upper:Q",
    )
    dots = base.mark_circle(color=colours.accent, size=110, opacity=1).encode(
        x=alt.X("value:Q", scale=share, title=None)
    )
    text = base.mark_text(align="left", dx=10, color=colours.text, fontSize=12).encode(
        x=alt.value("width"), text="shown:N"
    )
    return _plain_view(interval + dots + text, height=34 * len(data) + AXIS_PIXELS, right=56)


def pareto(rows: Rows, *, colours: Palette, selected: str | None = None) -> alt.LayerChart:
    """Counts as bars, most frequent first, and the cumulative share as a line. Rows: `label`, `count`, `share`, `new`.

    `share` is of all failed executions, so the line ends below 100 % when groups are left out.
    """
    data, running = [], 0.0
    for row in rows:
        running += row["share"] or 0
        mark = "new since the last release" if row.get("new") else "seen before"
        data.append({**row, "label": one_line(row["label"], limit=60), "cumulative": min(running, 1.0), "new": mark})
    order = [row["label"] for row in data]
    pick = alt.selection_point(name=SELECTED, fields=["label"], on="click", empty=False)
    base = _chart(data).encode(
        x=alt.X(
            "label:N", sort=order, title=None, axis=_axis(colours, labelAngle=-28, labelLimit=150, labelOverlap=False)
        ),
        tooltip=[
            alt.Tooltip("label:N", title="where"),
            alt.Tooltip("count:Q", title="failed executions"),
            alt.Tooltip("share:Q", title="of all failures", format=".1%"),
            alt.Tooltip("cumulative:Q", title="cumulative", format=".0%"),
            alt.Tooltip("new:N", title="since"),
        ],
    )
    chosen = alt.datum.label == (one_line(selected, limit=60) if selected else None)
    bars = base.mark_bar(cornerRadiusTopLeft=3, cornerRadiusTopRight=3, cursor="pointer").encode(
        y=alt.Y("count:Q", title="failed executions", axis=_axis(colours, grid=True, tickMinStep=1, format="d")),
        color=alt.condition(chosen, alt.value(colours.failing), alt.value(colours.accent)),
    )
    counts = base.mark_text(dy=-8, color=colours.text, fontSize=12).encode(y="count:Q", text="count:Q")
    total = alt.Y(
        "cumulative:Q",
        title="cumulative share",
        scale=alt.Scale(domain=[0, 1.05], nice=False),
        axis=_axis(colours, format="%", values=[0, 0.2, 0.4, 0.6, 0.8, 1]),
    )
    line = base.mark_line(color=colours.cause, strokeWidth=2, point={"color": colours.cause, "size": 40}).encode(
        y=total
    )
    chart = alt.layer(bars.add_params(pick) + counts, line).resolve_scale(y="independent")
    return _plain_view(chart, height=340)


def heat_map(rows: Rows, *, weeks: Sequence[str], labels: Sequence[str], colours: Palette) -> alt.LayerChart:
    """Failures of each group in each week, darker is more. Rows: `label`, `week`, `count`."""
    data = [{**row, "label": one_line(row["label"], limit=60)} for row in rows if row["count"]]
    base = _chart(data).encode(
        x=alt.X(
            "week:O",
            title=None,
            scale=alt.Scale(domain=list(weeks)),
            axis=_week_axis(colours),
        ),
        y=alt.Y(
            "label:N",
            title=None,
            scale=alt.Scale(domain=[one_line(label, limit=60) for label in labels]),
            axis=_axis(colours, labelLimit=220),
        ),
        tooltip=[
            alt.Tooltip("label:N", title="where"),
            alt.Tooltip("week:O", title="week"),
            alt.Tooltip("count:Q", title="failed executions"),
        ],
    )
    most = max((row["count"] for row in data), default=1)
    cells = base.mark_rect(cornerRadius=4, stroke=colours.background, strokeWidth=3).encode(
        color=alt.Color("count:Q", scale=alt.Scale(domain=[0, most], range=list(colours.heat)), legend=None)
    )
    on_dark = alt.datum.count > most * 0.55
    ink = ("#ffffff", colours.text) if colours.background == "#ffffff" else ("#11161d", colours.text)
    numbers = base.mark_text(fontSize=12).encode(
        text="count:Q", color=alt.condition(on_dark, alt.value(ink[0]), alt.value(ink[1]))
    )
    return _plain_view(cells + numbers, height=30 * len(labels) + AXIS_PIXELS)


def waterfall(rows: Sequence[Row], *, total_ms: float, selected: str | None, colours: Palette) -> alt.LayerChart:
    """The step tree with a bar for each row's time; a click on a row picks its `step_id`."""
    longest = max(total_ms, 1.0)
    data = [_waterfall_row(row, index, longest, selected) for index, row in enumerate(rows)]
    names = alt.Scale(domain=list(FAMILIES), range=list(colours.families))
    lines = alt.Y("row:O", axis=None, scale=alt.Scale(paddingInner=0, paddingOuter=0))
    time = alt.Scale(domain=[0, longest], range=[NAME_PIXELS, {"expr": "width - 70"}], nice=False)
    pick = alt.selection_point(name=SELECTED, fields=["step_id"], on="click", empty=False)
    base = _chart(data).encode(
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
    return _plain_view(chart, height=waterfall_pixels(len(data)))


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
    return {"running": "… ", "pending_approval": "⏸ ", "blocked": "⊘ ", "rejected": "⊘ ", "expired": "⊘ "}.get(
        row.status, ""
    )


def _status_words(row: Row) -> str:
    if row.mark:
        return f"{row.status}, {row.mark} step"
    return f"{row.status}, recovered" if row.recovered else row.status


def _time_axis(colours: Palette) -> alt.Axis:
    seconds = "datum.value >= 1000 ? format(datum.value / 1000, '~g') + ' s' : format(datum.value, '~g') + ' ms'"
    return _axis(colours, orient="top", labelExpr=seconds, tickCount=4, grid=True)


def _week_axis(colours: Palette) -> alt.Axis:
    return _axis(colours, orient="top", labelAngle=0, labelOverlap=True, labelExpr="slice(datum.label, -3)")


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


def _axis(colours: Palette, **options: Any) -> alt.Axis:
    defaults: dict[str, Any] = {
        "labelColor": colours.muted,
        "titleColor": colours.muted,
        "gridColor": colours.line,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "domain": False,
        "ticks": False,
        "grid": False,
        "labelFlush": False,
    }
    return alt.Axis(**(defaults | options))


def _chart(data: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=data))


def _plain_view(chart: alt.LayerChart, *, height: int, right: int = 0) -> alt.LayerChart:
    """The chart without frame or backdrop, so that it sits on the page in either theme."""
    padding = {"left": 4, "right": 4 + right, "top": 4, "bottom": 4}
    bare = chart.properties(height=height, background="transparent", padding=padding)
    return cast("alt.LayerChart", bare.configure_view(strokeWidth=0))
