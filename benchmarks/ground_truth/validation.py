"""Fits the weights of the failure scorer, and says how well they hold on questions that they were not fitted to.

Usage: python -m benchmarks.ground_truth.validation [--data FOLDER] [--write]. `--write` replaces the weights that ship.
Cross-validation: the groups (one question, in whatever set) are cut into five parts; each part is answered with weights
fitted to the other four, rules that are fitted there included; several times over, with other cuts. Leaving a set out
asks more: weights fitted to other systems. All in this process, through the product's own jobs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from benchmarks.ground_truth import fit, location, offline
from benchmarks.ground_truth.agreement import Agreement, agreements
from benchmarks.ground_truth.convert import Converted
from benchmarks.ground_truth.records import Run
from whichstep_analytics.failure.scorer import Weights, shipped

FOLDS: Final = 5
REPEATS: Final = 8
BINS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
Rows = dict[str, list[dict[str, Any]]]
Runs = Sequence[tuple[Run, Converted]]


class Reliability(NamedTuple):
    """Runs that were answered with a confidence from `lower` to `upper`."""

    lower: float
    upper: float
    answered: int
    stated: float
    """Mean confidence."""
    right: float
    """Share that named the step to blame exactly."""


class Validation(NamedTuple):
    """Figures by file: with the weights that ship, cross-validated, with the file's own set left out."""

    shipped: dict[str, dict[str, Any]]
    crossed: dict[str, dict[str, Any]]
    left_out: dict[str, dict[str, Any]]
    reliability: list[Reliability]
    """Of the cross-validated answers."""
    agreements: list[Agreement]


class Labelled(NamedTuple):
    """The labelled runs of all files, computed once, with the turns that weights are fitted to."""

    runs: dict[str, Runs]
    frames: dict[str, offline.Frames]
    turns: dict[str, pl.DataFrame]


def read(data: Path) -> Labelled:
    """The labelled runs of a folder."""
    runs: dict[str, Runs] = dict(fit.labelled(data))
    frames = {stem: offline.computed(given) for stem, given in runs.items()}
    return Labelled(runs, frames, {stem: fit.examples(runs[stem], frames[stem]) for stem in runs})


def validated(known: Labelled) -> Validation:
    """All figures; deterministic."""
    crossed: Rows = {stem: [] for stem in known.runs}
    for repeat in range(REPEATS):
        for chosen, weights in _folds(known, repeat):
            _collect(crossed, known, weights, groups=chosen)
    left: Rows = {stem: [] for stem in known.runs}
    for stem in known.runs if len(known.runs) > 1 else ():
        others = pl.concat([turns for other, turns in known.turns.items() if other != stem])
        _collect(left, known, fit.weights_of(others), stems=(stem,))
    ours: Rows = {stem: [] for stem in known.runs}
    _collect(ours, known, shipped())
    answered = [row for rows in crossed.values() for row in rows]
    runs = {stem: [run for run, _ in given] for stem, given in known.runs.items()}
    return Validation(_scored(ours), _scored(crossed), _scored(left), _reliability(answered), agreements(runs))


def _folds(known: Labelled, seed: int) -> list[tuple[set[str], Weights]]:
    """Each part of the groups, with weights fitted to all others."""
    turns = pl.concat(known.turns.values())
    groups = sorted({run.group for runs in known.runs.values() for run, _ in runs})
    order = np.random.default_rng(seed).permutation(len(groups))
    parts = [{groups[at] for at in order[number::FOLDS]} for number in range(FOLDS)]
    return [(part, fit.weights_of(turns.filter(~pl.col("group").is_in(part)))) for part in parts]


def _collect(
    rows: Rows,
    known: Labelled,
    weights: Weights,
    *,
    groups: set[str] | None = None,
    stems: Sequence[str] | None = None,
) -> None:
    for stem in stems or known.runs:
        answers = offline.answers(known.frames[stem], weights)
        agents = _agents(known.frames[stem].steps)
        rows[stem] += [
            location.judged(run, converted, answers[converted.execution_id], agents[converted.execution_id])
            for run, converted in known.runs[stem]
            if groups is None or run.group in groups
        ]


def _agents(steps: pl.DataFrame) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    for execution_id, step_id, agent in steps.select("execution_id", "step_id", "agent").iter_rows():
        found.setdefault(execution_id, {})[f"{step_id:016x}"] = agent
    return found


def _scored(rows: Rows) -> dict[str, dict[str, Any]]:
    return {stem: location.scores(judged) for stem, judged in rows.items() if judged}


def _reliability(rows: Sequence[Mapping[str, Any]]) -> list[Reliability]:
    found = []
    for lower, upper in pairwise(BINS):
        inside = [row for row in rows if row["named"] is not None and lower < row["confidence"] <= upper]
        if inside:
            stated = float(np.mean([row["confidence"] for row in inside]))
            right = float(np.mean([row["exact"] for row in inside]))
            found.append(Reliability(lower, upper, len(inside), stated, right))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ground_truth.validation", description=__doc__)
    parser.add_argument("--data", type=Path, default=fit.DATA, help="folder of recorded runs")
    parser.add_argument("--write", action="store_true", help="replace the weights that ship")
    options = parser.parse_args()
    known = read(options.data)
    if not known.runs:
        parser.error(f"no run in {options.data} says which step is to blame; name another folder with --data")
    if options.write:
        turns = pl.concat(known.turns.values())
        fit.write(fit.weights_of(turns), turns, {stem: len(runs) for stem, runs in known.runs.items()})
        shipped.cache_clear()
    print(json.dumps(validated(known)._asdict(), indent=1))


if __name__ == "__main__":
    main()
