"""What each metric counts: one definition a metric, as expressions over facts and names of numbers (`Executions`).

Three kinds. A *share* counts executions; a *quantile* ranks a duration; a *ratio* divides sums over tasks. Unknown
is null in every expression and stays out of both sides: it is never success and never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from whichstep_analytics.metrics.executions import Numbers

# A process that died without a word is `abandoned`: how it ended is unknown, so it is not among these.
ENDED: Final = pl.col("status").is_in(["ok", "error"])


@dataclass(frozen=True, slots=True)
class Share:
    """Executions with the event ÷ executions where it is known (`event` is not null)."""

    metric: str
    event: pl.Expr
    unknown_because: str
    outcome: bool = False
    """Rests on the outcome: where all that is known was inferred from errors, there is no point value."""
    unknown_is_outside: bool = False
    """Unknown cases are no cases of this metric (no policy, no violation), so they leave no bounds open."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """The value at a quantile, nearest rank, of the executions that `among` holds for; null is left out and counted."""

    metric: str
    among: pl.Expr
    value: str
    quantile: float
    unit: str
    unknown_because: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """Sum of `numerator` ÷ sum of `denominator`, over tasks, of executions that `among` holds for and `known` is known.

    `per_task` counts the distinct tasks with any denominator (a fact), `share` divides a sum by the sum it is part of
    (a number), `mean` averages values from 0 to 1.
    """

    metric: str
    kind: Literal["per_task", "share", "mean"]
    among: pl.Expr
    known: tuple[str, ...]
    numerator: str
    denominator: pl.Expr | str
    unit: str
    unknown_because: str

    @property
    def numbers(self) -> Numbers:
        """What is read of each execution."""
        return Numbers(self.known, self.numerator, self.denominator if isinstance(self.denominator, str) else None)


_NO_OUTCOME: Final = "no outcome is known; set it with whichstep.outcome, an evaluation or a review"
_NO_EXPECTATION: Final = "no execution has an expectation; say what is right with whichstep.expect"
_NONE_ENDED: Final = "no execution has ended"
_OVER: Final = ENDED | (pl.col("status") == "abandoned")
_ALL: Final = pl.lit(value=True)


def _escalated_by(reason: str) -> Share:
    return Share(
        f"human_escalation_rate.{reason}",
        pl.when(pl.col("escalated").is_not_null()).then(
            pl.col("escalated") & (pl.col("escalation_reason").fill_null("") == reason)
        ),
        "no execution says whether a person was brought in",
    )


def _tools(metric: str, matched: str, of: str) -> Ratio:
    """Matched calls ÷ all that were expected, or made: sums over executions with an expectation of tools."""
    return Ratio(metric, "share", _ALL, ("tools_expected",), matched, of, "share", _NO_EXPECTATION)


SHARES: Final[tuple[Share, ...]] = (
    Share("task_success_rate", pl.col("success"), _NO_OUTCOME, outcome=True),
    Share("first_pass_success", pl.col("first_pass"), _NO_OUTCOME, outcome=True),
    Share("self_corrected_rate", pl.col("self_corrected"), _NO_OUTCOME),
    Share("human_escalation_rate", pl.col("escalated"), "no execution says whether a person was brought in"),
    *(_escalated_by(reason) for reason in ("policy", "agent", "failure", "user")),
    Share(
        "escalation_precision",
        pl.when(pl.col("escalated")).then(pl.col("expected_escalation")),
        "no execution was escalated of which someone said whether it should be",
        unknown_is_outside=True,
    ),
    Share(
        "escalation_recall",
        pl.when(pl.col("expected_escalation")).then(pl.col("escalated")),
        "no execution was expected to be escalated; say so with whichstep.expect(escalation=True)",
        unknown_is_outside=True,
    ),
    Share("policy_violation_rate", pl.col("violated"), "no execution ran under a policy", unknown_is_outside=True),
    Share(
        "contract_violation_rate",
        pl.col("contract_violated"),
        "no execution ran under a contract",
        unknown_is_outside=True,
    ),
    Share("disputed_outcome_rate", pl.col("success_disputed"), _NO_OUTCOME),
    Share("error_rate", pl.when(ENDED).then(pl.col("status") == "error"), _NONE_ENDED),
)
QUANTILES: Final[tuple[Quantile, ...]] = (
    Quantile("latency_p95", ENDED, "active_ms", 0.95, "ms", _NONE_ENDED),
    Quantile("latency_p95_wall", ENDED, "latency_ms", 0.95, "ms", _NONE_ENDED),
)
RATIOS: Final[tuple[Ratio, ...]] = (
    # A task is completed when one of its executions ended without an error; the attempts before it belong to its cost.
    Ratio(
        "cost_per_task",
        "per_task",
        _OVER,
        ("cost_usd",),
        "cost_usd",
        pl.col("status") == "ok",
        "usd",
        "no task was completed whose executions have a known price",
    ),
    Ratio(
        "cost_per_successful_task",
        "per_task",
        _OVER & pl.col("success").is_not_null(),
        ("cost_usd",),
        "cost_usd",
        pl.col("success"),
        "usd",
        "no task with a known price is known to be successful",
    ),
    Ratio(
        "wasted_cost_share",
        "share",
        _OVER,
        ("cost_usd", "wasted_cost_usd"),
        "wasted_cost_usd",
        "cost_usd",
        "share",
        "no execution has a known price, or all cost nothing",
    ),
    Ratio(
        "tokens_per_task",
        "per_task",
        _OVER,
        ("tokens",),
        "tokens",
        pl.col("status") == "ok",
        "tokens",
        "no task was completed whose executions report their tokens",
    ),
    Ratio(
        "tool_selection_accuracy",
        "mean",
        _ALL,
        ("tool_accuracy",),
        "tool_accuracy",
        _ALL,
        "share",
        _NO_EXPECTATION,
    ),
    Ratio(
        "tool_order_match",
        "mean",
        _ALL,
        ("tool_order",),
        "tool_order",
        _ALL,
        "share",
        _NO_EXPECTATION,
    ),
    _tools("tool_recall_name", "tools_matched", "tools_expected"),
    _tools("tool_precision_name", "tools_matched", "tools_called"),
    _tools("tool_recall_arguments", "calls_matched", "tools_expected"),
    _tools("tool_precision_arguments", "calls_matched", "tools_called"),
    Ratio(
        "tool_error_rate",
        "share",
        _ALL,
        ("tool_error_count",),
        "tool_error_count",
        "tool_call_count",
        "share",
        "no execution called a tool",
    ),
    Ratio(
        "ungated_action_rate",
        "share",
        _ALL,
        ("action_count",),
        "ungated_count",
        "action_count",
        "share",
        "no action was compared with a policy; start the sidecar with --policy",
    ),
)
EIGHT: Final = (
    "task_success_rate",
    "first_pass_success",
    "tool_selection_accuracy",
    "human_escalation_rate",
    "policy_violation_rate",
    "latency_p95",
    "cost_per_task",
    "error_rate",
)
"""The metrics of the overview, in its order; all others are companions."""
