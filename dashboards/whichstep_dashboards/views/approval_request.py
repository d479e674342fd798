"""One request on one screen: what is proposed, on what evidence, by which rule, and the decision.

The decision goes out with the version that was shown: a request that changed meanwhile is refused and shown anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import streamlit as st

from whichstep_collector.approvals.argument_form import HIDDEN, Field, fields, read_fields, shown, unshown_fields
from whichstep_dashboards import data, pages, query_string
from whichstep_dashboards.data import ApiError, Document
from whichstep_dashboards.figures import format_left, format_time
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.views import deliveries, notices, reviewer

EVIDENCE_SHOWN: Final = 3
TEXT_SHOWN: Final = 4000
WATCH_SECONDS: Final = 3
_SAID: Final = "approval-said"


def show(approval_id: str) -> None:
    """Draws the request."""
    st.button("All requests", icon=":material/arrow_back:", type="tertiary", on_click=_back)
    item = data.approval(approval_id, token=reviewer.token())
    colour = {"pending": "orange", "approved": "green", "edited": "green", "consumed": "green"}.get(
        item["state"], "red"
    )
    st.header(f"{plain(item['action'])} :{colour}-badge[{plain(item['state'])}]")
    st.text(one_line(item["summary"], limit=1000))
    if item["state"] == "pending":
        st.caption(f"{format_left(item['expires_at'], now=datetime.now(UTC))} left")
    if said := st.session_state.pop(_SAID, None):
        st.error(plain(said, limit=1000), icon=":material/block:")
    proposal, decision = st.columns([3, 2], gap="large")
    with proposal:
        _proposal(item)
    with decision:
        if item["state"] == "pending":
            _watch(approval_id, item["version"])
            _decision(item)
        else:
            _outcome(item)
        _facts(item)
        deliveries.show(data.deliveries(approval_id, token=reviewer.token()))


def _proposal(item: Document) -> None:
    _arguments("Arguments", item["arguments"])
    if item["edited_arguments"] is not None:
        _arguments("Edited to", item["edited_arguments"])
    pieces: Sequence[Mapping[str, Any]] = item["evidence"]
    shown = f" ({min(len(pieces), EVIDENCE_SHOWN)} of {len(pieces)})" if pieces else ""
    st.markdown(f"##### Evidence{shown}")
    if not pieces:
        st.caption("None was sent.")
    for piece in pieces[:EVIDENCE_SHOWN]:
        score = "no score" if piece["score"] is None else f"score {piece['score']:.3g}"
        with st.container(border=True, gap=None):
            st.markdown(f"**{plain(piece['source'] or 'unnamed')}** · {score}")
            st.text(_visible(piece["text"] or "", TEXT_SHOWN))


def _decision(item: Document) -> None:
    name = reviewer.name_of_reviewer()
    if name is None:
        st.warning(reviewer.how_to_decide(), icon=":material/lock:")
        return
    with st.container(border=True):
        st.markdown(f"##### Decide as {plain(name)}")
        if item["reviewers"] and name not in item["reviewers"]:
            st.warning(f"The rule wants {plain(', '.join(item['reviewers']))} to decide.", icon=":material/group:")
        st.text_area("Reason", key="approval-reason", height=68, placeholder="optional; the agent is told")
        approve, reject = st.columns(2)
        approve.button(
            "Approve", type="primary", icon=":material/check:", width="stretch", shortcut="Alt+A",
            on_click=_decide, args=(item, "approve"),
        )  # fmt: skip
        reject.button(
            "Reject",
            icon=":material/close:",
            width="stretch",
            shortcut="Alt+X",
            on_click=_decide,
            args=(item, "reject"),
        )
    with st.expander("Edit the arguments", icon=":material/edit:"), st.form("approval-edit", border=False):
        inputs = fields(item)
        for number, field in enumerate(inputs):
            _input(field, f"argument.{number}")
        if unshown := unshown_fields(item):
            st.caption(f"{unshown:,} more arguments stay as they are.")
        st.form_submit_button("Approve as edited", icon=":material/check:", on_click=_edit, args=(item, inputs))
        st.caption("The policy judges the changed arguments anew.")


def _input(field: Field, key: str) -> None:
    label = plain(field.name)
    if field.kind in {"choice", "boolean"}:
        choices = field.choices if field.value in field.choices else (field.value, *field.choices)
        st.selectbox(label, choices, index=choices.index(field.value), key=key)
    elif field.kind == "number" or (field.kind == "text" and len(field.value) < 60 and "\n" not in field.value):
        st.text_input(label, field.value, key=key)
    else:
        st.text_area(label, field.value, key=key)


def _edit(item: Document, inputs: Sequence[Field]) -> None:
    form = {f"argument.{number}": str(st.session_state[f"argument.{number}"]) for number in range(len(inputs))}
    try:
        changed = read_fields(inputs, form, item["edited_arguments"] or item["arguments"])
    except ValueError as error:
        st.session_state[_SAID] = str(error)
        return
    _decide(item, "edit", changed)


def _decide(item: Document, decision: str, arguments: Mapping[str, Any] | None = None) -> None:
    """For callbacks: decides, and goes back to the inbox; what is refused is said on the request."""
    body: Document = {"decision": decision, "version": item["version"]}
    if reason := str(st.session_state.get("approval-reason") or "").strip():
        body["reason"] = reason
    if arguments is not None:
        body["arguments"] = dict(arguments)
    try:
        decided = data.decide(str(item["approval_id"]), body, token=reviewer.token())
    except ApiError as error:
        st.session_state[_SAID] = error.detail or error.title
        return
    st.session_state.pop("approval-reason", None)
    reviewer.remember(decided)
    _back()


@st.fragment(run_every=WATCH_SECONDS)
def _watch(approval_id: str, version: int) -> None:
    """Says as soon as somebody else decided, or the request changed, while it is being read."""
    try:
        now = data.approval(approval_id, token=reviewer.token())
    except ApiError as error:
        notices.problem(error)
        return
    if now["version"] != version:
        who = f" by {plain(now['decided_by'])}" if now["decided_by"] else ""
        st.warning(f"It changed while you read: it is **{plain(now['state'])}**{who}.", icon=":material/sync:")
        st.button("Show it as it is now", key="approval-reload", on_click=st.rerun, kwargs={"scope": "app"})


def _outcome(item: Document) -> None:
    with st.container(border=True):
        who = f" by **{plain(item['decided_by'])}**" if item["decided_by"] else ""
        when = f", {format_time(item['decided_at'])} UTC" if item["decided_at"] else ""
        st.markdown(f"##### {plain(item['decision'] or item['state']).capitalize()}{who}{when}")
        if item["notes"]:
            st.text(_visible(item["notes"], TEXT_SHOWN))


def _facts(item: Document) -> None:
    votes = ", ".join(f"{vote['reviewer']} ({vote['decision']})" for vote in item["votes"])
    facts = {
        "risk level and rule": f"{item['risk_level']}, by rule {item['rule'] or 'unknown'}",
        "agent": item["agent"],
        "task": item["task_id"] or item["task_type"],
        "release": item["release"],
        "environment": item["environment"],
        "on behalf of": item["requester"],
        "who may decide": ", ".join(item["reviewers"]) or "every reviewer",
        "reviewers needed": f"{item['quorum']}; so far: {votes or 'nobody'}" if item["quorum"] > 1 else None,
        "created (UTC)": format_time(item["created_at"]),
        "expires (UTC)": format_time(item["expires_at"]),
        "used (UTC)": format_time(item["consumed_at"]) if item["consumed_at"] else None,
    }
    for label, value in facts.items():
        if value:
            with st.container(gap=None):
                st.caption(label)
                st.text(one_line(value, limit=300))
    if item["execution_id"]:
        st.button(
            "Open the execution", icon=":material/account_tree:", on_click=_open_execution, args=(item["execution_id"],)
        )


def _open_execution(execution_id: str) -> None:
    query_string.write(approval=None)
    pages.open_execution(execution_id)


def _back() -> None:
    query_string.write(approval=None)


def _arguments(title: str, arguments: Mapping[str, Any]) -> None:
    """Each argument with its lines; one that is cut says so, and all can be shown."""
    st.markdown(f"##### {title}")
    found = shown(arguments)
    if found.is_cut and st.toggle("Show all of it", key=f"whole-{title}"):
        found = shown(arguments, whole=True)
    if not found.arguments:
        st.caption("None.")
    for name, text in found.arguments:
        with st.container(gap="xxsmall"):
            st.caption(plain(name))
            st.code(HIDDEN.sub("·", text), language=None, wrap_lines=True)


def _visible(text: str, limit: int) -> str:
    """A text with what cannot be seen made visible, and what is cut said."""
    more = f" … and {len(text) - limit:,} more characters" if len(text) > limit else ""
    return HIDDEN.sub("·", text[:limit]) + more
