"""A conditional logit with a ridge: which of the turns of an execution is the one that is to blame.

Maximises the sum over executions of log softmax(utilities)[to blame], less a ridge on the weights of standardised
columns (so that its strength means the same for all). Newton's method with step halving; plain numpy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Choices(NamedTuple):
    """Rows are turns, execution by execution; exactly one of each execution is to blame."""

    columns: Floats
    offset: Floats
    """Utility that is not fitted."""
    starts: NDArray[np.int64]
    """First row of each execution."""
    to_blame: NDArray[np.bool_]


def fit(choices: Choices, *, ridge: float, non_negative: NDArray[np.bool_]) -> Floats:
    """The weights of the columns as they are. Those marked `non_negative` that come out below 0 are left out, as 0."""
    kept = np.ones(choices.columns.shape[1], dtype=bool)
    while True:
        weights = np.zeros(len(kept))
        weights[kept] = _fitted(choices._replace(columns=choices.columns[:, kept]), ridge)
        wrong = non_negative & (weights < 0)
        if not wrong.any():
            return weights
        kept &= ~wrong


def _fitted(choices: Choices, ridge: float) -> Floats:
    spread = choices.columns.std(axis=0)
    spread[spread == 0] = 1.0
    columns = choices.columns / spread
    weights = np.zeros(columns.shape[1])
    objective = _objective(columns, choices, weights, ridge)
    for _ in range(100):
        step = _newton_step(columns, choices, weights, ridge)
        length = 1.0
        while (better := _objective(columns, choices, weights + length * step, ridge)) < objective and length > 1e-6:
            length /= 2
        weights, objective = weights + length * step, better
        if np.abs(length * step).max(initial=0.0) < 1e-7:
            break
    found: Floats = weights / spread
    return found


def _newton_step(columns: Floats, choices: Choices, weights: Floats, ridge: float) -> Floats:
    chances = probabilities(columns @ weights + choices.offset, choices.starts)
    gradient = columns.T @ (choices.to_blame - chances) - ridge * weights
    means = np.add.reduceat(columns * chances[:, None], choices.starts, axis=0)
    curvature = (columns * chances[:, None]).T @ columns - means.T @ means + ridge * np.eye(len(weights))
    step: Floats = np.linalg.solve(curvature, gradient)
    return step


def _objective(columns: Floats, choices: Choices, weights: Floats, ridge: float) -> float:
    chances = probabilities(columns @ weights + choices.offset, choices.starts)
    return float(np.log(chances[choices.to_blame]).sum() - ridge / 2 * (weights @ weights))


def probabilities(utilities: Floats, starts: NDArray[np.int64]) -> Floats:
    """The softmax within each execution."""
    lengths = np.diff(np.append(starts, len(utilities)))
    raised = np.exp(utilities - np.repeat(np.maximum.reduceat(utilities, starts), lengths))
    found: Floats = raised / np.repeat(np.add.reduceat(raised, starts), lengths)
    return found
