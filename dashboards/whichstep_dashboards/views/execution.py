"""One execution: how it ended, which step failed and why, and every step in a tree over time."""

from __future__ import annotations

import json
from typing import Final

import streamlit as st

from whichstep_dashboards import data, figures, pages, query_string
from whichstep_dashboards.data import Document
from whichstep_dashboards.palette import CAUSE_GLYPH, FAILING_GLYPH
from whichstep_dashboards.plain import one_line, plain
from whichstep_dashboards.views import execution_table, notices, step_list

RAW_MAX: Final = 200_000
"""Characters of the document shown on the page; the download has all of it."""

STEPS, EVALUATIONS, RAW = "Steps", "Evaluations", "Raw JSON"
DEVIATIONS_MAX: Final = 5


def show() -> None:
    """Draws the screen."""
    pages.link_to_list("All executions", icon=":material/arrow_back:")
    execution_id = query_string.read_one("execution")
    if not execution_id:
        _ask_for_id()
        return
    with st.spinner("Reading the execution …"):
        execution = data.execution(execution_id)
    _heading(execution)
    notices.sample_data(purpose=str(execution.get("purpose")), chosen=True)
    _figures(execution)
    _failure(execution)
    _second_opinion(execution)
    _grounding(execution)
    _contract(execution)
    _body(execution)


def _ask_for_id() -> None:
    st.title("Execution")
    st.caption("Pick one from the list, or paste its id.")
    st.text_input(
        "Execution id",
        max_chars=200,
        key="typed-id",
        on_change=lambda: pages.open_execution(st.session_state["typed-id"].strip()),
    )


def _heading(execution: Document) -> None:
    name = execution.get("task_type") or execution.get("agent") or execution.get("workflow") or "execution"
    st.title(plain(name, limit=80), anchor=False)
    facts = [
        f"id {execution.get('execution_id')}",
        f"started {figures.format_time(execution.get('started_at'))} UTC",
        *(
            f"{label} {one_line(execution[key], limit=60)}"
            for key, label in _HEADING_FACTS.items()
            if _says_more(execution, key)
        ),
    ]
    st.caption(plain(" · ".join(facts), limit=600))
    if session := execution.get("session_id"):
        with st.container(horizontal=True, vertical_alignment="center"):
            turn = f", turn {execution['turn']}" if execution.get("turn") else ""
            pages.link(
                pages.EXECUTIONS,
                f"session {plain(session, limit=40)}{turn}",
                icon=":material/forum:",
                parameters={"session_id": str(session), "since": query_string.EVERYTHING},
            )


_HEADING_FACTS: Final = {
    "release": "release", "agent": "agent", "workflow": "workflow", "service": "service",
    "environment": "environment", "user_id": "user", "task_id": "task", "rerun_of": "re-run of",
}  # fmt: skip


def _says_more(execution: Document, key: str) -> bool:
    """Whether the fact is known and is not just the execution's own id or name again."""
    value = execution.get(key)
    return (
        bool(value)
        and value != execution.get("execution_id")
        and (key != "workflow" or value != execution.get("agent"))
    )


def _said(execution: Document) -> str:
    """Who said so; where witnesses disagree, or nobody could be understood, the whole reason."""
    source = str(execution.get("success_source") or "")
    reason = plain(execution.get("success_reason") or "")
    whole = execution.get("success_disputed") or execution.get("success") is None
    return reason if reason and whole else _SOURCES.get(source, f"said by {source}")


def _figures(execution: Document) -> None:
    cells = (
        ("Outcome", _outcome(execution), _said(execution)),
        (
            "Latency",
            plain(figures.format_duration(execution.get("active_ms"))),
            f"wall {figures.format_duration(execution.get('latency_ms'))}",
        ),
        ("Cost", plain(figures.format_cost(execution.get("cost_usd"))), _unpriced(execution)),
        (
            "Tokens",
            _sum_of_tokens(execution),
            _tokens_each_way(execution),
        ),
        ("Steps", figures.format_count(execution.get("step_count")), _step_words(execution)),
    )
    for column, (label, value, note) in zip(st.columns(len(cells)), cells, strict=True):
        with column.container(border=True, height="stretch", gap="xxsmall", key=f"card-{label}"):
            st.markdown(f"**{label}**")
            st.subheader(value, anchor=False)
            st.caption(plain(note))


_SOURCES: Final = {
    "human": "said by a person",
    "code": "said by the agent's code",
    "evaluator": "said by an evaluator",
    "inferred": "inferred from how it ended",
    "": "nobody and nothing has said",
}


def _outcome(execution: Document) -> str:
    words = plain(execution_table.outcome(execution))
    colour = {True: "green", False: "red", None: "gray"}[execution.get("success")]
    return f":{colour}[{words}]"


def _unpriced(execution: Document) -> str:
    calls = execution.get("unpriced_calls")
    return f"{calls} calls without a known price" if calls else f"status {execution.get('status') or 'unknown'}"


def _sum_of_tokens(execution: Document) -> str:
    parts = [execution.get("input_tokens"), execution.get("output_tokens")]
    known = [part for part in parts if part is not None]
    return figures.format_count(sum(known)) if known else figures.UNKNOWN


def _tokens_each_way(execution: Document) -> str:
    received, sent = (figures.format_count(execution.get(name)) for name in ("input_tokens", "output_tokens"))
    return f"{received} in, {sent} out"


def _step_words(execution: Document) -> str:
    retries, errors = execution.get("retry_count") or 0, execution.get("error_count") or 0
    return f"{retries} repeated, {errors} in error"


def _failure(execution: Document) -> None:
    failing, cause = execution.get("failing_step"), execution.get("cause_step")
    if not failing and not execution.get("failure_kind"):
        return
    with st.container(border=True, key="failure"):
        confidence = execution.get("failure_confidence")
        sure = "" if confidence is None else f", confidence {figures.format_share(confidence)}"
        kind = plain(execution.get("failure_kind") or "unknown kind")
        where = f"Failing step:] {_step_words_of(failing)}" if failing else "Failed,] but no single step can be named"
        st.markdown(f"##### :red[{FAILING_GLYPH} {where} :gray[· {kind}{sure}]")
        if reason := execution.get("failure_reason"):
            st.text(str(reason))
        if cause and cause.get("step_id") != (failing or {}).get("step_id"):
            st.markdown(f":orange[{CAUSE_GLYPH} **Cause:**] {_step_words_of(cause)}")
        with st.container(horizontal=True):
            _jump("Open the failing step", failing)
            _jump("Open the cause", cause)
        _suspects(execution)


def _step_words_of(step: Document) -> str:
    position = step.get("position") or step.get("step") or "?"
    return f"step {position}, {plain(step.get('name'), limit=60)} ({plain(step.get('type'))})"


def _second_opinion(execution: Document) -> None:
    """What a judge said, where one is set: beside the rules, never in their place."""
    opinion = execution.get("judge")
    if not opinion:
        return
    with st.container(border=True, key="second-opinion"):
        who = plain(opinion.get("author") or "a model")
        if opinion.get("malformed"):
            st.markdown(f"##### Second opinion :gray[· the answer of {who} could not be read]")
        else:
            steps = {str(step["step_id"]): step for step in execution.get("steps") or []}
            step = steps.get(str(opinion.get("step_id")))
            where = _step_words_of(step) if step else "no step failed"
            said = {True: ":green[agrees with the rules]", False: ":orange[differs from the rules]"}
            agree = said.get(opinion.get("agrees"), ":gray[names a step that is not here]")
            confidence = opinion.get("confidence")
            sure = "" if confidence is None else f", confidence {figures.format_share(confidence)}"
            kind = plain(opinion.get("kind") or "no failure")
            st.markdown(f"##### Second opinion: {where} :gray[· {kind}{sure}]")
            st.markdown(f"{agree} :gray[· {who}]")
            _jump("Open the judge's step", step)
        if reason := opinion.get("reason"):
            st.text(str(reason))


def _contract(execution: Document) -> None:
    """What breaks the contract of its workflow, the first of it a click away."""
    found = execution.get("conformance") or {}
    deviations = found.get("deviations") or []
    if not deviations:
        return
    steps = {str(step["step_id"]): step for step in execution.get("steps") or []}
    with st.container(border=True, key="contract"):
        workflow, count = plain(found.get("workflow"), limit=60), figures.format_count(found.get("deviation_count"))
        st.markdown(f"##### Breaks the contract of {workflow} :gray[· level {plain(found.get('level'))}]")
        for deviation in deviations[:DEVIATIONS_MAX]:
            where = f"step {deviation['position']}: " if deviation.get("position") else ""
            st.text(f"{where}{one_line(deviation.get('reason'), limit=300)}")
        st.caption(f"{min(len(deviations), DEVIATIONS_MAX)} of {count} deviations")
        named = (steps.get(str(deviation.get("step_id"))) for deviation in deviations)
        _jump("Open the first such step", next(filter(None, named), None))


def _grounding(execution: Document) -> None:
    """Values of the answer that stand in nothing the execution was given."""
    found = execution.get("grounding") or {}
    if values := found.get("ungrounded"):
        with st.container(border=True, key="grounding"):
            st.markdown(
                f"##### Ungrounded: {len(values)} of {found.get('checked')} values of the answer stand in no source"
            )
            st.text(", ".join(one_line(value, limit=120) for value in values))


def _jump(label: str, step: Document | None) -> None:
    if step and step.get("step_id"):
        st.button(label, on_click=query_string.write, kwargs={"step": str(step["step_id"]), "view": None, "from": None})


def _suspects(execution: Document) -> None:
    suspects = execution.get("suspects") or []
    if not suspects:
        return
    names = {str(step["step_id"]): step for step in execution.get("steps") or []}
    with st.expander(f"Suspects, most likely first ({len(suspects)})"):
        for suspect in suspects:
            step = names.get(str(suspect.get("step_id")))
            score = suspect.get("score")
            weight = figures.UNKNOWN if score is None else f"{figures.format_share(score)}"
            where = _step_words_of(step) if step else "the execution as a whole"
            rule = f" · rule {plain(suspect['rule'])}" if suspect.get("rule") else ""
            st.markdown(f"**{weight}** · {where} · {plain(suspect.get('kind'))}{rule}")
            st.text(str(suspect.get("reason") or ""))


def _body(execution: Document) -> None:
    views = (STEPS, EVALUATIONS, RAW)
    current = query_string.read_one("view", STEPS)
    st.session_state["view"] = current if current in views else STEPS
    st.segmented_control(
        "View", views, key="view", label_visibility="collapsed",
        on_change=lambda: query_string.write(view=st.session_state["view"]),
    )  # fmt: skip
    {STEPS: step_list.show, EVALUATIONS: _evaluations, RAW: _raw}[st.session_state["view"] or STEPS](execution)


def _evaluations(execution: Document) -> None:
    evaluations = execution.get("evaluations") or []
    if not evaluations:
        st.caption("None. Attach one with `whichstep evaluate ID --name task_success --label pass`.")
    for evaluation in evaluations:
        with st.container(border=True):
            said = [str(evaluation[name]) for name in ("label", "score") if evaluation.get(name) is not None]
            who = [str(evaluation[name]) for name in ("source", "author") if evaluation.get(name)]
            st.markdown(
                f"**{plain(evaluation.get('name'))}** {plain(' · '.join(said))} :gray[{plain(' · '.join(who))}]"
            )
            if evaluation.get("explanation"):
                st.text(str(evaluation["explanation"]))


def _raw(execution: Document) -> None:
    text = json.dumps(execution, indent=2, ensure_ascii=False)
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.caption(f"{min(len(text), RAW_MAX):,} of {len(text):,} characters")
    right.download_button(
        "Download all",
        text,
        file_name=f"{execution.get('execution_id')}.json",
        mime="application/json",
        icon=":material/download:",
    )
    st.code(text[:RAW_MAX], language="json", height=720)
