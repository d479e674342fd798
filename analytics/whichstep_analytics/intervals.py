"""95 % intervals for shares, quantiles, ratios and slopes, without SciPy: 100 MB and half a second for four formulas.

Every function is pure and independent of the order of its input; each names the source of its formula. An interval
says how far a figure may be off by chance alone. What unknown cases leave open is another matter (`bound_lower` and
`bound_upper` of the metrics).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

CONFIDENCE: Final = 0.95
BOOTSTRAP_CLUSTERS_MAX: Final = 5_000
BOOTSTRAP_RESAMPLES: Final = 1_000
EXACT_RANKS_MAX: Final = 10_000
"""Up to here the ranks of a quantile's interval come from the binomial itself; past it the normal is within a rank."""

_TAIL: Final = (1 - CONFIDENCE) / 2
_Z: Final = NormalDist().inv_cdf(1 - _TAIL)

Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """Both ends, null where the data are too few to give one, and the method by its name."""

    lower: float | None
    upper: float | None
    method: str


class ClusterSums(NamedTuple):
    """What a ratio of sums over clusters (sessions, tasks) needs: sums over clusters of y, m, their squares, product.

    For a share, y counts the events of one cluster and m its known cases; for a cost, y is its cost and m its tasks.
    """

    clusters: float
    y: float
    m: float
    yy: float
    mm: float
    ym: float


class Ranks(NamedTuple):
    """Ranks from 1 in ascending order: of the quantile by nearest rank, and of the ends of its interval."""

    quantile: int
    lower: int | None
    upper: int | None


def wilson(events: float, size: float) -> Interval:
    """The score interval of a share (Wilson 1927); `size` may be an effective one and need not be whole."""
    share = events / size
    spread = _Z**2 / size
    centre = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / size + spread / (4 * size))
    lower = 0.0 if share == 0 else max(0.0, centre - half)
    upper = 1.0 if share == 1 else min(1.0, centre + half)
    return Interval(lower, upper, "wilson")


def clustered_wilson(sums: ClusterSums) -> Interval:
    """Wilson's interval at the effective sample size, where cases of one cluster are alike.

    Design effect: variance of the ratio estimator by linearisation over the one of independent draws (Kish 1965,
    chapter 6); the interval is taken at n ÷ design effect (Korn and Graubard 1998). The design effect is not let
    below 1. Where it cannot be estimated (no or only events, one cluster) a cluster is taken to repeat one answer:
    effective size (Σm)² ÷ Σm².
    """
    if sums.mm <= sums.m:  # no cluster has two cases
        return wilson(sums.y, sums.m)
    share = sums.y / sums.m
    effective = max(1.0, sums.m / design_effect(sums))
    return Interval(*wilson(share * effective, effective)[:2], "wilson, clustered")


def weighted_wilson(sums: ClusterSums, *, size: float) -> Interval:
    """Wilson's interval of a weighted share; y and m of the sums are weighted, `size` counts the known cases.

    Effective size: the variance of independent draws over that of the ratio by linearisation (Korn and Graubard 1998);
    where that cannot be estimated (Σm)² ÷ Σm² (Kish 1965). Never more than there are cases.
    """
    share, variance = sums.y / sums.m, _ratio_variance(sums) if sums.clusters > 1 else 0.0
    effective = share * (1 - share) / variance if variance > 0 else sums.m**2 / sums.mm
    effective = min(max(1.0, effective), size)
    return Interval(*wilson(share * effective, effective)[:2], "wilson, weighted")


def design_effect(sums: ClusterSums) -> float:
    """By what factor repetition within clusters inflates the variance of a share; at least 1."""
    share = sums.y / sums.m
    if sums.clusters < 2 or share in (0, 1):
        return sums.mm / sums.m
    independent = share * (1 - share) / sums.m
    return max(1.0, _ratio_variance(sums) / independent)


def ranks(size: int, quantile: float) -> Ranks:
    """Nearest rank of a quantile among `size` values, and the ranks between which the true one lies.

    Order statistics (Conover 1999, section 3.2): the number of values at or below the true quantile is binomial. An
    end is null where even the smallest or largest value does not reach the confidence (the 95th percentile has an
    upper end from 72 values on).
    """
    rank = max(1, math.ceil(quantile * size - 1e-9))
    if size > EXACT_RANKS_MAX:
        half = _Z * math.sqrt(size * quantile * (1 - quantile))
        return Ranks(rank, math.floor(size * quantile - half), min(size, math.ceil(size * quantile + half) + 1))
    below = _binomial_cdf(size, quantile)
    lower = int(np.searchsorted(below, _TAIL, side="right"))
    upper = int(np.searchsorted(below, 1 - _TAIL, side="left")) + 1
    return Ranks(rank, lower if lower >= 1 else None, upper if upper <= size else None)


def delta(sums: ClusterSums) -> Interval:
    """The interval of a ratio of sums by linearisation over clusters (Cochran 1977, section 6.4), never below 0."""
    if sums.clusters < 2:
        return Interval(None, None, "delta")
    ratio = sums.y / sums.m
    half = _Z * math.sqrt(_ratio_variance(sums))
    return Interval(max(0.0, ratio - half), ratio + half, "delta")


def bootstrap(y: Floats, m: Floats) -> Interval:
    """The percentile interval of Σy ÷ Σm over resampled clusters, the same for the same values in any order.

    Poisson bootstrap (Hanley and MacGibbon 2006): each cluster is drawn Poisson(1) times. The draws are fixed, so a
    figure does not change between two looks at it. Resamples without any m are left out.
    """
    if len(y) < 2:
        return Interval(None, None, "bootstrap")
    # Single precision also hides in which order the attempts of one task were added up.
    clusters = np.column_stack((y, m)).astype(np.float32)
    resampled = _poisson_weights(len(y)).T @ clusters[np.lexsort(clusters.T)]
    usable = resampled[resampled[:, 1] > 0]
    if not len(usable):  # denominators too small for single precision
        return Interval(None, None, "bootstrap")
    lower, upper = np.quantile(usable[:, 0] / usable[:, 1], (_TAIL, 1 - _TAIL))
    ratio = float(y.sum() / m.sum())
    return Interval(min(float(lower), ratio), max(float(upper), ratio), "bootstrap")


def difference(new: tuple[float, float, float], old: tuple[float, float, float]) -> tuple[float, float, float]:
    """(change, lower, upper) of two independent figures given as (value, lower, upper).

    Square-and-add of the distances to the ends (Newcombe 1998, method 10; for any interval: Zou and Donner 2008).
    """
    change = new[0] - old[0]
    down = math.hypot(new[0] - new[1], old[2] - old[0])
    up = math.hypot(new[2] - new[0], old[0] - old[1])
    return change, change - down, change + up


def p_value(change: float, lower: float, upper: float) -> float:
    """Two-sided p value of "no change", read off the interval of the change: below 0.05 where that leaves out 0.

    The distance from the change to the end on the side of 0 is `_Z` standard errors (the inversion of the interval of
    Newcombe 1998, method 10), so the test and the interval beside it never say different things.
    """
    distance = change - lower if change > 0 else upper - change
    if change == 0 or distance <= 0:
        return 1.0 if change == 0 else 0.0
    return 2 * (1 - NormalDist().cdf(_Z * abs(change) / distance))


def combined(parts: Iterable[tuple[float, tuple[float, float, float]]]) -> tuple[float, float, float]:
    """(value, lower, upper) of a weighted sum of independent figures, given as (weight, (value, lower, upper)).

    Square-and-add of the weighted distances to the ends (Zou, Huang and Zhang 2009); weights are not negative.
    """
    kept = list(parts)
    value = sum(weight * figure[0] for weight, figure in kept)
    down = math.hypot(*(weight * (figure[0] - figure[1]) for weight, figure in kept))
    up = math.hypot(*(weight * (figure[2] - figure[0]) for weight, figure in kept))
    return value, value - down, value + up


def slope(at: Floats, values: Floats, errors: Floats) -> tuple[float, float, float]:
    """(slope, lower, upper) of a line through values with known standard errors, for three values or more.

    Weighted least squares. The interval is the wider of the one that the known errors give (normal) and the one that
    the scatter around the line gives (Student's t): Birge 1932; Thompson and Sharp 1999.
    """
    weights = 1 / errors**2
    centre = float(np.average(at, weights=weights))
    spread = float(np.sum(weights * (at - centre) ** 2))
    rise = float(np.sum(weights * (at - centre) * values) / spread)
    residuals = values - np.average(values, weights=weights) - rise * (at - centre)
    freedom = len(values) - 2
    scatter = math.sqrt(float(np.sum(weights * residuals**2)) / freedom)
    half = max(_Z, student(freedom) * scatter) / math.sqrt(spread)
    return rise, rise - half, rise + half


_STUDENT: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t: a table up to 30 degrees of freedom, then Cornish and Fisher (1938)."""
    if freedom <= len(_STUDENT):
        return _STUDENT[freedom - 1]
    return _Z + (_Z**3 + _Z) / (4 * freedom)


def _ratio_variance(sums: ClusterSums) -> float:
    ratio = sums.y / sums.m
    residuals = sums.yy - 2 * ratio * sums.ym + ratio**2 * sums.mm
    return max(0.0, residuals) * sums.clusters / (sums.clusters - 1) / sums.m**2


@lru_cache(maxsize=256)
def _binomial_cdf(size: int, probability: float) -> Floats:
    """P(X <= k) for k from 0 to size, summed in logarithms so that no term underflows to nonsense."""
    k = np.arange(size)
    steps = np.log((size - k) / (k + 1)) + math.log(probability / (1 - probability))
    logarithms = size * math.log(1 - probability) + np.concatenate(([0.0], np.cumsum(steps)))
    return np.cumsum(np.exp(logarithms))


@lru_cache(maxsize=1)
def _poisson_draws() -> npt.NDArray[np.uint8]:
    """One row a cluster, one column a resample; 5 MB, drawn once."""
    generator = np.random.default_rng(20_261_122)
    return generator.poisson(1.0, (BOOTSTRAP_CLUSTERS_MAX, BOOTSTRAP_RESAMPLES)).astype(np.uint8)


def _poisson_weights(clusters: int) -> npt.NDArray[np.float32]:
    return _poisson_draws()[:clusters].astype(np.float32)
