"""DSPy under OpenInference: five levels a model call, tools named `lookup.__call__`, `finish` to end a loop.

The choice of a tool is in the answer's text; no tokens are sent.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import openinference
from whichstep_collector.dialects.base import Dialect, Kind, Task, ToolResult, recognised_by
from whichstep_collector.normalising.calls import arguments_of, unquoted, words_of
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import ReceivedSpan

_METHODS: Final = (".__call__", ".acall", ".forward", ".aforward")
_AGENTS: Final = frozenset({"ReAct", "ReActV2", "CodeAct", "RLM"})
_ASIDE: Final = frozenset({"reasoning", "trajectory"})
_FINISH: Final = "finish"


def name_of(span: ReceivedSpan) -> str:
    """The module or tool whose method a span is."""
    return next((span.name.removesuffix(method) for method in _METHODS if span.name.endswith(method)), span.name)


def _kind(span: ReceivedSpan) -> Kind | None:
    name = name_of(span)
    kind = openinference.kind(span)
    if kind is None:
        return None
    if kind.type == "tool_call":
        return Kind("none") if name == _FINISH else Kind("tool_call", name=name)
    if kind.type in {"workflow", "other"} and name in _AGENTS:
        return Kind("agent", name=name)
    return Kind("none") if kind.type == "other" and name == "Predict" else kind


def _unwrap_result(value: Any) -> ToolResult:
    return ToolResult(unquoted(value))


def answer_of(value: Any) -> str | None:
    """The answer among an output's fields: the one of that name, or the only text that is not how it was found."""
    found = parse_json(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        return None
    if isinstance(found.get("answer"), str):
        return str(found["answer"])
    texts = [said for name, said in found.items() if isinstance(said, str) and name not in _ASIDE]
    return texts[0] if len(texts) == 1 and not _ASIDE.isdisjoint(found) else None


def _unwrap_task(value: Any) -> Task:
    """The answer of an output's fields, or the only text of an input's."""
    if (answer := answer_of(value)) is not None:
        return Task(answer)
    found = parse_json(value) if isinstance(value, str) else value
    if isinstance(found, dict) and isinstance(found.get("input_args"), dict):
        found = found["input_args"]
    said = words_of(found)
    return Task(value if said is found else said)


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openinference.finish(facts, span)
    if facts.type == "workflow":
        facts.workflow = facts.step_name = name_of(span)
    elif facts.type == "other":
        facts.step_name, facts.merge_key = name_of(span), None
    elif facts.type == "agent":
        facts.merge_key = None


DIALECT = Dialect(
    "dspy",
    recognised_by(scopes=("openinference.instrumentation.dspy",)),
    _kind,
    unwrap_arguments=arguments_of,
    unwrap_result=_unwrap_result,
    unwrap_task=_unwrap_task,
    finish=_finish,
)
