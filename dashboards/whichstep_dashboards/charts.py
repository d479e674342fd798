"""Rows in, charts out: pure functions, no fetching and no page.

Rows travel inside the chart's specification, at most a few hundred of them. Text of traces reaches marks and tooltips
as text; no field is ever a link or an image.
"""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from whichstep_dashboards.chart_style import AXIS_PIXELS, SELECTED, Rows, axis, chart_of, view
from whichstep_dashboards.figures import format_value
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import one_line


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
    base = chart_of(data).encode(
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
    return view(line + dots, height=56)


def success_by_group(rows: Rows, *, colours: Palette) -> alt.LayerChart:
    """Shares of success with their intervals, one line a group, in the order given.

    Rows: `label`, `value`, `lower`, `upper`, `n`. An unknown share has no dot, and says so.
    """
    data = [
        {**row, "label": one_line(row["label"], limit=40), "shown": format_value(row["value"], "share")} for row in rows
    ]
    labels = [row["label"] for row in data]
    base = chart_of(data).encode(
        y=alt.Y("label:N", sort=labels, title=None, axis=axis(colours, labelLimit=180)),
        tooltip=[
            alt.Tooltip("label:N", title="group"),
            alt.Tooltip("shown:N", title="success"),
            alt.Tooltip("n:Q", title="executions"),
        ],
    )
    share = alt.Scale(domain=[0, 1], nice=False)
    interval = base.mark_rule(color=colours.muted, strokeWidth=2).encode(
        x=alt.X("lower:Q", scale=share, title=None, axis=axis(colours, format="%", tickCount=5, grid=True)),
        x2="upper:Q",
    )
    dots = base.mark_circle(color=colours.accent, size=110, opacity=1).encode(
        x=alt.X("value:Q", scale=share, title=None)
    )
    text = base.mark_text(align="left", dx=10, color=colours.text, fontSize=12).encode(
        x=alt.value("width"), text="shown:N"
    )
    return view(interval + dots + text, height=34 * len(data) + AXIS_PIXELS, right=56)


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
    base = chart_of(data).encode(
        x=alt.X(
            "label:N", sort=order, title=None, axis=axis(colours, labelAngle=-28, labelLimit=150, labelOverlap=False)
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
        y=alt.Y("count:Q", title="failed executions", axis=axis(colours, grid=True, tickMinStep=1, format="d")),
        color=alt.condition(chosen, alt.value(colours.failing), alt.value(colours.accent)),
    )
    counts = base.mark_text(dy=-8, color=colours.text, fontSize=12).encode(y="count:Q", text="count:Q")
    total = alt.Y(
        "cumulative:Q",
        title="cumulative share",
        scale=alt.Scale(domain=[0, 1.05], nice=False),
        axis=axis(colours, format="%", values=[0, 0.2, 0.4, 0.6, 0.8, 1]),
    )
    line = base.mark_line(color=colours.cause, strokeWidth=2, point={"color": colours.cause, "size": 40}).encode(
        y=total
    )
    chart = alt.layer(bars.add_params(pick) + counts, line).resolve_scale(y="independent")
    return view(chart, height=340)


def heat_map(rows: Rows, *, weeks: Sequence[str], labels: Sequence[str], colours: Palette) -> alt.LayerChart:
    """Failures of each group in each week, darker is more. Rows: `label`, `week`, `count`."""
    data = [{**row, "label": one_line(row["label"], limit=60)} for row in rows if row["count"]]
    base = chart_of(data).encode(
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
            axis=axis(colours, labelLimit=220),
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
    return view(cells + numbers, height=30 * len(labels) + AXIS_PIXELS)


def _week_axis(colours: Palette) -> alt.Axis:
    return axis(colours, orient="top", labelAngle=0, labelOverlap=True, labelExpr="slice(datum.label, -3)")
