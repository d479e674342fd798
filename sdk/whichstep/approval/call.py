"""One action that is about to run, as a reviewer is shown it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from whichstep import values

SUMMARY_CHARACTERS_MAX: Final = 300
ON_APPROVAL: Final = ("wait", "suspend", "raise")
Summary = str | Callable[[Mapping[str, Any]], str] | None
Schema = Callable[[], Mapping[str, Any] | None] | None
GivenEvidence = Sequence[Any] | Callable[[Mapping[str, Any]], Sequence[Any]] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How an action asks for approval where it needs one."""

    summary: Summary = None
    """One line for the reviewer, or what makes it from the arguments; composed where there is none."""
    evidence: GivenEvidence = None
    """What speaks for the action, or what finds it; collected from the execution where there is none."""
    expires_in_seconds: float | None = None
    """How long the request waits; the policy's where None, and never longer than that."""
    on_approval: str = "wait"
    """wait: until it is decided; raise: `ApprovalPending`, and the same call asks again; suspend: of the adapters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """An action with the arguments of one call, by name."""

    action: str
    arguments: Mapping[str, Any]
    options: Options
    schema: Schema = None
    """Makes the JSON Schema of the arguments, for the reviewer's form; called only where a person is asked."""
    agent: str | None = None
    approval_id: str | None = None
    """32 hex digits that a framework's adapter makes of its own key, so that a run that goes on finds its request."""
    tool_call_id: str | None = None
    """The model's id of the call, where the framework tells it: what was held is found by it in the trace."""

    @property
    def summary(self) -> str:
        """One line that says what is proposed."""
        given = self.options.summary
        try:
            text = given(self.arguments) if callable(given) else given
        except Exception:  # noqa: BLE001  a foreign function failed; the composed line serves
            text = None
        return values.bounded(text or _composed(self), characters_max=SUMMARY_CHARACTERS_MAX).text

    def evidence(self) -> Sequence[Any] | None:
        """What was given as evidence; None where nothing was."""
        given = self.options.evidence
        try:
            return given(self.arguments) if callable(given) else given
        except Exception:  # noqa: BLE001  a foreign function failed; what the execution found serves
            return None


def _composed(call: Call) -> str:
    shown = (f"{name}: {values.bounded(value, characters_max=60).text}" for name, value in call.arguments.items())
    who = f"{call.agent} wants to run " if call.agent else ""
    return f"{who}{call.action} ({', '.join(shown)})" if call.arguments else f"{who}{call.action}"
