"""The permission to run one action once, and how it is written on the action's span."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from opentelemetry import context as otel_context

from whichstep import attributes as names
from whichstep.policy import Decision
from whichstep.recording import Current

ADMISSION_KEY: Final = otel_context.create_key("whichstep-admission")
"""Under which it travels in the context of the code that runs the action."""


class Admission:
    """May run: this action, with these arguments. `approval_id` where a person decided."""

    __slots__ = ("_taken", "action", "approval_id", "arguments", "decision")

    def __init__(
        self, action: str, arguments: Mapping[str, Any], decision: Decision, approval_id: str | None = None
    ) -> None:
        self.action, self.arguments, self.decision, self.approval_id = action, arguments, decision, approval_id
        self._taken = False

    def marks(self) -> dict[str, str]:
        """Attributes of the action's span."""
        return marks(self.decision, self.approval_id)

    def takes(self, action: str, arguments: Mapping[str, Any]) -> bool:
        """Whether a call inside the code that was let in is the same action: once, and with the same arguments.

        A framework's tool and the function that it runs are both held; a person is asked for them once.
        """
        if self._taken or self.approval_id is None or action != self.action:
            return False
        try:
            same = all(name in arguments and bool(arguments[name] == value) for name, value in self.arguments.items())
        except Exception:  # noqa: BLE001  foreign objects compare as they like
            return False
        self._taken = same
        return same


def running(admission: Admission) -> Current:
    """A context for the code that runs the action: a recorded or guarded function inside is the same action."""
    return Current(otel_context.set_value(ADMISSION_KEY, admission))


def marks(decision: Decision, approval_id: str | None = None) -> dict[str, str]:
    """Attributes that say what the policy decided on a span."""
    told = {
        names.ACTION: decision.action,
        names.RISK_LEVEL: decision.risk_level,
        names.RULE: decision.rule,
        names.POLICY_DIGEST: decision.policy_digest,
    }
    return told if approval_id is None else {**told, names.APPROVAL_ID: approval_id}
