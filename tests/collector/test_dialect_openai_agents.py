"""The OpenAI Agents SDK under OpenInference."""

from __future__ import annotations

import pytest
from rows import row_of

from builders import START, span

SCOPE = "openinference.instrumentation.openai_agents"
MILLISECOND = 10**6


def traced(name, kind, /, parent=9, took=1000, status=1, **attributes):
    end = START + took * MILLISECOND
    values = {"openinference.span.kind": kind, **attributes}
    return row_of(span(name, parent=parent, end=end, status=status, attributes=values), scope=SCOPE)


@pytest.mark.parametrize(
    ("name", "kind", "parent", "step"),
    [
        ("Support", "AGENT", None, "workflow"), ("support", "AGENT", 9, "agent"), ("turn", "CHAIN", 9, "none"),
        ("response", "LLM", 9, "llm_call"), ("handoff to refunds", "TOOL", 9, "handoff"), ("lookup", "TOOL", 9, "tool_call"),
    ],
)  # fmt: skip
def test_its_spans_are_these_steps(name, kind, parent, step):
    row = traced(name, kind, parent=parent)
    assert (row["type"], row["dialect"]) == (step, "openai_agents")


def test_a_tool_that_ends_at_once_without_output_may_be_held():
    row = traced("refund", "TOOL", took=1, **{"tool.name": "refund", "input.value": "{}"})
    assert (row["type"], row["control_flow"], row["flags"]) == ("approval", "approval", ["guessed"])


@pytest.mark.parametrize(
    "more", [{"output.value": "ok"}, {"took": 100}, {"status": 2}, {"input.value": None}], ids=str
)  # fmt: skip
def test_a_tool_that_ran_is_not_held(more):
    given = {"took": 1, "tool.name": "refund", "input.value": "{}", **more}
    row = traced("refund", "TOOL", **{key: value for key, value in given.items() if value is not None})
    assert (row["type"], row["control_flow"]) == ("tool_call", None)
