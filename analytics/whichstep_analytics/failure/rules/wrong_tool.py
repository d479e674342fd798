"""A call that was not expected, or was expected with other arguments, or an expected one that was never made.

Asked only where somebody said which calls are right (`whichstep.expect`). Calls are matched as multisets, exactly
first. A call whose name says that it only looks is hardly ever the fault: it is a weak suspect.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import polars as pl

from whichstep_analytics.failure import evidence
from whichstep_store.digests import digest_of_value

_LOOKING: Final = re.compile(
    r"(?i)^(get|find|search|list|look|read|fetch|check|calc|think|query|view|show|describe|count|browse)"
)
_ACTS: Final = 0.8
"""The first call that acts; those after it often only follow from it."""
_ACTS_AGAIN: Final = 0.2
_LOOKS: Final = 0.05
_MISSING: Final = 0.2
_COLUMNS: Final = pl.Schema({"at": pl.UInt32(), "score": pl.Float64(), "reason": pl.String()})


class _Call(NamedTuple):
    at: int
    tool: str
    arguments_digest: str | None


class _Suspect(NamedTuple):
    at: int
    score: float
    reason: str


def suspects(steps: pl.DataFrame) -> pl.DataFrame:
    """The calls of executions with an expectation that do not fit it, and the last turn of those that miss one."""
    known = steps.filter(pl.col("expectation").is_not_null())
    if known.is_empty():
        return evidence.no_suspects()
    found: list[_Suspect] = []
    for run in known.partition_by("execution_id", maintain_order=True):  # few: tests and data sets
        found += _judged(run)
    rows = pl.DataFrame(found, schema=_COLUMNS, orient="row").join(known, on="at", maintain_order="left")
    return evidence.suspected(
        rows, kind="wrong_tool", score=pl.col("score"), reason=pl.col("reason"), cause=pl.col("requested_by")
    )


def _judged(run: pl.DataFrame) -> Iterator[_Suspect]:
    expected = _parsed(run["expectation"][0])
    wanted = Counter(_names(expected.get("tools")))
    if expected.get("tools") is None or expected.get("any_of"):
        return  # nothing said of tools, or several ways are right
    rows = run.filter(pl.col("type").is_in(("tool_call", "handoff")) & pl.col("tool").is_not_null())
    calls = [_Call(*row) for row in rows.select("at", "tool", "arguments_digest").iter_rows()]
    left = _unmatched(calls, wanted, _digests(expected.get("arguments")))
    acting = [call.at for call in left if not _LOOKING.match(call.tool)]
    for call in left:
        score = _LOOKS if call.at not in acting else _ACTS if call.at == acting[0] else _ACTS_AGAIN
        if wanted[call.tool] > 0:
            wanted[call.tool] -= 1
            yield _Suspect(call.at, score, f"{call.tool} was expected with other arguments")
        elif not expected.get("allow_extra"):
            yield _Suspect(call.at, score, f"{call.tool} was not expected")
    missing = sorted(tool for tool, count in wanted.items() if count > 0)
    turns = run.filter(pl.col("type") == "llm_call")
    if missing and turns.height:
        yield _Suspect(turns["at"][-1], _MISSING, f"{', '.join(missing)} was expected and never called")


def _unmatched(calls: Sequence[_Call], wanted: Counter[str], right: Mapping[str, Counter[str]]) -> list[_Call]:
    """The calls that are not right as they were made; what is right is taken out of `wanted` and `right`."""
    left = []
    for call in calls:
        digests = right.get(call.tool)
        fits = digests is None or (call.arguments_digest is not None and digests[call.arguments_digest] > 0)
        if wanted[call.tool] > 0 and fits:
            wanted[call.tool] -= 1
            if digests is not None and call.arguments_digest is not None:
                digests[call.arguments_digest] -= 1
        else:
            left.append(call)
    return left


def _digests(stated: object) -> dict[str, Counter[str]]:
    arguments = stated if isinstance(stated, dict) else {}
    several = {tool: given if isinstance(given, list) else [given] for tool, given in arguments.items()}
    return {tool: Counter(digest_of_value(one).hex() for one in given) for tool, given in several.items()}


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        parsed = json.loads(text)
    except ValueError:
        return {}  # truncated or not ours: nothing is known
    return parsed if isinstance(parsed, dict) else {}


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(name) for name in value] if isinstance(value, list) else []
