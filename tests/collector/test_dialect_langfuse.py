"""Langfuse's SDKs: types, values as JSON text, errors as a level."""

from __future__ import annotations

import orjson
import pytest
from rows import row_of

from builders import span


def observed(kind, name="lookup_order", /, **more):
    values = {f"langfuse.observation.{key}": value for key, value in more.items()}
    return row_of(span(name, parent=9, attributes={"langfuse.observation.type": kind, **values}), scope="langfuse-sdk")


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("generation", "llm_call"), ("tool", "tool_call"), ("retriever", "retrieval"), ("agent", "agent"),
        ("embedding", "embedding"), ("guardrail", "guardrail"), ("evaluator", "evaluation"), ("chain", "other"),
        ("span", "other"), ("event", "none"), ("anything new", "other"),
    ],
)  # fmt: skip
def test_the_type_of_an_observation_is_the_step(kind, step):
    row = observed(kind)
    assert (row["type"], row["dialect"], row["step_name"]) == (step, "langfuse", "lookup_order")


def test_a_span_with_usage_is_a_generation_of_an_early_version():
    assert observed("span", usage_details='{"input": 1, "output": 2}')["type"] == "llm_call"


def test_the_root_of_an_application_is_a_workflow_though_it_has_a_parent():
    attributes = {"langfuse.observation.type": "span", "langfuse.internal.as_root": True}
    row = row_of(span("handle", parent=9, attributes=attributes), scope="langfuse-sdk")
    assert (row["type"], row["workflow"]) == ("workflow", "handle")


def test_a_tools_arguments_are_those_of_the_decorated_function():
    row = observed("tool", input='{"args": [], "kwargs": {"order_id": "A-1"}}', output='{"status": "shipped"}')
    assert (row["tool"], row["arguments"], row["result"]) == (
        "lookup_order",
        '{"order_id":"A-1"}',
        '{"status": "shipped"}',
    )
    assert observed("tool", input='{"args": ["A-1"], "kwargs": {}}')["arguments"] == "A-1"
    assert observed("tool", input="not json")["arguments"] == "not json"


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 64}}, (100, 7, 64)),
        ({"input": 36, "output": 7, "input_cache_read": 64, "total": 107}, (100, 7, 64)),
        ({"input_tokens": 36, "output_tokens": 7, "cache_read_input_tokens": 64}, (100, 7, 64)),
        ({"input_tokens": 100, "output_tokens": 7, "input_tokens_details": {"cached_tokens": 64}}, (100, 7, 64)),
        ({}, (None, None, None)),
        ({"input": "many"}, (None, None, None)),
    ],
)
def test_usage_is_inclusive_of_the_cache_in_every_spelling(usage, counts):
    row = observed("generation", usage_details=orjson.dumps(usage).decode())
    assert (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"]) == counts


def test_broken_usage_costs_no_row():
    row = observed("generation", usage_details="{", cost_details='{"input": 0.25, "output": 0.5}')
    assert (row["input_tokens"], row["reported_cost_usd"]) == (None, 0.75)
    assert observed("generation", cost_details='{"total": 1, "input": 0.25}')["reported_cost_usd"] == 1.0


def test_messages_of_a_generation_are_read_out_of_its_json():
    asked = {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "lookup", "arguments": "{}"}}]}
    row = observed(
        "generation",
        input=orjson.dumps({"tools": [], "messages": [{"role": "user", "content": "where is it?"}]}).decode(),
        output=orjson.dumps(asked).decode(),
    )
    assert (row["user_message"], row["asked_tools"], row["asked_call_ids"]) == ("where is it?", ["lookup"], ["c1"])


def test_a_model_that_answers_in_json_has_not_sent_a_message():
    assert observed("generation", output='{"category": "refund"}')["output"] == '{"category": "refund"}'


def test_a_level_of_error_is_a_failure_without_any_status():
    row = observed("tool", level="ERROR", status_message="TimeoutError: no answer")
    assert (row["error"], row["error_type"], row["error_message"]) == (True, "TimeoutError", "no answer")
    assert not observed("tool", level="WARNING")["error"]


def test_a_decision_of_a_person_by_hand_is_an_approval():
    row = observed("span", "human_approval", output='{"decision": "approved"}')
    assert (row["type"], row["flags"]) == ("approval", ["guessed"])
    assert observed("span", "approval_service", output='{"ok": true}')["type"] == "other"


def test_who_and_which_release_are_told_by_its_names():
    attributes = {
        "langfuse.observation.type": "agent", "langfuse.session.id": "s", "langfuse.user.id": "u",
        "langfuse.release": "7", "langfuse.environment": "staging", "langfuse.trace.name": "refunds",
    }  # fmt: skip
    row = row_of(span("agent", attributes=attributes), scope="langfuse-sdk")
    assert (row["session_id"], row["user_id"], row["release"], row["environment"], row["workflow"]) == (
        "s", "u", "7", "staging", "refunds",
    )  # fmt: skip


def test_what_finds_langchains_documents_in_javascript_is_a_retrieval():
    found = observed(
        "span", "HelpCenter", input="a kettle", output='[{"pageContent": "Returns", "metadata": {"id": "d1"}}]'
    )
    assert (found["type"], found["query"], found["document_count"]) == ("retrieval", "a kettle", 1)
    assert orjson.loads(found["sources"]) == [{"id": "d1", "content": "Returns", "metadata": {"id": "d1"}}]
    assert observed("span", output='[{"title": "pageContent"}]')["type"] == "other"


def test_a_graphs_state_is_its_messages_whether_or_not_python_could_read_it():
    state = '{"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "goodbye"}]}'
    row = row_of(span("graph", attributes={"langfuse.observation.type": "span", "langfuse.observation.input": state,
                                           "langfuse.observation.output": state}), scope="langfuse-sdk")  # fmt: skip
    assert (row["user_message"], row["output"]) == ("hello", "goodbye")
    assert observed("span", "__start__", input=state)["type"] == "none"


def test_a_message_of_a_tool_in_javascript_is_its_content():
    message = {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "ToolMessage"],
               "kwargs": {"status": "success", "content": "shipped", "tool_call_id": "c1"}}  # fmt: skip
    row = observed("tool", output=orjson.dumps(message).decode())
    assert (row["result"], row["tool_call_id"]) == ("shipped", "c1")


def test_an_error_that_the_decorator_repeats_as_output_is_none():
    row = observed("agent", level="ERROR", status_message="no answer", output='{"error": "Error: no answer"}')
    assert (row["error"], row["error_message"], row["output"]) == (True, "no answer", None)


def test_an_interrupt_in_the_status_message_is_no_error():
    row = observed("tool", level="ERROR", status_message='GraphInterrupt: [{"id": 1}]')
    assert (row["error"], row["control_flow"]) == (False, "interrupt")


def haystacks(name, kind, tags=(), /, **more):
    values = {**{f"metadata.haystack.{tag}": said for tag, said in dict(tags).items()}, "metadata.haystack.x": "1"}
    return observed(kind, name, **values, **more)


def test_haystacks_tags_name_the_tools_and_agents_that_langfuse_observes():
    said = "Failed to invoke Tool `lookup` with parameters {'id': 7}. Error: no route"
    tool = {"tool.name": '"lookup"', "tool.error": "true"}
    row = haystacks("tool - lookup", "tool", tool, input='{"id": 7}', output=orjson.dumps({"error": said}).decode())
    assert (row["type"], row["tool"], row["arguments"], row["result"]) == (
        "tool_call",
        "lookup",
        '{"id":7}',
        "no route",
    )
    assert (row["error"], row["error_message"]) == (True, "no route")
    component = {"component.name": '"clerk"', "component.type": '"Agent"'}
    answer = {"role": "assistant", "content": [{"text": "Done."}]}
    output = orjson.dumps({"messages": [answer]}).decode()
    outer, inner = haystacks("clerk", "span", component, output=output), haystacks("haystack.agent.run", "agent")
    assert (outer["type"], outer["agent"], outer["output"]) == ("agent", "clerk", "Done.")
    assert (inner["type"], inner["agent"], inner["merge_key"]) == ("agent", None, outer["merge_key"])
    given = '{"retriever": {"query": "Broken."}, "clerk": {"messages": [], "question": "Broken."}}'
    assert haystacks("support", "span", input=given, output="{}")["input"] == "Broken."
