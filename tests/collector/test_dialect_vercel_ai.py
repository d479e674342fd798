"""Vercel's AI SDK: the emitter with GenAI names, and the older one with its own."""

from __future__ import annotations

import orjson
import pytest
from rows import row_of

from builders import event, span


def older(operation, /, **more):
    attributes = {"ai.operationId": operation, "ai.telemetry.functionId": "support", **more}
    return row_of(span(operation, parent=9, attributes=attributes), scope="ai")


@pytest.mark.parametrize(
    ("operation", "step"),
    [
        ("ai.generateText", "workflow"), ("ai.streamText", "workflow"), ("ai.generateText.doGenerate", "llm_call"),
        ("ai.streamObject.doStream", "llm_call"), ("ai.toolCall", "tool_call"), ("ai.embed.doEmbed", "embedding"),
        ("ai.embed", "other"), ("ai.rerank", "rerank"),
    ],
)  # fmt: skip
def test_only_the_inner_span_of_the_older_emitter_is_a_model_call(operation, step):
    row = older(operation)
    assert (row["type"], row["dialect"], row["agent"]) == (step, "vercel_ai", "support")


def test_an_older_model_call_has_its_messages_and_the_tools_it_asks_for():
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "where is it?"}]},
        {"role": "assistant", "content": [{"type": "tool-call", "toolCallId": "c1", "toolName": "lookup", "input": {"id": 1}}]},
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c1", "toolName": "lookup", "output": {"type": "text", "value": "here"}}]},
    ]  # fmt: skip
    row = older(
        "ai.generateText.doGenerate",
        **{
            "ai.prompt.messages": orjson.dumps(messages).decode(),
            "ai.response.text": "let me see",
            "ai.response.toolCalls": '[{"toolCallId": "c2", "toolName": "refund", "input": "{\\"id\\": 1}"}]',
            "ai.usage.inputTokens": "12", "ai.usage.outputTokens": 3, "ai.model.id": "gpt-4o",
            "ai.model.provider": "openai.chat", "ai.response.msToFirstChunk": 20,
        },
    )  # fmt: skip
    assert row["user_message"] == "where is it?"
    assert (row["asked_tools"], row["asked_call_ids"]) == (["refund"], ["c2"])
    assert (row["input_tokens"], row["output_tokens"], row["model"], row["provider"]) == (12, 3, "gpt-4o", "openai")
    assert row["time_to_first_token_ms"] == 20
    sent = orjson.loads(row["input"])
    assert sent[1]["parts"] == [{"type": "tool_call", "id": "c1", "name": "lookup", "arguments": {"id": 1}}]
    assert sent[2]["parts"][0]["type"] == "tool_call_response"


def test_an_older_tool_call_has_arguments_and_result():
    row = older(
        "ai.toolCall",
        **{"ai.toolCall.name": "lookup", "ai.toolCall.id": "c1", "ai.toolCall.args": '{"id":1}', "ai.toolCall.result": '"here"'},
    )  # fmt: skip
    assert (row["tool"], row["tool_call_id"], row["arguments"], row["result"]) == ("lookup", "c1", '{"id":1}', '"here"')


def test_what_the_older_outer_span_was_asked_is_its_prompt():
    assert older("ai.generateText", **{"ai.prompt": '{"system": "be kind", "prompt": "hello"}'})["input"] == "hello"
    row = older("ai.generateText", **{"ai.prompt": '{"messages": [{"role": "user", "content": "hello"}]}'})
    assert (row["input"], row["step_name"]) == ("hello", "support")


def test_the_session_is_in_the_settings_of_the_older_emitter():
    assert older("ai.generateText", **{"ai.settings.context.sessionId": "s"})["session_id"] == "s"
    assert older("ai.generateText", **{"ai.telemetry.metadata.sessionId": "t"})["session_id"] == "t"


def test_an_agents_span_of_the_new_emitter_is_called_after_the_model_but_is_the_agent():
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "support", "gen_ai.request.model": "m"}
    row = row_of(span("invoke_agent m", attributes=attributes), scope="gen_ai")
    assert (row["type"], row["step_name"], row["dialect"]) == ("agent", "support", "vercel_ai")
    step = row_of(span("step 1", parent=1, attributes={"gen_ai.operation.name": "agent_step"}), scope="gen_ai")
    assert step["type"] == "other"


def test_the_calls_that_an_older_run_ended_with_are_no_answer():
    asked = '[{"toolCallId": "c2", "toolName": "refund", "input": "{}"}]'
    assert older("ai.generateText", **{"ai.response.toolCalls": asked})["output"] is None


@pytest.mark.parametrize(
    ("own", "counted"),
    [
        ({"openai": {"cachedPromptTokens": 64}}, (100, 64, None)),
        ({"anthropic": {"cacheReadInputTokens": 64, "cacheCreationInputTokens": None}}, (164, 64, None)),
        ({"anthropic": {"usage": {"input_tokens": 100, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 8},
          "cacheCreationInputTokens": 8}}, (172, 64, 8)),
        ({"bedrock": {"usage": {"cacheReadInputTokens": 64, "cacheWriteInputTokens": 8}}}, (172, 64, 8)),
        ({"openai": {}}, (100, None, None)),
    ],
)  # fmt: skip
def test_the_cache_of_an_older_model_call_is_in_its_providers_own_words(own, counted):
    row = older(
        "ai.generateText.doGenerate",
        **{"ai.usage.promptTokens": 100, "ai.response.providerMetadata": orjson.dumps(own).decode()},
    )
    assert (row["input_tokens"], row["cache_read_tokens"], row["cache_write_tokens"]) == counted


def test_an_input_that_counts_the_cache_in_is_left_as_it_is():
    own = '{"anthropic": {"usage": {"input_tokens": 100, "cache_read_input_tokens": 64}}}'
    row = older(
        "ai.generateText.doGenerate",
        **{"ai.usage.inputTokens": 164, "ai.usage.inputTokenDetails.cacheReadTokens": 64, "ai.response.providerMetadata": own},
    )  # fmt: skip
    assert (row["input_tokens"], row["cache_read_tokens"]) == (164, 64)


def test_a_tools_own_error_is_told_and_not_the_one_around_it():
    own = event("exception", **{"exception.type": "OrderError", "exception.message": "no answer"})
    around = {"exception.type": "AI_ToolExecutionError", "exception.message": "Error executing tool lookup: no answer"}
    assert failed_with(own, event("exception", **around)) == ("OrderError", "no answer")
    assert failed_with(event("exception", **around)) == (None, "Error executing tool lookup: no answer")


def failed_with(*raised):
    attributes = {"ai.operationId": "ai.toolCall"}
    row = row_of(span("ai.toolCall", parent=9, status=2, events=raised, attributes=attributes), scope="ai")
    return row["error_type"], row["error_message"]
