"""What all charts share: rows as Arrow, quiet axes, no frame, colours of the theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import altair as alt
import pyarrow as pa

from whichstep_dashboards.palette import Palette

Rows = Sequence[Mapping[str, Any]]

# A chart's height includes its axis, its legend and 8 pixels of padding.
AXIS_PIXELS: Final = 34
LEGEND_PIXELS: Final = 34
SELECTED: Final = "picked"
"""Name of the selection that the clickable charts offer."""


def axis(colours: Palette, **options: Any) -> alt.Axis:
    """A quiet axis: small muted labels, neither line nor ticks; grid only where asked for."""
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


def chart_of(data: list[dict[str, Any]]) -> alt.Chart:
    """A chart of rows. They travel as Arrow: values inside the specification are lost by Streamlit 1.54."""
    return alt.Chart(pa.Table.from_pylist(data))


def view(chart: alt.LayerChart, *, height: int, right: int = 0) -> alt.LayerChart:
    """The chart without frame or backdrop, so that it sits on the page in either theme."""
    padding = {"left": 4, "right": 4 + right, "top": 4, "bottom": 4}
    bare = chart.properties(height=height, background="transparent", padding=padding)
    return cast("alt.LayerChart", bare.configure_view(strokeWidth=0))
