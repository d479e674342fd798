"""A contract as a value; made by `read`, which has checked it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

END: Final = "end"
"""In `next`: the workflow may end here."""
LEVELS: Final = {1: "fixed pipeline", 2: "conditional routing", 3: "tools within constraints", 4: "autonomous"}
RETRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractStep:
    """One declared step: which recorded steps are it, what may follow, and what happens inside."""

    name: str
    match: tuple[str, ...]
    """Patterns of the names under which it is recorded."""
    type: str | None = None
    """The type under which it is recorded; None: any."""
    next: tuple[str, ...] | None = None
    """Steps that may follow, or `end`; None: any."""
    tools: tuple[str, ...] = ()
    """Patterns of the tools that may be called inside it, or after it and before the next step."""
    output: Mapping[str, Any] | None = None
    """JSON Schema of what it gives."""
    max: int | None = None
    """How often it may begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A constraint over the whole execution, in Declare's terms; `first` and `then` name steps, tools or types."""

    rule: str
    first: str
    then: str | None = None
    min: int | None = None
    max: int | None = None

    @property
    def id(self) -> str:
        """How it is called in messages: `precedence(lookup_order, issue_refund)`."""
        bounds = [f"min {self.min}" if self.min is not None else "", f"max {self.max}" if self.max is not None else ""]
        return f"{self.rule}({', '.join(part for part in (self.first, self.then or '', *bounds) if part)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What one execution may use. None: no limit."""

    steps: int | None = None
    """Steps that act: calls of models and tools, retrievals, hand-overs, steps of one's own."""
    loops: int | None = None
    """How often any one of them may begin again after the first time."""
    cost_usd: float | None = None
    seconds: float | None = None
    """Active time: waits for people are not counted."""
    tokens: int | None = None
    """Input and output."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """The whole of it. Two contracts that say the same have the same `digest`, however they were written."""

    name: str
    level: int
    steps: tuple[ContractStep, ...] = ()
    start: tuple[str, ...] | None = None
    """Steps that may come first; None: any."""
    tools: tuple[str, ...] | None = None
    """Patterns of tools that may be called anywhere; None at level 4: all, at the others: none."""
    rules: tuple[Rule, ...] = ()
    budgets: Budgets = Budgets()
    ignore: tuple[str, ...] = ()
    """Patterns of recorded steps that are looked through, such as a framework's own."""
    retries: int = RETRIES
    """How often in a row a step that failed may begin again without counting as another transition."""
    mode: str = "enforce"

    @cached_property
    def digest(self) -> str:
        """32 hex digits over what it says; the mode is no part of it."""
        said = {name: value for name, value in self.to_dict().items() if name != "mode"}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def step(self, name: str) -> ContractStep | None:
        """The declared step of that name."""
        return next((step for step in self.steps if step.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """The contract as a mapping that `parse` reads back to an equal contract."""
        given: dict[str, Any] = {"name": self.name, "level": self.level, "mode": self.mode, "retries": self.retries}
        given |= {"ignore": list(self.ignore)} if self.ignore else {}
        given |= {"start": list(self.start)} if self.start is not None and self.level < max(LEVELS) else {}
        given |= {"tools": list(self.tools)} if self.tools is not None else {}
        given["steps"] = {step.name: _step(step) for step in self.steps}
        given["rules"] = [_known(rule, ("rule", "first", "then", "min", "max")) for rule in self.rules]
        given["budgets"] = _known(self.budgets, ("steps", "loops", "cost_usd", "seconds", "tokens"))
        return {name: value for name, value in given.items() if value not in ({}, [])}


def _step(step: ContractStep) -> dict[str, Any]:
    given = _known(step, ("type", "next", "max", "output", "tools"))
    if step.match != (step.name,):
        given["match"] = list(step.match)
    return given


def _known(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: getattr(value, name) for name in names}
    return {
        name: list(item) if isinstance(item, tuple) else item for name, item in found.items() if item not in (None, ())
    }
