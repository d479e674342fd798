import json
from types import SimpleNamespace

import pytest

import whichstep
from whichstep import attributes as names
from whichstep import messages


def _objects(value):
    """The same as objects with attributes, as the client libraries give them."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: _objects(item) for key, item in value.items()})
    return [_objects(item) for item in value] if isinstance(value, list) else value


CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-x-2026",
    "choices": [
        {
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", "function": {"name": "lookup", "arguments": '{"id":1}'}}],
            },
        }
    ],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 5},
    },
}
RESPONSES = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt-x-2026",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "thinking"}]},
        {"type": "function_call", "call_id": "c1", "name": "lookup", "arguments": '{"id":1}'},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "done"}]},
    ],
    "usage": {
        "input_tokens": 100,
        "output_tokens": 20,
        "input_tokens_details": {"cached_tokens": 60},
        "output_tokens_details": {"reasoning_tokens": 5},
    },
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "stop_reason": "tool_use",
    "content": [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "one moment"},
        {"type": "tool_use", "id": "t1", "name": "lookup", "input": {"id": 1}},
    ],
    "usage": {
        "input_tokens": 30,
        "output_tokens": 20,
        "cache_read_input_tokens": 60,
        "cache_creation_input_tokens": 10,
    },
}


@pytest.mark.parametrize("shape", [dict, _objects])
@pytest.mark.parametrize(
    ("response", "provider", "model", "reason"),
    [
        (CHAT, "openai", "gpt-x-2026", "tool_calls"),
        (RESPONSES, "openai", "gpt-x-2026", "completed"),
        (ANTHROPIC, "anthropic", "claude-x", "tool_use"),
    ],
)
def test_a_response_gives_model_tokens_reason_and_the_tools_it_asked_for(
    whichstep_spans, shape, response, provider, model, reason
):
    with whichstep.llm("asked-for") as call:
        call.response(shape(response))
    got = whichstep_spans.one("asked-for")["attributes"]
    assert (got[names.PROVIDER], got[names.RESPONSE_MODEL], got[names.RESPONSE_ID]) == (provider, model, response["id"])
    assert got[names.FINISH_REASONS] == [reason]
    assert (got[names.INPUT_TOKENS], got[names.OUTPUT_TOKENS], got[names.CACHE_READ_TOKENS]) == (100, 20, 60)
    (message,) = json.loads(got[names.OUTPUT_MESSAGES])
    (call_part,) = [part for part in message["parts"] if part["type"] == "tool_call"]
    assert call_part["name"] == "lookup"
    assert message["role"] == "assistant"


def test_what_a_response_does_not_say_stays_unknown(whichstep_spans):
    with whichstep.llm("m") as call:
        call.response({"choices": [{"message": {"content": "hi"}}]})
    got = whichstep_spans.one("m")["attributes"]
    assert names.INPUT_TOKENS not in got
    assert names.FINISH_REASONS not in got


def test_a_response_of_nobody_is_the_output(whichstep_spans):
    @whichstep.llm
    def model(prompt):
        return "plain answer"

    model("q")
    got = whichstep_spans.one("model")["attributes"]
    assert json.loads(got[names.INPUT_MESSAGES]) == [{"role": "user", "parts": [{"type": "text", "content": "q"}]}]
    assert json.loads(got[names.OUTPUT_MESSAGES])[0]["parts"][0]["content"] == "plain answer"


def test_a_provider_that_was_given_stays(whichstep_spans):
    with whichstep.llm("m", provider="azure.ai.openai") as call:
        call.response(CHAT)
    assert whichstep_spans.one("m")["attributes"][names.PROVIDER] == "azure.ai.openai"


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ({"role": "tool", "tool_call_id": "c", "content": "42"},
         {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "42"}]}),
        ({"role": "user", "content": [{"type": "text", "text": "hi"}]},
         {"role": "user", "parts": [{"type": "text", "content": "hi"}]}),
        ({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]},
         {"role": "user", "parts": [{"type": "tool_call_response", "id": "t", "response": "x"}]}),
        ({"role": "user", "parts": [{"type": "text", "content": "as it is"}]},
         {"role": "user", "parts": [{"type": "text", "content": "as it is"}]}),
        ({"type": "function_call_output", "call_id": "c", "output": "42"},
         {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "42"}]}),
        ("text", {"role": "user", "parts": [{"type": "text", "content": "text"}]}),
    ],
)  # fmt: skip
def test_messages_of_every_form_become_parts(message, read):
    assert messages.sent([message]) == [read]


def test_messages_of_langchain_are_read():
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

    read = messages.sent(
        [
            HumanMessage("hi"),
            AIMessage("", tool_calls=[{"id": "c", "name": "f", "args": {"a": 1}}]),
            ToolMessage("42", tool_call_id="c"),
        ]
    )
    assert [message["role"] for message in read] == ["user", "assistant", "tool"]
    assert read[1]["parts"] == [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]


def test_documents_of_langchain_and_pairs_with_a_score_are_read():
    from langchain_core.documents import Document

    found = messages.documents([Document("text", metadata={"source": "a"}, id="d1"), (Document("t2"), 0.5), "plain"])
    assert found[0] == {"id": "d1", "content": "text", "metadata": {"source": "a"}}
    assert found[1]["score"] == 0.5
    assert found[2] == {"content": "plain"}
