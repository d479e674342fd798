"""Steps as the rows of a waterfall: depth first, indented, repeats folded, with times from the start.

Pure and iterative: ten thousand steps, a missing parent or a cycle among parents all give rows, each step once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from whichstep_dashboards.figures import parse_time

Step = Mapping[str, Any]

FAILING: Final = "failing"
CAUSE: Final = "cause"

# A row of three equal calls reads well as three rows; from four (or three rounds of a loop) on, one row reads better.
_REPEATS_MIN: Final = {1: 4, 2: 3, 3: 3}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the waterfall: a step, or a run of equal siblings folded into one (`repeats` rounds)."""

    step_id: str
    position: int
    depth: int
    name: str
    type: str
    status: str
    mark: str
    repeats: int
    step_count: int
    start_ms: float | None
    end_ms: float | None
    latency_ms: float | None
    recovered: bool


def rows(
    steps: Sequence[Step],
    *,
    failing: str | None = None,
    cause: str | None = None,
    selected: str | None = None,
    fold: bool = True,
) -> list[Row]:
    """The rows of an execution in reading order; failing, cause and selected step are never folded away."""
    kept = {step_id for step_id in (failing, cause, selected) if step_id}
    origin = min((moment for step in steps if (moment := parse_time(step.get("started_at")))), default=None)
    marks = {cause: CAUSE, failing: FAILING}
    return [_row(group, depth, rounds, origin, marks) for group, depth, rounds in _walk(steps, kept, fold=fold)]


def _walk(steps: Sequence[Step], kept: set[str], *, fold: bool) -> Iterator[tuple[Sequence[Step], int, int]]:
    """Groups of steps with depth and number of rounds, depth first."""
    children = _children(steps)
    seen: set[str] = set()
    for start in (children.get(None, []), steps):  # a second look finds what only a cycle leads to
        stack = [(group, 0, rounds) for group, rounds in reversed(_groups(_unseen(start, seen), children, kept, fold))]
        while stack:
            group, depth, rounds = stack.pop()
            group = _unseen(group, seen)
            if not group:
                continue
            seen.update(str(step["step_id"]) for step in group)
            yield group, depth, rounds
            below = _unseen(children.get(str(group[0]["step_id"]), []), seen) if len(group) == 1 else []
            stack += [(inner, depth + 1, n) for inner, n in reversed(_groups(below, children, kept, fold))]


def _unseen(steps: Iterable[Step], seen: set[str]) -> list[Step]:
    return [step for step in steps if str(step["step_id"]) not in seen]


def _children(steps: Sequence[Step]) -> dict[str | None, list[Step]]:
    ids = {str(step["step_id"]) for step in steps}
    children: dict[str | None, list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.get("position") or 0):
        parent = step.get("parent_step_id")
        known = parent in ids and parent != step["step_id"]
        children.setdefault(parent if known else None, []).append(step)
    return children


def _groups(
    siblings: Sequence[Step],
    children: Mapping[str | None, object],
    kept: set[str],
    fold: bool,  # noqa: FBT001
) -> list[tuple[Sequence[Step], int]]:
    """Siblings in runs: equal leaves, or equal rounds of two or three leaves, with the number of rounds."""
    if not fold:
        return [([step], 1) for step in siblings]
    kinds = [_kind(step, children, kept) for step in siblings]
    groups: list[tuple[Sequence[Step], int]] = []
    at = 0
    while at < len(siblings):
        period, rounds = _longest_run(kinds, at)
        groups.append((siblings[at : at + period * rounds], rounds))
        at += period * rounds
    return groups


def _kind(step: Step, children: Mapping[str | None, object], kept: set[str]) -> object:
    step_id = str(step["step_id"])
    if step_id in kept or step_id in children:
        return step_id
    return step.get("type"), step.get("name"), step.get("status")


def _longest_run(kinds: Sequence[object], at: int) -> tuple[int, int]:
    best = (1, 1)
    for period, minimum in _REPEATS_MIN.items():
        pattern, rounds = kinds[at : at + period], 1
        while kinds[at + rounds * period : at + (rounds + 1) * period] == pattern:
            rounds += 1
        if rounds >= minimum and period * rounds > best[0] * best[1]:
            best = (period, rounds)
    return best


def _row(
    group: Sequence[Step], depth: int, rounds: int, origin: datetime | None, marks: Mapping[str | None, str]
) -> Row:
    first = group[0]
    period = len(group) // rounds
    starts, ends = zip(*(_times(step, origin) for step in group), strict=True)
    latencies = [step["latency_ms"] for step in group if step.get("latency_ms") is not None]
    return Row(
        step_id=str(first["step_id"]),
        position=int(first.get("position") or 0),
        depth=depth,
        name=" → ".join(str(step.get("name") or "?") for step in group[:period]),
        type=str(first.get("type") or "other"),
        status=str(first.get("status") or "ok"),
        mark=marks.get(str(first["step_id"]), ""),
        repeats=rounds,
        step_count=len(group),
        start_ms=min((start for start in starts if start is not None), default=None),
        end_ms=max((end for end in ends if end is not None), default=None),
        latency_ms=sum(latencies) if latencies else None,
        recovered=bool(first.get("recovered")),
    )


def _times(step: Step, origin: datetime | None) -> tuple[float | None, float | None]:
    """Start and end in milliseconds from the origin; no end where the step has no duration."""
    start = parse_time(step.get("started_at"))
    if start is None or origin is None:
        return None, None
    start_ms = (start - origin).total_seconds() * 1000
    latency = step.get("latency_ms")
    return start_ms, None if latency is None else start_ms + latency


def neighbours(steps: Sequence[Step], step_id: str) -> tuple[str | None, str | None]:
    """The steps before and after one by position, for “previous” and “next”."""
    ids = [str(step["step_id"]) for step in sorted(steps, key=lambda step: step.get("position") or 0)]
    before = next((first for first, second in pairwise(ids) if second == step_id), None)
    after = next((second for first, second in pairwise(ids) if first == step_id), None)
    return before, after
