"""AutoGen's own spans: agents and tools in GenAI names, and the runtime's messages around them.

A team's run is up to 30 traces: each message that the runtime sends starts one, linked to the span that made it. Here
links join traces to one execution. No model calls, tokens, contents or sessions are on the wire.
"""

from __future__ import annotations

from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.received import ReceivedSpan


def _kind(span: ReceivedSpan) -> Kind:
    return kind_of_operation(span) or Kind("none")  # a message on its way


def _finish(facts: SpanFacts, _span: ReceivedSpan) -> None:
    facts.links_join = True


DIALECT = Dialect(
    "autogen",
    recognised_by(scopes=("autogen-core",), scope_starts=("autogen ", "autogen_")),
    _kind,
    finish=_finish,
)
