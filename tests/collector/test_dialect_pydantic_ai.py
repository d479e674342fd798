"""Pydantic AI's own spans: GenAI operations, the names of its older formats, and what its retries hide."""

from __future__ import annotations

import json

import pytest
from rows import row_of

from builders import exception, span


def traced(name, /, events=(), status=0, **attributes):
    return row_of(span(name, parent=9, status=status, events=events, attributes=attributes), scope="pydantic-ai")


@pytest.mark.parametrize(
    ("name", "attributes", "step"),
    [
        ("agent run", {"agent_name": "support"}, "agent"),
        ("running tool", {"gen_ai.tool.name": "lookup"}, "tool_call"),
        ("running output function", {"gen_ai.tool.name": "final"}, "tool_call"),
        ("running 2 tools", {}, "none"),
        ("invoke_agent support", {"gen_ai.operation.name": "invoke_agent"}, "agent"),
        ("execute_tool lookup", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup"}, "tool_call"),
        ("chat m", {"gen_ai.operation.name": "chat"}, "llm_call"),
    ],
)
def test_every_format_names_the_same_steps(name, attributes, step):
    row = traced(name, **attributes)
    assert (row["type"], row["dialect"]) == (step, "pydantic_ai")


def test_arguments_and_result_of_the_older_format():
    row = traced(
        "running tool", **{"gen_ai.tool.name": "lookup", "tool_arguments": '{"id":1}', "tool_response": "here"}
    )
    assert (row["arguments"], row["result"]) == ('{"id":1}', "here")


def test_an_agents_words_are_the_users_and_its_answer_the_final_result():
    messages = '[{"role":"user","parts":[{"type":"text","content":"where is it?"}]},{"role":"assistant","parts":[]}]'
    row = traced(
        "invoke_agent a",
        **{"gen_ai.operation.name": "invoke_agent", "pydantic_ai.all_messages": messages, "final_result": "here"},
    )
    assert (row["user_message"], row["output"]) == ("where is it?", "here")


def said(role, *texts):
    return {"role": role, "parts": [{"type": "text", "content": text} for text in texts]}


EARLIER = [said("system", "be kind"), said("user", "hello"), said("assistant", "yes?")]
DECIDED = [
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "t", "arguments": {}}]},
    {"role": "user", "parts": [{"type": "tool_call_response", "id": "c", "response": "sent"}]},
    said("assistant", "sent"),
]
TURN = [
    said("user", "where is it?"),
    said("assistant", "here"),
    said("user", "a number, please"),
    said("assistant", "1"),
]


@pytest.mark.parametrize(
    ("messages", "index", "asked"),
    [
        (TURN, None, "where is it?"),  # what asks for another try is sent as the user's
        ([*EARLIER, *TURN], 2, "where is it?"),  # one request holds the system's and the user's words
        ([*EARLIER, TURN[0], *DECIDED], 4, "where is it?"),  # a run that goes on after a decision is asked nothing new
        ([*EARLIER, *TURN], 99, "hello"),
        ([*EARLIER, *TURN], "2", "hello"),
    ],
)
def test_an_agents_input_is_what_was_asked_after_the_turns_before(messages, index, asked):
    known = {} if index is None else {"pydantic_ai.new_message_index": index}
    row = traced("invoke_agent a", **{"pydantic_ai.all_messages": json.dumps(messages), "agent_name": "a", **known})
    assert row["user_message"] == asked


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("TimeoutError: no answer", "TimeoutError", "no answer"),
        ("please give a number", None, "please give a number"),
    ],
)
def test_what_made_a_tool_ask_for_another_try_is_in_its_words(said, kind, message):
    row = traced(
        "execute_tool t",
        events=[exception("pydantic_ai.exceptions.ToolRetryError", said)],
        status=2,
        **{"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"},
    )
    assert (row["error"], row["error_type"], row["error_message"]) == (True, kind, message)


def test_what_made_a_tool_of_version_1_ask_for_another_try_is_in_its_result_alone():
    said = "OrderError: no answer\n\nFix the errors and try again."
    row = row_of(
        span(
            "running tool",
            status=2,
            message="ToolRetryError: ",
            attributes={"gen_ai.tool.name": "lookup", "tool_response": said},
            events=[exception("pydantic_ai.exceptions.ToolRetryError", "")],
        ),
        scope="pydantic-ai",
    )
    assert (row["error"], row["error_type"], row["error_message"]) == (True, "OrderError", "no answer")


def test_a_call_that_waits_for_a_person_is_no_error():
    row = traced(
        "running tool",
        events=[exception("pydantic_ai.exceptions.ApprovalRequired", "")],
        status=2,
        **{"gen_ai.tool.name": "t"},
    )
    assert (row["type"], row["error"], row["control_flow"]) == ("approval", False, "approval")
