"""Langfuse's SDKs: `langfuse.observation.type` says the step, the span's name the tool; values are JSON text.

A decorated function's input is its call ({"args": […], "kwargs": {…}}). Errors are a level and a status message, never
an exception event. Early versions call a generation a span, LangChain's handler in JavaScript a retriever.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import langchain_values
from whichstep_collector.dialects.base import Dialect, Kind, Task, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.dialects.wording import is_approval_name
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.normalising.usage import read_usage
from whichstep_collector.received import ReceivedSpan

_TYPE: Final = "langfuse.observation.type"
_TYPES: Final = {
    "generation": "llm_call",
    "tool": "tool_call",
    "retriever": "retrieval",
    "embedding": "embedding",
    "agent": "agent",
    "guardrail": "guardrail",
    "evaluator": "evaluation",
    "event": "none",
}
_OF_CALLS: Final = ("langfuse.observation.model.name", "langfuse.observation.usage_details")
_USAGE: Final = "langfuse.observation.usage_details"
_COST: Final = "langfuse.observation.cost_details"
_LEVEL: Final = "langfuse.observation.level"
_INPUT: Final = "langfuse.observation.input"
_OUTPUT: Final = "langfuse.observation.output"


def kind(span: ReceivedSpan) -> Kind | None:
    """The step that the type of the observation says."""
    said = span.attributes.get(_TYPE)
    if not isinstance(said, str):
        return None
    if said == "tool" and is_handoff_tool(span.name):
        return Kind("handoff", name=span.name)
    if said in _TYPES:
        return Kind(_TYPES[said], name=span.name)
    return (_of_span(span) if said == "span" else None) or _other(span)


def _of_span(span: ReceivedSpan) -> Kind | None:
    """What is no mere span, though it is called one."""
    if any(key in span.attributes for key in _OF_CALLS):
        return Kind("llm_call")
    if _is_documents(span.attributes.get(_OUTPUT)):
        return Kind("retrieval", name=span.name)
    return Kind("none") if langchain_values.is_plumbing(span.name) else None


def _other(span: ReceivedSpan) -> Kind:
    attributes = span.attributes
    if is_approval_name(span.name) and "decision" in coerce.json_object(attributes.get(_OUTPUT)):
        return Kind("approval", guessed=True, name=span.name)
    is_root = span.parent_span_id is None or coerce.flag(attributes.get("langfuse.internal.as_root"))
    return Kind("workflow" if is_root else "other")


def _is_documents(value: Any) -> bool:
    """Whether it is a list of LangChain's documents in JavaScript, whose retrievers the handler calls spans."""
    if not isinstance(value, str) or not value.startswith("[{") or '"pageContent"' not in value:
        return False
    found = parse_json(value)
    return isinstance(found, list) and all(isinstance(item, dict) and "pageContent" in item for item in found)


def unwrap_arguments(value: Any) -> Any:
    """The arguments of a decorated function's call; the value itself where it is no such call."""
    found = parse_json(value) if isinstance(value, str) else value
    if not isinstance(found, dict) or found.keys() != {"args", "kwargs"}:
        return langchain_values.python_literal(value)
    args, kwargs = found["args"], found["kwargs"]
    if not args:
        return kwargs
    return args[0] if not kwargs and isinstance(args, list) and len(args) == 1 else found


def unwrap_task(value: Any) -> Task:
    """The messages of a state; the words of a call's only text, else its arguments."""
    state = langchain_values.unwrap_task(value)
    if state.messages:
        return state
    found = unwrap_arguments(value)
    if found is value or isinstance(found, str):
        return langchain_values.unwrap_task(found)
    if isinstance(found, dict):
        args, kwargs = found.get("args"), found.get("kwargs")
        if isinstance(args, list) and isinstance(kwargs, dict):
            found = [*args, *kwargs.values()]
        said = [item for item in (found.values() if isinstance(found, dict) else found) if isinstance(item, str)]
        return Task(said[0] if len(said) == 1 else value)
    return Task(found)


def unwrap_query(value: Any) -> Any:
    """The only argument of a retriever's call."""
    found = unwrap_arguments(value)
    return next(iter(found.values())) if isinstance(found, dict) and len(found) == 1 else found


def failed(span: ReceivedSpan) -> str | None:
    """The message of an observation whose level is an error's."""
    if span.attributes.get(_LEVEL) != "ERROR":
        return None
    message = span.attributes.get("langfuse.observation.status_message")
    return message if isinstance(message, str) else ""


def finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    """Tokens and cost out of their details, and the name of a workflow."""
    attributes = span.attributes
    if _USAGE in attributes and facts.input_tokens is None and facts.output_tokens is None:
        for column, count in read_usage(attributes[_USAGE])._asdict().items():
            setattr(facts, column, count)
    if facts.reported_cost_usd is None and _COST in attributes:
        facts.reported_cost_usd = _cost(coerce.json_object(attributes[_COST]))
    if facts.type == "workflow":
        facts.workflow = facts.workflow or facts.step_name
    if attributes.get(_LEVEL) == "ERROR" and coerce.json_object(attributes.get(_OUTPUT)).keys() == {"error"}:
        # JavaScript's decorator repeats the error there
        facts.output = facts.output_parts = facts.output_is_list = facts.result = facts.result_parts = None


def _cost(details: dict[str, Any]) -> float | None:
    if (total := coerce.amount(details.get("total"))) is not None:
        return total
    parts = [cost for item in details.values() if (cost := coerce.amount(item)) is not None]
    return sum(parts) if parts else None


DIALECT = Dialect(
    "langfuse",
    recognised_by(scope_starts=("langfuse-sdk",), key_starts=("langfuse.observation.",)),
    kind,
    fields=(
        Field("model", coerce.text, ("langfuse.observation.model.name",)),
        Field(
            "session_id",
            coerce.text,
            (
                "session.id", "langfuse.session.id", "langfuse.trace.metadata.langfuse_session_id",
                "langfuse.observation.metadata.langfuse_session_id", "langfuse.trace.metadata.thread_id",
                "langfuse.observation.metadata.thread_id",
            ),
        ),
        Field(
            "user_id",
            coerce.text,
            (
                "user.id", "langfuse.user.id", "langfuse.trace.metadata.langfuse_user_id",
                "langfuse.observation.metadata.langfuse_user_id",
            ),
        ),
        Field("workflow", coerce.text, ("langfuse.trace.name",)),
        Field("release", coerce.text, ("langfuse.release",)),
        Field("environment", coerce.text, ("langfuse.environment",)),
    ),
    texts=TextKeys(
        input=("langfuse.trace.input", _INPUT),
        output=("langfuse.trace.output", _OUTPUT),
        arguments=(_INPUT,),
        results=(_OUTPUT,),
        query=(_INPUT,),
        documents=(_OUTPUT,),
    ),
    unwrap_arguments=unwrap_arguments,
    unwrap_result=langchain_values.unwrap_result,
    unwrap_task=unwrap_task,
    unwrap_query=unwrap_query,
    failed=failed,
    finish=finish,
)  # fmt: skip
