"""AutoGen's own spans: agents and tools in GenAI names, and the runtime's messages around them.

A team's run is up to 30 traces: each message that the runtime sends starts one, linked to the span that made it. Here
links join traces to one execution. Model calls have no spans. In a team every agent's messages go to its manager as
well: they tell what a model answered, with its tokens, and what the tools gave back; an agent alone tells nothing.
"""

from __future__ import annotations

from typing import Any, Final

from whichstep_collector.dialects import autogen_values
from whichstep_collector.dialects.base import Dialect, Kind, recognised_by
from whichstep_collector.dialects.otel_genai import kind_of_operation
from whichstep_collector.normalising.contents import preview
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.messages import asked_text
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_collector.normalising.told import Passed
from whichstep_collector.received import ReceivedSpan

_MESSAGE: Final = "message"
_MANAGERS: Final = ("GroupChatManager", "GraphFlowManager", "MagenticOneOrchestrator")
"""End the class of who leads a team."""
_WITHOUT_MODEL: Final = frozenset({"RoundRobinGroupChatManager", "SwarmGroupChatManager", "GraphFlowManager"})
"""Those that call no model themselves. What the others ask is told by nobody: the calls of their teams are unknown."""


def _kind(span: ReceivedSpan) -> Kind:
    return kind_of_operation(span) or Kind("none")  # a message on its way


def _to_the_manager(span: ReceivedSpan, field: str) -> dict[str, Any]:
    """The message of this form that a manager is given, each once; its agents are given some of them again."""
    said, receiver = span.attributes.get(_MESSAGE), span.attributes.get("recipient_agent_class")
    if not isinstance(said, str) or not isinstance(receiver, str) or not receiver.endswith(_MANAGERS):
        return {}
    found = parse_json(said) if f'"{field}"' in said[: len(field) + 8] else None
    return found if isinstance(found, dict) else {}


def _passed(span: ReceivedSpan) -> list[Passed]:
    passed = autogen_values.passed_on(_to_the_manager(span, "message").get("message"), at=span.start)
    all_told = span.attributes.get("recipient_agent_class") in _WITHOUT_MODEL
    return [each for each in passed if all_told or each.call is not None]


def _finish(facts: SpanFacts, span: ReceivedSpan) -> None:
    facts.links_join = True
    if facts.execution_rule == "first_call":  # by the calls of one agent's turn, which is a part of the team's run
        facts.execution_key = facts.execution_rule = None
    if facts.type == "none" and (task := autogen_values.unwrap_task(_to_the_manager(span, "messages"))) is not None:
        facts.user_message = preview(asked_text(task.messages or []) or "") or None


DIALECT = Dialect(
    "autogen",
    recognised_by(scopes=("autogen-core",), scope_starts=("autogen ", "autogen_")),
    _kind,
    passed=_passed,
    finish=_finish,
)
