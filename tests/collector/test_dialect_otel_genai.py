from __future__ import annotations

import orjson
import pytest
from rows import batch_of, restored, row_of, whole

from builders import event, request, span
from whichstep.attributes import STEP_TYPES
from whichstep_collector.dialects.otel_genai import OPERATIONS


def genai(name: str = "name", *, events=(), **attributes):
    return row_of(span(name, attributes=attributes.pop("more", {}) | attributes, events=events))


@pytest.mark.parametrize(("operation", "kind"), OPERATIONS.items())
def test_the_operation_says_the_step(operation, kind):
    row = genai(more={"gen_ai.operation.name": operation})
    assert (row["type"], row["setup"], row["dialect"]) == (kind.type, kind.setup, "otel_genai")
    assert kind.type in (*STEP_TYPES, "none")


def test_an_unknown_operation_is_a_plain_step():
    assert genai(more={"gen_ai.operation.name": "levitate"})["type"] == "other"


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("gen_ai.tool.call.id", "tool_call"),
        ("gen_ai.retrieval.query.text", "retrieval"),
        ("gen_ai.request.model", "llm_call"),
        ("gen_ai.agent.name", "agent"),
    ],
)
def test_without_an_operation_the_names_imply_the_step(key, step):
    row = genai(more={key: "x"})
    assert row["type"] == step
    assert "guessed" in row["flags"]


PARTS = [
    {"role": "user", "parts": [{"type": "text", "content": "Where is it? " * 100}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c", "name": "find", "arguments": {"a": 1}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "lost"}]},
]


@pytest.mark.parametrize("native", [False, True])
def test_messages_of_parts_are_read_as_text_or_natively(native):
    told = PARTS if native else orjson.dumps(PARTS).decode()
    system = [{"type": "text", "content": "Be kind."}]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "Lost."}], "finish_reason": "stop"}]
    message = request(
        span(attributes={"gen_ai.operation.name": "chat", "gen_ai.input.messages": told, "gen_ai.system_instructions": orjson.dumps(system).decode(),
                         "gen_ai.output.messages": orjson.dumps(answer).decode()})
    )  # fmt: skip
    batch = batch_of(message)
    (row,) = batch.spans.to_pylist()
    assert orjson.loads(whole(batch, row, "input")) == [{"role": "system", "parts": system}, *PARTS]
    assert (row["output"], row["finish_reason"]) == ("Lost.", "stop")
    back = restored(batch, row)["gen_ai.input.messages"]
    assert (back if native else orjson.loads(back)) == PARTS
    long_texts = [item["text"] for item in batch.content.to_pylist() if "Where is it?" in item["text"]]
    assert len(long_texts) == 1  # the row and the raw attributes share it


@pytest.mark.parametrize(
    "told",
    [
        [{"role": "user", "content": "Hi"}],
        [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        [{"role": "user", "parts": [{"text": "Hi"}]}],
        {"messages": [{"role": "user", "content": "Hi"}]},
        ["Hi"],
    ],
)
def test_messages_of_providers_are_read_in_their_own_shapes(told):
    row = genai(more={"gen_ai.operation.name": "chat", "gen_ai.input.messages": orjson.dumps(told).decode()})
    assert orjson.loads(row["input"]) == [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]


def test_json_that_was_cut_is_no_messages_and_loses_nothing():
    cut = orjson.dumps(PARTS).decode()[:700]
    batch = batch_of(request(span(attributes={"gen_ai.operation.name": "chat", "gen_ai.input.messages": cut})))
    (row,) = batch.spans.to_pylist()
    assert restored(batch, row)["gen_ai.input.messages"] == cut


@pytest.mark.parametrize(
    "events",
    [
        [event("gen_ai.content.prompt", **{"gen_ai.prompt": '[{"role":"user","content":"Hi"}]'}),
         event("gen_ai.content.completion", **{"gen_ai.completion": '[{"role":"assistant","content":"Yo"}]'})],
        [event("gen_ai.user.message", content="Hi"), event("gen_ai.choice", message="Yo", finish_reason="stop")],
        [event("gen_ai.user.message", content='[{"text": "Hi"}]'), event("gen_ai.choice", message='[{"text": "Yo"}]')],
        [event("gen_ai.client.inference.operation.details",
               **{"gen_ai.input.messages": '[{"role":"user","content":"Hi"}]', "gen_ai.output.messages": '[{"role":"assistant","content":"Yo"}]'})],
    ],
)  # fmt: skip
def test_messages_told_by_span_events_are_read(events):
    row = genai(more={"gen_ai.operation.name": "chat"}, events=events)
    assert (row["user_message"], row["output"]) == ("Hi", "Yo")


def test_tools_and_agents():
    row = genai("execute_tool find", more={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "find", "gen_ai.tool.call.id": "unknown",
                                           "gen_ai.tool.call.arguments": {"a": 1}, "gen_ai.tool.call.result": "[]"})  # fmt: skip
    assert (row["tool"], row["tool_call_id"], row["arguments"], row["result"]) == ("find", None, '{"a":1}', "[]")
    assert row["merge_key"] == "find"
    row = genai("invoke_agent triage", more={"gen_ai.operation.name": "invoke_agent", "gen_ai.conversation.id": "s"})
    assert (row["step_name"], row["session_id"], row["merge_key"]) == ("triage", "s", "triage")


@pytest.mark.parametrize(
    ("documents", "count"), [('[{"id":"a","score":1}]', 1), ([{"id": "a"}, {"id": "b"}], 2), ("[]", 0), (None, None)]
)
def test_retrievals_count_their_documents(documents, count):
    row = genai(
        more={
            "gen_ai.operation.name": "retrieval",
            "gen_ai.retrieval.query.text": "q",
            "gen_ai.retrieval.documents": documents,
        }
    )
    assert (row["document_count"], row["query"]) == (count, "q")


def test_a_tool_that_says_it_failed_has_failed():
    assert genai(more={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.status": "error"})["error"] is True
    assert genai(more={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.status": "success"})["error"] is False
