"""Google ADK's own spans, both schemas."""

from __future__ import annotations

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
