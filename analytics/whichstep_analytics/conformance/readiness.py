"""Has a workflow earned the next autonomy level? Only where the lower bounds of success and of conformance say so.

Both bounds are the lower ends of 95 % Wilson intervals at the present level, over executions whose outcome is known,
and whose conformance is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whichstep_analytics.intervals import wilson

SUCCESS_BAR: Final = 0.9
CONFORMANCE_BAR: Final = 0.98
MORE_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Bound:
    """One condition. `more`: further executions that are needed if every one of them is good; None: no number is."""

    of: str
    good: int
    known: int
    total: int
    lower: float | None
    bar: float
    met: bool
    more: int | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the next level is earned; True, False, or None where nothing is known."""

    level: int | None
    next_level: int | None
    ready: bool | None
    bounds: tuple[Bound, ...]
    reason: str


def readiness(*, level: int | None, success: Counts, conformance: Counts, bars: tuple[float, float]) -> Readiness:
    """Judge counts of (good, known, total) against the bars of success and conformance."""
    bounds = (_bound("success", success, bars[0]), _bound("conformance", conformance, bars[1]))
    if level == MAX_LEVEL:
        return Readiness(level, None, None, bounds, "there is no level above 4")
    following = None if level is None else level + 1
    if not all(bound.known for bound in bounds):
        missing = " and ".join(bound.of for bound in bounds if not bound.known)
        return Readiness(level, following, None, bounds, f"{missing} is known of no execution at this level")
    ready = all(bound.met for bound in bounds)
    return Readiness(level, following, ready, bounds, _reason(bounds, ready=ready))


Counts = tuple[int, int, int]
MAX_LEVEL: Final = 4


def _bound(of: str, counts: Counts, bar: float) -> Bound:
    good, known, total = counts
    lower = wilson(good, known).lower if known else None
    met = lower is not None and lower >= bar
    return Bound(of, good, known, total, lower, bar, met, 0 if met else _more(good, known, bar))


def _more(good: int, known: int, bar: float) -> int | None:
    """The fewest further executions, all good, that lift the lower bound to the bar: it grows with each of them."""

    def enough(more: int) -> bool:
        lower = wilson(good + more, known + more).lower
        return lower is not None and lower >= bar

    if not enough(MORE_MAX):
        return None
    low, high = 0, MORE_MAX
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _reason(bounds: tuple[Bound, ...], *, ready: bool) -> str:
    if ready:
        return "both lower bounds reach their bars"
    short = [bound for bound in bounds if not bound.met]
    said = (
        f"{bound.of} is at least {bound.lower or 0:.1%} of {bound.known:,}, the bar is {bound.bar:.1%}: "
        + (f"{bound.more:,} more good executions" if bound.more is not None else "no number of executions is enough")
        for bound in short
    )
    return "; ".join(said)
