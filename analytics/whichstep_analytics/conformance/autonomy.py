"""The autonomy level that an agent shows, from the variety of what it did; what its contract says is another matter.

1  one sequence of activities accounts for nearly all executions
2  a few sequences, none of which repeats an activity: routing
3  activities repeat or their order varies freely, but nearly every pair of neighbours has been seen before
4  new pairs of neighbours keep appearing

Nearly: at least 95 %. How much has been seen is estimated after Good and Turing: 1 less the share of what was seen
once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import polars as pl

EXECUTIONS_MIN: Final = 20
_NEARLY: Final = 0.95
_ROUTED: Final = 0.9
"""Share of the executions whose sequence has been seen more than once, from which routing is believed."""


@dataclass(frozen=True, slots=True)
class Observed:
    """`level` is None where too few executions are known; `reason` says why it is what it is."""

    level: int | None
    executions: int
    variants: int
    dominant_share: float | None
    variant_coverage: float | None
    pair_coverage: float | None
    reason: str


def observed(variants: pl.DataFrame) -> Observed:
    """The level of executions with these `labels`; the same activity again and again in a row counts once."""
    counts = Counter(_collapsed(labels) for labels in variants["labels"].to_list())
    total = sum(counts.values())
    if total < EXECUTIONS_MIN:
        return Observed(None, total, len(counts), None, None, None, f"fewer than {EXECUTIONS_MIN} executions")
    pairs = Counter(pair for labels, count in counts.items() for pair in pairwise(labels) for _ in range(min(count, 2)))
    dominant = counts.most_common(1)[0][1] / total
    seen, known = _coverage(counts.values()), _coverage(pairs.values())
    level, reason = _level(counts, dominant, seen, known)
    return Observed(level, total, len(counts), dominant, seen, known, reason)


def _level(counts: Counter[tuple[str, ...]], dominant: float, seen: float, known: float) -> tuple[int, str]:
    if dominant >= _NEARLY:
        return 1, f"one sequence accounts for {dominant:.0%} of the executions"
    repeats = sum(count for labels, count in counts.items() if len(set(labels)) < len(labels)) / sum(counts.values())
    if repeats <= 1 - _NEARLY and seen >= _ROUTED:
        return 2, f"{len(counts)} sequences, no activity repeated in {1 - repeats:.0%} of the executions"
    if known >= _NEARLY:
        return 3, f"activities repeat or vary in order, and {known:.0%} of neighbours were seen before"
    return 4, f"new pairs of neighbours keep appearing: {known:.0%} were seen before"


def _coverage(counts: Collection[int]) -> float:
    return 1 - sum(count == 1 for count in counts) / sum(counts) if counts else 1.0


def _collapsed(labels: list[str]) -> tuple[str, ...]:
    return tuple(label for at, label in enumerate(labels) if at == 0 or labels[at - 1] != label)
