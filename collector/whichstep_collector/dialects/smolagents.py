"""smolagents under OpenInference: a step is a chain, its tool a span named after the class, its answer a tool as well.

`final_answer` is how a run ends, no action of the agent. A step in error that the next one recovers is no failed run.
"""

from __future__ import annotations

import re
from typing import Final

from whichstep_collector.dialects import openinference
from whichstep_collector.dialects.base import Dialect, Kind, Task, recognised_by
from whichstep_collector.normalising.calls import arguments_of, words_of
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.python_text import read_python
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.received import ReceivedSpan

_FINAL: Final = "final_answer"
_STEP: Final = re.compile(r"Step \d+")
_STEP_STATE: Final = "ActionStep("
"""What a step is given: the record that it will fill."""
_STREAMED: Final = "ChatMessageStreamDelta("
_ANSWERED: Final = re.compile(r"FinalAnswerStep\(output=('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)$")
_USAGE: Final = ", usage="
"""The last of the client's own response, which an answer has as Python text: before it stands what the model said."""
_COUNTED: Final = "CompletionUsage("
_CACHED: Final = re.compile(r"\bcached_tokens=(\d{1,9})\b")
_ANSWER_MAX: Final = 64 * 1024


def _kind(span: ReceivedSpan) -> Kind | None:
    if span.attributes.get("tool.name") == _FINAL or span.name == "FinalAnswerTool":
        return Kind("none")
    return openinference.kind(span)


def _unwrap_task(value: object) -> Task:
    if isinstance(value, str) and value.startswith(_STREAMED):  # all events of a stream, as Python text
        last = _ANSWERED.search(value[-_ANSWER_MAX:])
        return Task(read_python(last[1]) if last else None)
    said = words_of(value)
    return Task(None if isinstance(said, str) and said.startswith(_STEP_STATE) else said)


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openinference.finish(facts, span)
    if facts.type == "other" and _STEP.fullmatch(span.name):
        facts.step_name, facts.merge_key = "step", None
    elif facts.type == "agent":
        facts.merge_key = None  # a managed agent may have its manager's name
    elif facts.type == "llm_call":
        _put_model_call(facts, span)


def _put_model_call(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.cache_read_tokens is None and (cached := _CACHED.search(_usage(span.attributes.get("output.value")))):
        facts.cache_read_tokens = int(cached[1])
    if _FINAL in facts.asked_tools:
        kept = [at for at, name in enumerate(facts.asked_tools) if name != _FINAL]
        facts.asked_call_ids = [facts.asked_call_ids[at] for at in kept]
        facts.asked_tools = [facts.asked_tools[at] for at in kept]


def _usage(value: object) -> str:
    """The client's count of tokens, as Python text; empty where the answer has none."""
    said = parse_json(value) if isinstance(value, str) and _USAGE in value else None
    raw = said.get("raw") if isinstance(said, dict) else None
    counted = raw.rpartition(_USAGE)[2] if isinstance(raw, str) else ""
    return counted if counted.startswith(_COUNTED) else ""


DIALECT = Dialect(
    "smolagents",
    recognised_by(scopes=("openinference.instrumentation.smolagents",), key_starts=("smolagents.",)),
    _kind,
    unwrap_arguments=arguments_of,
    unwrap_task=_unwrap_task,
    finish=_finish,
)
