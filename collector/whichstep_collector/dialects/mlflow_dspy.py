"""DSPy under MLflow: each method of a module, an adapter or a client is a span, `ReAct.forward` over `LM.__call__`.

A call of the model is told by its client; the `Predict` around it says LLM too, of the fields of its signature. Tokens
are told of a whole program only.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import dspy
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan

_PREDICT: Final = "Predict"
_FINISH: Final = "Tool.finish"


def step_of(span: ReceivedSpan) -> str | None:
    """The step where it is another than the type of MLflow's span says."""
    is_none = span.name == _FINISH or (dspy.name_of(span) == _PREDICT != span.name)
    return "none" if is_none else None


def name_of(span: ReceivedSpan) -> str | None:
    """The name of a module."""
    name = dspy.name_of(span)
    return name if name != span.name else None


def answer_of(value: Any) -> str | None:
    """The answer among the fields of a prediction."""
    return dspy.answer_of(value)


def finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    """A module by its name, and a model by that of its provider, not of the library that calls it."""
    if facts.type in {"workflow", "other"} and (name := name_of(span)):
        facts.step_name, facts.merge_key = name, None
    elif facts.type == "llm_call" and facts.model and facts.provider:
        facts.model = facts.model.removeprefix(f"{facts.provider}/")
        facts.step_name = facts.model
