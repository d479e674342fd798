"""The verb `action`: a tool that is always held by a policy, with words for the person who decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar, overload

from whichstep import attributes as names
from whichstep.approval.call import ON_APPROVAL, GivenEvidence, Options, Summary
from whichstep.approval.connection import collect_evidence
from whichstep.approval.gate import Gate
from whichstep.approval.state import tool_gate
from whichstep.decorate import is_function
from whichstep.errors import ConfigurationError
from whichstep.policy.durations import seconds_of
from whichstep.recording import Content
from whichstep.tool_calls import ToolCall

F = TypeVar("F", bound=Callable[..., Any])
ANYBODY: Final = Gate(None)
"""Without a policy of this process the sidecar's alone decides; without either, a person."""


class Action(ToolCall):
    """One call of an action. It is a tool call in every other way."""

    __slots__ = ("_options",)
    takes_edits: ClassVar[bool] = True

    def __init__(
        self, name: str, attributes: dict[str, Any] | None = None, content: Content = (), options: Options | None = None
    ) -> None:
        super().__init__(name, attributes, content)
        self._options = options or Options()

    @property
    def options(self) -> Options:
        """How it asks for approval."""
        return self._options

    def fresh(self) -> Action:
        """An action like this one that has not begun."""
        return Action(self.name, self._attributes, self._content, self._options)

    def gate(self) -> Gate:
        """The policy of this process, else the sidecar's."""
        return tool_gate() or ANYBODY

    def _like(self, name: str, attributes: dict[str, Any]) -> Action:
        return Action(name, attributes, self._content, self._options)


@overload
def action(name: F, /) -> F: ...
@overload
def action(
    name: str | None = None,
    /,
    *,
    arguments: Any = None,
    summary: Summary = None,
    evidence: GivenEvidence = None,
    expires_in: str | float | None = None,
    on_approval: str = "wait",
) -> Action: ...
def action(
    name: Any = None,
    /,
    *,
    arguments: Any = None,
    summary: Summary = None,
    evidence: GivenEvidence = None,
    expires_in: str | float | None = None,
    on_approval: str = "wait",
) -> Any:
    """An action that runs only as the policy allows: alone, marked, after a person's decision, or not at all.

    Decorates a function, or is entered with `with`; a person may change the arguments: the function runs with what was
    decided, a block finds it in `call.arguments`.

    Args:
        name: The action, as the policy names it; a function's own name where it is left out.
        arguments: Of a `with` block, by name.
        summary: One line for the reviewer, or a function of the arguments that makes it.
        evidence: What speaks for the action (texts, or mappings with source, text and score), or a function of the
            arguments that finds it; where it is left out, the best of what the execution retrieved.
        expires_in: How long a request waits, `"4h"` or seconds; never longer than the policy says.
        on_approval: wait: until it is decided; raise: `ApprovalPending`, and the same call made again asks what became
            of it; suspend: for the adapters of frameworks that stop and go on.

    Raises:
        ConfigurationError: one of them cannot be used.
    """
    options = options_of(summary=summary, evidence=evidence, expires_in=expires_in, on_approval=on_approval)
    content = () if arguments is None else ((names.TOOL_ARGUMENTS, arguments),)
    attributes = {names.OPERATION: "execute_tool", **({names.TOOL_NAME: name} if isinstance(name, str) else {})}
    if is_function(name):
        return Action("", attributes, content, options)(name)
    return Action(name or "", attributes, content, options)


def options_of(
    *,
    summary: Summary = None,
    evidence: GivenEvidence = None,
    expires_in: str | float | None = None,
    on_approval: str = "wait",
) -> Options:
    """How to ask for approval, checked. From now on the execution's evidence is collected.

    Raises:
        ConfigurationError: one of them cannot be used.
    """
    if on_approval not in ON_APPROVAL:
        raise ConfigurationError(f"on_approval is {on_approval!r}; use one of {', '.join(ON_APPROVAL)}")
    try:
        seconds = None if expires_in is None else seconds_of(expires_in)
    except ValueError as error:
        raise ConfigurationError(f'expires_in: {error}; write "30m", "4h" or a number of seconds') from error
    collect_evidence()
    return Options(summary=summary, evidence=evidence, expires_in_seconds=seconds, on_approval=on_approval)
