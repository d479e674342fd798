"""Google ADK's own spans, both schemas."""

from __future__ import annotations

import orjson
import pytest
from rows import row_of, rows_of

from builders import span

SCOPE = "gcp.vertex.agent"


@pytest.mark.parametrize(
    ("name", "attributes", "step"),
    [
        ("invocation", {}, "workflow"),
        ("call_llm", {}, "llm_call"),
        ("agent_run [support]", {}, "agent"),
        ("execute_tool (merged tools)", {"gen_ai.operation.name": "execute_tool"}, "none"),
        ("execute_tool (merged)", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "(merged tools)"}, "none"),
        ("execute_tool x", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "transfer_to_agent"}, "handoff"),
        ("generate_content m", {"gen_ai.operation.name": "generate_content"}, "llm_call"),
        ("invoke_workflow w", {"gen_ai.operation.name": "invoke_workflow"}, "workflow"),
    ],
)  # fmt: skip
def test_names_and_operations_of_both_schemas(name, attributes, step):
    row = row_of(span(name, parent=9, attributes=attributes), scope=SCOPE)
    assert (row["type"], row["dialect"]) == (step, "google_adk")


def test_traces_of_one_invocation_have_one_run_key():
    one, same, other = rows_of(
        span(trace=1, attributes={"gcp.vertex.agent.invocation_id": "e-1"}),
        span(trace=2, attributes={"gcp.vertex.agent.invocation_id": "e-1"}),
        span(trace=3, attributes={"gcp.vertex.agent.invocation_id": "e-2"}),
        scope=SCOPE,
    )
    assert (one["execution_key"], one["execution_rule"]) == (same["execution_key"], "run_key")
    assert one["execution_key"] != other["execution_key"]
    ours = row_of(
        span(attributes={"gcp.vertex.agent.invocation_id": "e-1", "whichstep.execution.id": "7" * 32}), scope=SCOPE
    )
    assert (ours["execution_key"].hex, ours["execution_rule"]) == ("7" * 32, "explicit")


def test_arguments_and_result_of_the_older_schema():
    row = row_of(
        span(
            "execute_tool lookup",
            attributes={
                "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup",
                "gcp.vertex.agent.tool_call_args": '{"id": 1}', "gcp.vertex.agent.tool_response": '{"result": "here"}',
                "gcp.vertex.agent.session_id": "s",
            },
        ),
        scope=SCOPE,
    )  # fmt: skip
    assert (row["arguments"], row["result"], row["session_id"]) == ('{"id": 1}', "here", "s")


def test_a_model_call_of_the_older_schema_has_its_messages():
    request = {
        "model": "gemini-2.5-flash", "config": {"system_instruction": "be kind"},
        "contents": [{"role": "user", "parts": [{"text": "where is it?"}]}],
    }  # fmt: skip
    response = {"content": {"role": "model", "parts": [{"function_call": {"name": "lookup", "args": {"id": 1}}}]}}
    row = row_of(
        span(
            "call_llm",
            attributes={
                "gcp.vertex.agent.llm_request": orjson.dumps(request).decode(),
                "gcp.vertex.agent.llm_response": orjson.dumps(response).decode(),
            },
        ),
        scope=SCOPE,
    )
    assert [message["role"] for message in orjson.loads(row["input"])] == ["system", "user"]
    assert (row["user_message"], row["asked_tools"]) == ("where is it?", ["lookup"])


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ({"error": "This tool call requires confirmation, please approve or reject."}, ("approval", False, None)),
        ({"error": "no such order"}, ("tool_call", True, "no such order")),
        ({"status": "error", "error_message": "OrderError: no answer"}, ("tool_call", True, "no answer")),
        ({"status": "error", "order": 1}, ("tool_call", True, "")),
        ({"error": "none", "order": 1}, ("tool_call", False, None)),
    ],
)
@pytest.mark.parametrize("status", [0, 1])
def test_what_a_tool_of_the_older_schema_answers_tells_whether_it_failed_or_was_held(response, said, status):
    attributes = {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup",
        "gcp.vertex.agent.tool_response": orjson.dumps(response).decode(),
    }  # fmt: skip
    openinference = {"openinference.span.kind": "TOOL", "tool.name": "lookup"}
    for scope, more in ((SCOPE, {}), ("openinference.instrumentation.google_adk", openinference)):
        row = row_of(span("execute_tool lookup", status=status, attributes={**attributes, **more}), scope=scope)
        if said[2] != "" or status == 0:  # a status without a message is a word, and the span says ok
            assert (row["type"], row["error"], row["error_message"] or said[2]) == said


def test_under_openinference_the_older_schema_is_known_by_its_names():
    scope = "openinference.instrumentation.google_adk"
    failed = row_of(span("call_llm", parent=1, status=2), scope=scope)
    run = row_of(span("invocation [support]", attributes={"openinference.span.kind": "CHAIN"}), scope=scope)
    assert (failed["type"], run["type"], run["workflow"], run["step_name"]) == (
        "llm_call", "workflow", "support", "support",
    )  # fmt: skip
