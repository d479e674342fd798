"""Who decides on this page: the owner of a token, entered here for this tab, else of the dashboard's own."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

import streamlit as st

from whichstep_dashboards import data
from whichstep_dashboards.data import ApiError, Document
from whichstep_dashboards.plain import plain
from whichstep_dashboards.settings import DashboardSettings

_TOKEN: Final = "reviewer-token"  # noqa: S105  the name of a field, no secret
_COOKIE: Final = "whichstep_reviewer"
_DECIDED: Final = "approval-decided"


def token() -> str | None:
    """The token that was entered on this page, else that of who signed in; None for the dashboard's own."""
    return str(st.session_state.get(_TOKEN) or "").strip() or _signed_in()


def _signed_in() -> str | None:
    """The session of this browser at the sidecar, which is on the same host; None where there is none, or no more."""
    session = st.context.cookies.get(_COOKIE) if DashboardSettings.from_environment().login else None
    if not session:
        return None
    try:
        data.who_am_i(token=session)
    except ApiError:
        return None
    return session


def sidebar() -> None:
    """Says who decides, and takes another reviewer's token."""
    with st.sidebar:
        st.divider()
        name = name_of_reviewer()
        st.markdown(f"You decide as **{plain(name)}**" if name else ":orange[You can read, and not decide]")
        login = DashboardSettings.from_environment().login
        if login and name is None:
            st.link_button(f"Sign in at {urlsplit(login).hostname}", login, icon=":material/login:", width="stretch")
        elif login and _signed_in():
            st.link_button("Sign out", urljoin(login, "/login/out"), icon=":material/logout:", width="stretch")
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


def how_to_decide() -> str:
    """What somebody who may not decide does about it."""
    if DashboardSettings.from_environment().login:
        return "Deciding needs a reviewer: sign in, or enter a token, in the sidebar."
    return "Deciding needs a reviewer's token: enter one in the sidebar."


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
