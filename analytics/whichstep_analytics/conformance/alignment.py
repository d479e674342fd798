"""The cheapest way to explain a sequence of steps by a contract's automaton: an optimal alignment.

A *log move* is a step that the contract has no place for, a *model move* one that it asks for and that did not happen,
a *synchronous* move both at once; the first two cost 1 each (van der Aalst, Adriansyah, van Dongen, "Replaying history
on process models", 2012). The automaton's state is the declared step that began last, so the shortest path through the
synchronous product is one column of costs a step: O(steps of the execution x steps of the contract). Of several optimal
alignments it is always the same one: of two equal steps the later is too many, as the live check sees it, and what is
missing is missing at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from whichstep.contract.machine import ACT, DECLARED, TOOL, Machine

SYNC, LOG, MODEL = "sync", "log", "model"
_NEVER: Final = 1 << 30
Cell = tuple[int, int, str]
"""Cost, the state before, and the move that led here."""


class Token(NamedTuple):
    """A step as the automaton sees it: what it is to the contract, its name, the declared step around it."""

    kind: str
    label: str
    scope: str | None = None
    refused: bool = False
    """It did not run, because a contract forbade it."""


class Move(NamedTuple):
    """One move; `at` is the place of its step in the sequence, None for a model move."""

    move: str
    label: str
    at: int | None


class Alignment(NamedTuple):
    """The moves in order, what they cost, and the cost of the worst: all steps as log, a shortest run as model."""

    moves: tuple[Move, ...]
    cost: int
    worst: int

    @property
    def fitness(self) -> float:
        """1 where the sequence fits, 0 where nothing of it does."""
        return 1.0 if self.worst == 0 else 1.0 - self.cost / self.worst


class Aligner:
    """Aligns sequences with one contract. States are numbers: 0 the start, then the declared steps."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._states: tuple[str | None, ...] = (None, *machine.names)
        self._number = {name: number for number, name in enumerate(machine.names, start=1)}
        self._next = [
            [self._number[name] for name in machine.names if machine.follows(state, name)] for state in self._states
        ]
        self._ways = [self._from(state) for state in range(len(self._states))]
        self._into = [
            [_NEVER if (way := ways[target]) is None else len(way) - 1 for ways in self._ways]
            for target in range(len(self._states))
        ]
        """For each state what it costs, in model moves, to get there from each other one."""
        self._to_end = [self._way_to_end(state) for state in range(len(self._states))]
        self._allowed: dict[Token, list[bool]] = {}

    def align(self, tokens: Sequence[Token], *, complete: bool) -> Alignment:
        """The alignment of a whole execution; of its beginning, where it is not complete."""
        columns = [[(0 if state == 0 else _NEVER, 0, "") for state in range(len(self._states))]]
        for token in tokens:
            columns.append(self._column(columns[-1], token))
        costs = [cell[0] for cell in columns[-1]]
        left = self._to_end if complete else [() for _ in self._states]
        totals = [cost + (_NEVER if way is None else len(way)) for cost, way in zip(costs, left, strict=True)]
        state = min(range(len(totals)), key=lambda number: (totals[number], costs[number], number))
        moves = [Move(MODEL, self._name(step), None) for step in left[state] or ()]
        shortest = len(self._to_end[0] or ()) if complete else 0
        return Alignment((*self._back(columns, tokens, state), *moves), totals[state], len(tokens) + shortest)

    def _column(self, before: list[Cell], token: Token) -> list[Cell]:
        """Costs after one more step: of taking it where it is allowed, else of leaving it out."""
        if token.kind == DECLARED and not token.refused and token.label in self._number:
            column: list[Cell] = [(cost + 1, state, LOG) for state, (cost, _, _) in enumerate(before)]
            target = self._number[token.label]
            for state, way in enumerate(self._into[target]):
                cost = before[state][0] + way
                if cost < column[target][0]:
                    column[target] = (cost, state, SYNC)
            return column
        return [
            (cost, state, SYNC) if allowed else (cost + 1, state, LOG)
            for state, ((cost, _, _), allowed) in enumerate(zip(before, self._stays(token), strict=True))
        ]

    def _stays(self, token: Token) -> list[bool]:
        """In which states a step that is no declared one may be."""
        found = self._allowed.get(token)
        if found is None:
            found = self._allowed[token] = [self._may_be(token, state) for state in self._states]
        return found

    def _may_be(self, token: Token, state: str | None) -> bool:
        if token.refused or token.kind == DECLARED:
            return False
        if token.kind == TOOL:
            return self._machine.allows_tool(token.scope or state, token.label)
        return token.kind != ACT or token.scope is not None or not self._machine.closed

    def _back(self, columns: list[list[Cell]], tokens: Sequence[Token], state: int) -> list[Move]:
        """The moves that led to a state, first to last."""
        moves: list[Move] = []
        for at in range(len(tokens) - 1, -1, -1):
            _, before, move = columns[at + 1][state]
            moves.append(Move(move, tokens[at].label, at))
            if move == SYNC and tokens[at].kind == DECLARED:
                skipped = (self._ways[before][state] or ())[:-1]
                moves += [Move(MODEL, self._name(step), None) for step in reversed(skipped)]
            state = before
        return moves[::-1]

    def _name(self, state: int) -> str:
        return self._machine.names[state - 1]

    def _from(self, state: int) -> list[tuple[int, ...] | None]:
        """For each state the shortest sequence of at least one step that leads to it; None where there is none."""
        found: list[tuple[int, ...] | None] = [None] * len(self._states)
        waiting: deque[tuple[int, tuple[int, ...]]] = deque([(state, ())])
        while waiting:
            at, way = waiting.popleft()
            for step in self._next[at]:
                if found[step] is None:
                    found[step] = (*way, step)
                    waiting.append((step, (*way, step)))
        return found

    def _way_to_end(self, state: int) -> tuple[int, ...] | None:
        """The shortest sequence of steps after which the workflow may end."""
        if self._machine.may_end(self._states[state]):
            return ()
        ways = [way for to, way in enumerate(self._ways[state]) if way and self._machine.may_end(self._states[to])]
        return min(ways, key=len, default=None)
