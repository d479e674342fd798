"""How well the tools that an execution called match the ones that were right, where someone said which were.

The ground truth is the JSON object of `whichstep.expect`. Calls are matched as multisets: by name, and by name with
arguments (equal as JSON values; a tool whose arguments nobody stated is right with any). For the accuracy a repeat of a
failed call is no new choice; precision and recall count every call, as tau-bench does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import polars as pl

from whichstep_store.digests import digest_of_value


class Call(NamedTuple):
    """A tool call that was made."""

    tool: str
    arguments_digest: str | None = None
    """32 hex digits of `digest_of_value`; None where the arguments are not known."""
    repeated: bool = False
    """It repeats a failed call of the same action."""


class Judgement(NamedTuple):
    """What came of comparing calls with an expectation; null where it does not speak of tools."""

    tool_accuracy: float | None
    """Matched ÷ (matched + missing + needless), escalation counted like one more tool; 0 to 1."""
    tools_expected: int | None = None
    tools_called: int | None = None
    tools_matched: int | None = None
    """By name."""
    calls_matched: int | None = None
    """By name and arguments."""
    expected_escalation: bool | None = None


UNJUDGED: Final = Judgement(None)
COLUMNS: Final = pl.Schema(
    {
        "tool_accuracy": pl.Float64(),
        "tools_expected": pl.UInt32(),
        "tools_called": pl.UInt32(),
        "tools_matched": pl.UInt32(),
        "calls_matched": pl.UInt32(),
        "expected_escalation": pl.Boolean(),
    }
)


def with_judgements(executions: pl.DataFrame, choices: pl.DataFrame) -> pl.DataFrame:
    """The executions with COLUMNS, null where nobody said what is right.

    Args:
        executions: rows of the query `execution_frame`.
        choices: rows of the query `tool_choices`.
    """
    judged = [(row["execution_key"], *_judged(row)) for row in choices.iter_rows(named=True)]
    frame = pl.DataFrame(judged, schema={"execution_key": pl.UInt64(), **COLUMNS}, orient="row")
    return executions.join(frame, on="execution_key", how="left")


def judge(expectation: Mapping[str, Any], calls: Sequence[Call], *, escalated: bool | None) -> Judgement:
    """Compares calls with an expectation; an accuracy of 1 where nothing was right to call and nothing was called.

    `any_of` lists alternatives, each a tool or a list of tools that are right beside `tools`; the best one counts.
    `escalation` is judged like one more tool.
    """
    escalation = expectation.get("escalation")
    escalation = bool(escalation) if escalation is not None else None
    speaks_of_tools = expectation.get("tools") is not None or bool(expectation.get("any_of"))
    if not speaks_of_tools:
        known = escalation is not None and escalated is not None
        return Judgement(float(escalation == escalated) if known else None, expected_escalation=escalation)
    wanted = max(
        _alternatives(expectation), key=lambda tools: _accuracy(expectation, tools, calls, escalated=escalated)
    )
    made = Counter(call.tool for call in calls)
    return Judgement(
        tool_accuracy=_accuracy(expectation, wanted, calls, escalated=escalated),
        tools_expected=wanted.total(),
        tools_called=made.total(),
        tools_matched=(wanted & made).total(),
        calls_matched=_matched_with_arguments(wanted, expectation.get("arguments"), calls),
        expected_escalation=escalation,
    )


def _accuracy(
    expectation: Mapping[str, Any], wanted: Counter[str], calls: Sequence[Call], *, escalated: bool | None
) -> float:
    made = Counter(call.tool for call in calls if not call.repeated)
    expected = expectation.get("escalation")
    rightly = wrongly_escalated = wrongly_not = 0
    if expected is not None and escalated is not None:
        rightly = int(bool(expected) and escalated)
        wrongly_escalated = int(escalated and not expected)
        wrongly_not = int(bool(expected) and not escalated)
    matched = (wanted & made).total() + rightly
    missing = (wanted - made).total() + wrongly_not
    needless = 0 if expectation.get("allow_extra") else (made - wanted).total()
    whole = matched + missing + needless + wrongly_escalated
    return matched / whole if whole else 1.0


def _matched_with_arguments(wanted: Counter[str], stated: object, calls: Sequence[Call]) -> int:
    """Calls of wanted tools with the arguments that were right for them, each expected call matched once."""
    arguments = stated if isinstance(stated, dict) else {}
    matched = 0
    for tool, count in wanted.items():
        made = Counter(call.arguments_digest for call in calls if call.tool == tool)
        known = (right & made).total() if (right := _digests(arguments.get(tool))) else made.total()
        matched += min(count, known)
    return matched


def _digests(arguments: object) -> Counter[str | None]:
    """The digests of what a tool should be called with: one set of arguments, or a list of them, one a call."""
    several = [] if arguments is None else arguments if isinstance(arguments, list) else [arguments]
    return Counter(digest_of_value(one).hex() for one in several)


def _alternatives(expectation: Mapping[str, Any]) -> list[Counter[str]]:
    tools = Counter(_names(expectation.get("tools")))
    choices = expectation.get("any_of") or [[]]
    return [tools + Counter(_names(choice)) for choice in choices]


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(name) for name in value] if isinstance(value, list) else []


def _judged(row: Mapping[str, Any]) -> Judgement:
    try:
        expectation = json.loads(row["expectation"])
    except ValueError:
        return UNJUDGED  # truncated or not ours: the truth is unknown
    if not isinstance(expectation, dict):
        return UNJUDGED
    return judge(expectation, [Call(**call) for call in row["calls"]], escalated=row["escalated"])
