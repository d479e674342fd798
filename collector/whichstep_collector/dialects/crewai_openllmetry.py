"""CrewAI under OpenLLMetry: crews, tasks and agents all say `invoke_agent`; the id that a span has tells which it is.

A crew's token usage is no total of its run: it goes on from run to run.
"""

from __future__ import annotations

from whichstep_collector.dialects import openllmetry
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.normalising import coerce
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import Field, TextKeys
from whichstep_collector.received import ReceivedSpan

_SCOPE = "opentelemetry.instrumentation.crewai"


def _kind(span: ReceivedSpan) -> Kind | None:
    if "crewai.crew.id" in span.attributes:
        return Kind("workflow")
    return Kind("other") if "crewai.task.id" in span.attributes else openllmetry.kind(span)


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    openllmetry.finish(facts, span)
    if facts.type == "workflow":
        facts.step_name = facts.workflow or facts.step_name
    elif facts.type == "other":
        facts.step_name, facts.merge_key = span.name.removesuffix(".task"), None
    elif facts.type == "agent":
        facts.merge_key = None  # an agent below another is asked by it


DIALECT = Dialect(
    "crewai_openllmetry",
    recognised_by(scopes=(_SCOPE, f"{_SCOPE}.instrumentation")),
    _kind,
    fields=(
        Field("agent", coerce.text, ("crewai.agent.role", "crewai.task.agent")),
        Field("workflow", coerce.text, ("crewai.crew.name",)),
    ),
    texts=TextKeys(input=("crewai.task.description",), output=("crewai.crew.result", "traceloop.entity.output")),
    finish=_finish,
)
