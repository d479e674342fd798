"""How much of what a contract allows is used: 1 where executions take every way that is open, near 0 where few.

The average over all steps of (activities seen in that state) ÷ (activities allowed in that state), after van der Aalst,
Adriansyah, van Dongen, "Replaying history on process models for conformance checking and performance analysis" (2012).
The state is the declared step that began last; only what fits the contract counts. A contract that says nothing of the
order has no such states, and tools given as patterns count as one way each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from whichstep.contract import END
from whichstep.contract.machine import DECLARED, TOOL, Machine
from whichstep.contract.patterns import matches
from whichstep_analytics.conformance.alignment import SYNC, Move, Token


def precision(machine: Machine, runs: Iterable[tuple[Sequence[Move], Sequence[Token], int]]) -> float | None:
    """The precision over runs: the moves of a variant, the tokens that its moves point at, how many executions have it.

    None where nothing fits, or where the contract declares no steps.
    """
    if not machine.names:
        return None
    seen: dict[str | None, set[str]] = defaultdict(set)
    visits: dict[str | None, int] = defaultdict(int)
    for moves, tokens, count in runs:
        for state, way in _ways(machine, moves, tokens):
            seen[state].add(way)
            visits[state] += count
    total = sum(visits.values())
    used = sum(visits[state] * len(seen[state]) / max(len(_open(machine, state)), len(seen[state])) for state in visits)
    return used / total if total else None


def _ways(machine: Machine, moves: Sequence[Move], tokens: Sequence[Token]) -> Iterable[tuple[str | None, str]]:
    state: str | None = None
    for move in moves:
        if move.move != SYNC or move.at is None:
            continue
        token = tokens[move.at]
        if token.kind == TOOL:
            yield state, _pattern(machine, token.scope or state, token.label)
        if token.kind == DECLARED:
            yield state, token.label
            state = token.label
    if machine.may_end(state):
        yield state, END


def _open(machine: Machine, state: str | None) -> set[str]:
    steps = {name for name in machine.names if machine.follows(state, name)}
    tools = {f"[{tool}]" for tool in _tools(machine, state)}
    return steps | tools | ({END} if machine.may_end(state) else set())


def _pattern(machine: Machine, state: str | None, tool: str) -> str:
    return f"[{next((found for found in _tools(machine, state) if matches(tool, found)), tool)}]"


def _tools(machine: Machine, state: str | None) -> tuple[str, ...]:
    own = machine.step(state).tools if state is not None else ()
    return (*own, *(machine.contract.tools or ()))
