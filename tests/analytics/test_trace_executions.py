"""Which traces are one execution."""

from __future__ import annotations

from typing import Any

import polars as pl
from frames import agent, call, frame, span, tool, trace
from hypothesis import given, settings
from hypothesis import strategies as st

from whichstep_analytics.jobs import trace_executions


def mapped(*rows: dict[str, Any]) -> dict[str, tuple[str, str]]:
    found = trace_executions.run(frame(*rows))
    return {row[0]: (row[1], row[2]) for row in found.select("trace_id", "execution_id", "rule").iter_rows()}


def test_a_trace_alone_is_its_own_execution() -> None:
    assert mapped(agent()) == {trace(1): (trace(1), "trace")}


def test_traces_with_the_same_explicit_id_are_one_execution_of_that_id() -> None:
    key = {"execution_key": "ab" * 16, "execution_rule": "explicit"}
    found = mapped(agent(1, **key), agent(2, trace_id=2, **key))
    assert found == {trace(1): ("ab" * 16, "explicit"), trace(2): ("ab" * 16, "explicit")}


def test_an_explicit_id_wins_over_a_frameworks_run_key() -> None:
    rows = (
        agent(1, execution_key="11" * 16, execution_rule="run_key"),
        call(2, execution_key="22" * 16, execution_rule="explicit"),
    )
    assert mapped(*rows) == {trace(1): ("22" * 16, "explicit")}


def test_links_join_only_where_the_dialect_says_so() -> None:
    link = {"linked_trace_ids": [trace(1)]}
    joined = mapped(agent(1), agent(2, trace_id=2, links_join=True, **link))
    apart = mapped(agent(1), agent(2, trace_id=2, links_join=False, **link))
    assert {execution for execution, _ in joined.values()} == {trace(1)}
    assert {execution for execution, _ in apart.values()} == {trace(1), trace(2)}


def test_a_chain_of_links_is_one_execution_called_after_its_earliest_trace() -> None:
    rows = [
        agent(number, trace_id=number, at=100 - number, links_join=True, linked_trace_ids=[trace(number - 1)])
        for number in range(2, 30)
    ]
    found = mapped(agent(1, at=100), *rows)
    assert {execution for execution, _ in found.values()} == {trace(29)}


def test_a_link_to_a_trace_that_is_not_here_joins_nothing_but_is_remembered() -> None:
    found = trace_executions.run(frame(agent(1, links_join=True, linked_trace_ids=[trace(9)])))
    assert found["links"].to_list() == [[trace(9)]]
    assert found["rule"].to_list() == ["trace"]


def held(*, session: str | None = "s", name: str = "support", asked_again: bool = False) -> list[dict[str, Any]]:
    rows = [
        agent(1, agent=name, session_id=session, took=10),
        call(2, asks="refund"),
        tool(3, name="refund", control_flow="interrupt"),
    ]
    return [*rows, call(4)] if asked_again else rows


def test_the_next_trace_of_a_waiting_session_and_agent_resumes_it() -> None:
    found = mapped(*held(), agent(11, trace_id=2, session_id="s", at=20))
    assert found == {trace(1): (trace(1), "resume"), trace(2): (trace(1), "resume")}


def test_only_the_next_trace_resumes() -> None:
    found = mapped(
        *held(), agent(11, trace_id=2, session_id="s", at=20, took=1), agent(12, trace_id=3, session_id="s", at=30)
    )
    assert found[trace(3)] == (trace(3), "trace")


def test_a_second_wait_is_resumed_again() -> None:
    second = [
        agent(11, trace_id=2, session_id="s", at=20, took=5),
        tool(12, 11, name="mail", trace_id=2, at=21, control_flow="approval"),
    ]
    found = mapped(*held(), *second, agent(21, trace_id=3, session_id="s", at=30))
    assert {execution for execution, _ in found.values()} == {trace(1)}


def test_another_agent_another_session_or_a_trace_that_went_on_resumes_nothing() -> None:
    next_trace = agent(11, trace_id=2, session_id="s", at=20)
    assert mapped(*held(name="other"), next_trace)[trace(2)][0] == trace(2)
    assert mapped(*held(session="t"), next_trace)[trace(2)][0] == trace(2)
    assert mapped(*held(session=None), {**next_trace, "session_id": None})[trace(2)][0] == trace(2)
    assert mapped(*held(asked_again=True), next_trace)[trace(2)][0] == trace(2)


def test_a_trace_that_runs_beside_the_waiting_one_does_not_resume_it() -> None:
    assert mapped(*held(), agent(11, trace_id=2, session_id="s", at=5))[trace(2)][0] == trace(2)


def asking(**columns: Any) -> list[dict[str, Any]]:
    """A trace whose agent ended on a call that did not run."""
    asked = call(2, asks="refund", asked_call_ids=["call-1"], at=1, took=1)
    return [agent(1, agent="support", session_id="s", took=10), {**asked, **columns}]


def resumed(call_id: str = "call-1") -> list[dict[str, Any]]:
    """The next trace of the session, which tells that a person was asked for a call."""
    told = tool(12, 11, trace_id=2, at=20, control_flow="approval", synthetic=True, tool_call_id=call_id)
    return [agent(11, agent="support", trace_id=2, session_id="s", at=20), told]


def test_a_trace_that_tells_of_an_approval_resumes_the_one_that_ended_on_that_call() -> None:
    assert mapped(*asking(), *resumed()) == {trace(1): (trace(1), "resume"), trace(2): (trace(1), "resume")}


def test_a_trace_that_ended_on_a_call_is_resumed_by_no_trace_that_tells_of_no_approval_of_it() -> None:
    ran = tool(3, name="refund", at=3, tool_call_id="call-1")
    assert mapped(*asking(), *resumed("call-2"))[trace(2)][0] == trace(2)
    assert mapped(*asking(), resumed()[0])[trace(2)][0] == trace(2)
    assert mapped(*asking(), ran, *resumed())[trace(2)][0] == trace(2)
    assert mapped(*asking(asked_call_ids=[""]), *resumed(""))[trace(2)][0] == trace(2)


def test_set_up_alone_is_no_execution_and_attaches_by_key() -> None:
    key = {"execution_key": "ab" * 16, "execution_rule": "run_key"}
    assert mapped(agent(1, setup=True))[trace(1)][1] == "setup"
    assert mapped(span(1, type="none"))[trace(1)][1] == "setup"
    assert mapped(agent(1, setup=True, **key), agent(2, trace_id=2, **key))[trace(1)] == (trace(1), "run_key")


@settings(max_examples=50, deadline=None)
@given(order=st.permutations(range(8)))
def test_the_answer_does_not_depend_on_the_order_of_spans(order: list[int]) -> None:
    rows = [
        *held(),
        agent(11, trace_id=2, session_id="s", at=20),
        agent(21, trace_id=3, at=1, links_join=True, linked_trace_ids=[trace(4)]),
        agent(31, trace_id=4, at=2),
        agent(41, trace_id=5, execution_key="ab" * 16, execution_rule="explicit"),
        span(51, trace_id=6, type="none"),
    ]
    expected = trace_executions.run(frame(*rows))
    assert trace_executions.run(frame(*(rows[index] for index in order))).equals(expected)


def test_no_spans_give_no_rows_of_the_same_columns() -> None:
    some = trace_executions.run(frame(agent()))
    none = trace_executions.run(frame(agent()).filter(pl.lit(value=False)))
    assert none.is_empty()
    assert none.schema == some.schema


def test_traces_with_the_same_run_key_are_one_execution_called_after_the_earliest() -> None:
    key = {"execution_key": "ab" * 16, "execution_rule": "run_key"}
    found = mapped(agent(1, at=9, **key), agent(2, at=1, trace_id=2, **key), agent(3, at=5, trace_id=3))
    assert found == {
        trace(1): (trace(2), "run_key"),
        trace(2): (trace(2), "run_key"),
        trace(3): (trace(3), "trace"),
    }


def test_a_run_key_that_no_other_trace_has_leaves_a_trace_to_the_rules_after() -> None:
    link = {"linked_trace_ids": [trace(1)], "links_join": True}
    found = mapped(agent(1), agent(2, trace_id=2, execution_key="ab" * 16, execution_rule="run_key", **link))
    assert found[trace(2)] == (trace(1), "links")


def test_the_run_key_of_single_messages_is_the_first_since_the_users_last_words() -> None:
    def message(span_id: int, at: float, **columns: Any) -> dict[str, Any]:
        return span(span_id, 1, at=at, type="llm_call", synthetic=True, trace_id=2, **columns)

    old = {"execution_key": "11" * 16, "execution_rule": "run_key"}
    new = {"execution_key": "22" * 16, "execution_rule": "run_key"}
    before = agent(1, **old)
    turn = [message(3, 1, **old), message(4, 2, user_message="and now?"), message(5, 3, **new)]
    assert mapped(before, call(1, None, trace_id=2), *turn)[trace(2)][1] == "trace"
    assert mapped(before, call(1, None, trace_id=2), *turn[:1])[trace(2)] == (trace(1), "run_key")


def test_a_recorded_answer_that_is_played_again_joins_nothing() -> None:
    """Two runs that both got the same call id from a model's cache are two executions, and so is who was sent the id."""
    key = {"execution_key": "ab" * 16}
    first, again = (call(1, None, trace_id=number, execution_rule="first_call", **key) for number in (1, 2))
    sent = call(1, None, trace_id=3, execution_rule="run_key", **key)
    assert mapped(first, sent)[trace(3)] == (trace(1), "run_key")
    assert {execution for execution, _ in mapped(first, again, sent).values()} == {trace(1), trace(2), trace(3)}
