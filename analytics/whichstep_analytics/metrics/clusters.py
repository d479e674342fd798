"""What executions of one cluster (session) have in common: sums over clusters of squares and products of counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from whichstep_analytics.metrics.executions import Clusters, Executions

_WORD_BITS: Final = 64

Words = npt.NDArray[np.uint64]


class Sides(NamedTuple):
    """Of each profile: whether its executions have the event (y), and whether that is known (m); no nulls."""

    y: pl.Series
    m: pl.Series


def moments(executions: Executions, groups: pl.Series, sides: Mapping[str, Sides]) -> pl.DataFrame:
    """One row a group: of each metric how many clusters have any m, and over clusters sums of squares and products.

    Columns are group (UInt32) and METRIC:clusters, :yy, :mm, :ym (Int64), of the counts of y and m in one cluster.
    Counts of all metrics are added up side by side in few integers, as many bits each as the largest cluster needs,
    and clusters with the same counts are looked at once: most of a million are alike, and each column costs.
    `groups` has the group of each profile, UInt32.
    """
    columns = {side.to_numpy().tobytes(): side.to_numpy() for pair in sides.values() for side in pair if side.any()}
    bits = executions.clusters.largest.bit_length()
    each = _WORD_BITS // bits
    alike = _alike(executions.clusters, groups.to_numpy(), _words(list(columns.values()), bits=bits, each=each))
    number = {key: _unpacked(place, bits=bits, each=each) for place, key in enumerate(columns)}
    counts = {
        f"{metric}:{name}": number.get(side.to_numpy().tobytes(), pl.lit(0, pl.Int64))
        for metric, pair in sides.items()
        for name, side in zip("ym", pair, strict=True)
    }
    return (
        alike.select("group", "count", **counts)
        .group_by("group")
        .agg(*(moment for metric in sides for moment in _moments(metric)))
    )


def weighted_moments(executions: Executions, groups: pl.Series, sides: Mapping[str, Sides]) -> pl.DataFrame:
    """The same where y and m are weights (Float64)."""
    spread = {
        f"{metric}:{name}": executions.spread(side)
        for metric, pair in sides.items()
        for name, side in zip("ym", pair, strict=True)
    }
    rows = executions.rows.select("cluster_key", group=executions.spread(groups), **spread)
    clusters = rows.lazy().group_by("group", "cluster_key").agg(pl.col(*spread).sum())
    counted = clusters.with_columns(count=pl.lit(1, pl.Int64))
    return counted.group_by("group").agg(*(moment for metric in sides for moment in _moments(metric))).collect()


def _moments(metric: str) -> tuple[pl.Expr, ...]:
    y, m, count = pl.col(f"{metric}:y"), pl.col(f"{metric}:m"), pl.col("count")
    return (
        count.filter(m > 0).sum().alias(f"{metric}:clusters"),
        (count * y * y).sum().alias(f"{metric}:yy"),
        (count * m * m).sum().alias(f"{metric}:mm"),
        (count * y * m).sum().alias(f"{metric}:ym"),
    )


def _words(columns: Sequence[npt.NDArray[np.bool_]], *, bits: int, each: int) -> list[Words]:
    """Per profile what its executions add to the counts of all columns, `each` of them in a word."""
    places = np.arange(each, dtype=np.uint64) * np.uint64(bits)
    return [
        sum(column.astype(np.uint64) << place for column, place in zip(columns[start:], places, strict=False))
        for start in range(0, len(columns), each)
    ]


def _unpacked(number: int, *, bits: int, each: int) -> pl.Expr:
    word, place = divmod(number, each)
    return (pl.col(f"word {word}") // (1 << place * bits) % (1 << bits)).cast(pl.Int64)


def _alike(clusters: Clusters, groups: npt.NDArray[np.uint32], words: Sequence[Words]) -> pl.DataFrame:
    """Each combination of a group and sums of words once, and how many clusters (`count`) have it."""
    of_place = np.uint64(len(groups).bit_length())
    of_group = np.uint64(int(groups.max()).bit_length())
    profiles = groups.astype(np.uint64) << of_place | np.arange(len(groups), dtype=np.uint64)
    packed = clusters.number << (of_group + of_place) | profiles[clusters.place]
    packed.sort()
    place = packed & ((np.uint64(1) << of_place) - np.uint64(1))
    packed >>= of_place  # what is left is the same in all rows of one group and cluster
    starts = np.concatenate(([0], np.flatnonzero(packed[1:] != packed[:-1]) + 1))
    sums = {f"word {number}": np.add.reduceat(word[place], starts) for number, word in enumerate(words)}
    rows = pl.LazyFrame({"group": groups[place[starts]], **sums})
    return rows.group_by(pl.all()).agg(count=pl.len().cast(pl.Int64)).collect()
