"""The OpenAI Agents SDK under MLflow: beside MLflow's own names, a span has those of the SDK's data, each as JSON text.

The run is an agent of no name over a chain, whose arguments tell the workflow's name and the group; a turn is a chain
that MLflow calls `Unknown`. Each model call is told twice, by the SDK and by the client below it, which does not know
what was streamed.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import unquoted
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.messages import Message, read_messages, text_part
from whichstep_collector.normalising.usage import read_usage
from whichstep_collector.received import Attributes, ReceivedSpan

_INPUTS: Final = "mlflow.spanInputs"
_OUTPUTS: Final = "mlflow.spanOutputs"
_ROOT: Final = "mlflow.openai.agent_run_root"
_FORMAT: Final = "mlflow.message.format"
_ARGUMENTS: Final = "kwargs"
_AGENT: Final = frozenset({"handoffs", "output_type"})
_ORIGINAL_INPUT: Final = "_original_input"


def step_of(span: ReceivedSpan) -> str | None:
    """The step where the SDK's own names tell it better than the type of MLflow's span."""
    if _ROOT in span.attributes:
        return "workflow"
    if span.name == "Unknown" and span.attributes.get(_INPUTS) == span.attributes.get(_OUTPUTS) == "null":
        return "none"
    return "handoff" if span.name == "Handoff" and _handed_to(span.attributes) else None


def _handed_to(attributes: Attributes) -> str | None:
    given, got = coerce.json_object(attributes.get(_INPUTS)), coerce.json_object(attributes.get(_OUTPUTS))
    return coerce.text(got.get("to_agent")) if "from_agent" in given else None


def original_input(value: Any) -> Any:
    """What a run was first asked, of the state in which one that waited for a person goes on; else the value."""
    if not isinstance(value, str) or f'"{_ORIGINAL_INPUT}"' not in value:
        return value
    return coerce.json_object(value).get(_ORIGINAL_INPUT, value)


def sent(attributes: Attributes) -> list[Message] | None:
    """The messages of a model call that the SDK tells, after its instructions."""
    if not _is_call(attributes):
        return None
    messages = read_messages(unquoted(attributes.get(_INPUTS)), default_role="user") or []
    instructions = unquoted(attributes.get("instructions"))
    if messages and isinstance(instructions, str) and coerce.meaningful(instructions):
        return [{"role": "system", "parts": [text_part(instructions)]}, *messages]
    return messages or None


def _is_call(attributes: Attributes) -> bool:
    return bool(unquoted(attributes.get(_FORMAT)) == "openai-agent")


def finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    """Names, groups and counts out of the SDK's data; the type of an agent's output is no output."""
    attributes = span.attributes
    if facts.type == "workflow" and _ROOT in attributes:
        _put_run(facts, coerce.json_object(coerce.json_object(attributes.get(_ARGUMENTS)).get("run_config")))
    elif facts.type == "handoff" and (agent := _handed_to(attributes)):
        facts.step_name = f"handoff to {agent}"
    elif facts.type == "agent" and attributes.keys() >= _AGENT:
        facts.output = facts.output_parts = facts.output_is_list = None
    elif facts.type == "llm_call" and _is_call(attributes):
        _put_call(facts, attributes)


def _put_run(facts: SpanFacts, settings: dict[str, Any]) -> None:
    facts.workflow = coerce.text(settings.get("workflow_name")) or facts.workflow
    facts.step_name = facts.workflow or facts.step_name
    facts.session_id = facts.session_id or coerce.text(settings.get("group_id"))


def _put_call(facts: SpanFacts, attributes: Attributes) -> None:
    facts.model = facts.model or coerce.text(unquoted(attributes.get("model")))
    facts.step_name = facts.model or facts.step_name
    facts.response_id = facts.response_id or coerce.text(unquoted(attributes.get("id")))
    facts.fill(read_usage(attributes.get("usage"), cache_apart=False)._asdict())
