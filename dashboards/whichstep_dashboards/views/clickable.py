"""A chart whose marks can be clicked; where Streamlit cannot do that yet, the same chart without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt
import streamlit as st
from streamlit.errors import StreamlitAPIException

from whichstep_dashboards.chart_style import SELECTED


def show(chart: alt.LayerChart, *, key: str, on_pick: Callable[[Mapping[str, Any]], None]) -> None:
    """Draws the chart and calls `on_pick` with the fields of the mark that was clicked.

    Older Streamlit (1.54) refuses selections on layered charts. Every such chart has a select box beside it, which a
    keyboard needs anyway, so nothing is out of reach there.
    """

    def pick() -> None:
        points = st.session_state[key].selection.get(SELECTED) or []
        if points:
            on_pick(points[0])

    try:
        st.altair_chart(chart, width="stretch", key=key, on_select=pick, selection_mode=SELECTED)
    except StreamlitAPIException:
        st.altair_chart(chart, width="stretch", key=f"{key}-still")
