"""What the webhook was told of a request for approval, and whether it took the message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import streamlit as st

from whichstep_dashboards.data import Document
from whichstep_dashboards.figures import format_time
from whichstep_dashboards.plain import one_line

_EVENTS: Final = {"requested": "that it waits", "expired": "that it expired"}


def state(delivery: Mapping[str, Any]) -> str:
    """What became of a message, in a word or two; what nobody was told of is marked."""
    attempts = delivery["attempts"]
    if delivery["state"] == "waiting" and attempts:
        return f"⚠ trying again ({attempts})"
    return {"undelivered": "⚠ undelivered", "needless": "not needed", "waiting": "to be sent"}.get(
        str(delivery["state"]), str(delivery["state"])
    )


def trouble(delivery: Mapping[str, Any]) -> str | None:
    """The state of a message that was tried and not taken; None for any other."""
    failed = delivery["state"] == "undelivered" or (delivery["state"] == "waiting" and delivery["attempts"])
    return state(delivery) if failed else None


def show(found: Sequence[Document]) -> None:
    """Draws the receipts; nothing where no webhook was told."""
    for delivery in found:
        with st.container(gap=None):
            st.caption(f"webhook, {_EVENTS.get(delivery['event'], delivery['event'])}")
            st.text(_sentence(delivery))


def _sentence(delivery: Document) -> str:
    said = state(delivery)
    if delivery["delivered_at"]:
        return f"{said}, {format_time(delivery['delivered_at'])} UTC"
    attempts = delivery["attempts"]
    parts = [said if not attempts else f"{said} after {attempts} attempt{'s' if attempts > 1 else ''}"]
    if delivery["state"] == "waiting" and attempts:
        parts = [f"{said}, next at {format_time(delivery['next_attempt_at'])} UTC"]
    if delivery["error"]:
        parts.append(one_line(delivery["error"], limit=200))
    return ": ".join(parts)
