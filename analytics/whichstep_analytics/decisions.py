"""What people decided on held actions: how often yes, how fast, and what became of it. Pure.

A request counts as *decided* where a person decided: not where it expired, was cancelled, is pending, or nobody had to
be asked. Shares have Wilson's 95 % interval and both counts; of nothing they are null. Times are seconds from the
request to the decision, quantiles by nearest rank.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from whichstep_analytics import intervals

OUTCOME_SCHEMA: Final = pl.Schema(
    {
        "approval_id": pl.String(),
        "action": pl.String(),
        "rule": pl.String(),
        "state": pl.String(),
        "decision": pl.String(),  # approve, edit, reject
        "decided_by": pl.String(),
        "votes": pl.String(),  # JSON array: reviewer, decision, notes, at (ns)
        "created_at": pl.Datetime("ns"),
        "decided_at": pl.Datetime("ns"),
        "consumed_at": pl.Datetime("ns"),
        "delivered_at": pl.Datetime("ns"),
        "success": pl.Boolean(),  # of the execution, null: unknown
        "failed": pl.Boolean(),  # of the action that ran, null: it did not
    }
)
"""What `figures` reads: the columns of query `approval_outcomes`."""
PROMISED_SECONDS: Final = 30.0
"""A request is written so that it can be decided in this time."""
FAST_SECONDS: Final = 3.0
"""Nobody reads an action, its arguments and its evidence in less."""
STAMPED_MIN: Final = 10
"""Decisions of a reviewer before anything is said about how they decide."""
_STAMPED_SHARE: Final = 0.5
_VOTE: Final = pl.List(pl.Struct({"reviewer": pl.String(), "decision": pl.String(), "at": pl.Int64()}))
_DECIDED: Final = pl.col("decision").is_not_null() & (pl.col("decided_by").fill_null("") != "policy")
_YES: Final = _DECIDED & pl.col("decision").is_in(("approve", "edit"))
_USED: Final = _YES & pl.col("consumed_at").is_not_null()
_OVER: Final = ~pl.col("state").is_in(("pending", "cancelled")) & (pl.col("decided_by").fill_null("") != "policy")
_SHARES: Final = {
    "approval_rate": (_YES, _DECIDED),
    "edit_rate": (_DECIDED & (pl.col("decision") == "edit"), _DECIDED),
    "rejection_rate": (_DECIDED & (pl.col("decision") == "reject"), _DECIDED),
    "expired_share": (pl.col("state") == "expired", _OVER),
    "decided_in_time": (pl.col("seconds") <= PROMISED_SECONDS, pl.col("seconds").is_not_null()),
    "undelivered_share": (_DECIDED & pl.col("delivered_at").is_null() & pl.col("consumed_at").is_null(), _DECIDED),
    "unused_share": (_YES & pl.col("consumed_at").is_null(), _YES),
    "approved_then_failed": (_USED & ~pl.col("success"), _USED & pl.col("success").is_not_null()),
    "approved_then_error": (_USED & pl.col("failed"), _USED & pl.col("failed").is_not_null()),
}
"""Name: what is counted, of what. All are null-safe: unknown is on neither side."""


def figures(outcomes: pl.DataFrame) -> dict[str, Any]:
    """All figures of these requests (OUTCOME_SCHEMA), whole and by action, rule, reviewer and week of the request."""
    rows = outcomes.with_columns(_seconds("decided_at").alias("seconds"), _week().alias("week"))
    return {
        **_of(rows),
        "by_action": [{"action": name, **_of(part)} for name, part in _parts(rows, "action")],
        "by_rule": [{"rule": name, **_of(part)} for name, part in _parts(rows, "rule")],
        "by_reviewer": _reviewers(rows),
        "by_week": [{"week": name, **_of(part)} for name, part in _parts(rows, "week", most_first=False)],
    }


def _of(rows: pl.DataFrame) -> dict[str, Any]:
    state = pl.col("state")
    counted = rows.select(
        pl.len().alias("requests"),
        (state == "pending").sum().alias("pending"),
        _DECIDED.sum().alias("decided"),
        (state == "expired").sum().alias("expired"),
        (state == "cancelled").sum().alias("cancelled"),
        *(_count(events & size).alias(f"{name} of") for name, (events, size) in _SHARES.items()),
        *(_count(size).alias(f"{name} all") for name, (_, size) in _SHARES.items()),
    ).row(0, named=True)
    shares = {name: _share(counted.pop(f"{name} of"), counted.pop(f"{name} all")) for name in _SHARES}
    taken = rows.filter(_DECIDED)["seconds"]
    return {**counted, **shares, "seconds_p50": _quantile(taken, 0.5), "seconds_p95": _quantile(taken, 0.95)}


def _count(marked: pl.Expr) -> pl.Expr:
    return marked.fill_null(value=False).sum()


def _share(events: int, size: int) -> dict[str, Any]:
    interval = intervals.wilson(events, size) if size else intervals.Interval(None, None, "wilson")
    value = events / size if size else None
    return {"value": value, "numerator": events, "denominator": size, "lower": interval.lower, "upper": interval.upper}


def _quantile(seconds: pl.Series, share: float) -> float | None:
    known = seconds.drop_nulls().sort()
    return None if known.is_empty() else float(known[max(0, -int(-share * len(known) // 1) - 1)])


def _parts(rows: pl.DataFrame, name: str, *, most_first: bool = True) -> list[tuple[Any, pl.DataFrame]]:
    """The rows by the values of a column, the most frequent first, else in their order."""
    parts = [(key, part) for (key,), part in rows.group_by(name, maintain_order=True)]
    return sorted(parts, key=lambda part: (-part[1].height, str(part[0])) if most_first else (0, str(part[0])))


def _reviewers(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """One row a reviewer, by their own votes: where several had to agree, each has one."""
    voted = rows.select("created_at", pl.col("votes").str.json_decode(_VOTE).alias("vote"))
    votes = voted.explode("vote").drop_nulls("vote").unnest("vote")
    votes = votes.with_columns(pl.col("at").cast(pl.Datetime("ns"))).with_columns(_seconds("at").alias("seconds"))
    return [_reviewer(name, part) for name, part in _parts(votes, "reviewer")]


def _reviewer(name: str, votes: pl.DataFrame) -> dict[str, Any]:
    """`sign`: why the decisions look as if nobody read what was asked; null where they do not, or are few."""
    yes, fast = (
        int(votes.select(_count(marked)).item())
        for marked in (pl.col("decision").is_in(("approve", "edit")), pl.col("seconds") < FAST_SECONDS)
    )
    said, signs = votes.height, []
    if said >= STAMPED_MIN and yes == said:
        signs.append("never says no")
    if said >= STAMPED_MIN and fast > _STAMPED_SHARE * said:
        signs.append(f"decides most in less than {FAST_SECONDS:g} s")
    return {
        "reviewer": name,
        "decisions": said,
        "approval_rate": _share(yes, said),
        "fast_share": _share(fast, said),
        "seconds_p50": _quantile(votes["seconds"], 0.5),
        "sign": " and ".join(signs) or None,
    }


def _seconds(until: str) -> pl.Expr:
    """From the request on, to a millisecond; a clock that went back gives 0."""
    return ((pl.col(until) - pl.col("created_at")).dt.total_nanoseconds() / 1e9).clip(lower_bound=0).round(3)


def _week() -> pl.Expr:
    return pl.col("created_at").dt.strftime("%G-W%V")
