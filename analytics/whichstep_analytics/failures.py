"""Where executions fail: counted by step, by kind or by signature, with trend, novelty and examples.

A failed execution is one that is known not to be successful. Pure: frames in, one frame out.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Literal

import polars as pl

By = Literal["step", "kind", "signature"]

COLUMNS: Final[dict[By, str]] = {
    "step": "failing_step_path",
    "kind": "failure_kind",
    "signature": "failure_signature",
}
EXAMPLES_MAX: Final = 5


def compute(failed: pl.DataFrame, *, by: By, old: Collection[str]) -> pl.DataFrame:
    """One row per value of `by`, most frequent first; '' stands for executions without one.

    Columns: value, count, share (of the failed executions), first_seen, last_seen, reason (of the latest), is_new
    (false for the values in `old`), examples (ids, the latest first), and what all of the group have in common, null
    where they differ: workflow, step (path), kind, template (of the signature).

    Args:
        failed: rows of the query `failure_rows`.
        by: what to count by.
        old: values that failed before the latest release (`known_before`).
    """
    return (
        failed.lazy()
        .with_columns(value=pl.col(COLUMNS[by]).fill_null(""))
        .sort("started_at", "execution_id", descending=True)
        .group_by("value")
        .agg(
            count=pl.len(),
            first_seen=pl.col("started_at").min(),
            last_seen=pl.col("started_at").max(),
            reason=pl.col("failure_reason").drop_nulls().first(),
            examples=pl.col("execution_id").head(EXAMPLES_MAX),
            workflow=_common("workflow"),
            step=_common("failing_step_path"),
            kind=_common("failure_kind"),
            template=_common("template"),
        )
        .with_columns(share=pl.col("count") / failed.height, is_new=~pl.col("value").is_in(list(old)))
        .sort(["count", "last_seen", "value"], descending=[True, True, False])
        .collect()
    )


def _common(column: str) -> pl.Expr:
    return pl.when(pl.col(column).n_unique() == 1).then(pl.col(column).first())


def weekly(failed: pl.DataFrame, *, by: By, weeks: Collection[str]) -> dict[str, list[int]]:
    """Per value of `by` its failures in each of `weeks` (ISO weeks of the start, as `2026-W47`), 0 where none."""
    counts = (
        failed.lazy()
        .select(pl.col(COLUMNS[by]).fill_null("").alias("value"), week=pl.col("started_at").dt.strftime("%G-W%V"))
        .group_by("value", "week")
        .agg(count=pl.len())
        .collect()
    )
    found = {(value, week): count for value, week, count in counts.iter_rows()}
    return {value: [found.get((value, week), 0) for week in weeks] for value in counts["value"].unique()}


def latest_release(releases: pl.DataFrame, *, among: Collection[str] = ()) -> str | None:
    """The release that was first seen last; None where there is no earlier one to compare it with.

    Args:
        releases: columns release, first_seen; all that were ever seen.
        among: where given, only these can be the latest.
    """
    known = releases.drop_nulls("release").sort("first_seen", "release")
    candidates = known.filter(pl.col("release").is_in(list(among))) if among else known
    if candidates.is_empty():
        return None
    latest = str(candidates["release"][-1])
    return None if latest == known["release"][0] else latest


def known_before(history: pl.DataFrame, releases: pl.DataFrame, release: str | None, *, by: By) -> set[str]:
    """Values of `by` that failed in any release first seen before `release`, or without a release; all for None.

    Args:
        history: columns release and those of COLUMNS; every combination that ever failed.
        releases: columns release, first_seen.
        release: the one to compare with.
        by: what failures are counted by.
    """
    values = history.with_columns(value=pl.col(COLUMNS[by]).fill_null(""))
    if release is None:
        return set(values["value"])
    first_seen = releases.filter(pl.col("release") == release)["first_seen"].min()
    later = releases.filter(pl.col("first_seen") >= first_seen)["release"].drop_nulls().to_list()
    return set(values.filter(~pl.col("release").is_in(later).fill_null(value=False))["value"])
