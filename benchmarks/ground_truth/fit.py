"""The weights of the failure scorer, fitted to runs whose step to blame is known (`validation` is the command).

Every execution counts once, whatever its set and however long it is. Rules that fired on fewer than 4 labelled
executions are not fitted: they keep the weight that a rule has before any data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from benchmarks.ground_truth import convert, offline, records
from benchmarks.ground_truth.logit import Choices, fit
from whichstep_analytics.failure import rules, traits
from whichstep_analytics.failure.scorer import Weights

RIDGE: Final = 4.0
"""Of 1 to 20 the cross-validated figures hardly differ; weak enough to learn from 200 runs, strong for 20 weights."""
PRIOR: Final = 3.0
"""Log-odds of a rule that is quite sure, before any data: a turn that it names is as likely as 20 others together."""
FIRED_MIN: Final = 4
DATA: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "runs"
WEIGHTS: Final = Path(__file__).resolve().parents[2] / "analytics/whichstep_analytics/failure/weights.json"


def labelled(data: Path) -> dict[str, list[tuple[records.Run, convert.Converted]]]:
    """By file, the runs whose step to blame was looked for."""
    found = {}
    for path in sorted(data.glob("*.jsonl")):
        runs = [(run, convert.convert(run, path.stem)) for run in records.read(path) if "failing_step" in run.labels]
        if runs:
            found[path.stem] = runs
    return found


def examples(runs: Sequence[tuple[records.Run, convert.Converted]], found: offline.Frames) -> pl.DataFrame:
    """The features of all turns of judged failures, with group and whether the turn is the one to blame."""
    known = pl.DataFrame(
        {
            "execution_id": [converted.execution_id for _, converted in runs],
            "group": [run.group for run, _ in runs],
            "blamed": [_step_id(run, converted) for run, converted in runs],
        },
        schema={"execution_id": pl.String, "group": pl.String, "blamed": pl.UInt64},
    )
    turns = offline.turns(found).join(known, on="execution_id", maintain_order="left")
    return turns.with_columns((pl.col("step_id") == pl.col("blamed")).fill_null(value=False).alias("to_blame"))


def _step_id(run: records.Run, converted: convert.Converted) -> int | None:
    truth = run.labels["failing_step"]
    return next((int(step, 16) for step, index in converted.indices.items() if index == truth), None)


def weights_of(turns: pl.DataFrame, *, ridge: float = RIDGE) -> Weights:
    """The weights that fit these examples; executions whose step to blame is none of their turns only count."""
    reachable = pl.col("to_blame").any()
    reached = turns.filter(reachable.over("execution_id"))["execution_id"].n_unique()
    elsewhere = 1 - reached / turns["execution_id"].n_unique()
    turns = turns.filter(reachable.over("execution_id"))
    names = [rules.name(rule) for rule in rules.RULES]
    learned = [name for name in names if _executions(turns, name) >= FIRED_MIN]
    kept = [name for name in names if name not in learned]
    columns = [f"rule:{name}" for name in learned] + list(traits.TRAITS)
    values = fit(
        _choices(turns, columns, kept), ridge=ridge, non_negative=np.array([c.startswith("rule:") for c in columns])
    )
    fitted = dict(zip(columns, values.tolist(), strict=True))
    return Weights(
        rules={name: fitted.get(f"rule:{name}", PRIOR) for name in names},
        traits={name: fitted[name] for name in traits.TRAITS},
        elsewhere=elsewhere,
    )


def _choices(turns: pl.DataFrame, columns: Sequence[str], kept: Sequence[str]) -> Choices:
    run = turns["execution_id"].rle_id().to_numpy()
    offset = turns.select(pl.sum_horizontal(pl.lit(0.0), *(pl.col(f"rule:{name}") * PRIOR for name in kept)).alias("o"))
    return Choices(
        columns=turns.select(columns).to_numpy().astype(float),
        offset=offset["o"].to_numpy(),
        starts=np.flatnonzero(np.append([True], run[1:] != run[:-1])),
        to_blame=turns["to_blame"].to_numpy(),
    )


def _executions(turns: pl.DataFrame, rule: str) -> int:
    return turns.filter(pl.col(f"rule:{rule}") > 0)["execution_id"].n_unique()


def write(weights: Weights, turns: pl.DataFrame, runs: dict[str, int]) -> None:
    """Replaces the shipped weights, with how they were found."""
    names = [rules.name(rule) for rule in rules.RULES]
    fired = {name: _executions(turns, name) for name in names}
    text = {
        "found": {
            "by": "python -m benchmarks.ground_truth.validation --write",
            "model": "conditional logit over the turns of an execution, ridge on standardised columns, rules not below 0",
            "ridge": RIDGE,
            "executions": runs,
            "not_fitted": {
                name: f"fired on {count} labelled executions" for name, count in fired.items() if count < FIRED_MIN
            },
        },
        "prior": PRIOR,
        "elsewhere": round(weights.elsewhere, 3),
        "rules": {name: round(value, 3) for name, value in weights.rules.items() if fired[name] >= FIRED_MIN},
        "traits": {name: round(value, 3) for name, value in weights.traits.items()},
    }
    WEIGHTS.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
