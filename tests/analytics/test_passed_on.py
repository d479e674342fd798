"""Model calls that only the messages between agents tell of."""

from __future__ import annotations

from typing import Any

from frames import agent, call, execution, failed, span, steps, tool

CALL_ID = "call_1a2b3c4d5e"


def passed_on(span_id: int, parent: int | None = 90, /, **columns: Any) -> dict[str, Any]:
    """What a message tells that a model answered: under a span that is no step, in a trace of its own."""
    given = {"agent": "support", "synthetic": True, "flags": ["derived"], "took": 0, "trace_id": 2, "model": None}
    return call(span_id, parent, **{**given, "step_name": "model call", "links_join": True, **columns})


def message(span_id: int = 90, /, **columns: Any) -> dict[str, Any]:
    """A message on its way, which joins its trace to the agents'."""
    linked = {"linked_trace_ids": ["0" * 31 + "1"], "links_join": True}
    return span(span_id, None, **{"type": "none", "trace_id": 2, "took": 0, **linked, **columns})


def team(**columns: Any) -> list[dict[str, Any]]:
    return [agent(1, None, at=0, took=20, links_join=True, **columns), tool(2, 1, at=5, links_join=True)]


def test_an_answer_that_a_message_tells_is_a_call_of_its_agent() -> None:
    found = steps(*team(), message(at=3), passed_on(91, at=3, asked_tools=["lookup"], asked_call_ids=[""]))
    assert found["type"].to_list() == ["agent", "llm_call", "tool_call"]
    row = found.row(1, named=True)
    assert (row["parent_step_id"], row["agent"], row["latency_ms"], row["flags"]) == (1, "support", None, ["derived"])
    assert found.row(2, named=True)["requested_by"] == 91
    said = execution(*team(), message(at=3), passed_on(91, at=3))
    assert (said["input_tokens"], said["llm_call_count"]) == (100, 1)


def test_an_agent_of_another_name_is_not_who_asked() -> None:
    found = steps(*team(agent="triage"), message(at=3), passed_on(91, at=3)).filter(type="llm_call")
    assert found["parent_step_id"].to_list() == [None]


def test_where_model_calls_were_sent_they_alone_are_believed() -> None:
    sent = call(3, 1, at=2, links_join=True)
    found = steps(*team(), sent, message(at=3), passed_on(91, at=3))
    assert found.filter(type="llm_call")["step_id"].to_list() == [3]


def test_an_answer_that_an_inner_team_passes_on_to_the_outer_one_is_one_call() -> None:
    told = [passed_on(91, at=3, response_id="m1"), passed_on(92, at=3, response_id="m1", trace_id=3)]
    outer = message(80, trace_id=3)
    found = steps(*team(), message(at=3), outer, *told, passed_on(93, at=4)).filter(type="llm_call")
    assert found["step_id"].to_list() == [91, 93]


def test_a_call_that_failed_passes_nothing_on_and_is_the_failing_step_of_its_agent() -> None:
    boss, look = team()
    broken = failed(boss, "Error code: 500 - server error", "InternalServerError")
    rows = [broken, look, message(at=3), passed_on(91, at=3)]
    last = steps(*rows).row(-1, named=True)
    assert (last["type"], last["status"], last["error_type"]) == ("llm_call", "error", "InternalServerError")
    assert (last["parent_step_id"], last["tool"]) == (1, None)
    said = execution(*rows)
    assert (said["failing_step_id"], said["failure_kind"]) == (last["step_id"], "llm_error")
    assert said["input_tokens"] == 100  # a call that failed was not billed


def test_an_agent_that_failed_by_itself_has_no_failed_call() -> None:
    boss, look = team()
    assert steps(failed(boss), look, message(at=3), passed_on(91, at=3))["status"].to_list() == ["error", "ok", "ok"]


def test_what_the_agents_were_asked_is_told_by_the_message_that_began_their_run() -> None:
    said = execution(*team(), message(at=0, user_message="Where is my parcel?"))
    assert said["input"] == "Where is my parcel?"
    assert execution(*team(input="Hello"), message(at=0, user_message="Where?"))["input"] == "Hello"
