"""One execution on its way through a contract: what may come next, and what is broken so far.

Fed with steps in the order of their start, by the live check before each of them runs, and afterwards with what was
recorded: so both say the same. Not thread-safe; the live check locks around it.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from whichstep.contract.machine import ACT, DECLARED, FRAME, IGNORED, TOOL, Kind, Machine
from whichstep.contract.rules import Monitor

STEPS = frozenset({DECLARED, TOOL})
TRANSITION, UNLISTED, TOOL_RULE, END_RULE = "transition", "unlisted", "tool", "end"


class Event(NamedTuple):
    """A step as it begins: its type and name, and the declared step that it is inside of."""

    type: str
    name: str
    scope: str | None = None
    granted: bool = True
    """False for an approval that was not given, or not yet."""


class Refusal(NamedTuple):
    """What is broken: the rule, in words, and whether the order of steps is what breaks it."""

    rule: str
    reason: str
    of_order: bool = False


class Progress:
    """The state of one execution."""

    __slots__ = ("_begun", "_failed", "_monitors", "_retries", "acts", "machine", "state")

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.state: str | None = None
        """The declared step that began last; None at the start."""
        self.acts = 0
        """Steps that acted: what `budgets.steps` counts."""
        self._failed = False
        self._retries = 0
        self._begun: Counter[str] = Counter()
        self._monitors = tuple(Monitor(rule) for rule in machine.contract.rules)

    def refusal(self, event: Event) -> Refusal | None:
        """Why this step must not begin now; None where it may. Changes nothing."""
        return next(iter(self.refusals(event, all_of_them=False)), None)

    def refusals(self, event: Event, *, all_of_them: bool = True) -> list[Refusal]:
        """Everything that the step would break, order first."""
        kind = self.machine.kind(event.type, event.name)
        if kind.kind == IGNORED or self._is_retry(kind):
            return []
        found = [refusal for refusal in (self._order(kind, event), *self._limits(kind)) if refusal is not None]
        if found and not all_of_them:
            return found
        for part in self.machine.parts(kind.label, event.type):
            monitor = self._monitors[part.rule]
            reason = monitor.forbids(part, is_step=kind.kind in STEPS)
            if reason is not None:
                found.append(Refusal(monitor.rule.id, reason))
        return found

    def begin(self, event: Event) -> None:
        """The step has begun, whether or not it was allowed."""
        kind = self.machine.kind(event.type, event.name)
        if kind.kind == IGNORED:
            return
        if kind.kind != FRAME:
            self.acts += 1
        if self._is_retry(kind):
            self._retries += 1
            self._failed = False
            return
        self._told(kind, event, granted=event.granted)
        if kind.kind == DECLARED:
            self.state, self._failed, self._retries = kind.label, False, 0
        if kind.kind in STEPS:
            self._begun[kind.label] += 1

    def grant(self, event: Event) -> None:
        """An approval that began ungranted was given."""
        self._told(self.machine.kind(event.type, event.name), event, granted=True)

    def ended(self, event: Event, *, failed: bool) -> None:
        """A step has ended; one that failed may begin again."""
        if failed and self.state is not None:
            kind = self.machine.kind(event.type, event.name)
            self._failed = self._failed or (kind.kind == DECLARED and kind.label == self.state)

    def unmet(self) -> list[Refusal]:
        """What is missing, if the execution ends now."""
        found = []
        if not self.machine.may_end(self.state):
            where = "at its start" if self.state is None else f"after {self.state}"
            found.append(Refusal(END_RULE, f"it may not end {where}", of_order=True))
        reasons = ((monitor.rule.id, monitor.unmet()) for monitor in self._monitors)
        return [*found, *(Refusal(rule, reason) for rule, reason in reasons if reason is not None)]

    def next_steps(self) -> list[str]:
        """What may come next, for messages."""
        return self.machine.next_steps(self.state)

    def is_retry(self, event: Event) -> bool:
        """Whether the step is the last one again, because it failed."""
        return self._is_retry(self.machine.kind(event.type, event.name))

    def _told(self, kind: Kind, event: Event, *, granted: bool) -> None:
        for part in self.machine.parts(kind.label, event.type):
            self._monitors[part.rule].take(part, is_step=kind.kind in STEPS, granted=granted)

    def _is_retry(self, kind: Kind) -> bool:
        again = self._failed and kind.kind == DECLARED and kind.label == self.state
        return again and self._retries < self.machine.contract.retries

    def _order(self, kind: Kind, event: Event) -> Refusal | None:
        if kind.kind == DECLARED:
            if self.machine.follows(self.state, kind.label):
                return None
            where = "at the start" if self.state is None else f"after {self.state}"
            return Refusal(TRANSITION, f"{kind.label} may not come {where}", of_order=True)
        scope = event.scope or self.state
        if kind.kind == TOOL and not self.machine.allows_tool(scope, kind.label):
            place = f"in {scope}" if scope else "here"
            return Refusal(TOOL_RULE, f"the tool {kind.label} may not be called {place}", of_order=True)
        if kind.kind == ACT and self.machine.closed and event.scope is None:
            return Refusal(UNLISTED, f"{kind.label} is no step of the workflow", of_order=True)
        return None

    def _limits(self, kind: Kind) -> list[Refusal]:
        contract, begun = self.machine.contract, self._begun[kind.label]
        found = []
        most = self.machine.step(kind.label).max if kind.kind == DECLARED else None
        if most is not None and begun >= most:
            found.append(Refusal("max", f"{kind.label} may begin {most} times"))
        loops = contract.budgets.loops
        if loops is not None and kind.kind in STEPS and begun > loops:
            found.append(Refusal("budgets.loops", f"{kind.label} may begin again {loops} times"))
        if contract.budgets.steps is not None and kind.kind != FRAME and self.acts >= contract.budgets.steps:
            found.append(Refusal("budgets.steps", f"the budget of {contract.budgets.steps} steps is used up"))
        return found
