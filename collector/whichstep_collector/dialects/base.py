"""What a dialect is: how to recognise a convention, which step a span is in it, and how it wraps its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.fields import NO_TEXT_KEYS, Field, TextKeys
from whichstep_collector.normalising.messages import Message
from whichstep_collector.normalising.told import Call, Passed
from whichstep_collector.received import Attributes, ReceivedSpan


class Kind(NamedTuple):
    """Which step a span is. `setup`: construction of an agent or graph, no run. `guessed`: read from names only."""

    type: str
    setup: bool = False
    guessed: bool = False
    name: str | None = None
    """Of the tool or agent, where no attribute says it."""


class ToolResult(NamedTuple):
    """A tool's result without its wrapping, and what the wrapping said."""

    value: Any
    call_id: str | None = None
    failed: str | None = None
    """The tool's own word that it failed: its message, '' where it gave none; None when it did not."""


class Task(NamedTuple):
    """The input or output of an agent, workflow or other step, without its wrapping: messages, or a value."""

    value: Any
    messages: list[Message] | None = None


def plain_result(value: Any) -> ToolResult:
    """A result that is not wrapped."""
    return ToolResult(value)


def plain_task(value: Any) -> Task:
    """An input or output that is not wrapped."""
    return Task(value)


def plain(value: Any) -> Any:
    """A value that is not wrapped."""
    return value


def no_answer(_attributes: Attributes) -> list[Message] | None:
    """No spelling of its own."""
    return None


def nothing_held(_span: ReceivedSpan) -> list[Call]:
    """No spelling of its own."""
    return []


def nothing_ran(_span: ReceivedSpan) -> list[Call]:
    """No spelling of its own."""
    return []


def nothing_passed_on(_span: ReceivedSpan) -> list[Passed]:
    """No messages between agents."""
    return []


def no_handover(_attributes: Attributes) -> str | None:
    """No word of it."""
    return None


def no_failure(_span: ReceivedSpan) -> str | None:
    """No word of its own."""
    return None


def recognised_by(
    *,
    scopes: tuple[str, ...] = (),
    scope_starts: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
    key_starts: tuple[str, ...] = (),
) -> Callable[[str, frozenset[str]], bool]:
    """Return a test of a span's scope and attribute names: any one of these signs is enough."""
    names, any_of = frozenset(scopes), frozenset(keys)

    def recognises(scope: str, present: frozenset[str]) -> bool:
        return (
            scope in names
            or bool(scope_starts and scope.startswith(scope_starts))
            or not any_of.isdisjoint(present)
            or bool(key_starts and any(key.startswith(key_starts) for key in present))
        )

    return recognises


def no_last_word(_facts: SpanFacts, _span: ReceivedSpan) -> None:
    """Nothing to add."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """One convention. `recognises` sees the scope and the attribute names only: its answer is kept per set of names.

    `kind` gives the step, or None where the next dialect decides. The unwrap functions take any value and never raise.
    `finish` has the last word on a row whose type this dialect decided. `fields` and `texts` are names that mean this
    only in this convention: they are asked before those that all share, on every span where it is recognised.
    """

    name: str
    recognises: Callable[[str, frozenset[str]], bool]
    kind: Callable[[ReceivedSpan], Kind | None]
    fields: tuple[Field, ...] = ()
    texts: TextKeys = NO_TEXT_KEYS
    unwrap_arguments: Callable[[Any], Any] = plain
    unwrap_result: Callable[[Any], ToolResult] = plain_result
    unwrap_task: Callable[[Any], Task] = plain_task
    unwrap_query: Callable[[Any], Any] = plain
    sent: Callable[[Attributes], list[Message] | None] = no_answer
    """What a model was sent, where the convention spells it in attributes of its own."""
    answer: Callable[[Attributes], list[Message] | None] = no_answer
    """What a model or an agent answered, where the convention spells it in attributes of its own."""
    failed: Callable[[ReceivedSpan], str | None] = no_failure
    """The convention's own word that a step failed: its message, '' where it gave none; None when it did not."""
    held: Callable[[ReceivedSpan], list[Call]] = nothing_held
    """The calls for which a span says that a person is asked, by its answer or by how it was interrupted."""
    ran: Callable[[ReceivedSpan], list[Call]] = nothing_ran
    """The calls that an agent's span says were made, where tools have no spans."""
    passed: Callable[[ReceivedSpan], list[Passed]] = nothing_passed_on
    """The model calls and tool results that a message between agents tells of."""
    handed: Callable[[Attributes], str | None] = no_handover
    """The agent that an agent's span says it was handed the task by another as."""
    finish: Callable[[SpanFacts, ReceivedSpan], None] = no_last_word
