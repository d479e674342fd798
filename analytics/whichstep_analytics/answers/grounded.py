"""Values in answers that stand in no source, as documents."""

from __future__ import annotations

from typing import Any, Final

from whichstep_analytics import intervals
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_store.filters import FilterError, Filters
from whichstep_store.reader import Reader

LIMIT_MAX: Final = 1_000


def grounding_document(reader: Reader, filters: Filters, *, limit: int) -> Document:
    """The share of checked answers with ungrounded values, of all and by task type, and the latest of them."""
    if not 1 <= limit <= LIMIT_MAX:
        raise FilterError(f"limit is {limit}; it is from 1 to {LIMIT_MAX}")
    groups = documents(frame(reader.query("grounding_totals", filters.parameters())))
    counted = ("executions", "checked", "with_values", "ungrounded")
    total = {name: sum(group[name] for group in groups) for name in counted}
    latest = documents(frame(reader.query("grounding_latest", {**filters.parameters(), "limit": limit})))
    return {**_with_rate(total), "by_task_type": [_with_rate(group) for group in groups], "latest": latest}


def grounding_of(reader: Reader, execution_id: str) -> Document | None:
    """What was found of one execution's answer; None where it is not checked."""
    rows = documents(frame(reader.query("execution_grounding", {"execution_id": execution_id})))
    return rows[0] if rows else None


def _with_rate(counts: dict[str, Any]) -> Document:
    """`rate` is of the answers that have values to check: an answer without any cannot be wrong in one."""
    size = counts["with_values"]
    if not size:
        reason = "no answer with ids, amounts, dates or addresses was checked"
        return {**counts, "rate": None, "lower": None, "upper": None, "reason": reason}
    lower, upper, _ = intervals.wilson(counts["ungrounded"], size)
    return {**counts, "rate": counts["ungrounded"] / size, "lower": lower, "upper": upper, "reason": None}
