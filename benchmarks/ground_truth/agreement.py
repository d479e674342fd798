"""How far two published annotations of the same runs agree: what any answer that matches one can expect of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

from benchmarks.ground_truth.location import WITHIN
from benchmarks.ground_truth.records import Run

_OPENING: Final = 3
"""Steps that must read the same, besides question and length, for two records to be of one run."""


class Agreement(NamedTuple):
    """Two files that annotate some of the same runs."""

    one: str
    other: str
    runs: int
    exact: int
    """Both blame the same step."""
    within: tuple[int, ...]
    """Steps at most so far apart, as `location.WITHIN`."""
    agent: int
    """Both blame the same agent, upper and lower case alike."""


def agreements(files: Mapping[str, Sequence[Run]]) -> list[Agreement]:
    """One of each pair of files that share labelled runs."""
    found = (_agreement(*pair, files) for pair in combinations(sorted(files), 2))
    return [agreement for agreement in found if agreement.runs]


def _agreement(one: str, other: str, files: Mapping[str, Sequence[Run]]) -> Agreement:
    known = {_same(run): run for run in files[one] if _labelled(run)}
    pairs = [(known[_same(run)], run) for run in files[other] if _labelled(run) and _same(run) in known]
    apart = [abs(_place(first) - _place(second)) for first, second in pairs]
    agents = [[str(run.labels.get("failing_agent")).lower() for run in pair] for pair in pairs]
    return Agreement(
        one,
        other,
        len(pairs),
        apart.count(0),
        tuple(sum(distance <= most for distance in apart) for most in WITHIN),
        sum(first == second for first, second in agents),
    )


def _place(run: Run) -> int:
    """Of the step that is blamed, from the run's start: some count from 0, some from 1."""
    return int(run.labels["failing_step"]) - run.steps[0].index


def _labelled(run: Run) -> bool:
    return run.labels.get("failing_step") is not None


def _same(run: Run) -> tuple[object, ...]:
    return (run.group, len(run.steps), *(step.text.strip() for step in run.steps[:_OPENING]))
