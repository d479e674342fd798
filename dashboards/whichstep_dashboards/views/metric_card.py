"""One metric as a card: value with unit, change in words, trend, and what it all rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from whichstep_dashboards import charts, figures
from whichstep_dashboards.figures import Metric
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import plain


def show(
    metric: Metric,
    figure: Mapping[str, Any],
    trend: Sequence[Mapping[str, Any]],
    *,
    window: str,
    colours: Palette,
) -> None:
    """Draws the card. `trend`: `period`, `value`, `n`, oldest first; an unknown value says why."""
    value = figure.get("value")
    with st.container(border=True, height="stretch", gap="xxsmall", key=f"card-{metric.id}"):
        st.metric(metric.label, figures.format_value(value, metric.unit), help=metric.help)
        if value is None:
            st.caption(plain(figures.reason_unknown(metric, figure)))
        else:
            st.caption(_coloured(figures.change(metric, figure, window=window)))
        if any(point["value"] is not None for point in trend):
            chart = charts.sparkline(trend, unit=metric.unit, colours=colours)
            st.altair_chart(chart, width="stretch", key=f"trend-{metric.id}")
        st.caption(figures.evidence(metric, figure))


def _coloured(change: figures.Change) -> str:
    """The words carry the meaning; colour only underlines it."""
    text = plain(change.words)
    return text if change.good is None else f":{'green' if change.good else 'red'}[{text}]"
