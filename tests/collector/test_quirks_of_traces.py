"""What real senders do to whole traces, one quirk a test: from requests to the steps and sums of executions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rows import batch_of
from test_dialect_fixtures import FIXTURES, batches, read

import captures
from builders import START, log, log_request, request, span
from whichstep_collector.decode import decode_logs
from whichstep_collector.normalise import normalise_logs

SECOND = 10**9


def usage(tokens, output=10):
    return {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": output}


def chat(id, parent, tokens, *, at=0, **more):  # noqa: A002
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **usage(tokens), **more}
    return span(
        "chat m", id=id, parent=parent, start=START + at * SECOND, end=START + (at + 1) * SECOND, attributes=attributes
    )


def agent(id=1, *, trace=1, parent=None, **attributes):  # noqa: A002
    named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support", **attributes}
    return span("invoke_agent support", id=id, trace=trace, parent=parent, end=START + 60 * SECOND, attributes=named)


def results(*spans, scope="test"):
    return captures.results([batch_of(request(*spans, scope=scope))])


def tokens(found):
    (row,) = found.executions.select("input_tokens", "output_tokens").rows()
    return row


@pytest.mark.parametrize(
    ("scope", "above"),
    [
        ("strands.telemetry.tracer", {"gen_ai.operation.name": "invoke_agent", **usage(201, 20)}),
        ("ai", {"ai.operationId": "ai.generateText", "ai.usage.inputTokens": 201, "ai.usage.outputTokens": 20}),
        ("pydantic-ai", {"gen_ai.operation.name": "invoke_agent", **usage(201, 20)}),
        (
            "openinference.instrumentation.smolagents",
            {"openinference.span.kind": "AGENT", "llm.token_count.prompt": 201},
        ),
    ],
)
def test_what_a_span_repeats_of_the_calls_below_it_is_not_counted_again(scope, above):
    """Q3."""
    root = span("root", id=1, end=START + 60 * SECOND, attributes=above)
    assert tokens(results(root, chat(2, 1, 100), chat(3, 1, 101, at=2), scope=scope)) == (201, 20)


def test_a_call_nested_in_its_older_form_is_one_call():
    """Q3: Google ADK's first schema."""
    older = span("call_llm", id=2, parent=1, attributes=usage(100))
    found = results(agent(), older, chat(3, 2, 100), scope="gcp.vertex.agent")
    assert (tokens(found), found.steps.height) == ((100, 10), 2)


def test_the_providers_span_of_a_call_is_the_clients_call():
    """Q3: the same response under the SDK's span, from another service."""
    client = span("anthropic.messages.create", id=2, parent=1, kind=3, attributes={
        "gen_ai.operation.name": "chat", "gen_ai.response.id": "msg_1", **usage(164)})  # fmt: skip
    server = span("anthropic.messages.create", id=3, parent=2, kind=2, attributes={
        "gen_ai.operation.name": "chat", "gen_ai.response.id": "msg_1", **usage(164)})  # fmt: skip
    found = captures.results([
        batch_of(request(agent(), client, scope="com.anthropic.sdk.python")),
        batch_of(request(server, scope="com.anthropic.claude-platform", resource={"service.name": "claude-platform"})),
    ])  # fmt: skip
    assert tokens(found) == (164, 10)


def test_an_agent_without_calls_below_it_has_its_own_tokens():
    """Q3."""
    assert tokens(results(agent(**usage(201, 20)))) == (201, 20)


def test_totals_over_an_agents_whole_life_are_not_the_tokens_of_a_turn():
    """Q4: the third turn repeats the first two."""
    turns = [
        results(
            agent(trace=turn, **usage(100 * turn, 10 * turn)),
            _in(chat(2, 1, 100), turn),
            scope="strands.telemetry.tracer",
        )
        for turn in (1, 2, 3)
    ]
    assert [tokens(found) for found in turns] == [(100, 10)] * 3


def _in(one, trace):
    one.trace_id = trace.to_bytes(16, "big")
    return one


def test_a_session_that_only_a_late_root_knows_is_the_executions():
    """Q16."""
    early = batch_of(request(chat(2, 1, 100)))
    late = batch_of(request(agent(metadata=json.dumps({"thread_id": "s1", "user_id": "u1"}))))
    (row,) = captures.results([early, late]).executions.select("session_id", "user_id").rows()
    assert row == ("s1", "u1")


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_the_order_in_which_spans_arrive_changes_nothing(path: Path):
    """Q19: shuffled, doubled, one request a span."""
    given = batches(read(path))
    expected = captures.results(given)
    for order in (given[::-1], given[1::2] + given[::2], given + given[::-1]):
        found = captures.results(order)
        assert found.executions.equals(expected.executions)
        assert found.steps.sort("step_id").equals(expected.steps.sort("step_id"))


def test_a_run_whose_root_never_comes_still_has_its_steps():
    """Q19."""
    found = results(chat(2, 1, 100), chat(3, 1, 101, at=2))
    assert tokens(found) == (201, 20)
    assert found.steps["type"].to_list() == ["llm_call", "llm_call"]


def test_several_roots_in_a_trace_are_one_execution_and_several_traces_of_a_session_are_several():
    """Q20."""
    assert results(agent(1), agent(2), chat(3, 2, 100)).executions.height == 1
    found = captures.results([batch_of(request(agent(trace=turn, **{"session.id": "s1"}))) for turn in (1, 2)])
    assert found.executions["session_id"].to_list() == ["s1", "s1"]


def test_parallel_children_take_the_time_of_the_longest_and_may_outlive_their_parent():
    """Q21."""
    root = span("invoke_agent a", end=START + 2 * SECOND, attributes={"gen_ai.operation.name": "invoke_agent"})
    tools = [
        span(f"execute_tool t{at}", id=at + 2, parent=1, end=START + 3 * SECOND,
             attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": f"t{at}"})
        for at in range(5)
    ]  # fmt: skip
    found = results(root, *tools)
    (row,) = found.executions.rows(named=True)
    assert (row["latency_ms"], row["critical_path_ms"]) == (2000, 2000)
    assert sorted(found.steps["critical_path_ms"]) == [0, 0, 0, 0, 0, 2000]
    assert found.steps["latency_ms"].sum() == 17_000


def test_a_call_that_was_repeated_after_an_error_is_a_second_attempt_and_both_cost():
    """Q23."""
    said = {"gen_ai.input.messages": '[{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]'}
    failed = chat(2, 1, 100, **{"error.type": "RateLimitError", **said})
    steps = results(agent(), failed, chat(3, 1, 100, at=2, **said)).steps
    calls = steps.filter(steps["type"] == "llm_call").sort("position")
    assert calls["attempt"].to_list() == [1, 2]
    assert calls["recovered"].to_list() == [True, False]
    assert calls["input_tokens"].to_list() == [100, 100]


def test_a_call_that_three_instrumentations_saw_is_one_call():
    """Q24."""
    openinference = span("ChatOpenAI", id=2, parent=1, end=START + 9 * SECOND, attributes={
        "openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.prompt": 100, "llm.token_count.completion": 10})  # fmt: skip
    openllmetry = span("openai.chat", id=3, parent=2, end=START + 8 * SECOND, attributes={
        "llm.request.type": "chat", "gen_ai.request.model": "m", **usage(100)})  # fmt: skip
    found = results(agent(), openinference, openllmetry, chat(4, 3, 100, **{"gen_ai.response.id": "r"}))
    assert (tokens(found), found.steps.height) == ((100, 10), 2)


def test_the_copy_that_announces_an_open_span_is_no_step():
    """Q25."""
    pending = span("work", id=2, parent=1, end=START, attributes={
        "logfire.span_type": "pending_span", "logfire.msg_template": "work", "logfire.pending_parent_id": "0" * 16})  # fmt: skip
    real = span("work", id=1, attributes={"logfire.span_type": "span", "logfire.msg_template": "work"})
    assert results(real, pending, scope="logfire").steps["name"].to_list() == ["work"]


def test_transport_between_steps_is_left_out_and_its_children_hang_above_it():
    """Q35."""
    http = span("POST", id=2, parent=1, attributes={"http.request.method": "POST"})
    steps = results(agent(), http, chat(3, 2, 100)).steps
    assert steps.sort("position").select("type", "parent_step_id").rows() == [("agent", None), ("llm_call", 1)]


def test_an_evaluation_finds_its_execution_by_the_response_alone_however_late():
    """Q37."""
    call = chat(2, 1, 100, **{"gen_ai.response.id": "resp-7"})
    late = log("gen_ai.evaluation.result", at=START + 3600 * SECOND, attributes={
        "gen_ai.evaluation.name": "task_success", "gen_ai.evaluation.score.label": "pass",
        "gen_ai.evaluation.score.value": 1.0, "gen_ai.response.id": "resp-7"})  # fmt: skip
    said = normalise_logs(decode_logs(log_request(late).SerializeToString(), json=False), received_at=START)
    (row,) = captures.results([batch_of(request(agent(), call)), said]).executions.rows(named=True)
    assert row["success"] is True


@pytest.mark.parametrize("arrival", ["before", "after", "never"])
def test_messages_told_by_a_log_record_are_the_calls_whenever_they_arrive(arrival):
    """Q17."""
    told = log("gen_ai.client.inference.operation.details", trace=1, id=2, attributes={
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
        "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "Refund sent."}]}]'})  # fmt: skip
    said = normalise_logs(decode_logs(log_request(told).SerializeToString(), json=False), received_at=START)
    spans = batch_of(request(agent(), chat(2, 1, 100)))
    found = captures.results({"before": [said, spans], "after": [spans, said], "never": [spans]}[arrival])
    assert tokens(found) == (100, 10)
    assert found.steps.filter(found.steps["type"] == "llm_call")["output"].to_list() == [
        None if arrival == "never" else "Refund sent."
    ]


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ('{"isError": true, "content": [{"type": "text", "text": "no such order"}]}', "error"),
        ('{"status": "error", "message": "no such order"}', "error"),
        ('{"status": "shipped", "error": null}', "ok"),
        ("No error was found.", "ok"),
    ],
)
def test_a_tool_that_says_so_in_its_result_has_failed(result, status):
    """Q15."""
    tool = span("execute_tool x", id=2, parent=1, attributes={
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "x", "gen_ai.tool.call.result": result})  # fmt: skip
    steps = results(agent(), tool).steps
    assert steps.filter(steps["type"] == "tool_call")["status"].to_list() == [status]


def test_a_tool_that_the_provider_ran_is_a_step_though_no_span_shows_it():
    """Q36."""
    parts = [
        {"type": "server_tool_call", "id": "srv_1", "name": "web_search", "arguments": {"query": "refunds"}},
        {"type": "server_tool_call_response", "id": "srv_1", "response": "30 days"},
        {"type": "text", "content": "Within 30 days."},
    ]
    said = {"gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": parts}])}
    steps = results(agent(), chat(2, 1, 100, **said)).steps
    hosted = steps.filter(steps["type"].is_in(["tool_call", "retrieval"]))
    assert hosted["tool"].to_list() == ["web_search"]
    assert hosted["flags"].list.contains("derived").to_list() == [True]
