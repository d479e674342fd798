"""Rules and budgets for a contract that is learned: what no good execution broke, and what they needed at most."""

from __future__ import annotations

import math
from typing import Any, Final

import polars as pl

_RULES_MAX: Final = 20
_DIGITS: Final = 3


def budgets(acts: pl.DataFrame, executions: pl.DataFrame) -> dict[str, Any]:
    """Loops as seen; cost and tokens only where they are known of all executions, rounded up to three digits.

    `acts` as `learn` has them; `executions` has cost_usd and tokens.
    """
    begun = acts.filter(pl.col("role") != "approval").group_by("execution_id", "label").agg(pl.len().alias("times"))
    most = begun["times"].max()
    found: dict[str, Any] = {"loops": max(most - 1, 0) if isinstance(most, int) else 0}
    for name in ("cost_usd", "tokens"):
        highest = executions[name].max()
        if executions[name].null_count() == 0 and isinstance(highest, (int, float)) and highest > 0:
            found[name] = _up(float(highest)) if name == "cost_usd" else math.ceil(_up(float(highest)))
    return found


def rules(acts: pl.DataFrame, least: int) -> list[dict[str, Any]]:
    """Precedence of tools and of approvals before a tool, kept by all executions that called it: by `least` or more."""
    tools = acts.filter(pl.col("role") == "tool")
    first = tools.group_by("execution_id", "label").agg(pl.col("position").min().alias("at"))
    approvals = acts.filter(pl.col("role") == "approval").with_columns(pl.lit("approval").alias("label"))
    before = pl.concat([first, approvals.group_by("execution_id", "label").agg(pl.col("position").min().alias("at"))])
    pairs = first.join(before, on="execution_id", suffix="_before").filter(pl.col("at_before") < pl.col("at"))
    counted = pairs.group_by("label", "label_before").agg(pl.len().alias("kept"))
    called = first.group_by("label").agg(pl.len().alias("n"))
    always = counted.join(called, on="label").filter((pl.col("kept") == pl.col("n")) & (pl.col("n") >= least))
    chosen = always.sort("n", "label", "label_before", descending=[True, False, False]).head(_RULES_MAX)
    return [
        {"rule": "precedence", "first": earlier, "then": later}
        for later, earlier in chosen.select("label", "label_before").iter_rows()
    ]


def _up(value: float) -> float:
    """Rounded up to three digits."""
    scale = 10.0 ** (_DIGITS - 1 - math.floor(math.log10(value)))
    return math.ceil(value * scale) / scale
