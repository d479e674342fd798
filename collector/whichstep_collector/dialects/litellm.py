"""LiteLLM's own callback: a call is a span, with the request as its provider got it in a span below.

What was asked for stands beside the answer, which leaves it out. Each call is a trace of its own; what joins those of a
run are the ids of the calls that the model asked for, which the request below tells, as Python text.
"""

from __future__ import annotations

from typing import Final

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field
from whichstep_collector.normalising.messages import Message, call_part, read_messages, tool_calls
from whichstep_collector.normalising.python_text import read_python
from whichstep_collector.normalising.told import turn_key
from whichstep_collector.received import Attributes, ReceivedSpan

_RAW: Final = "raw_gen_ai_request"
_ASKED: Final = "gen_ai.completion.{}.function_call.{}"
_ASKED_MAX: Final = 128


def _kind(span: ReceivedSpan) -> Kind | None:
    return Kind("none") if span.name == _RAW else kind_of_operation(span)


def _answer(attributes: Attributes) -> list[Message] | None:
    asked = []
    for number in range(_ASKED_MAX):
        name = attributes.get(_ASKED.format(number, "name"))
        if not isinstance(name, str):
            break
        asked.append(call_part(None, name, attributes.get(_ASKED.format(number, "arguments"))))
    if not asked:
        return None
    said = read_messages(attributes.get("gen_ai.output.messages"), default_role="assistant") or []
    parts = [part for message in said for part in message.get("parts", ()) if isinstance(part, dict)]
    return [{"role": "assistant", "parts": [*parts, *asked]}]


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    if facts.type != "none":
        return
    told = {key.rpartition(".")[2]: value for key, value in span.attributes.items() if key.startswith("llm.")}
    choices = read_python(told.get("choices"))
    answers = [choice.get("message") for choice in choices or () if isinstance(choice, dict)]
    asked = tool_calls(read_messages(answers, default_role="assistant") or ())
    sent = read_messages(read_python(told.get("messages")), default_role="user") or ()
    if (turn := turn_key(sent, [call_id for _, call_id in asked])) is not None:
        facts.execution_key, facts.execution_rule = turn


DIALECT = Dialect(
    "litellm",
    recognised_by(scopes=("litellm",)),
    _kind,
    fields=(Field("reported_cost_usd", coerce.amount, ("gen_ai.cost.total_cost",)),),
    answer=_answer,
    finish=_finish,
)
