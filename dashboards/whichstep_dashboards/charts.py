"""Rows in, charts out: pure functions, no fetching and no page.

A chart holds at most a few hundred rows. Text of traces reaches marks and tooltips as text; no field is ever a link or
an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import altair as alt

from whichstep_dashboards.chart_style import AXIS_PIXELS, SELECTED, Rows, axis, chart_of, view
from whichstep_dashboards.figures import format_value
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import one_line

LINE_PIXELS: Final = 30
# As high as the axis with its title in both charts of one screen, so that their lines stand side by side.
TITLED_AXIS_PIXELS: Final = 52


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


def share_by_group(
    rows: Rows, *, colours: Palette, what: str = "success", counted: str = "executions"
) -> alt.LayerChart:
    """Shares of `what` among n of `counted`, with their intervals, one line a group, in the order given.

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
            alt.Tooltip("shown:N", title=what),
            alt.Tooltip("n:Q", title=counted),
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
        share_of_all = row["share"] or 0.0
        running += share_of_all
        mark = "new since the last release" if row.get("new") else "seen before"
        data.append(
            {
                **row,
                "share": share_of_all,
                "label": one_line(row["label"], limit=60),
                "cumulative": min(running, 1.0),
                "new": mark,
            }
        )
    pick = alt.selection_point(name=SELECTED, fields=["label"], on="click", empty=False)
    base = chart_of(data).encode(
        y=_label_axis([row["label"] for row in data], colours, pixels=200),
        tooltip=[
            alt.Tooltip("label:N", title="where"),
            alt.Tooltip("count:Q", title="failed executions"),
            alt.Tooltip("share:Q", title="of all failures", format=".1%"),
            alt.Tooltip("cumulative:Q", title="cumulative", format=".0%"),
            alt.Tooltip("new:N", title="since"),
        ],
    )
    chosen = alt.datum.label == (one_line(selected, limit=60) if selected else None)
    share = alt.X(
        "share:Q",
        title="share of all failures, and cumulative",
        scale=alt.Scale(domain=[0, 1.05], nice=False),
        axis=axis(colours, orient="top", format="%", values=[0, 0.25, 0.5, 0.75, 1], grid=True),
    )
    bars = base.mark_bar(cornerRadiusEnd=3, cursor="pointer", height=18).encode(
        x=share, color=alt.condition(chosen, alt.value(colours.failing), alt.value(colours.accent))
    )
    line = base.mark_line(color=colours.cause, strokeWidth=2).encode(x="cumulative:Q", order="cumulative:Q")
    dots = base.mark_circle(color=colours.cause, size=44, opacity=1).encode(x="cumulative:Q")
    counts = base.mark_text(align="left", dx=14, color=colours.text, fontSize=12).encode(x="share:Q", text="count:Q")
    chart = bars.add_params(pick) + line + dots + counts
    return view(chart, height=LINE_PIXELS * len(data) + TITLED_AXIS_PIXELS)


def confusion(rows: Rows, *, expected: Sequence[str], chosen: Sequence[str], colours: Palette) -> alt.LayerChart:
    """How often a tool was chosen where one was right; right pairs in another colour. A click picks a pair.

    Rows: `expected`, `chosen`, `count`, `right`.
    """
    most = max((row["count"] for row in rows), default=1)
    data = [{**row, "weight": 0.25 + 0.75 * row["count"] / most} for row in rows]
    pick = alt.selection_point(name=SELECTED, fields=["expected", "chosen"], on="click", empty=False)
    base = chart_of(data).encode(
        x=alt.X(
            "chosen:N",
            title=None,
            scale=alt.Scale(domain=list(chosen)),
            axis=axis(colours, orient="top", labelAngle=-40, labelLimit=110, labelOverlap=False),
        ),
        y=alt.Y("expected:N", title=None, scale=alt.Scale(domain=list(expected)), axis=axis(colours, labelLimit=150)),
        tooltip=[
            alt.Tooltip("expected:N", title="right"),
            alt.Tooltip("chosen:N", title="chosen"),
            alt.Tooltip("count:Q", title="times"),
        ],
    )
    cells = base.mark_rect(cornerRadius=4, stroke=colours.background, strokeWidth=3, cursor="pointer").encode(
        color=alt.condition(alt.datum.right, alt.value(colours.accent), alt.value(colours.failing)),
        opacity=alt.Opacity("weight:Q", scale=None, legend=None),
    )
    numbers = base.mark_text(fontSize=12, color=colours.text, fontWeight="bold").encode(text="count:Q")
    return view(cells.add_params(pick) + numbers, height=LINE_PIXELS * len(expected) + 2 * TITLED_AXIS_PIXELS)


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
        y=_label_axis([one_line(label, limit=60) for label in labels], colours, pixels=130),
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
    return view(cells + numbers, height=LINE_PIXELS * len(labels) + TITLED_AXIS_PIXELS)


def _label_axis(labels: list[str], colours: Palette, *, pixels: int) -> alt.Y:
    return alt.Y("label:N", title=None, scale=alt.Scale(domain=labels), axis=axis(colours, labelLimit=pixels))


def _week_axis(colours: Palette) -> alt.Axis:
    return axis(colours, orient="top", labelAngle=0, labelOverlap=True, labelExpr="slice(datum.label, -3)")
