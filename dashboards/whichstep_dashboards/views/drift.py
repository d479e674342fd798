"""Whether executions fail more the further they come: by turn of the session, model calls so far, context size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from whichstep_dashboards import charts, data, palette, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import format_count
from whichstep_dashboards.palette import Palette
from whichstep_dashboards.plain import plain
from whichstep_dashboards.views import filters, notices

_HELP = (
    "For model calls and context an execution counts in every line that it reached: the failure share is the chance to "
    "fail there for those that came so far. A turn is an execution of its own."
)


def show() -> None:
    """Draws the screen."""
    values = data.filter_values()
    pairs = filters.sidebar(values, detailed=False)
    st.title("Drift")
    if filters.is_empty(values):
        notices.empty_store()
        return
    notices.sample_data(purpose=filters.purpose_shown(values), chosen=bool(query_string.read("purpose")))
    with st.spinner("Reading figures …"):
        found = data.drift(pairs)
    if not found.get("executions"):
        notices.no_match()
        return
    known, ended = (format_count(found.get(name)) for name in ("known", "executions"))
    st.caption(f"The outcome of {known} of {ended} ended executions is known · lines are 95 % intervals", help=_HELP)
    colours = palette.of_theme(st.context.theme.type)
    for dimension in found.get("dimensions") or []:
        with st.container(border=True):
            _dimension(dimension, colours, failed=found.get("failed"))


def _dimension(dimension: Document, colours: Palette, *, failed: int | None) -> None:
    words = plain(dimension.get("words"))
    st.markdown(f"##### By {words}")
    buckets: Sequence[Document] = dimension.get("buckets") or []
    if not buckets:
        st.caption("Not known of any execution in this window.")
        return
    st.text(str((dimension.get("trend") or {}).get("words") or ""))
    left, right = st.columns(2, gap="medium")
    name = str(dimension.get("by"))
    with left:
        st.markdown("Failed there, of those that came so far")
        chart = charts.share_by_group(_rows(buckets, "failure"), colours=colours, what="failure")
        st.altair_chart(chart, width="stretch", key=f"failure-{name}")
    with right:
        st.markdown("Succeeded in the end, of those that came so far")
        chart = charts.share_by_group(_rows(buckets, "success"), colours=colours)
        st.altair_chart(chart, width="stretch", key=f"success-{name}")
    counts = [f"{bucket.get('bucket')}: {format_count(bucket.get('known'))}" for bucket in buckets]
    st.caption(plain("executions with a known outcome · " + " · ".join(counts), limit=600))
    if unplaced := dimension.get("unplaced"):
        st.caption(f"{format_count(unplaced)} of {format_count(failed)} failures have no place here.")


def _rows(buckets: Sequence[Document], share: str) -> list[dict[str, Any]]:
    return [
        {
            "label": str(bucket.get("bucket")),
            "value": bucket.get(share),
            "lower": bucket.get(f"{share}_lower"),
            "upper": bucket.get(f"{share}_upper"),
            "n": bucket.get("known"),
        }
        for bucket in buckets
    ]
