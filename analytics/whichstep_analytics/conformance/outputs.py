"""Outputs of steps against the JSON Schema that their contract declares (library jsonschema, newest draft by default).

A text that is JSON is judged as what it says, or as the text that it is: one of both has to fit. References are looked
up within the schema only; nothing is ever fetched. An output that is not known, or known only as a preview that was
cut, is not judged, and counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import polars as pl
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from whichstep.contract import Contract
from whichstep.contract.machine import DECLARED

NO_OUTPUTS: Final = pl.DataFrame(schema={"execution_id": pl.String, "step_id": pl.UInt64, "text": pl.String})
PREVIEW_MAX: Final = 1024
"""Bytes of a preview: a text of nearly that many may have been cut."""
_PREVIEW_SLACK: Final = 8
_REASON_MAX: Final = 200


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


def schema_problem(schema: Mapping[str, Any]) -> str | None:
    """What is wrong with a schema itself; None where nothing is."""
    try:
        validator_for(dict(schema), default=Draft202012Validator).check_schema(dict(schema))
    except SchemaError as error:
        return str(error.message)[:_REASON_MAX]
    return None


def _reason(label: str, text: str | None, contract: Contract) -> str | None:
    """Why an output does not fit: empty where it does, None where that cannot be said."""
    step = contract.step(label)
    if step is None or step.output is None or text is None:
        return None
    return _checked(json.dumps(step.output, sort_keys=True), text)


@lru_cache(maxsize=4096)
def _checked(schema: str, text: str) -> str | None:
    validator = _validator(schema)
    if validator is None:
        return None
    try:
        error = _error(validator, _parsed(text))
        return "" if error is None or _error(validator, text) is None else _words(error)
    except Unresolvable as error:
        return f"the schema refers to {str(error)[:_REASON_MAX]}, which is not in it"


@lru_cache(maxsize=256)
def _validator(schema: str) -> Validator | None:
    read = json.loads(schema)
    kind = validator_for(read, default=Draft202012Validator)
    return None if schema_problem(read) else kind(read, registry=Registry())


def _error(validator: Validator, value: Any) -> ValidationError | None:
    return next(iter(validator.iter_errors(value)), None)


def _words(error: ValidationError) -> str:
    where = "/".join(str(part) for part in error.absolute_path)
    said = error.message if len(error.message) <= _REASON_MAX else f"{error.message[:_REASON_MAX]}…"
    return f"{said} at {where}" if where else said


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
