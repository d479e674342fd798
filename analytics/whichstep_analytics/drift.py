"""Compounding drift: success and failure by how far an execution has come. Pure: frames in, one frame out.

Three measures of "so far": the turn of its session, the model calls it has made, the input tokens of one call (how full
its context is). For calls and context an execution counts in every bucket that it reached, as in a life table: the
failure share of a bucket is the chance to fail there for those that came so far. A session's turns are executions of
their own, so there an execution counts once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, Literal, NamedTuple

import polars as pl

from whichstep_analytics import intervals

Dimension = Literal["turn", "calls", "context"]

DIMENSIONS: Final[dict[Dimension, str]] = {
    "turn": "turn of the session",
    "calls": "model calls so far",
    "context": "input tokens of a call",
}
STARTS: Final[dict[Dimension, tuple[int, ...]]] = {
    "turn": (1, 2, 3, 4, 5, 6, 11),
    "calls": (1, 2, 3, 4, 6, 11, 21),
    "context": (0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000),
}
"""Where each bucket begins; the last has no end."""
SURE: Final = 0.05
"""Chance of a trend as strong where there is none, below which it is called one."""
SCHEMA: Final = pl.Schema(
    {
        "bucket": pl.String(),
        "start": pl.Int64(),
        "n": pl.Int64(),
        "known": pl.Int64(),
        "succeeded": pl.Int64(),
        "success": pl.Float64(),
        "success_lower": pl.Float64(),
        "success_upper": pl.Float64(),
        "failed_here": pl.Int64(),
        "failure": pl.Float64(),
        "failure_lower": pl.Float64(),
        "failure_upper": pl.Float64(),
    }
)


class Trend(NamedTuple):
    """Whether the failure share changes from bucket to bucket."""

    direction: Literal["rises", "falls", "flat", "unknown"]
    p_value: float | None
    words: str


def compute(executions: pl.DataFrame, *, by: Dimension) -> pl.DataFrame:
    """SCHEMA, one row per bucket that an execution reached, in order.

    `n` executions reached it, the outcome of `known` is known, `succeeded` of those ended well (share `success`);
    `failed_here` of them failed in it (share `failure`). Both shares with Wilson's 95 % interval, null where nothing is
    known. Failures whose step is not known count as failed nowhere (`unplaced`).

    Args:
        executions: rows of the query `drift_rows`.
        by: what counts as "so far".
    """
    starts = STARTS[by]
    rows = [_bucket(executions, by, start, end) for start, end in zip(starts, (*starts[1:], None), strict=True)]
    return pl.DataFrame([row for row in rows if row[2]], schema=SCHEMA, orient="row")


def unplaced(executions: pl.DataFrame, *, by: Dimension) -> int:
    """Failures that stand in no bucket, because the failing step or its measure is not known."""
    failed = executions.filter(pl.col("success") == False)  # noqa: E712
    return int(failed.select(_failed_at(by).is_null().sum()).item())


def trend(buckets: pl.DataFrame) -> Trend:
    """The direction of the failure share over the buckets, by the test of Cochran (1954) and Armitage (1955).

    The score of a bucket is its number in order, so that one long bucket does not decide.
    """
    rows = buckets.filter(pl.col("known") > 0)
    if rows.height < 2:
        return Trend("unknown", None, "one bucket alone shows no trend")
    failed, known = rows["failed_here"].to_numpy(), rows["known"].to_numpy()
    share = failed.sum() / known.sum()
    if share in (0, 1):
        return Trend("flat", None, "no failure in any bucket" if share == 0 else "every execution failed")
    scores = range(rows.height)
    centre = sum(score * n for score, n in zip(scores, known, strict=True)) / known.sum()
    shift = sum(score * (f - n * share) for score, f, n in zip(scores, failed, known, strict=True))
    spread = share * (1 - share) * sum(n * (score - centre) ** 2 for score, n in zip(scores, known, strict=True))
    z = shift / math.sqrt(spread) if spread > 0 else 0.0
    p_value = 2 * (1 - NormalDist().cdf(abs(z)))
    return _said(rows, z, p_value)


def _said(rows: pl.DataFrame, z: float, p_value: float) -> Trend:
    first, last = rows.row(0, named=True), rows.row(-1, named=True)
    ends = f"from {first['failure']:.1%} at {first['bucket']} to {last['failure']:.1%} at {last['bucket']}"
    sure = f"p {p_value:.2g}" if p_value >= 0.001 else "p < 0.001"
    if p_value >= SURE:
        return Trend("flat", p_value, f"no clear trend: {ends} ({sure})")
    direction: Literal["rises", "falls"] = "rises" if z > 0 else "falls"
    return Trend(direction, p_value, f"the failure share {direction}: {ends} ({sure})")


def _bucket(executions: pl.DataFrame, by: Dimension, start: int, end: int | None) -> Sequence[object]:
    here = _within(pl.col(by), start, end) if by == "turn" else pl.col(by) >= start
    reached = executions.filter(here)
    failed_here = (pl.col("success") == False) & _within(_failed_at(by), start, end)  # noqa: E712
    known, succeeded, failed = reached.select(
        pl.col("success").is_not_null().sum(), pl.col("success").sum().alias("succeeded"), failed_here.sum().alias("f")
    ).row(0)
    return (
        _label(by, start, end), start, reached.height, known, succeeded, *_share(succeeded, known),
        failed, *_share(failed, known),
    )  # fmt: skip


def _failed_at(by: Dimension) -> pl.Expr:
    return pl.col({"turn": "turn", "calls": "failing_call", "context": "failing_context"}[by])


def _within(value: pl.Expr, start: int, end: int | None) -> pl.Expr:
    return (value >= start) if end is None else value.is_between(start, end, closed="left")


def _share(events: int, size: int) -> tuple[float | None, float | None, float | None]:
    if not size:
        return None, None, None
    lower, upper, _ = intervals.wilson(events, size)
    return events / size, lower, upper


def _label(by: Dimension, start: int, end: int | None) -> str:
    if by == "context":
        return f"{start:,}+" if end is None else f"under {end:,}" if not start else f"{start:,} to {end - 1:,}"
    if end is None:
        return f"{start}+"
    return str(start) if end == start + 1 else f"{start} to {end - 1}"
