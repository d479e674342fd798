"""One variant judged: its alignment, and what rules and counts it breaks. The same for every execution that has it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from whichstep.contract.machine import ACT, DECLARED, TOOL, Machine
from whichstep.contract.progress import Event, Progress
from whichstep_analytics.conformance.alignment import LOG, MODEL, SYNC, Aligner, Move, Token

RULE: Final = "rule"


class Seen(NamedTuple):
    """A step of a variant: what it is to the contract, and how it ended."""

    event: Event
    token: Token
    failed: bool


class Deviation(NamedTuple):
    """One thing that breaks the contract. `at`: the place of its step in the variant, None where a step is missing."""

    move: str
    """log: a step too many; model: a step missing; rule: a rule, budget or schema."""
    label: str
    rule: str
    reason: str
    at: int | None


class Judged(NamedTuple):
    """What is true of every execution of a variant."""

    deviations: tuple[Deviation, ...]
    moves: tuple[Move, ...]
    fitness: float
    variant: str
    """32 hex digits over the names in order."""


class Judge:
    """Judges the variants of one contract."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._aligner = Aligner(machine)

    def judge(self, steps: Sequence[Seen], *, complete: bool) -> Judged:
        """Align and replay one variant; what is missing at its end counts only where it is complete."""
        replay = Progress(self.machine)
        kept: list[int] = []
        broken: list[Deviation] = []
        reasons: dict[int, tuple[str, str]] = {}
        for at, step in enumerate(steps):
            if step.token.refused or (self._is_ordered(step.token) and not replay.is_retry(step.event)):
                kept.append(at)
            for refusal in replay.refusals(step.event):
                if refusal.of_order or step.token.refused:
                    reasons.setdefault(at, (refusal.rule, refusal.reason))
                else:
                    broken.append(Deviation(RULE, step.token.label, refusal.rule, refusal.reason, at))
            if not step.token.refused:
                replay.begin(step.event)
                replay.ended(step.event, failed=step.failed)
        alignment = self._aligner.align([steps[at].token for at in kept], complete=complete)
        moves = tuple(move._replace(at=None if move.at is None else kept[move.at]) for move in alignment.moves)
        unmet = [found for found in replay.unmet() if not found.of_order] if complete else []
        broken += [Deviation(RULE, "", found.rule, found.reason, None) for found in unmet]
        order = (_deviation(move, reasons) for move in moves if move.move != SYNC)
        return Judged((*order, *_once(broken)), moves, alignment.fitness, _digest(steps))

    def _is_ordered(self, token: Token) -> bool:
        """Whether the automaton has a word on it; what is inside a declared step concerns rules alone."""
        outside = token.kind == ACT and token.scope is None and self.machine.closed
        return token.kind in (DECLARED, TOOL) or outside


def _digest(steps: Sequence[Seen]) -> str:
    return hashlib.blake2b("\0".join(step.token.label for step in steps).encode(), digest_size=16).hexdigest()


def _deviation(move: Move, reasons: dict[int, tuple[str, str]]) -> Deviation:
    if move.move == MODEL or move.at is None:
        return Deviation(MODEL, move.label, "missing", f"{move.label} did not happen", None)
    rule, reason = reasons.get(move.at, ("transition", f"{move.label} has no place there"))
    return Deviation(LOG, move.label, rule, reason, move.at)


def _once(broken: list[Deviation]) -> list[Deviation]:
    """A budget that is used up is broken once, not by every step after."""
    seen: set[str] = set()
    found = []
    for deviation in broken:
        if deviation.rule in seen and deviation.rule.startswith("budgets."):
            continue
        seen.add(deviation.rule)
        found.append(deviation)
    return found
