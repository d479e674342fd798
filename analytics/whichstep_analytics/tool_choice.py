"""How well the tools that an execution called match the ones that were right, where someone said which were.

The ground truth is the JSON object of `whichstep.expect`. First version: names only. Repeats of a failed action are
left out by the query `tool_choices`; order and arguments are not judged yet.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

_SCHEMA: Final = {"execution_key": pl.UInt64, "tool_accuracy": pl.Float64}


def with_accuracy(executions: pl.DataFrame, choices: pl.DataFrame) -> pl.DataFrame:
    """The executions with `tool_accuracy`, null where nobody said what is right.

    Args:
        executions: rows of the query `execution_frame`.
        choices: rows of the query `tool_choices`.
    """
    scores = [(row["execution_key"], _scored(row)) for row in choices.iter_rows(named=True)]
    frame = pl.DataFrame(scores, schema=_SCHEMA, orient="row")
    return executions.join(frame, on="execution_key", how="left")


def accuracy(expectation: Mapping[str, Any], called: Sequence[str], *, escalated: bool | None) -> float | None:
    """Matched ÷ (matched + missing + needless), 1 where nothing was right to call and nothing was called.

    `any_of` lists alternatives, each a tool or a list of tools that are right beside `tools`; the best one counts.
    `escalation` is judged like one more tool. None where the expectation does not speak of tools or escalation.
    """
    expected_escalation = expectation.get("escalation")
    speaks_of_tools = expectation.get("tools") is not None or bool(expectation.get("any_of"))
    if not speaks_of_tools and (expected_escalation is None or escalated is None):
        return None
    made = Counter(called) if speaks_of_tools else Counter[str]()
    wrongly_escalated = wrongly_not = rightly = 0
    if expected_escalation is not None and escalated is not None:
        rightly = int(bool(expected_escalation) and escalated)
        wrongly_escalated = int(escalated and not expected_escalation)
        wrongly_not = int(bool(expected_escalation) and not escalated)
    scores = []
    for wanted in _alternatives(expectation):
        matched = (wanted & made).total() + rightly
        missing = (wanted - made).total() + wrongly_not
        needless = 0 if expectation.get("allow_extra") else (made - wanted).total()
        whole = matched + missing + needless + wrongly_escalated
        scores.append(matched / whole if whole else 1.0)
    return max(scores)


def _alternatives(expectation: Mapping[str, Any]) -> list[Counter[str]]:
    tools = Counter(_names(expectation.get("tools")))
    choices = expectation.get("any_of") or [[]]
    return [tools + Counter(_names(choice)) for choice in choices]


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(name) for name in value] if isinstance(value, list) else []


def _scored(row: Mapping[str, Any]) -> float | None:
    try:
        expectation = json.loads(row["expectation"])
    except ValueError:
        return None  # truncated or not ours: the truth is unknown
    if not isinstance(expectation, dict):
        return None
    return accuracy(expectation, row["tools"], escalated=row["escalated"])
