"""MLflow's tracing: every value is JSON text, texts included, and all is in a span's inputs and outputs.

Told to write GenAI names instead, it puts its own types into `gen_ai.operation.name` where there is no such operation.
"""

from __future__ import annotations

import re
from typing import Any, Final

from whichstep import attributes as names
from whichstep_collector.dialects import (
    langchain_values,
    llama_index,
    mlflow_dspy,
    mlflow_llama_index,
    mlflow_openai_agents,
    mlflow_smolagents,
)
from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool, kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import unquoted, words_of
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.messages import Message
from whichstep_collector.normalising.response_messages import read_response
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.normalising.usage import read_usage
from whichstep_collector.received import Attributes, ReceivedSpan

_TYPE: Final = "mlflow.spanType"
_INPUTS: Final = "mlflow.spanInputs"
_OUTPUTS: Final = "mlflow.spanOutputs"
_USAGE: Final = "mlflow.chat.tokenUsage"
_TYPES: Final = {
    "LLM": "llm_call",
    "CHAT_MODEL": "llm_call",
    "TOOL": "tool_call",
    "RETRIEVER": "retrieval",
    "RERANKER": "rerank",
    "EMBEDDING": "embedding",
    "AGENT": "agent",
    "WORKFLOW": "workflow",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "evaluation",
    "PARSER": "none",
}
_LIBRARIES: Final = (mlflow_openai_agents, mlflow_dspy, mlflow_llama_index, mlflow_smolagents)
"""Libraries whose spans say more, or other things, than MLflow's own names do."""
_STEPS: Final = frozenset({"CHAIN", "TASK", "MEMORY", "UNKNOWN"})
_NAMED: Final = frozenset({"TOOL", "AGENT"})
_REPEATED: Final = re.compile(r"(.+)_\d{1,4}")
"""Older versions number the spans of one name: `lookup_order_2`."""


def _kind(span: ReceivedSpan) -> Kind | None:
    said = unquoted(span.attributes.get(_TYPE, span.attributes.get(names.OPERATION)))
    if not isinstance(said, str) or not (said in _TYPES or said in _STEPS):
        return _plain_step(span) if _TYPE in span.attributes else kind_of_operation(span)
    if langchain_values.is_plumbing(span.name):
        return Kind("none")
    if (step := next((step for library in _LIBRARIES if (step := library.step_of(span))), None)) is not None:
        return Kind(step)
    name = _tool_name(span) if said == "TOOL" else mlflow_dspy.name_of(span) or _function_name(span)
    if said == "TOOL" and is_handoff_tool(name):
        return Kind("handoff", name=name)
    return Kind(_TYPES[said], name=name if said in _NAMED else None) if said in _TYPES else _plain_step(span)


def _plain_step(span: ReceivedSpan) -> Kind:
    return Kind("workflow" if span.parent_span_id is None else "other")


def _tool_name(span: ReceivedSpan) -> str:
    """As a tool that is an object tells it beside its description; else the function's."""
    return _text(span.attributes.get("name")) or _function_name(span)


def _function_name(span: ReceivedSpan) -> str:
    function, numbered = unquoted(span.attributes.get("mlflow.spanFunctionName")), _REPEATED.fullmatch(span.name)
    return numbered[1] if numbered and numbered[1] == function else span.name


def _text(value: Any) -> str | None:
    return coerce.text(unquoted(value))


def _cost(value: Any) -> float | None:
    return coerce.amount(coerce.json_object(value).get("total_cost", coerce.json_object(value).get("total")))


def _unwrap_result(value: Any) -> ToolResult:
    said = mlflow_smolagents.unwrapped(unquoted(value))
    result = mlflow_llama_index.unwrap_result(said)
    return langchain_values.unwrap_result(said) if result.value is said else result


def _unwrap_task(value: Any) -> Task:
    task = langchain_values.unwrap_task(mlflow_openai_agents.original_input(unquoted(value)))
    if task.messages:
        return task
    if (answer := mlflow_dspy.answer_of(task.value)) is not None:
        return Task(answer)
    task = mlflow_llama_index.unwrap_task(task.value)
    return Task(words_of(task.value))


def _unwrap_query(value: Any) -> Any:
    found = parse_json(value) if isinstance(value, str) else value
    if isinstance(found, dict) and isinstance(found.get("query"), str):
        return found["query"]
    query = llama_index.unwrap_query(value)
    return query if query is not value else words_of(unquoted(value))


def _answer(attributes: Attributes) -> list[Message] | None:
    return read_response(attributes.get(_OUTPUTS))


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if _USAGE in span.attributes and facts.input_tokens is None and facts.output_tokens is None:
        for column, count in read_usage(span.attributes[_USAGE], cache_apart=False)._asdict().items():
            setattr(facts, column, count)
    if facts.type == "llm_call":
        facts.fill(read_usage(span.attributes.get("usage"), cache_apart=False)._asdict())  # as the provider tells it
    for library in _LIBRARIES:
        library.finish(facts, span)
    if facts.type == "workflow":
        facts.workflow = facts.workflow or facts.step_name


DIALECT = Dialect(
    "mlflow",
    recognised_by(scopes=("mlflow.tracing.provider",), key_starts=("mlflow.",)),
    _kind,
    fields=(
        Field("model", _text, ("mlflow.llm.model",)),
        Field("provider", lambda value: coerce.provider(_text(value)), ("mlflow.llm.provider",)),
        Field("reported_cost_usd", _cost, ("mlflow.llm.cost",)),
        Field("session_id", _text, ("session.id", "mlflow.trace.session")),
        Field("user_id", _text, ("user.id", "mlflow.trace.user")),
    ),
    texts=TextKeys(
        input=(_INPUTS,), output=(_OUTPUTS,), arguments=(_INPUTS,), results=(_OUTPUTS,), query=(_INPUTS,),
        documents=(_OUTPUTS,),
    ),
    unwrap_arguments=llama_index.unwrap_arguments,
    unwrap_result=_unwrap_result,
    unwrap_task=_unwrap_task,
    unwrap_query=_unwrap_query,
    sent=mlflow_openai_agents.sent,
    answer=_answer,
    finish=_finish,
)  # fmt: skip
