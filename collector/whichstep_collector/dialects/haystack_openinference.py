"""Haystack under OpenInference: a span per component, its chat messages as Python text.

An agent is one span: its model calls and tools are told by its messages alone, its tokens by their sum.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import haystack_calls, haystack_values, openinference
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.normalising.told import Call
from whichstep_collector.normalising.usage import read_usage
from whichstep_collector.received import ReceivedSpan

_METHODS: Final = (".run_async", ".run")
_AGENT: Final = "Agent"


def _name(span: ReceivedSpan) -> str:
    return next((span.name.removesuffix(method) for method in _METHODS if span.name.endswith(method)), span.name)


def _kind(span: ReceivedSpan) -> Kind | None:
    if _name(span) == _AGENT and span.attributes.get("openinference.span.kind") == "CHAIN":
        return Kind("agent")
    return openinference.kind(span)


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openinference.finish(facts, span)
    if facts.type == "llm_call":
        return
    facts.step_name = _name(span)
    facts.merge_key = None if facts.type in {"agent", "other"} else facts.step_name
    if facts.type == "agent":
        facts.agent = None  # every agent is called Agent here
        output = parse_json(said) if isinstance(said := span.attributes.get("output.value"), str) else None
        if isinstance(output, dict):
            _put_spent(facts, output)


def _put_spent(facts: SpanFacts, output: dict[str, Any]) -> None:
    """The tokens of all model calls of the run, and the model where one answered them all.

    The sum leaves out what was read from a cache: the answers tell it, one by one.
    """
    for column, count in read_usage(output.get("token_usage"))._asdict().items():
        setattr(facts, column, count)
    answers = haystack_values.metas_since_the_user(output)
    models = {model for meta in answers if (model := coerce.text(meta.get("model"))) is not None}
    if len(models) != 1:
        return
    facts.model = models.pop()
    if facts.cache_read_tokens is None:
        read = [count for meta in answers if (count := read_usage(meta.get("usage")).cache_read_tokens) is not None]
        facts.cache_read_tokens = sum(read) if read else None


def _ran(span: ReceivedSpan) -> list[Call]:
    """What the agent's messages tell, or the error of the tool that ended its run: then there are no messages."""
    if _name(span) != _AGENT:
        return []
    exception = next((event for event in span.events if event.name == "exception"), None)
    if exception is not None:
        call = haystack_calls.failed_call(exception.attributes)
        return [call] if call else []
    return haystack_calls.calls_made(span.attributes.get("output.value"))


DIALECT = Dialect(
    "haystack_openinference",
    recognised_by(scopes=("openinference.instrumentation.haystack",)),
    _kind,
    unwrap_task=haystack_values.unwrap_task,
    unwrap_query=haystack_values.unwrap_query,
    ran=_ran,
    finish=_finish,
)
