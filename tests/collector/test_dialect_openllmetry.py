from __future__ import annotations

import orjson
import pytest
from rows import row_of, rows_of

from builders import event, exception, span

SCOPE = "opentelemetry.instrumentation.langchain"


def tl(name: str = "name", *, parent: int | None = 9, scope: str = SCOPE, **attributes):
    return row_of(span(name, parent=parent, attributes=attributes.pop("more", {}) | attributes), scope=scope)


@pytest.mark.parametrize(
    ("attributes", "step"),
    [
        ({"gen_ai.operation.name": "invoke_agent", "traceloop.span.kind": "workflow"}, "agent"),
        ({"gen_ai.operation.name": "execute_task", "traceloop.span.kind": "task"}, "other"),
        ({"gen_ai.operation.name": "vector_db_retrieve", "traceloop.span.kind": "task"}, "retrieval"),
        ({"gen_ai.operation.name": "goto"}, "none"),
        ({"traceloop.span.kind": "workflow"}, "workflow"),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "t"}, "tool_call"),
        ({"traceloop.span.kind": "tool", "traceloop.entity.name": "transfer_to_x"}, "handoff"),
        ({"llm.request.type": "chat"}, "llm_call"),
        ({"llm.request.type": "embedding"}, "embedding"),
        ({"traceloop.span.kind": "task", "traceloop.entity.name": "tools_condition"}, "none"),
    ],
)
def test_operation_and_kind_say_the_step(attributes, step):
    row = tl(more=attributes)
    assert (row["type"], row["dialect"]) == (step, "openllmetry")


def test_a_call_that_was_stopped_for_a_person_has_its_tools_name():
    """Before version 0.50 the entity alone says it, and an answer without words is an empty JSON text."""
    stopped = event("exception", **{"exception.type": "langgraph.errors.GraphInterrupt", "exception.message": "x"})
    attributes = {"traceloop.span.kind": "tool", "traceloop.entity.name": "refund"}
    row = row_of(span("refund.tool", parent=9, attributes=attributes, status=2, events=[stopped]), scope=SCOPE)
    assert (row["type"], row["tool"], row["step_name"]) == ("approval", "refund", "refund")
    asked = {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": '""',
             "gen_ai.completion.0.tool_calls.0.id": "c1", "gen_ai.completion.0.tool_calls.0.name": "refund"}  # fmt: skip
    (message,) = orjson.loads(tl(more={"llm.request.type": "chat", **asked})["output"])
    assert [part["type"] for part in message["parts"]] == ["tool_call"]


def test_the_two_spans_of_one_agent_have_one_merge_key():
    outer = tl(
        "invoke_agent graph", parent=None, more={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "graph"}
    )
    inner = tl(
        "graph.workflow",
        more={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "graph", "traceloop.span.kind": "workflow"},
    )
    assert outer["merge_key"] == inner["merge_key"] == "graph"
    assert outer["type"] == inner["type"] == "agent"


def test_tool_arguments_are_read_out_of_python_text():
    wrapped = orjson.dumps(
        {"input_str": "{'to': 'x', 'n': 2}", "tags": [], "metadata": {}, "kwargs": {"tool_call_id": "c1"}}
    ).decode()
    message = {
        "lc": 1,
        "type": "constructor",
        "id": ["ToolMessage"],
        "kwargs": {"content": "sent", "type": "tool", "tool_call_id": "c1"},
    }
    row = tl(
        "execute_tool mail",
        more={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "mail", "gen_ai.tool.call.arguments": wrapped,
              "gen_ai.tool.call.result": orjson.dumps({"output": message, "kwargs": {}}).decode()},
    )  # fmt: skip
    assert (orjson.loads(row["arguments"]), row["result"]) == ({"to": "x", "n": 2}, "sent")
    assert (row["tool"], row["tool_call_id"], row["step_name"]) == ("mail", "c1", "mail")


def test_inputs_win_over_the_python_text_and_odd_text_stays():
    def arguments(value):
        return tl(
            more={
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "t",
                "gen_ai.tool.call.arguments": orjson.dumps(value).decode(),
            }
        )["arguments"]

    assert orjson.loads(arguments({"input_str": "{'a': 1}", "inputs": {"a": 2}})) == {"a": 2}
    assert arguments({"input_str": "__import__('os')"}) == "__import__('os')"
    assert arguments({"input_str": "{'a': " + "[" * 5000}) == ("{'a': " + "[" * 5000)[:1024]


def test_documents_and_the_query_come_out_of_the_entity():
    row = tl(
        "vector_db_retrieve Policies",
        more={"gen_ai.operation.name": "vector_db_retrieve", "traceloop.entity.input": '{"query": "refunds", "tags": []}',
              "traceloop.entity.output": '{"documents": [{"page_content": "x", "metadata": {"id": "d", "score": 0.5}}], "count": 1}'},
    )  # fmt: skip
    assert (row["query"], row["document_count"], row["step_name"]) == ("refunds", 1, "Policies")
    assert orjson.loads(row["sources"]) == [
        {"metadata": {"id": "d", "score": 0.5}, "content": "x", "id": "d", "score": 0.5}
    ]
    assert (
        tl(
            more={
                "gen_ai.operation.name": "vector_db_retrieve",
                "traceloop.entity.output": '{"documents": [], "count": 0}',
            }
        )["document_count"]
        == 0
    )


def test_session_and_user_come_from_the_association():
    row = tl(more={"traceloop.association.properties.session_id": "s", "traceloop.association.properties.user_id": "u"})
    assert (row["session_id"], row["user_id"]) == ("s", "u")


def test_indexed_prompts_are_messages():
    row = tl(
        "openai.chat", scope="opentelemetry.instrumentation.openai.v1",
        more={"llm.request.type": "chat", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hi", "gen_ai.completion.0.role": "assistant",
              "gen_ai.completion.0.finish_reason": "tool_calls", "gen_ai.completion.0.tool_calls.0.id": "c", "gen_ai.completion.0.tool_calls.0.name": "t",
              "gen_ai.completion.0.tool_calls.0.arguments": '{"a":1}', "gen_ai.usage.prompt_tokens": 4, "gen_ai.usage.completion_tokens": 2},
    )  # fmt: skip
    assert (row["user_message"], row["asked_tools"], row["finish_reason"]) == ("Hi", ["t"], "tool_calls")
    assert (row["input_tokens"], row["output_tokens"]) == (4, 2)
    assert orjson.loads(row["output"])[0]["parts"][0]["arguments"] == {"a": 1}


def test_a_graphs_wrapped_state_gives_the_task_and_the_answer():
    def message(kind, content):
        return {"lc": 1, "type": "constructor", "id": ["langchain", f"{kind}Message"], "kwargs": {"content": content}}

    row = tl(
        "graph.workflow",
        more={"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "graph",
              "traceloop.entity.input": orjson.dumps({"inputs": {"messages": [message("Human", "Help")]}, "tags": []}).decode(),
              "traceloop.entity.output": orjson.dumps({"outputs": {"messages": [message("Human", "Help"), message("AI", "Done.")]}, "kwargs": {}}).decode()},
    )  # fmt: skip
    assert (row["input"], row["output"]) == ("Help", "Done.")


def test_otels_own_instrumentations_are_not_taken_for_it():
    row = row_of(span(attributes={"gen_ai.operation.name": "chat"}), scope="opentelemetry.instrumentation.openai_v2")
    assert row["dialect"] == "otel_genai"


def test_a_hook_of_a_middleware_is_the_node_that_it_runs_in():
    node = {"traceloop.span.kind": "task", "traceloop.entity.name": "Guard.before_model"}
    hook = {"gen_ai.operation.name": "execute_task", "gen_ai.task.name": "Guard.abefore_model"}
    scope = "opentelemetry.instrumentation.langchain"
    rows = [
        row_of(span("execute_task Guard.before_model", attributes=node), scope=scope),
        row_of(span("execute_task Guard.abefore_model", attributes=hook), scope=scope),
    ]
    assert [(row["type"], row["merge_key"]) for row in rows] == [("other", "Guard.before_model")] * 2


def test_a_middleware_that_stops_a_call_for_a_person_tells_of_the_approval():
    raised = "(Interrupt(value={'action_requests': [{'name': 'refund', 'args': {'id': 7}}]}, id='1'),)"
    node = {"traceloop.span.kind": "task", "traceloop.entity.name": "Guard.after_model"}
    scope, events = "opentelemetry.instrumentation.langchain", [exception("langgraph.errors.GraphInterrupt", raised)]
    _, told = rows_of(span("execute_task", attributes=node, status=2, message=raised, events=events), scope=scope)
    assert (told["type"], told["tool"], told["arguments"]) == ("approval", "refund", '{"id":7}')


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ([{"graph": None, "update": {"messages": [{"role": "assistant", "content": "Done."}]}, "resume": None, "goto": []}], "Done."),
        ({"graph": None, "update": None, "resume": {"type": "reject"}, "goto": []}, '{"type":"reject"}'),
    ],
)  # fmt: skip
def test_a_command_of_langgraphs_is_what_it_adds_or_with_what_it_goes_on(said, shown):
    node = {"traceloop.span.kind": "task", "traceloop.entity.name": "model"}
    told = orjson.dumps({"outputs": said, "kwargs": {}}).decode()
    attributes = {**node, "traceloop.entity.output": told}
    row = row_of(span("execute_task model", attributes=attributes), scope="opentelemetry.instrumentation.langchain")
    assert row["output"] == shown
    run = {"langsmith.span.kind": "chain", "gen_ai.prompt": orjson.dumps({"input": said}).decode()}
    if not isinstance(said, list):
        assert row_of(span("graph", attributes=run), scope="langsmith")["input"] == shown
