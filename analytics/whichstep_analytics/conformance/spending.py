"""Budgets of a whole execution: cost, active time, tokens. What is not known is not over its budget."""

from __future__ import annotations

from typing import Any

import polars as pl

from whichstep.contract import Budgets


def over_budget(executions: pl.DataFrame, budgets: Budgets) -> dict[str, list[dict[str, Any]]]:
    """The budgets that each execution has gone over, as deviations; executions within all of them are left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    limits = (
        ("cost_usd", budgets.cost_usd, pl.col("cost_usd")),
        ("seconds", budgets.seconds, pl.col("active_ms") / 1e3),
        ("tokens", budgets.tokens, pl.col("tokens")),
    )
    for name, limit, used in limits:
        if limit is None:
            continue
        over = executions.select("execution_id", used.alias("used")).filter(pl.col("used") > limit)
        for execution_id, value in over.iter_rows():
            found.setdefault(execution_id, []).append(_deviation(name, limit, value))
    return found


def _deviation(name: str, limit: float, value: float) -> dict[str, Any]:
    return {
        "move": "rule",
        "step": None,
        "step_id": None,
        "position": None,
        "rule": f"budgets.{name}",
        "reason": f"used {value:g} of {limit:g} {name}",
    }
