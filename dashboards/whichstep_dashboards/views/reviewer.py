"""Who decides on this page: the owner of a token, entered here for this tab, else of the dashboard's own."""

from __future__ import annotations

from typing import Final

import streamlit as st

from whichstep_dashboards import data
from whichstep_dashboards.data import ApiError, Document
from whichstep_dashboards.plain import plain

_TOKEN: Final = "reviewer-token"  # noqa: S105  the name of a field, no secret
_DECIDED: Final = "approval-decided"


def token() -> str | None:
    """The token that was entered on this page; None for the dashboard's own."""
    return str(st.session_state.get(_TOKEN) or "").strip() or None


def sidebar() -> None:
    """Says who decides, and takes another reviewer's token."""
    with st.sidebar:
        st.divider()
        name = name_of_reviewer()
        st.markdown(f"You decide as **{plain(name)}**" if name else ":orange[You can read, and not decide]")
        with st.popover("Another reviewer", icon=":material/badge:", width="stretch"):
            st.text_input(
                "Reviewer's token",
                type="password",
                key=_TOKEN,
                help="For this tab only. `whichstep tokens create NAME --scope review` makes one.",
            )


def name_of_reviewer() -> str | None:
    """Under which name a decision here counts; None where this token may not review."""
    try:
        found = data.who_am_i(token=token())
    except ApiError:
        return None
    return str(found["name"]) if "review" in found["scopes"] else None


def remember(request: Document) -> None:
    """Keeps what was decided, to be said on the next page."""
    st.session_state[_DECIDED] = request


def last_decision() -> None:
    """Says once what was decided last."""
    request = st.session_state.pop(_DECIDED, None)
    if request is None:
        return
    waiting = request["state"] == "pending"
    words = "noted; it waits for other reviewers" if waiting else str(request["state"])
    st.success(f"{plain(request['action'])}: **{words}**", icon=":material/check:")
