"""The live check: every step that opens inside `workflow.run()` is held to the contract before its code runs.

The run travels in the OpenTelemetry context, as the execution does, so it reaches coroutines, generators and threads
that carry contexts over (`whichstep.carry`). Parallel branches are taken in order of their start.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from whichstep import attributes as names
from whichstep.contract.machine import DECLARED, Machine
from whichstep.contract.progress import Event, Progress, Refusal
from whichstep.errors import WorkflowViolation
from whichstep.processor import RUN_KEY

SCOPE_KEY: Final = otel_context.create_key("whichstep-workflow-step")
_APPROVAL: Final = "approval"


class Scope:
    """A declared step around others. It ends when the step does, though its context lives on, as in a shielded task."""

    __slots__ = ("is_open", "label", "outer")

    def __init__(self, label: str, outer: Scope | None) -> None:
        self.label, self.outer, self.is_open = label, outer, True


@dataclass(frozen=True, slots=True)
class Held:
    """A step that has begun under a contract."""

    guard: Guard
    event: Event
    began: float
    violation: WorkflowViolation | None
    """What it breaks, where the contract is only observed."""
    again: bool = False
    """A framework told of it before: it is counted there."""
    scope: Scope | None = None
    """Of what runs inside, where it is a declared step."""

    def close(self, *, failed: bool, span: Any) -> None:
        """The step has ended; what it used is read from its span."""
        if self.scope is not None:
            self.scope.is_open = False
        if not self.again:
            self.guard.close(self, failed=failed, attributes=getattr(span, "attributes", None) or {})

    def within(self, context: Context) -> Context:
        """The context for what runs inside the step: a declared step is the scope of its tools."""
        return context if self.scope is None else Context({**context, SCOPE_KEY: self.scope})


class Guard:
    """One run of a workflow. Thread-safe."""

    def __init__(self, machine: Machine, *, enforces: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self.machine, self.enforces = machine, enforces
        self.violations: list[WorkflowViolation] = []
        self._progress = Progress(machine)
        self._told: list[Held] = []
        self._lock = threading.Lock()
        self._clock = clock
        self._began = clock()
        self._waited = self._cost = 0.0
        self._tokens = 0

    def open(self, step_type: str, name: str, context: Context | None = None, *, told: bool = False) -> Held:
        """Let a step begin, and count it. `told`: by a framework; if its code is a step of the SDK, that is the same.

        Raises:
            WorkflowViolation: the contract forbids it, and is enforced. Nothing is counted then.
        """
        event = _event(step_type, name, context)
        with self._lock:
            known = None if told else self._known(step_type, name)
            if known is not None:
                self._told.remove(known)
                return Held(self, event, known.began, known.violation, again=True, scope=self._scope(event, context))
            violation = self._broken_by(event)
            if violation is not None:
                self.violations.append(violation)
                if self.enforces:
                    raise violation
            self._progress.begin(event)
            held = Held(self, event, self._clock(), violation, scope=self._scope(event, context))
            if told:
                self._told.append(held)
        return held

    def allowed(self, step_type: str, name: str, context: Context | None = None) -> WorkflowViolation | None:
        """What would be raised if a step of this type and name began now; None where it may."""
        with self._lock:
            return self._broken_by(_event(step_type, name, context))

    def forbids_action(self, action: str) -> WorkflowViolation | None:
        """Why it is no use to ask a person for an action: the contract, where it is enforced, forbids it anyway.

        Checkpoints are left out: they are what the person is asked for.
        """
        event = _event("tool_call", action, None)
        with self._lock:
            if self._known(event.type, action) is not None:
                return None
            found = [
                refusal for refusal in self._progress.refusals(event) if not refusal.rule.startswith("checkpoint(")
            ]
            refusal = next(iter(found), None) or self._over_budget(event)
            return self._violation(refusal, action) if refusal is not None and self.enforces else None

    def close(self, held: Held, *, failed: bool, attributes: Any) -> None:
        """Take what a step that ended has used, and whether it may begin again."""
        with self._lock:
            if held in self._told:
                self._told.remove(held)
            self._progress.ended(held.event, failed=failed)
            if held.event.type == _APPROVAL:
                self._waited += self._clock() - held.began
                if not failed and not attributes.get(names.CONTROL_FLOW):  # it may have been asked for only
                    self._progress.grant(held.event)
            elif held.event.type == "llm_call":
                self._tokens += attributes.get(names.INPUT_TOKENS, 0) + attributes.get(names.OUTPUT_TOKENS, 0)
                self._cost += attributes.get(names.COST_USD, 0.0)

    def finish(self) -> WorkflowViolation | None:
        """What forbids that the workflow ends now; None where it may."""
        with self._lock:
            unmet = self._progress.unmet()
            violation = self._violation(unmet[0], None) if unmet else None
            if violation is not None:
                self.violations.append(violation)
            return violation

    def _scope(self, event: Event, context: Context | None) -> Scope | None:
        kind = self.machine.kind(event.type, event.name)
        return Scope(kind.label, _scope_of(context)) if kind.kind == DECLARED else None

    def _known(self, step_type: str, name: str) -> Held | None:
        """The step that a framework told of last, and whose code this may be."""
        if step_type == _APPROVAL:
            return None
        return next((held for held in reversed(self._told) if held.event.name == name), None)

    def _broken_by(self, event: Event) -> WorkflowViolation | None:
        refusal = self._progress.refusal(event) or self._over_budget(event)
        return self._violation(refusal, event.name) if refusal is not None else None

    def _over_budget(self, event: Event) -> Refusal | None:
        """Budgets that are known while it runs: of the cost, what the calls themselves report."""
        limits = self.machine.contract.budgets
        active = self._clock() - self._began - self._waited
        used = (
            ("seconds", limits.seconds, active),
            ("cost_usd", limits.cost_usd, self._cost),
            ("tokens", limits.tokens, self._tokens),
        )
        for name, limit, value in used:
            if limit is not None and value >= limit and not self.machine.is_frame(event.type, event.name):
                return Refusal(f"budgets.{name}", f"the budget of {limit:g} {name} is used up")
        return None

    def _violation(self, refusal: Refusal, step: str | None) -> WorkflowViolation:
        contract, state = self.machine.contract, self._progress.state
        allowed = self._progress.next_steps()
        return WorkflowViolation(
            f"workflow {contract.name} forbids {step or 'its end'}: {refusal.reason} [{refusal.rule}]; "
            f"it is {f'in {state}' if state else 'at its start'} and may go on with {', '.join(allowed) or 'nothing'}",
            workflow=contract.name,
            rule=refusal.rule,
            state=state,
            step=step,
            allowed=allowed,
        )


def current_guard() -> Guard | None:
    """The run of the current context."""
    guard = otel_context.get_value(RUN_KEY)
    return guard if isinstance(guard, Guard) else None


def _event(step_type: str, name: str, context: Context | None) -> Event:
    """A step as it opens in a context; an approval is granted only when it has ended well."""
    scope = _scope_of(context)
    return Event(step_type, name, scope.label if scope is not None else None, step_type != _APPROVAL)


def _scope_of(context: Context | None) -> Scope | None:
    """The innermost declared step around the context that has not ended."""
    scope: Any = (otel_context.get_current() if context is None else context).get(SCOPE_KEY)
    while scope is not None and not scope.is_open:
        scope = scope.outer
    return scope if isinstance(scope, Scope) else None
