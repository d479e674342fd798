"""Executions as the metrics see them: profiles, each for many executions, and the numbers of every single one.

Most of what metrics count (status, outcome, release, …) takes few values together: it is looked at once a profile.
What belongs to one execution (keys, durations, costs) stays in columns of numbers, each with its place among the
profiles: a group of executions is a group of profiles, whatever they are grouped by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

KEYS: Final = ("task_key", "cluster_key")
NUMBERS: Final = (
    "latency_ms", "active_ms", "cost_usd", "wasted_cost_usd", "tokens", "tool_accuracy", "tool_order",
    "tools_expected", "tools_called", "tools_matched", "calls_matched", "tool_call_count", "tool_error_count",
    "action_count", "ungated_count",
)  # fmt: skip


class Numbers(NamedTuple):
    """Names of the numbers of a ratio: those that must be known, the numerator, and the denominator if it is one."""

    known: tuple[str, ...]
    numerator: str
    denominator: str | None

    @property
    def label(self) -> str:
        """Names the columns of their sums."""
        return " ".join([*self.known, self.numerator, self.denominator or "1"])


class Clusters(NamedTuple):
    """Of each execution the number of its cluster, ascending from 0, and the place of its profile."""

    number: npt.NDArray[np.uint64]
    place: npt.NDArray[np.uint32]
    largest: int
    """How many executions the largest cluster has."""


class Tasks(NamedTuple):
    """Rows of executions whose task has no other among them, and the rows of all others."""

    single: pl.DataFrame
    repeated: pl.DataFrame


class Executions:
    """What `compute` looks at.

    Attributes:
        profiles: one row a profile: n (UInt32), how many executions have it, and the facts of `execution_profiles`.
        rows: one row an execution, in any order: place (UInt32), the row of its profile; KEYS (UInt64); NUMBERS.
    """

    def __init__(self, profiles: pl.DataFrame, rows: pl.DataFrame) -> None:
        """Takes the rows of both queries, `profiles` with its facts as columns; a number that is left out is null."""
        places = profiles.select("profile", place=pl.int_range(pl.len(), dtype=pl.UInt32))
        absent = [pl.lit(None, pl.Float64).alias(name) for name in NUMBERS if name not in rows.columns]
        self.profiles = profiles.drop("profile").with_columns(pl.col("n").cast(pl.UInt32))
        place = rows.select("profile").join(places, on="profile", how="left", maintain_order="left")["place"]
        self.rows = rows.drop("profile").with_columns(place, *absent)
        self._totals: pl.DataFrame | None = None
        self._summed: set[Numbers] = set()

    def spread(self, values: pl.Series) -> pl.Series:
        """A value a profile as a value an execution."""
        return values.gather(self.rows["place"])

    @cached_property
    def clusters(self) -> Clusters:
        """All executions in the order of their clusters."""
        keys = self.rows["cluster_key"].to_numpy()
        order = np.argsort(keys)  # a third of the time of a hash table of a million keys, and any grouping can use it
        keys = keys[order]
        number = np.zeros(len(keys), np.uint64)
        np.cumsum(keys[1:] != keys[:-1], out=number[1:])
        largest = int(np.bincount(number.view(np.int64)).max(initial=0))
        return Clusters(number, self.rows["place"].to_numpy()[order], largest)

    @cached_property
    def tasks(self) -> Tasks:
        """The rows by whether their task repeats."""
        keys = np.sort(self.rows["task_key"].to_numpy())
        again = np.unique(keys[1:][keys[1:] == keys[:-1]])
        if not len(again):
            return Tasks(self.rows, self.rows.clear())
        repeats = self.rows["task_key"].is_in(pl.Series(again).implode())
        return Tasks(self.rows.filter(~repeats), self.rows.filter(repeats))

    def totals(self, of: Iterable[Numbers]) -> pl.DataFrame:
        """One row a place: `executions`, those whose task has no other, and sums over them for each of `of`.

        LABEL:known (of how many everything is known that must be), and where it is, of numerator and denominator (1
        where that is no number): LABEL:y, :m, :yy, :mm, :ym. Kept: every grouping needs the same.
        """
        missing = set(of) - self._summed
        if missing or self._totals is None:
            sums = self._sums(missing)
            self._totals = sums if self._totals is None else self._totals.join(sums.drop("executions"), on="place")
            self._summed.update(missing)
        return self._totals

    def _sums(self, of: Collection[Numbers]) -> pl.DataFrame:
        rows = self.tasks.single
        sums = (total for numbers in of for total in _totals(rows, numbers))
        return rows.lazy().group_by("place").agg(pl.len().alias("executions"), *sums).collect()


def _totals(rows: pl.DataFrame, numbers: Numbers) -> Iterator[pl.Expr]:
    if any(rows[name].null_count() == rows.height for name in numbers.known):
        yield from (pl.lit(0.0).alias(f"{numbers.label}:{name}") for name in ("known", "y", "m", "yy", "mm", "ym"))
        return
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in numbers.known)
    y, m = (
        pl.lit(1.0) if name is None else pl.when(known).then(pl.col(name).cast(pl.Float64))
        for name in (numbers.numerator, numbers.denominator)
    )
    sums = {"known": known, "y": y, "yy": y * y}
    sums |= {"m": known, "mm": known, "ym": y} if numbers.denominator is None else {"m": m, "mm": m * m, "ym": y * m}
    yield from (term.sum().cast(pl.Float64).alias(f"{numbers.label}:{name}") for name, term in sums.items())
