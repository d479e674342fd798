"""CrewAI under OpenInference: a crew's kickoff, its agents, their tools; model calls only where the client is traced.

What a crew was asked is in its tasks, what it answered in `raw` of its output. Agents hand work over with tools of
their own ("Delegate work to coworker").
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import openinference
from whichstep_collector.dialects.base import Dialect, Kind, Task, recognised_by
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import TextKeys
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import Attributes, ReceivedSpan

_SCOPE: Final = "openinference.instrumentation.crewai"
_DELEGATION: Final = frozenset({
    "Delegate work to coworker", "Ask question to coworker", "delegate_work_to_coworker", "ask_question_to_coworker",
})  # fmt: skip
_CORE: Final = "._execute_core"


def _kind(span: ReceivedSpan) -> Kind | None:
    tool = span.attributes.get("tool.name")
    return Kind("handoff") if isinstance(tool, str) and tool in _DELEGATION else openinference.kind(span)


def _unwrap_task(value: Any) -> Task:
    """The descriptions of tasks, or the words of an output."""
    found = parse_json(value) if isinstance(value, str) else value
    if isinstance(found, list) and (said := [text for item in found if (text := _description(item))]):
        return Task("\n".join(said))
    if isinstance(found, dict):
        raw = found.get("raw")
        return Task(raw if isinstance(raw, str) and raw else _description(found.get("task")) or value)
    return Task(value)


def _description(task: Any) -> str | None:
    said = task.get("description") if isinstance(task, dict) else None
    return said if isinstance(said, str) and said else None


def _handed(attributes: Attributes) -> str | None:
    """The next agent of a sequence is given what the one before made."""
    agent = attributes.get("graph.node.id")
    return agent if isinstance(agent, str) and attributes.get("graph.node.parent_id") else None


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openinference.finish(facts, span)
    if facts.type == "agent":
        facts.step_name = facts.agent = facts.agent or span.name.removesuffix(_CORE)
        facts.merge_key = None  # an agent below another is asked by it


DIALECT = Dialect(
    "crewai",
    recognised_by(scopes=(_SCOPE,)),
    _kind,
    texts=TextKeys(input=("crew_tasks",)),
    unwrap_task=_unwrap_task,
    handed=_handed,
    finish=_finish,
)
