"""Outputs of steps that do not fit the JSON Schema that their contract declares, as deviations.

An output that is not known, or known only as a preview that was cut, is not judged, and counted.
"""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

import polars as pl

from whichstep.contract import Contract
from whichstep.contract.machine import DECLARED

NO_OUTPUTS: Final = pl.DataFrame(schema={"execution_id": pl.String, "step_id": pl.UInt64, "text": pl.String})
PREVIEW_MAX: Final = 1024
"""Bytes of a preview: a text of nearly that many may have been cut."""
_PREVIEW_SLACK: Final = 8


class Wrong(NamedTuple):
    """Deviations by execution, and how many outputs of each could not be judged."""

    deviations: dict[str, list[dict[str, Any]]]
    unchecked: dict[str, int]


def declared_outputs(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Of `events` the steps that ended well and whose output has a schema, with `text` and `cut`."""
    named = [step.name for step in contract.steps if step.output is not None]
    if not named or "output" not in rows.columns:
        return rows.head(0).with_columns(pl.lit(None, pl.String).alias("text"), pl.lit(value=False).alias("cut"))
    text = pl.when(pl.col("type") == "tool_call").then(pl.coalesce("result", "output")).otherwise(pl.col("output"))
    return rows.filter(
        (pl.col("kind") == DECLARED) & pl.col("label").is_in(named) & (pl.col("status") == "ok")
    ).with_columns(text.alias("text"), (text.str.len_bytes() >= PREVIEW_MAX - _PREVIEW_SLACK).alias("cut"))


def malformed(rows: pl.DataFrame, contract: Contract, texts: pl.DataFrame) -> Wrong:
    """The outputs that do not fit their schema; `texts` replaces previews by whole texts."""
    outputs = declared_outputs(rows, contract)
    whole = texts.rename({"text": "whole"})
    known = outputs.join(whole, on=["execution_id", "step_id"], how="left", maintain_order="left").with_columns(
        pl.when(pl.col("whole").is_not_null() | ~pl.col("cut")).then(pl.coalesce("whole", "text")).alias("text")
    )
    found = Wrong({}, {})
    columns = ("execution_id", "step_id", "position", "label", "text")
    for execution_id, step_id, position, label, text in known.select(columns).iter_rows():
        reason = _reason(label, text, contract)
        if reason is None:
            found.unchecked[execution_id] = found.unchecked.get(execution_id, 0) + 1
        elif reason:
            found.deviations.setdefault(execution_id, []).append(
                {
                    "move": "rule",
                    "step": label,
                    "step_id": f"{step_id:016x}",
                    "position": position,
                    "rule": "output",
                    "reason": f"malformed_output: {reason}",
                }
            )
    return found


def _reason(label: str, text: str | None, contract: Contract) -> str | None:
    """Why an output does not fit: empty where it does, None where that cannot be said."""
    step = contract.step(label)
    if step is None or step.output is None or text is None:
        return None
    from whichstep_analytics.conformance.output_schema import misfit  # noqa: PLC0415  few contracts declare any

    return misfit(json.dumps(step.output, sort_keys=True), text)
