"""LangSmith's export of its runs: `langsmith.span.kind` says the step, whatever the operation claims.

All inputs of a run are in `gen_ai.prompt`, all outputs in `gen_ai.completion`, on spans of every kind. Its session
is a project, never a conversation.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import langchain_values
from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.dialects.otel_genai import is_handoff_tool
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.calls import words_of
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.normalising.messages import Message, read_messages
from whichstep_collector.normalising.response_messages import read_response
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.normalising.usage import read_usage
from whichstep_collector.received import Attributes, ReceivedSpan

_KIND: Final = "langsmith.span.kind"
_PROMPT: Final = "gen_ai.prompt"
_COMPLETION: Final = "gen_ai.completion"
_KINDS: Final = {
    "llm": "llm_call",
    "tool": "tool_call",
    "retriever": "retrieval",
    "embedding": "embedding",
    "prompt": "none",
    "parser": "none",
}
_NO_OUTPUTS: Final = "{}"
_NODE: Final = "langsmith.metadata.langgraph_node"
_USAGE: Final = "langsmith.metadata.usage_metadata"
_MACHINERY: Final = frozenset({"RunnableSequence", "RunnableLambda", "RunnableParallel", "Prompt", "should_continue"})


def _kind(span: ReceivedSpan) -> Kind | None:
    said = span.attributes.get(_KIND)
    if not isinstance(said, str):
        return None
    if said == "tool" and is_handoff_tool(span.attributes.get("gen_ai.tool.name", span.name)):
        return Kind("handoff", name=span.name)
    if said in _KINDS:
        return Kind(_KINDS[said], name=span.name if said == "tool" else None)
    if langchain_values.is_plumbing(span.name) or span.name in _MACHINERY:
        return Kind("none")
    graph = span.attributes.get("langsmith.metadata.ls_integration") == "langgraph" and _NODE not in span.attributes
    return Kind("workflow" if span.parent_span_id is None or graph else "other")


def _unwrap_result(value: Any) -> ToolResult:
    """The outputs of a run; a run that was interrupted has none."""
    return ToolResult(None) if value == _NO_OUTPUTS else langchain_values.unwrap_result(value)


def _unwrap_task(value: Any) -> Task:
    """The messages of a state, or the only text of a run's inputs or outputs."""
    task = langchain_values.unwrap_task(value)
    if task.messages:
        return task
    found = parse_json(value) if isinstance(value, str) else value
    inner = found.get("output", found) if isinstance(found, dict) else found
    wrapped = inner["input"] if isinstance(inner, dict) and inner.keys() == {"input"} else inner
    if (command := langchain_values.of_command(wrapped)) is not None:
        return command
    if isinstance(inner, dict) and (messages := read_messages(inner.get("messages"), default_role="user")):
        return Task(inner, messages)
    if isinstance(inner, str):
        return Task(inner)
    said = words_of(inner)
    return Task(value if said is inner or not isinstance(said, str) else said)


def _unwrap_query(value: Any) -> Any:
    found = parse_json(value) if isinstance(value, str) else value
    return found.get("query", value) if isinstance(found, dict) else value


def _answer(attributes: Attributes) -> list[Message] | None:
    return read_response(attributes.get(_COMPLETION))


def _failed(span: ReceivedSpan) -> str | None:
    """A run that has an error failed, whatever its span's status: an exception is recorded for nothing else."""
    return "" if any(event.name == "exception" for event in span.events) else None


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.type == "llm_call":
        facts.fill(read_usage(span.attributes.get(_USAGE))._asdict())  # the cache is told in the metadata alone
    elif facts.type == "workflow":
        facts.workflow = facts.workflow or facts.step_name
    elif facts.type == "other":
        facts.merge_key = facts.step_name  # a graph's node and the runnable in it


DIALECT = Dialect(
    "langsmith",
    recognised_by(scopes=("langsmith",), keys=(_KIND,), key_starts=("langsmith.trace.",)),
    _kind,
    fields=(
        Field("tags", coerce.texts, ("langsmith.span.tags",)),
        Field("provider", coerce.provider, ("gen_ai.provider.name", "gen_ai.system", "langsmith.metadata.ls_provider")),
    ),
    texts=TextKeys(
        input=(_PROMPT,), output=(_COMPLETION,), arguments=(_PROMPT,), results=(_COMPLETION,), query=(_PROMPT,),
        documents=(_COMPLETION,),
    ),
    unwrap_result=_unwrap_result,
    unwrap_task=_unwrap_task,
    unwrap_query=_unwrap_query,
    answer=_answer,
    failed=_failed,
    held=langchain_values.held,
    finish=_finish,
)  # fmt: skip
