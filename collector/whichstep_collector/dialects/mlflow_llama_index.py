"""LlamaIndex under MLflow: each method of its classes is a span; values are the dumps of LlamaIndex's own events."""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import llama_index, llama_index_openllmetry
from whichstep_collector.dialects.base import Task, ToolResult
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan

_OUTPUTS: Final = "mlflow.spanOutputs"
_DUMPS: Final = ('{"result"', '{"response"')


def step_of(span: ReceivedSpan) -> str | None:
    """The step where the method tells it better than the type of MLflow's span."""
    owner, _, method = span.name.rpartition(".")
    if owner and method in llama_index.PLUMBING:
        return "none"
    return "agent" if method == "run" and owner.endswith(llama_index.AGENTS) else None


def unwrap_result(value: Any) -> ToolResult:
    """The text of a tool's output."""
    return llama_index.unwrap_result(value)


def unwrap_task(value: Any) -> Task:
    """The words of a run's answer."""
    is_dump = isinstance(value, str) and value.startswith(_DUMPS)
    return llama_index_openllmetry.unwrap_task(value) if is_dump else Task(value)


def finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    """Retrievers by their class; an agent by the name that its answer gives."""
    owner, _, method = span.name.rpartition(".")
    if facts.type == "retrieval" and method.lstrip("_") in {"retrieve", "aretrieve"} and owner:
        facts.step_name = facts.merge_key = owner
    elif facts.type == "agent" and method == "run" and owner:
        facts.agent = llama_index_openllmetry.agent_of(owner, span.attributes.get(_OUTPUTS))
        facts.step_name, facts.merge_key = facts.agent, None
