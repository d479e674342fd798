"""Declare's constraints over the steps of one execution, as they begin and at the end.

Templates after Pesic and van der Aalst, "A Declarative Approach for Flexible Business Processes" (2006), under their
own names; `checkpoint` is an alternate precedence whose first part must have been granted (an approval that a person
gave, say). `first` and `then` are patterns of names, or types of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from whichstep.contract.model import Rule
from whichstep.contract.patterns import matches


class Form(NamedTuple):
    """What a template takes."""

    keys: tuple[str, ...]
    required: tuple[str, ...]


_PAIR: Final = Form(("first", "then"), ("first", "then"))
_COUNTED: Final = Form(("first", "min", "max"), ("first",))
_ONE: Final = Form(("first",), ("first",))
FORMS: Final[dict[str, Form]] = {
    "count": _COUNTED, "existence": _COUNTED, "absence": _COUNTED, "exactly": _COUNTED, "init": _ONE, "end": _ONE,
    "precedence": _PAIR, "response": _PAIR, "succession": _PAIR,
    "alternate_precedence": _PAIR, "alternate_response": _PAIR, "alternate_succession": _PAIR,
    "chain_precedence": _PAIR, "chain_response": _PAIR, "chain_succession": _PAIR,
    "responded_existence": _PAIR, "coexistence": _PAIR, "not_coexistence": _PAIR, "not_succession": _PAIR,
    "not_chain_succession": _PAIR, "checkpoint": _PAIR,
}  # fmt: skip


class Part(NamedTuple):
    """What a step is to one rule: the number of the rule, and whether the step is its `first`, its `then`."""

    rule: int
    is_first: bool
    is_then: bool


def parts_of(rules: Sequence[Rule], label: str, step_type: str) -> tuple[Part, ...]:
    """The rules that a step concerns: those that name it or its type, and those of the order of all steps."""
    found = (Part(at, _names(rule.first, label, step_type), _names(rule.then, label, step_type))
             for at, rule in enumerate(rules))  # fmt: skip
    return tuple(part for part in found if part.is_first or part.is_then or rules[part.rule].rule in _OF_ALL_STEPS)


def _names(name: str | None, label: str, step_type: str) -> bool:
    return name is not None and (step_type == name or matches(label, name))


class Monitor:
    """One rule over one execution: asked before a step begins, told when it did, asked again at the end."""

    __slots__ = ("_clauses", "count", "has_then", "is_open", "last", "maximum", "minimum", "rule", "total")

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.count = self.total = 0
        self.is_open = False
        """`first` was seen and no `then` since."""
        self.has_then = False
        self.last: str | None = None
        """Which part of the rule the step before was."""
        self.minimum, self.maximum = _bounds(rule)
        self._clauses = tuple(clause for clause in _CLAUSES if rule.rule in clause.rules)

    def forbids(self, part: Part, *, is_step: bool) -> str | None:
        """Why this step must not begin now; None where it may.

        `is_step`: a declared step or a tool; what is neither does not come between two that are chained.
        """
        for clause in self._clauses:
            if clause.broken(self, part.is_first, part.is_then, is_step):
                return clause.says.format(first=self.rule.first, then=self.rule.then)
        if self.maximum is not None and part.is_first and self.count >= self.maximum:
            return f"{self.rule.first} may occur {_times(self.maximum)}"
        return None

    def take(self, part: Part, *, is_step: bool, granted: bool) -> None:
        """The step has begun. An approval that was not given is no `first`."""
        is_first = part.is_first and granted
        self.count += is_first
        if part.is_then:
            self.is_open, self.has_then = False, True
        if is_first:
            self.is_open = True
        if is_step or is_first or part.is_then:
            self.total += 1
            self.last = "first" if is_first else "then" if part.is_then else None

    def unmet(self) -> str | None:
        """What is missing now that the execution has ended; None where nothing is."""
        kind, first, then = self.rule.rule, self.rule.first, self.rule.then
        if self.minimum is not None and self.count < self.minimum:
            return f"{first} occurred {_times(self.count)}, not {self.minimum}"
        if kind in _RESPONDED and self.is_open:
            return f"{then} did not come after {first}"
        if kind in {"responded_existence", "coexistence"} and self.count and not self.has_then:
            return f"{first} occurred without {then}"
        if kind == "coexistence" and self.has_then and not self.count:
            return f"{then} occurred without {first}"
        if kind == "end" and self.total and self.last != "first":
            return f"{first} comes last"
        return None


class _Clause(NamedTuple):
    """What some templates forbid: whether a step breaks it, by what the monitor has seen, and how that is said."""

    rules: frozenset[str]
    broken: Callable[[Monitor, bool, bool, bool], bool]
    says: str


def _clause(rules: str, says: str, broken: Callable[[Monitor, bool, bool, bool], bool]) -> _Clause:
    return _Clause(frozenset(rules.split()), broken, says)


_CLAUSES: Final = (
    _clause("init", "{first} comes first", lambda seen, first, _then, step: step and not seen.total and not first),
    _clause("precedence succession", "{then} comes only after {first}",
            lambda seen, _first, then, _step: then and not seen.count),
    _clause("alternate_precedence alternate_succession checkpoint", "each {then} needs its own {first} before it",
            lambda seen, _first, then, _step: then and not seen.is_open),
    _clause("alternate_response alternate_succession", "{then} comes before the next {first}",
            lambda seen, first, then, _step: first and not then and seen.is_open),
    _clause("chain_precedence chain_succession", "{then} comes only right after {first}",
            lambda seen, _first, then, _step: then and seen.last != "first"),
    _clause("chain_response chain_succession", "{then} comes right after {first}",
            lambda seen, _first, then, step: step and not then and seen.last == "first"),
    _clause("not_succession", "{then} never comes after {first}",
            lambda seen, _first, then, _step: then and bool(seen.count)),
    _clause("not_chain_succession", "{then} never comes right after {first}",
            lambda seen, _first, then, _step: then and seen.last == "first"),
    _clause("not_coexistence", "{first} and {then} never occur together",
            lambda seen, first, then, _step: (then and bool(seen.count)) or (first and seen.has_then)),
)  # fmt: skip
_OF_ALL_STEPS: Final = frozenset({"init", "end", *(rule for rule in FORMS if "chain" in rule)})
_RESPONDED: Final = frozenset({
    "response", "succession", "alternate_response", "alternate_succession", "chain_response", "chain_succession",
})  # fmt: skip


def _bounds(rule: Rule) -> tuple[int | None, int | None]:
    """How often `first` has to occur at least, and may at most. Declare's absence n forbids the n-th."""
    if rule.rule == "existence":
        return rule.min or 1, None
    if rule.rule == "absence":
        return None, rule.max or 0
    if rule.rule == "exactly":
        times = next((number for number in (rule.min, rule.max) if number is not None), 1)
        return times, times
    return (rule.min, rule.max) if rule.rule == "count" else (None, None)


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
