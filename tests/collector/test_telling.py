"""Rows for the steps that messages tell of: answered calls, hosted tools, approvals, and messages that are log events."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from rows import batch_of, rows_of

from builders import RECEIVED, START, log, log_request, request, span
from whichstep_collector.decode import decode_logs
from whichstep_collector.normalise import normalise_logs
from whichstep_collector.normalising.told import is_unique, turn_key

CLIENT = "opentelemetry.instrumentation.openai_v2"
FIRST, SECOND = "call_586f3f450d7df2ecea61", "call_8a460bb5192e0c8bcf5d"


def asks(call_id: str, name: str = "lookup") -> dict[str, Any]:
    return {"role": "assistant", "parts": [{"type": "tool_call", "id": call_id, "name": name, "arguments": {"id": 1}}]}


def answers(call_id: str, response: Any = "here") -> dict[str, Any]:
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": call_id, "response": response}]}


def says(text: str, role: str = "user") -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def model_call(*messages: dict[str, Any], output: dict[str, Any] | None = None, scope: str = CLIENT, **more: Any) -> list[dict[str, Any]]:  # fmt: skip
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.input.messages": orjson.dumps(messages).decode()}
    if output:
        attributes["gen_ai.output.messages"] = orjson.dumps([output]).decode()
    return rows_of(span("chat m", attributes=attributes, **more), scope=scope)


def event_rows(*records: Any) -> list[dict[str, Any]]:
    received = decode_logs(log_request(*records, scope=CLIENT).SerializeToString(), json=False)
    return normalise_logs(received, received_at=RECEIVED).spans.to_pylist()


def test_a_clients_call_tells_of_the_results_that_it_is_given_for_the_first_time():
    call, told = model_call(says("hi"), asks(FIRST), answers(FIRST), asks(SECOND, "refund"), answers(SECOND, "done"))
    assert (call["synthetic"], told["synthetic"], told["type"], told["parent_span_id"]) == (False, True, "tool_call", 1)
    assert (told["tool"], told["tool_call_id"], told["arguments"], told["result"]) == (
        "refund", SECOND, '{"id":1}', "done",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "rows"),
    [
        ("@arizeai/openinference-instrumentation-openai", 2), ("@traceloop/instrumentation-google-generativeai", 2),
        ("@arizeai/openinference-instrumentation-openai-agents", 1),
    ],
)  # fmt: skip
def test_a_client_is_told_by_its_scope_in_javascript_too(scope, rows):
    assert len(model_call(says("hi"), asks(FIRST), answers(FIRST), scope=scope)) == rows


def test_an_agents_instrumentation_has_spans_for_its_tools():
    assert len(model_call(says("hi"), asks(FIRST), answers(FIRST), scope="some.agent")) == 1


def test_every_call_of_a_turn_has_one_key_and_the_next_turn_another():
    first = model_call(says("hi"), output=asks(FIRST))[0]
    second = model_call(says("hi"), asks(FIRST), answers(FIRST), output=asks(SECOND))[0]
    history = [says("hi"), asks(FIRST), answers(FIRST), says("done", "assistant"), says("and now?")]
    later = model_call(*history, output=asks(SECOND))[0]
    assert first["execution_key"] == second["execution_key"] is not None
    assert (first["execution_rule"], second["execution_rule"]) == ("first_call", "run_key")
    assert later["execution_key"] not in (None, first["execution_key"])
    assert model_call(*history)[0]["execution_key"] is None


@pytest.mark.parametrize(
    ("call_id", "unique"),
    [
        (FIRST, True), ("toolu_01A09q90qw90lq917835lq9", True), ("D681PevKs", True), ("adk-5c27c7e7-1b1a-4a49-b2dc-41e53f3a8ddc", True),
        ("call_1", False), ("search_policy_0", False), ("functions.lookup:0", False), ("", False), (None, False), (7, False),
    ],
)  # fmt: skip
def test_ids_that_a_client_numbers_join_nothing(call_id, unique):
    assert is_unique(call_id) is unique
    assert (turn_key([], [call_id] if isinstance(call_id, str) else []) is not None) is unique


def test_numbered_ids_are_matched_by_place():
    told = model_call(says("hi"), asks("lookup_1"), answers("lookup_0"), scope="gcp.vertex.agent")[1]
    assert (told["tool"], told["tool_call_id"], told["result"]) == ("lookup", None, "here")


@pytest.mark.parametrize(
    ("result", "error_type", "message"),
    [
        ("ERROR TimeoutError: no answer", "TimeoutError", "no answer"),
        ("TimeoutError: no answer", "TimeoutError", "no answer"),
        ({"status": "error", "error_message": "TimeoutError: no answer"}, "TimeoutError", "no answer"),
        ({"error": "no answer"}, None, "no answer"),
        ([{"type": "text", "text": "TimeoutError: no answer"}], "TimeoutError", "no answer"),
        ({"isError": True, "content": "no answer"}, None, "no answer"),
    ],
)
def test_a_result_that_says_it_failed_is_a_guessed_error(result, error_type, message):
    told = model_call(says("hi"), asks(FIRST), answers(FIRST, result))[1]
    assert (told["error"], told["error_guessed"]) == (True, True)
    assert (told["error_type"], told["error_message"]) == (error_type, message)


@pytest.mark.parametrize(
    "result", ["ERROR is a word", "Errors: none", {"status": "delivered"}, {"error": None, "order": 1}, {"error": "x", "order": 1},
               [], [{"type": "text", "text": "TimeoutErrors: none"}], [{"type": "text", "text": 7}], [{"type": "image", "text": "ValueError: x"}]]
)  # fmt: skip
def test_other_results_are_no_errors(result):
    assert not model_call(says("hi"), asks(FIRST), answers(FIRST, result))[1]["error"]


def test_a_tool_that_says_it_failed_in_a_span_that_says_ok_did_not():
    attributes = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "t",
        "gen_ai.tool.call.result": "ValueError: x",
    }
    unset, ok = rows_of(span(attributes=attributes), span(id=2, status=1, attributes=attributes))
    assert (unset["error"], unset["error_guessed"], ok["error"]) == (True, True, False)


def test_hosted_tools_are_told_of_by_the_answer_in_any_convention():
    output = {
        "role": "assistant",
        "parts": [
            {"type": "server_tool_call", "id": "ws_1", "name": "web_search", "arguments": {"query": "x"}},
            {"type": "server_tool_call_response", "id": "ws_1", "server_tool_call_response": [{"url": "u"}]},
            {"type": "file_search_call", "id": "fs_1", "queries": ["y"], "results": [{"file_id": "f", "score": 0.5}]},
        ],
    }
    _, web, files = model_call(says("hi"), output=output, scope="some.agent")
    assert (web["tool"], web["arguments"], web["result"], web["flags"]) == (
        "web_search", '{"query":"x"}', '[{"url":"u"}]', ["derived"],
    )  # fmt: skip
    assert (files["tool"], files["document_count"], files["synthetic"]) == ("file_search", 1, True)


@pytest.mark.parametrize("odd", [{"type": {}}, {"type": "tool_call", "id": {}, "name": []}, {"type": "tool_call_response", "id": []}])  # fmt: skip
def test_odd_parts_are_read_past(odd):
    rows = model_call(says("hi"), {"role": "assistant", "parts": [odd]}, {"role": "tool", "parts": [odd]})
    assert "unread" not in rows[0]["flags"]


def test_a_request_for_approval_among_an_agents_messages_is_an_approval():
    held = asks(FIRST, "refund")
    held["parts"].append({"type": "tool-approval-request"})
    attributes = {
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a",
        "gen_ai.input.messages": orjson.dumps([says("hi"), held, {"role": "tool", "parts": [{"type": "tool-approval-response"}]}]).decode(),
    }  # fmt: skip
    _, approval = rows_of(span(attributes=attributes), scope="gen_ai")
    assert (approval["type"], approval["tool"], approval["control_flow"], approval["ended_at"]) == (
        "approval", "refund", "approval", None,
    )  # fmt: skip


def test_a_run_that_ends_asking_for_approval_has_no_answer_yet():
    result = {"calls": [], "approvals": [{"tool_name": "refund", "args": '{"id":1}', "tool_call_id": FIRST}]}
    attributes = {"gen_ai.operation.name": "invoke_agent", "final_result": orjson.dumps(result).decode()}
    agent, approval = rows_of(span(attributes=attributes), scope="pydantic-ai")
    assert (agent["output"], approval["type"], approval["tool"], approval["tool_call_id"]) == (
        None, "approval", "refund", FIRST,
    )  # fmt: skip
    assert approval["arguments"] == '{"id":1}'


def test_an_agent_that_is_next_in_a_sequence_was_handed_the_task():
    attributes = {"openinference.span.kind": "AGENT", "graph.node.id": "Refunds", "graph.node.parent_id": "Triage"}
    agent, handover = rows_of(
        span("Refunds._execute_core", attributes=attributes), scope="openinference.instrumentation.crewai"
    )
    assert (agent["type"], handover["type"], handover["tool"]) == ("agent", "handoff", "Refunds")


DETAILS = "gen_ai.client.inference.operation.details"


@pytest.mark.parametrize("where", ["event_name", "attribute", "body"])
def test_an_event_with_all_messages_is_a_row_beside_its_call(where):
    values = {
        "gen_ai.input.messages": [says("hi")], "gen_ai.output.messages": [asks(FIRST)], "gen_ai.usage.input_tokens": 7,
        "gen_ai.request.model": "m", "user.id": "u",
    }  # fmt: skip
    record = {
        "event_name": log(DETAILS, trace=1, id=5, attributes=values),
        "attribute": log("", trace=1, id=5, attributes={"event.name": DETAILS, **values}),
        "body": log(DETAILS, trace=1, id=5, body=values, attributes={"user.id": "u"}),
    }[where]
    row, asked = event_rows(record)
    assert (asked["type"], asked["ended_at"]) == ("tool_call", None)
    assert (row["type"], row["synthetic"], row["parent_span_id"], row["merge_key"]) == ("llm_call", True, 5, "llm_call")
    assert (row["user_message"], row["asked_tools"], row["input_tokens"], row["user_id"]) == ("hi", ["lookup"], 7, "u")


def test_an_event_a_message_is_a_row_a_message():
    function = {"name": "lookup", "arguments": '{"id":1}'}
    asked = {"tool_calls": [{"id": FIRST, "type": "function", "function": function}]}
    records = [
        log("gen_ai.user.message", trace=1, id=5, body={"content": "hi"}),
        log("gen_ai.assistant.message", trace=1, id=5, at=START + 1, body=asked),
        log("gen_ai.tool.message", trace=1, id=5, at=START + 2, body={"content": "here", "id": FIRST}),
        log("gen_ai.choice", trace=1, id=5, at=START + 3, body={"index": 0, "message": {"role": "assistant", "content": "done"}}),
    ]  # fmt: skip
    user, assistant, tool, answer, choice = event_rows(*records)
    assert (user["user_message"], choice["output"]) == ("hi", "done")
    assert assistant["execution_key"] == tool["execution_key"] is not None
    assert (answer["type"], answer["tool_call_id"], answer["result"], answer["parent_span_id"]) == (
        "tool_call", FIRST, "here", 5,
    )  # fmt: skip
    apart = [row for record in records for row in event_rows(record)]
    assert [row["span_id"] for row in apart] == [row["span_id"] for row in (user, assistant, tool, answer, choice)]


def test_an_event_without_a_span_or_of_another_name_is_a_log_only():
    assert (
        event_rows(
            log(DETAILS, trace=1), log("app.started", trace=1, id=5), log("gen_ai.evaluation.result", trace=1, id=5)
        )
        == []
    )


def test_told_rows_have_ids_of_their_own_and_are_the_same_each_time():
    messages = [says("hi"), asks(FIRST), asks(SECOND), answers(FIRST), answers(SECOND)]
    ids = [row["span_id"] for row in model_call(*messages)]
    assert len(set(ids)) == 3
    assert ids == [row["span_id"] for row in model_call(*messages)]


def test_a_batch_with_told_rows_fits_its_schema():
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": orjson.dumps([says("hi"), asks(FIRST), answers(FIRST)]).decode(),
    }
    assert batch_of(request(span(attributes=attributes), scope=CLIENT)).spans.num_rows == 2


def test_who_tells_a_clients_whole_request_sees_no_tools():
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "tool_calls": [{"id": FIRST, "function": {"name": "lookup", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": FIRST, "content": "here"},
    ]

    def told(**sent: Any) -> list[str]:
        values = {"type": "generation", "input": orjson.dumps(sent).decode()}
        attributes = {f"langfuse.observation.{name}": value for name, value in values.items()}
        rows = rows_of(span("OpenAI-generation", attributes=attributes), scope="langfuse-sdk")
        return [row["result"] for row in rows if row["synthetic"]]

    assert told(messages=messages, tools=[{"type": "function"}]) == ["here"]
    assert told(messages=messages) == told(messages=messages, tools="lookup") == []
