"""Whether a contract makes sense: what its level may say, names that exist, steps that can be reached and left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from whichstep.attributes import STEP_TYPES
from whichstep.contract.machine import Machine
from whichstep.contract.model import END, LEVELS, Contract, ContractStep
from whichstep.contract.patterns import is_pattern, matches
from whichstep.contract.problems import Found

__all__ = ["LEVELS", "check", "start_of", "with_defaults"]
_FIXED, _ROUTED, _TOOLS, _AUTONOMOUS = LEVELS
_CLOSED: Final = (_FIXED, _ROUTED, _TOOLS)


def with_defaults(steps: Sequence[ContractStep], level: int) -> tuple[ContractStep, ...]:
    """The steps with the `next` that the level implies: the following step at 1, the end at 2, any at 3."""
    following = [*(step.name for step in steps[1:]), END]
    if level not in (_FIXED, _ROUTED):
        return tuple(steps)
    implied = following if level == _FIXED else [END] * len(steps)
    pairs = zip(steps, implied, strict=False)
    return tuple(replace(step, next=(name,)) if step.next is None else step for step, name in pairs)


def start_of(given: tuple[str, ...] | None, steps: Sequence[ContractStep], level: int) -> tuple[str, ...] | None:
    """Where it begins: as said, else with the first step; anywhere where the order is free."""
    if given is not None or not steps:
        return given
    free = level == _AUTONOMOUS or (level == _TOOLS and all(step.next is None for step in steps))
    return None if free else (steps[0].name,)


def check(contract: Contract, found: Found) -> None:
    """Add everything that is wrong."""
    for look in (_names, _level, _level_of_steps, _schemas, _rules):
        look(contract, found)
    if not found.problems and contract.steps and contract.level in _CLOSED:
        _reach(contract, found)
        _bounded(contract, found)


def _names(contract: Contract, found: Found) -> None:
    known = {step.name for step in contract.steps}
    for name in {END, "start"} & known:
        found.add(("steps", name), f"a step is called {name}", "give it another name: this one is taken")
    for step in contract.steps:
        for follower in step.next or ():
            if follower not in known | {END}:
                found.add(("steps", step.name, "next"), f"{step.name} is followed by {follower!r}", _declare(follower))
    for name in contract.start or ():
        if name not in known:
            found.add(("start",), f"it starts with {name!r}", _declare(name))


def _declare(name: str) -> str:
    return f"declare [steps.{name}] or mend the name"


def _level(contract: Contract, found: Found) -> None:
    level = contract.level
    if level in (_FIXED, _ROUTED) and not contract.steps:
        found.add(("level",), f"level {level} without steps", "declare them: [steps.NAME]")
    if level in (_FIXED, _ROUTED) and contract.tools:
        found.add(("tools",), f"level {level} with tools to choose from", "make them steps, or raise the level to 3")
    if level == _FIXED and len(contract.start or ()) > 1:
        found.add(("start",), "level 1 with a choice of starts", "name one, or raise the level to 2")
    if level == _TOOLS and not contract.steps and contract.tools is None:
        found.add(("level",), "level 3 says neither steps nor tools", 'write tools = ["lookup_*"] or [steps.NAME]')
    if level == _AUTONOMOUS and contract.start:
        found.add(
            ("start",), "level 4 with a start", "an autonomous workflow chooses its order: drop it, or use level 3"
        )
    nothing = not contract.rules and contract.tools is None and contract.budgets == type(contract.budgets)()
    if level == _AUTONOMOUS and nothing:
        found.add(("level",), "level 4 bounds nothing", "give it [budgets], [[rules]], [[checkpoints]] or tools")


def _level_of_steps(contract: Contract, found: Found) -> None:
    for step in contract.steps:
        place = ("steps", step.name)
        if contract.level in (_FIXED, _ROUTED) and (len(step.tools) > 1 or any(map(is_pattern, step.tools))):
            found.add((*place, "tools"), f"level {contract.level}: {step.name} has a free choice of tools",
                      "name one tool, make the tools steps, or raise the level to 3")  # fmt: skip
        if contract.level == _FIXED and len(step.next or ()) > 1:
            found.add((*place, "next"), f"level 1: {step.name} has {len(step.next or ())} followers",
                      "leave one, or raise the level to 2")  # fmt: skip
        if contract.level == _FIXED and step.output is None:
            found.add(place, f"level 1: {step.name} has no output schema", 'write output = { type = "object" }')
        if contract.level == _AUTONOMOUS and step.next is not None:
            found.add((*place, "next"), f"level 4: {step.name} says what follows",
                      "an autonomous workflow chooses its order: drop it, or use level 3")  # fmt: skip


_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")


def _schemas(contract: Contract, found: Found) -> None:
    """As far as the standard library goes; the server, which applies the schema, knows all of it."""
    for step in contract.steps:
        said = (step.output or {}).get("type", [])
        for kind in [said] if isinstance(said, str) else said:
            if kind not in _TYPES:
                found.add(("steps", step.name, "output"), f"{step.name}: the schema's type is {kind!r}",
                          f"write one of {', '.join(_TYPES)}")  # fmt: skip


def _rules(contract: Contract, found: Found) -> None:
    counts = {"rules": -1, "checkpoints": -1}
    for rule in contract.rules:
        table = "checkpoints" if rule.rule == "checkpoint" else "rules"
        counts[table] += 1
        place = (table, counts[table])
        if rule.min is not None and rule.max is not None and rule.min > rule.max:
            found.add(place, f"min {rule.min} is above max {rule.max}", "no execution can keep that", rule=rule.id)
        for name in filter(None, (rule.first, rule.then)):
            if contract.steps and not _can_occur(contract, name):
                found.add(place, f"no step, tool or type {name!r}", "mend the name, or declare it", rule=rule.id)


def _can_occur(contract: Contract, name: str) -> bool:
    tools = [*(contract.tools or ()), *(tool for step in contract.steps for tool in step.tools)]
    free = contract.level == _AUTONOMOUS and contract.tools is None
    named = any(matches(step.name, name) for step in contract.steps)
    inside = any(matches(tool, name) or matches(name, tool) for tool in tools)
    return free or name.partition(":")[0] in STEP_TYPES or named or inside


def _reach(contract: Contract, found: Found) -> None:
    machine = Machine(contract)
    starts = [step for step in machine.names if machine.follows(None, step)]
    reached = _closure(starts, lambda step: [other for other in machine.names if machine.follows(step, other)])
    leaving = [step for step in machine.names if machine.may_end(step)]
    can_end = _closure(leaving, lambda step: [other for other in machine.names if machine.follows(other, step)])
    for name in machine.names:
        if name not in reached:
            found.add(("steps", name), f"{name} cannot be reached", "name it in a step's next or in start, or drop it")
        elif name not in can_end:
            found.add(("steps", name, "next"), f"from {name} the end cannot be reached", 'add "end" to a next')
    shortest = machine.distance(None)
    if contract.budgets.steps is not None and shortest is not None and contract.budgets.steps < shortest:
        found.add(("budgets", "steps"), f"the shortest way through has {shortest} steps", "raise budgets.steps")


def _bounded(contract: Contract, found: Found) -> None:
    """A fixed pipeline has no way back; routing has one only where something bounds it."""
    fixed = contract.level == _FIXED
    if not fixed and (contract.level == _TOOLS or contract.budgets.loops is not None or contract.budgets.steps):
        return
    endless = {step.name: step for step in contract.steps if fixed or step.max is None}
    for name in endless:
        if name in _closure(_followers(endless, name), lambda step: _followers(endless, step)):
            remedy = "raise the level to 2" if fixed else "set budgets.loops, or max on a step of it"
            what = f"level {contract.level}: {name} can follow itself without bound"
            found.add(("steps", name, "next"), what, remedy)
            break


def _followers(steps: Mapping[str, ContractStep], name: str) -> list[str]:
    return [follower for follower in steps[name].next or () if follower in steps]


def _closure(first: Sequence[str], following: Callable[[str], Sequence[str]]) -> Mapping[str, None]:
    reached = dict.fromkeys(first)
    waiting = list(reached)
    while waiting:
        for name in following(waiting.pop()):
            if name not in reached:
                reached[name] = None
                waiting.append(name)
    return reached
