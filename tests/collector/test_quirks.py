"""What real senders do to single spans, one quirk a test (Q1 to Q38 of the map of dialects; traces are in their own file)."""

from __future__ import annotations

import json
import tracemalloc

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import batch_of, logs_of, restored, row_of, rows_of, whole

from builders import START, as_json, event, exception, key_values, log, request, span
from whichstep_collector.decode import decode_traces

SAID = [{"role": "user", "parts": [{"type": "text", "content": "Where is A-1042?"}]}]
END = START + 10**9


def chat(**attributes):
    return span("chat m", attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", **attributes})


def tool(name="lookup", **how):
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name, **how.pop("attributes", {})}
    return span(f"execute_tool {name}", attributes=attributes, **how)


# values


def test_json_in_a_string_is_read_also_when_it_is_encoded_twice():
    """Q1."""
    row = row_of(span("f", attributes={"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": '"{\\"a\\": 1}"'}))
    assert (row["type"], row["arguments"]) == ("tool_call", '{"a":1}')


def test_an_id_that_looks_like_a_number_stays_text_and_broken_json_stays_as_it_is():
    """Q1."""
    row = row_of(tool(attributes={"gen_ai.tool.call.id": "123", "gen_ai.tool.call.arguments": '{"a": '}))
    assert (row["tool_call_id"], row["arguments"]) == ("123", '{"a": ')


def test_messages_as_native_lists_and_as_text_make_one_row():
    """Q2."""
    native, text = (row_of(chat(**{"gen_ai.input.messages": value})) for value in (SAID, json.dumps(SAID)))
    assert native["input"] == text["input"]
    assert native["input_digest"] == text["input_digest"]
    assert native["user_message"] == text["user_message"] == "Where is A-1042?"


@pytest.mark.parametrize(
    ("scope", "name", "attributes"),
    [
        (
            "com.anthropic.claude_code.tracing",
            "claude_code.llm_request",
            {"input_tokens": 30, "output_tokens": 5, "cache_read_tokens": 60, "cache_creation_tokens": 10},
        ),
        (
            "any",
            "chat m",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.output_tokens": 5,
                "gen_ai.usage.cache_read.input_tokens": 60,
                "gen_ai.usage.cache_write.input_tokens": 10,
            },
        ),
    ],
)
def test_input_tokens_include_the_cache_whether_or_not_the_sender_counts_it_in(scope, name, attributes):
    """Q5."""
    row = row_of(span(name, attributes=attributes), scope=scope)
    assert (row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"]) == (100, 60, 10)


def test_a_span_whose_kind_was_dropped_by_an_attribute_limit_is_known_by_what_is_left():
    """Q6: 200 flattened keys, of which a limit of 128 left the last."""
    keys = {f"llm.input_messages.{at // 2}.message.{('role', 'content')[at % 2]}": "user" for at in range(72, 200)}
    one = span("ChatOpenAI", attributes=keys)
    one.dropped_attributes_count = 72
    row = row_of(one, scope="my.scope")
    assert (row["type"], set(row["flags"])) == ("llm_call", {"guessed", "truncated"})


def test_json_that_a_length_limit_cut_anywhere_still_makes_its_step():
    """Q7."""
    text = json.dumps(SAID)
    for row in rows_of(*(chat(**{"gen_ai.input.messages": text[:length]}) for length in range(len(text) + 1))):
        assert (row["type"], row["model"]) == ("llm_call", "m")
        assert orjson.loads(row["attributes"])["gen_ai.input.messages"] in text


def test_a_text_of_ten_megabytes_has_a_short_column_and_is_kept_whole():
    """Q8."""
    text = "x" * 10_000_000
    batch = batch_of(request(tool(attributes={"gen_ai.tool.call.result": text})))
    (row,) = batch.spans.to_pylist()
    assert len(row["result"]) <= 1024
    assert whole(batch, row, "result") == text


@pytest.mark.parametrize("score", [1, 1.0, "1.0"])
def test_a_score_is_the_same_number_however_it_was_sent(score):
    """Q9: senders in JavaScript write 1.0 as 1."""
    flat = {"retrieval.documents.0.document.content": "x", "retrieval.documents.0.document.score": score}
    listed = {"gen_ai.retrieval.documents": [{"id": "a", "score": score}]}
    for attributes in (
        {"openinference.span.kind": "RETRIEVER", **flat},
        {"gen_ai.operation.name": "retrieval", **listed},
    ):
        (document,) = orjson.loads(row_of(span(attributes=attributes))["sources"])
        assert repr(document["score"]) == "1.0"


@pytest.mark.parametrize(
    ("sent", "count"), [("12", 12), (12.0, 12), (True, None), (-1, None), (12.5, None), ([12], None), ("NaN", None)]
)
def test_tokens_are_whole_numbers_however_they_were_sent_and_nothing_else_is(sent, count):
    """Q10."""
    row = row_of(chat(**{"gen_ai.usage.input_tokens": sent, "gen_ai.usage.output_tokens": 3}))
    assert row["input_tokens"] == count


# errors


@pytest.mark.parametrize(
    ("scope", "attributes"),
    [
        ("any", {"error.type": "Timeout"}),
        ("langfuse-sdk", {"langfuse.observation.type": "tool", "langfuse.observation.level": "ERROR"}),
        ("any", {"gen_ai.tool.status": "error"}),
        ("any", {"gen_ai.tool.execution.success": False}),
        ("logfire", {"logfire.level_num": 17, "logfire.msg": "went wrong"}),
        ("com.anthropic.claude_code.tracing", {"span.type": "tool", "success": "false"}),
        ("crewai", {"crewai.event_name": "tool_usage_finished", "crewai.tool.failure.message": "no such order"}),
        ("haystack", {"haystack.tool.name": "x", "haystack.tool.error": "no such order"}),
        ("livekit-agents", {"lk.function_tool.name": "x", "lk.function_tool.is_error": True}),
    ],
)
def test_a_failure_without_an_error_status_is_seen_by_each_hint_alone(scope, attributes):
    """Q11."""
    name = "claude_code.tool" if "claude" in scope else "execute_tool x"
    operation = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "x"}
    assert row_of(span(name, attributes={**operation, **attributes}), scope=scope)["error"]
    assert not row_of(span(name, attributes=operation), scope=scope)["error"]


def test_an_exception_on_a_span_that_says_ok_was_handled():
    """Q12."""
    assert not row_of(tool(status=1, events=[exception("ValueError", "x", at=END)]))["error"]


@pytest.mark.parametrize(
    ("at", "escaped", "error"), [(END, {}, True), (START, {}, False), (START, {"exception.escaped": "True"}, True)]
)
def test_an_exception_without_a_status_is_an_error_only_if_it_left_the_span(at, escaped, error):
    """Q13."""
    row = row_of(tool(events=[exception("ValueError", "no such order", at=at, **escaped)]))
    assert (row["error"], row["error_type"]) == (error, "ValueError" if error else None)


@pytest.mark.parametrize(
    ("raised", "said", "failure"),
    [
        ("OrderError", "no answer", (True, "OrderError", "no answer", None)),
        ("OrderError", "no\n\nanswer", (True, "OrderError", "no\n\nanswer", None)),
        ("GraphInterrupt", '[\n  {"id": 1}\n]', (False, None, None, "interrupt")),
    ],
)
def test_an_error_of_javascript_without_a_type_has_it_in_the_stack_after_its_message(raised, said, failure):
    text = f"{said}\n\n{raised}: {said}\n    at ask (file:///app/desk.mjs:13:39)"
    row = row_of(tool(status=2, message=text, events=[event("exception", **{"exception.message": text})]))
    assert (row["error"], row["error_type"], row["error_message"], row["control_flow"]) == failure


@pytest.mark.parametrize(
    ("kind", "flow"),
    [
        ("langgraph.errors.GraphInterrupt", "interrupt"),
        ("langgraph.errors.ParentCommand", "handoff"),
        ("pydantic_ai.exceptions.ApprovalRequired", "approval"),
        ("pydantic_ai.exceptions.CallDeferred", "approval"),
        ("workflows.errors.WaitingForEvent", "interrupt"),
    ],
)
def test_control_flow_raised_as_an_exception_is_no_error(kind, flow):
    """Q14."""
    row = row_of(tool(status=2, message="x", events=[exception(kind, "x", at=END)]))
    assert (row["error"], row["control_flow"]) == (False, flow)


# names and places


@pytest.mark.parametrize(
    "sent",
    [
        {"event_name": "gen_ai.choice"},
        {"attributes": {"event.name": "gen_ai.choice"}},
        {"attributes": {"name": "gen_ai.choice"}},
        {"body": "gen_ai.choice"},
    ],
)
def test_the_name_of_an_event_is_found_in_each_of_its_four_places(sent):
    """Q18."""
    (row,) = logs_of(log(**sent))
    assert row["event_name"] == "gen_ai.choice"


@pytest.mark.parametrize("marker", ["__REDACTED__", "<REDACTED>", "[REDACTED]", "{}", "N/A"])
def test_a_marker_of_hidden_content_is_no_content(marker):
    """Q22."""
    row = row_of(span(attributes={"openinference.span.kind": "AGENT", "input.value": marker}))
    assert (row["input"], row["user_message"]) == (None, None)
    assert ("redacted" in row["flags"]) == ("REDACTED" in marker)
    assert orjson.loads(row["attributes"])["input.value"] == marker


def test_hidden_messages_are_absent_and_flagged():
    """Q22."""
    key = "llm.input_messages.0.message"
    row = row_of(
        span(attributes={"openinference.span.kind": "LLM", f"{key}.role": "user", f"{key}.content": "__REDACTED__"})
    )
    assert (row["input"], row["user_message"], row["flags"]) == (None, None, ["redacted"])


@pytest.mark.parametrize("said", ["langchain", "strands-agents", "autogen", "crewai", "microsoft.agent_framework"])
def test_a_framework_is_no_provider(said):
    """Q26."""
    assert row_of(chat(**{"gen_ai.system": said}))["provider"] is None


def test_the_kind_of_langsmith_wins_over_the_operation_it_claims():
    """Q27."""
    claimed = {"gen_ai.operation.name": "embeddings", "langsmith.span.kind": "retriever"}
    assert row_of(span("R", attributes=claimed), scope="langsmith")["type"] == "retrieval"


def test_one_key_may_hold_different_types_in_one_batch():
    """Q28."""
    values = ['{"session_id": "s1"}', {"session_id": "s1"}, 7, True, ["x"], b"x", None]
    batch = batch_of(request(*(span(id=at + 1, attributes={"metadata": v}) for at, v in enumerate(values))))
    rows = batch.spans.to_pylist()
    assert [row["session_id"] for row in rows] == ["s1", "s1", None, None, None, None, None]
    assert restored(batch, rows[1])["metadata"] == {"session_id": "s1"}
    assert restored(batch, rows[4])["metadata"] == ["x"]


def test_a_key_that_is_the_start_of_another_keeps_its_own_value():
    """Q29."""
    attributes = {
        "llm.request.type": "chat",
        "gen_ai.prompt": "whole",
        "gen_ai.prompt.0.role": "user",
        "gen_ai.prompt.0.content": "hello",
        "llm.token_count.prompt": 7,
        "llm.token_count.prompt_details.cache_read": 3,
        "input": "in",
        "input.value": "deeper",
    }
    batch = batch_of(request(span(attributes=attributes)))
    (row,) = batch.spans.to_pylist()
    assert (row["input_tokens"], row["cache_read_tokens"], row["user_message"]) == (7, 3, "hello")
    assert restored(batch, row) == attributes


@pytest.mark.parametrize("index", ["999999999", "4294967295", "10000", "-1", "1e9", "٣"])
def test_an_index_that_was_sent_allocates_nothing(index):
    """Q30."""
    hostile = {
        f"llm.input_messages.{index}.message.role": "user",
        f"llm.input_messages.{index}.message.content": "x",
        f"retrieval.documents.{index}.document.content": "x",
        f"gen_ai.completion.0.tool_calls.{index}.name": "x",
        "__proto__": "x",
        ".".join(["a"] * 10_000): "x",
    }
    one = span(attributes={"openinference.span.kind": "LLM", **hostile})
    tracemalloc.start()
    row = row_of(one)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (row["type"], row["input"], row["attribute_count"]) == ("llm_call", None, 7)
    assert peak < 5_000_000


@pytest.mark.parametrize("json_form", [False, True])
def test_of_equal_keys_the_last_wins_and_the_loss_is_counted(json_form):
    """Q31."""
    one = span()
    one.attributes.extend(key_values({"k": "first"}))
    one.attributes.extend(key_values({"k": "last"}))
    body = as_json(request(one)) if json_form else request(one).SerializeToString()
    (found,) = decode_traces(body, json=json_form).spans()
    assert (found.attributes, found.dropped_attributes) == ({"k": "last"}, 1)


def test_a_history_that_is_sent_again_with_every_call_is_stored_once():
    """Q32: 50 turns of 2 kB; the sum of all that was sent is 25 times as much."""
    turns = [{"role": "user", "parts": [{"type": "text", "content": f"{turn} " + "x" * 2000}]} for turn in range(50)]
    calls = [
        span("chat m", id=at + 2, parent=1, start=START + at, attributes={"gen_ai.operation.name": "chat",
             "gen_ai.input.messages": json.dumps(turns[: at + 1])})
        for at in range(50)
    ]  # fmt: skip
    batch = batch_of(request(*calls))
    sent = sum(len(json.dumps(turns[: at + 1])) for at in range(50))
    kept = sum(len(row["text"]) for row in batch.content.to_pylist())
    assert kept < sent / 20
    said = [row["user_message"] for row in batch.spans.to_pylist()]
    assert said[0].startswith("0 x")
    assert said[1:] == [None] * 49


@pytest.mark.parametrize(
    ("attributes", "milliseconds"),
    [
        ({"gen_ai.response.time_to_first_chunk": 0.25}, 250),
        ({"gen_ai.client.operation.time_to_first_chunk": 0.25}, 250),
        ({"gen_ai.server.time_to_first_token": 250, "event_loop.cycle_id": "c"}, 250),
        ({"gen_ai.server.time_to_first_token": 0.25, "gen_ai.sdk.version": "1"}, 250),
        ({"ai.response.msToFirstChunk": 250, "ai.operationId": "ai.streamText.doStream"}, 250),
        ({"ttft_ms": 250, "span.type": "llm_request"}, 250),
    ],
)
def test_the_time_to_the_first_token_is_in_milliseconds_whatever_the_senders_unit(attributes, milliseconds):
    """Q33."""
    assert row_of(chat(**attributes))["time_to_first_token_ms"] == milliseconds


@pytest.mark.parametrize("sent", [["stop", "length"], '["stop", "length"]', "stop,length", "stop"])
def test_a_list_may_be_a_list_its_json_or_joined_by_commas(sent):
    """Q34."""
    row = row_of(chat(**{"gen_ai.response.finish_reasons": sent, "tag.tags": sent}))
    assert (row["finish_reason"], row["tags"][0]) == ("stop", "stop")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_an_operation_or_kind_that_nobody_knows_is_another_step_and_keeps_its_word(said):
    """Q38."""
    for key in ("gen_ai.operation.name", "openinference.span.kind", "mlflow.spanType", "langfuse.observation.type"):
        row = row_of(span(attributes={key: f"?{said}"}))
        assert row["type"] in {"other", "workflow"}
        assert orjson.loads(row["attributes"])[key] == f"?{said}"


@pytest.mark.parametrize("blocks", [[{"type": "text", "text": "[]"}], '[{"type": "text", "text": "[]"}]'])
def test_a_result_in_one_block_of_text_is_the_text(blocks):
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search_help"}
    said = blocks if isinstance(blocks, str) else orjson.dumps(blocks).decode()
    row = row_of(span(attributes={**tool, "gen_ai.tool.call.result": said}))
    assert (row["result"], row["document_count"]) == ("[]", 0)
    picture = '[{"type": "image", "data": "…"}]'
    assert row_of(span(attributes={**tool, "gen_ai.tool.call.result": picture}))["result"] == picture


@pytest.mark.parametrize("said", ["Error executing tool: no route", "Error executing tool lookup: no route"])
def test_a_result_that_says_that_executing_the_tool_failed_is_a_failure(said):
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup", "gen_ai.tool.call.result": said}
    row = row_of(span(attributes=tool))
    assert (row["error"], row["error_message"], row["error_guessed"]) == (True, "no route", True)
