"""CrewAI under OpenInference."""

from __future__ import annotations

import pytest
from rows import row_of

from builders import span


def crew(name, kind, /, parent=9, **attributes):
    attributes = {"openinference.span.kind": kind, **attributes}
    return row_of(span(name, parent=parent, attributes=attributes), scope="openinference.instrumentation.crewai")


def test_a_crew_was_asked_its_tasks_and_answered_its_raw_output():
    row = crew(
        "support_crew.kickoff",
        "CHAIN",
        parent=None,
        **{
            "input.value": '{"customer": "c-1"}',
            "crew_tasks": '[{"description": "Handle: it broke"}, {"description": "Reply"}]',
            "output.value": '{"raw": "done", "pydantic": null}',
        },
    )
    assert (row["type"], row["step_name"], row["input"], row["output"]) == (
        "workflow", "support_crew", "Handle: it broke\nReply", "done",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["Support agent._execute_core", "Support agent.classify._execute_core"])
def test_an_agent_is_called_after_its_role(name):
    row = crew(name, "AGENT", **{"graph.node.id": "Support agent", "output.value": '{"raw": "yes"}'})
    assert (row["type"], row["step_name"], row["agent"], row["output"]) == ("agent",) + ("Support agent",) * 2 + (
        "yes",
    )


@pytest.mark.parametrize(("tool", "step"), [("Delegate work to coworker", "handoff"), ("lookup", "tool_call")])
def test_delegation_is_a_handoff(tool, step):
    assert crew(f"{tool}.run", "TOOL", **{"tool.name": tool})["type"] == step


def native(name, status=1, **attributes):
    return row_of(span(name, status=status, parent=9, attributes={"crewai.crew.id": "1", **attributes}), scope="crewai")


def test_a_crew_that_was_given_no_inputs_was_asked_nothing_itself():
    given = '[{"role": "user", "parts": [{"type": "text", "content": "null"}]}]'
    crew = {"gen_ai.operation.name": "invoke_workflow", "crewai.crew.inputs": "null", "gen_ai.input.messages": given}
    row = native("execute crew", **crew)
    assert (row["type"], row["input"], row["user_message"]) == ("workflow", None, None)


def test_a_result_of_crewais_own_tracing_is_the_text_and_a_task_is_not_named_after_its_crew():
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "lookup", "gen_ai.tool.call.result": '"here"'}
    assert native("call tool", **tool)["result"] == "here"
    task = {"gen_ai.operation.name": "execute_task", "crewai.crew.name": "support", "crewai.subject": "support"}
    assert native("execute task", **task)["step_name"] == "execute task"
