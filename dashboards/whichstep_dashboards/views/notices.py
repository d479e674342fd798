"""What screens say beside their figures: a problem, an empty store, sample data, how fresh it all is."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import streamlit as st

from whichstep_dashboards import data
from whichstep_dashboards.data import ApiError
from whichstep_dashboards.figures import format_age
from whichstep_dashboards.plain import plain
from whichstep_dashboards.settings import DashboardSettings

_FIRST_TRACE = """\
pip install whichstep
python - <<'PY'
import whichstep
whichstep.configure(service="hello", endpoint="{endpoint}")
with whichstep.task("first_task"), whichstep.tool("greet", arguments={{"name": "world"}}) as call:
    call.result("hello, world")
whichstep.flush()
PY
"""


def problem(error: ApiError) -> None:
    """Shows what went wrong and what to do about it, with a button that tries again."""
    detail = f"\n\n{plain(error.detail, limit=600)}" if error.detail not in {"", error.title} else ""
    st.error(f"**{plain(error.title)}**{detail}\n\n{_remedy(error.remedy)}", icon=":material/error:")
    if st.button("Try again", icon=":material/refresh:"):
        data.forget()
        st.rerun()


def _remedy(text: str) -> str:
    """A remedy keeps its `code` marks; all else in it is text, as it may come from the API."""
    pieces = (f"`{part}`" if odd % 2 else plain(part, limit=600) for odd, part in enumerate(_parts(text)))
    return re.sub(r" ([.,;:])", r"\1", " ".join(piece for piece in pieces if piece))


def _parts(text: str) -> list[str]:
    parts = text.split("`")
    return parts if len(parts) % 2 else ["".join(parts)]


def empty_store() -> None:
    """Says that nothing has arrived yet, and how to send the first trace."""
    endpoint = DashboardSettings.from_environment().endpoint
    st.info(
        "**No executions yet.** The sidecar is up and listening; nothing has been sent to it.", icon=":material/inbox:"
    )
    own, any_client, demo = st.columns(3, gap="large")
    with own:
        st.markdown("##### From Python")
        st.code(_FIRST_TRACE.format(endpoint=endpoint), language="bash")
    with any_client:
        st.markdown("##### From an instrumented program")
        st.code(f"export OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}\nwhichstep run -- python agent.py", language="bash")
        st.caption("Any OpenTelemetry exporter will do: OTLP over HTTP here, over gRPC on port 4317.")
    with demo:
        st.markdown("##### With sample data")
        st.code("whichstep demo", language="bash")
        st.caption("Sample agents and weeks of history, with purpose “demo” and labelled wherever they show.")


def no_match() -> None:
    """Says that the filters leave nothing, and what to loosen."""
    st.info(
        "No execution matches these filters. Widen the time window or clear filters in the sidebar.",
        icon=":material/filter_alt_off:",
    )


def sample_data(*, purpose: str, chosen: bool) -> None:
    """A banner over screens that show the demo's executions, and why they show them."""
    if purpose != "demo":
        return
    why = "" if chosen else " They are shown because nothing has the purpose “production” yet."
    st.warning(f"**Sample data**, made by `whichstep demo`.{why}", icon=":material/science:")


def freshness(newest: str | None) -> None:
    """When this was read, how old the newest execution is, and a button that reads again."""
    now = datetime.now(UTC)
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        age = f" · newest execution {format_age(newest, now=now)}" if newest else ""
        st.caption(f"as of {now:%H:%M:%S} UTC{age}", width="content")
        st.button(
            "Refresh", icon=":material/refresh:", on_click=data.forget, help="Read everything again", type="tertiary"
        )
