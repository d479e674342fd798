from __future__ import annotations

import orjson
import pytest
from rows import batch_of, row_of, whole

from builders import request, span

LANGCHAIN = "openinference.instrumentation.langchain"
AUTOGEN = "openinference.instrumentation.autogen_agentchat"


def oi(kind: str, name: str = "name", *, scope: str = LANGCHAIN, parent: int | None = 9, **attributes):
    return row_of(
        span(
            name,
            parent=parent,
            attributes={"openinference.span.kind": kind, **attributes.pop("more", {}), **attributes},
        ),
        scope=scope,
    )


@pytest.mark.parametrize(
    ("kind", "step"),
    [("LLM", "llm_call"), ("TOOL", "tool_call"), ("RETRIEVER", "retrieval"), ("EMBEDDING", "embedding"), ("AGENT", "agent"),
     ("RERANKER", "rerank"), ("GUARDRAIL", "guardrail"), ("EVALUATOR", "evaluation"), ("CHAIN", "other"), ("PROMPT", "none"), ("UNKNOWN", "other")],
)  # fmt: skip
def test_the_kind_says_the_step(kind, step):
    row = oi(kind)
    assert (row["type"], row["dialect"]) == (step, "openinference")


def test_a_root_chain_is_the_workflow():
    row = oi("CHAIN", "support_graph", parent=None)
    assert (row["type"], row["workflow"], row["step_name"]) == ("workflow", "support_graph", "support_graph")
    row = oi("CHAIN", "inner_graph", more={"metadata": '{"ls_integration": "langgraph", "thread_id": "t"}'})
    assert (row["type"], row["session_id"]) == ("workflow", "t")


@pytest.mark.parametrize("name", ["tools_condition", "ChannelWrite<a,b>", "__start__"])
def test_the_machinery_of_a_graph_is_no_step(name):
    assert oi("CHAIN", name)["type"] == "none"


def test_a_tool_that_hands_over_is_a_handoff_even_where_it_is_called_an_agent():
    for kind in ("TOOL", "AGENT"):
        row = oi(
            kind, "transfer_to_refund_agent", more={"tool.name": "transfer_to_refund_agent", "tool.description": "d"}
        )
        assert (row["type"], row["step_name"]) == ("handoff", "transfer_to_refund_agent")
    assert (
        oi("AGENT", "agent_search", more={"tool.name": "agent_search", "tool.description": "d"})["type"] == "tool_call"
    )


def test_a_span_that_lost_its_kind_to_an_attribute_limit_is_known_by_its_names():
    row = row_of(span("ChatOpenAI", attributes={"llm.token_count.prompt": 5}), scope=LANGCHAIN)
    assert (row["type"], row["input_tokens"]) == ("llm_call", 5)
    assert "guessed" in row["flags"]


def test_messages_tools_and_tokens_of_a_model_call():
    row = oi(
        "LLM", "ChatOpenAI",
        more={
            "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": "Be kind.",
            "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "Where is A-1?",
            "llm.input_messages.2.message.role": "assistant",
            "llm.input_messages.2.message.tool_calls.0.tool_call.id": "c0",
            "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "find",
            "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"id": "A-1"}',
            "llm.input_messages.3.message.role": "tool", "llm.input_messages.3.message.content": "lost",
            "llm.input_messages.3.message.tool_call_id": "c0", "llm.input_messages.3.message.name": "find",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "refund",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"n": 1}',
            "llm.output_messages.0.message.tool_calls.1.tool_call.function.name": "mail",
            "llm.model_name": "m-1", "llm.provider": "openai", "llm.finish_reason": "tool_calls",
            "llm.token_count.prompt": 20, "llm.token_count.completion": 3, "llm.token_count.prompt_details.cache_read": 8,
            "llm.token_count.completion_details.reasoning": 1, "llm.cost.total": 0.25,
        },
    )  # fmt: skip
    assert orjson.loads(row["input"]) == [
        {"role": "system", "parts": [{"type": "text", "content": "Be kind."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Where is A-1?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c0", "name": "find", "arguments": {"id": "A-1"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c0", "name": "find", "response": "lost"}]},
    ]
    assert (row["asked_tools"], row["asked_call_ids"]) == (["refund", "mail"], ["c1", ""])
    assert (row["model"], row["request_model"], row["provider"], row["finish_reason"]) == (
        "m-1",
        "m-1",
        "openai",
        "tool_calls",
    )
    assert (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"], row["reasoning_tokens"]) == (
        20,
        3,
        8,
        1,
    )
    assert (row["reported_cost_usd"], row["user_message"], row["merge_key"]) == (0.25, "Where is A-1?", "llm_call")
    assert row["configuration_digest"] is not None


def test_the_configuration_changes_with_prompt_tools_and_parameters_only():
    def digest(prompt="p", tool="{}", question="q", parameters="{}"):
        return oi(
            "LLM",
            more={
                "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": prompt,
                "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": question,
                "llm.tools.0.tool.json_schema": tool, "llm.invocation_parameters": parameters,
            },
        )["configuration_digest"]  # fmt: skip

    assert digest() == digest(question="other")
    assert len({digest(), digest(prompt="x"), digest(tool='{"a":1}'), digest(parameters='{"t":0}')}) == 4


def test_answers_are_text():
    row = oi(
        "LLM",
        more={"llm.output_messages.0.message.role": "assistant", "llm.output_messages.0.message.content": "Done."},
    )
    assert (row["output"], row["asked_tools"]) == ("Done.", [])


def test_pieces_of_content_are_parts():
    prefix = "llm.input_messages.0.message.contents"
    row = oi(
        "LLM",
        more={
            "llm.input_messages.0.message.role": "user", f"{prefix}.0.message_content.type": "text", f"{prefix}.0.message_content.text": "look",
            f"{prefix}.1.message_content.type": "image", f"{prefix}.1.message_content.image.image.url": "https://x/y.png",
        },
    )  # fmt: skip
    assert orjson.loads(row["input"])[0]["parts"] == [
        {"type": "text", "content": "look"},
        {"type": "uri", "modality": "image", "uri": "https://x/y.png"},
    ]


def test_hidden_content_is_absent_and_not_empty():
    row = oi(
        "LLM",
        more={
            "input.value": "__REDACTED__",
            "output.value": "__REDACTED__",
            "llm.input_messages.0.message.content": "__REDACTED__",
        },
    )
    assert (row["input"], row["output"], row["input_digest"]) == (None, None, None)


def test_documents_with_ids_and_scores_out_of_metadata():
    more = {"input.value": "refunds"}
    for at, score in enumerate((0.9, 0.7)):
        more[f"retrieval.documents.{at}.document.content"] = f"text {at} " * 80
        more[f"retrieval.documents.{at}.document.metadata"] = orjson.dumps({"id": f"d{at}", "score": score}).decode()
    batch = batch_of(
        request(span("Retriever", attributes={"openinference.span.kind": "RETRIEVER", **more}), scope=LANGCHAIN)
    )
    (row,) = batch.spans.to_pylist()
    sources = orjson.loads(whole(batch, row, "sources"))
    assert [(document["id"], document["score"]) for document in sources] == [("d0", 0.9), ("d1", 0.7)]
    assert (row["document_count"], row["query"], row["step_name"]) == (2, "refunds", "Retriever")
    assert "text 0 text 0" not in row["attributes"]


@pytest.mark.parametrize(
    "more", [{"retrieval.documents": []}, {"output.value": '{"documents": []}'}, {"output.value": "[]"}]
)
def test_an_empty_retrieval_found_nothing_and_a_silent_one_does_not_say(more):
    assert oi("RETRIEVER", more=more)["document_count"] == (
        0 if more.get("output.value") or "retrieval.documents" in more else None
    )
    assert oi("RETRIEVER")["document_count"] is None


TOOL_MESSAGE = {
    "type": "tool",
    "data": {"content": '{"ok": true}', "type": "tool", "name": "t", "tool_call_id": "c1", "status": "success"},
}


def test_a_tool_message_is_unwrapped_to_its_content():
    row = oi(
        "TOOL", more={"tool.name": "t", "input.value": '{"a": 1}', "output.value": orjson.dumps(TOOL_MESSAGE).decode()}
    )
    assert (row["result"], row["tool_call_id"], row["arguments"], row["error"]) == (
        '{"ok": true}',
        "c1",
        '{"a": 1}',
        False,
    )


def test_a_tool_message_with_status_error_is_an_error():
    failed = {"type": "tool", "data": {**TOOL_MESSAGE["data"], "content": "no route", "status": "error"}}
    row = oi("TOOL", more={"tool.name": "t", "output.value": orjson.dumps(failed).decode()})
    assert (row["error"], row["error_message"]) == (True, "no route")


def test_an_empty_list_is_a_result_and_a_search_that_found_nothing():
    row = oi("TOOL", more={"tool.name": "search_policy", "output.value": "[]"})
    assert (row["result"], row["document_count"]) == ("[]", 0)
    assert oi("TOOL", more={"tool.name": "list_orders", "output.value": "[]"})["document_count"] is None


def test_a_graphs_state_gives_the_task_and_the_answer():
    def human(text):
        return {"type": "human", "data": {"content": text}}

    answer = {"type": "ai", "data": {"content": "Done.", "tool_calls": []}}
    row = oi(
        "CHAIN", "graph", parent=None,
        more={"input.value": orjson.dumps({"messages": [human("Help")]}).decode(), "output.value": orjson.dumps({"messages": [human("Help"), answer]}).decode()},
    )  # fmt: skip
    assert (row["input"], row["output"], row["user_message"]) == ("Help", "Done.", "Help")
    asks = {"type": "ai", "data": {"content": "", "tool_calls": [{"id": "c", "name": "t", "args": {}}]}}
    row = oi(
        "CHAIN", "graph", parent=None, more={"output.value": orjson.dumps({"messages": [human("Help"), asks]}).decode()}
    )
    assert row["output"] is None  # held: there is no answer yet


def test_autogens_teams_agents_and_chats():
    chat = "id='1' source='user' created_at=datetime.datetime(2026, 1, 1) content=\"It's broken\" type='TextMessage'"
    row = oi(
        "AGENT",
        "support.on_messages_stream",
        scope=AUTOGEN,
        more={"input.value": orjson.dumps({"messages": [chat]}).decode()},
    )
    assert (row["agent"], row["step_name"], row["merge_key"], row["input"]) == (
        "support",
        "support",
        "support",
        "It's broken",
    )
    done = {"messages": [{"source": "user", "content": "Help", "type": "TextMessage"}, {"source": "a", "content": "hm", "type": "ThoughtEvent"},
                         {"source": "a", "content": "Done.", "type": "TextMessage"}], "stop_reason": "x"}  # fmt: skip
    row = oi(
        "CHAIN", "Swarm.run_stream", scope=AUTOGEN, parent=None,
        more={"input.value": '{"task": "Help", "cancellation_token": null}', "output.value": orjson.dumps(done).decode()},
    )  # fmt: skip
    assert (row["type"], row["workflow"], row["input"], row["output"]) == ("workflow", "Swarm", "Help", "Done.")


def test_autogens_tool_results_are_found_under_their_own_names():
    result = orjson.dumps({"name": "t", "content": "[1]", "call_id": "c", "is_error": False}).decode()
    row = oi(
        "LLM",
        scope=AUTOGEN,
        more={"llm.input_messages.0.message.role": "function", "llm.input_messages.0.function.0": result},
    )
    assert orjson.loads(row["input"]) == [
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "name": "t", "response": "[1]"}]}
    ]


@pytest.mark.parametrize(
    "said", ['[["user", "Where is A-1?"]]', '[["system", "Be kind."], ["human", "Where is A-1?"]]']
)
def test_messages_as_pairs_of_role_and_text_are_the_users_words(said):
    """LangChain takes `("user", "…")` for a message, and its state is recorded as it was given."""
    row = oi("CHAIN", "graph", parent=None, more={"input.value": f'{{"messages": {said}}}'})
    assert row["user_message"] == "Where is A-1?"


def test_two_texts_without_a_role_are_a_conversation_and_no_pair():
    row = oi("CHAIN", "graph", parent=None, more={"input.value": '{"messages": ["Hello", "there"]}'})
    assert row["user_message"] == "Hello"


def test_the_id_of_the_response_is_read_from_the_answer_that_begins_with_it():
    assert oi("LLM", more={"output.value": '{"id":"msg_01","content":[]}'})["response_id"] == "msg_01"
    assert oi("LLM", more={"output.value": '{"id": "chatcmpl-1", "choices": []}'})["response_id"] == "chatcmpl-1"
    assert oi("LLM", more={"output.value": '{"content": [], "id": "tool-7"}'})["response_id"] is None
    assert oi("TOOL", more={"output.value": '{"id":"order-7"}'})["response_id"] is None
