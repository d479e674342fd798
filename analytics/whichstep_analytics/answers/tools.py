"""Which tools are called, how they fare, and whether they were the right ones."""

from __future__ import annotations

from typing import Final

from whichstep_analytics import intervals, metrics
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_analytics.tool_choice import NO_TOOL, PERSON
from whichstep_store.filters import Filters
from whichstep_store.reader import Reader

CHOICE: Final = (
    "tool_selection_accuracy", "tool_order_match", "tool_recall_name", "tool_precision_name", "tool_recall_arguments",
    "tool_precision_arguments",
)  # fmt: skip
_NO_TOOLS: Final = frozenset({NO_TOOL, PERSON})


def tools_document(reader: Reader, filters: Filters, *, now: int) -> Document:
    """The table of tools, the figures of their choice all in all and by task type, and what was chosen for what.

    `never_chosen`: right in these executions and never called in them; `unknown`: of those, the ones that no stored
    execution ever called, which may be misspelt in an expectation.
    """
    parameters = filters.parameters()
    tools = [_tool(row) for row in documents(frame(reader.query("tool_table", parameters)))]
    confusion = documents(frame(reader.query("tool_confusion", parameters)))
    sources = {row.pop("source"): row for row in documents(frame(reader.query("tool_expectations", parameters)))}
    executions = metrics.read(reader, filters, by=["task_type"], as_of=now, only=CHOICE)
    whole = metrics.compute(executions, only=CHOICE)
    by_type = metrics.compute(executions, by=["task_type"], only=CHOICE)
    expected = _expected(confusion)
    called = {tool["tool"] for tool in tools}
    never = [{"tool": tool, "expected": count} for tool, count in expected.items() if tool not in called]
    known = set(reader.query("tools_known").column("tool").to_pylist()) if never else set()
    return {
        "executions": sum(row["executions"] for row in sources.values()),
        "expectations": sources,
        "metrics": {row.pop("metric"): row for row in documents(whole)},
        "by_task_type": _by_type(documents(by_type)),
        "confusion": confusion,
        "never_chosen": never,
        "unknown": [row["tool"] for row in never if row["tool"] not in known],
        "needless": [
            {"tool": row["chosen"], "calls": row["count"], "executions": row["executions"]}
            for row in confusion
            if row["expected"] == NO_TOOL and row["chosen"] not in _NO_TOOLS
        ],
        "tools": tools,
    }


def _tool(row: Document) -> Document:
    """With its error rate among the calls that ended; null where none did."""
    ended = row["ended"]
    interval = intervals.wilson(row["errors"], ended) if ended else intervals.Interval(None, None, "wilson")
    return {
        **row,
        "error_rate": row["errors"] / ended if ended else None,
        "error_rate_lower": interval.lower,
        "error_rate_upper": interval.upper,
    }


def _expected(confusion: list[Document]) -> dict[str, int]:
    """How often each tool was right, most often first."""
    counts: dict[str, int] = {}
    for row in confusion:
        if row["expected"] not in _NO_TOOLS:
            counts[row["expected"]] = counts.get(row["expected"], 0) + row["count"]
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _by_type(rows: list[Document]) -> list[Document]:
    """One entry a task type for which any figure is known."""
    found: dict[str | None, Document] = {}
    for row in rows:
        found.setdefault(row.pop("task_type"), {})[row.pop("metric")] = row
    known = {kind: figures for kind, figures in found.items() if any(figure["known"] for figure in figures.values())}
    return [{"task_type": kind, "metrics": figures} for kind, figures in known.items()]
