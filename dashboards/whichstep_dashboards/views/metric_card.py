"""One metric as a card: value with unit, change in words, trend, and what it all rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from whichstep_dashboards import charts, figures
from whichstep_dashboards.figures import Metric
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import plain


def show(metric: Metric, figure: Mapping[str, Any], trend: Sequence[Mapping[str, Any]], *, colours: Palette) -> None:
    """Draws the card. `trend`: `period`, `value`, `n`, oldest first; an unknown value says why."""
    with st.container(border=True, height="stretch", gap="xxsmall", key=f"card-{metric.id}"):
        st.markdown(f"**{metric.label}**", help=metric.help)
        if figure.get("value") is None:
            _unknown(metric, figure)
        else:
            _known(metric, figure)
        if sum(point["value"] is not None for point in trend) > 1:
            chart = charts.sparkline(trend, unit=metric.unit, colours=colours)
            st.altair_chart(chart, width="stretch", key=f"trend-{metric.id}")
        st.caption(figures.evidence(figure))


def _known(metric: Metric, figure: Mapping[str, Any]) -> None:
    st.header(plain(figures.format_value(figure["value"], metric.unit)), anchor=False)
    change = figures.change(metric, figure)
    # The words carry the meaning; colour only underlines it.
    colour = {True: "green", False: "red", None: "gray"}[change.good]
    st.markdown(f":{colour}[{plain(change.words)}]")
    if interval := figures.interval(metric, figure):
        st.caption(plain(interval))
    if held := figures.misleading(figure):
        st.markdown(f":orange[◆ {plain(held)}]")
    if heading := figures.trend(figure):
        st.caption(f"over the weeks: {plain(heading)}")


def _unknown(metric: Metric, figure: Mapping[str, Any]) -> None:
    st.header(f":gray[{figures.UNKNOWN}]", anchor=False)
    st.caption(plain(figures.reason_unknown(metric, figure)))
