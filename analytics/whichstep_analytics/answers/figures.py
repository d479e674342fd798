"""The metrics as a document: groups, each with its figures and what they were in the window before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from whichstep_analytics import intervals, metrics, tool_choice
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_store.filters import FilterError, Filters, format_time
from whichstep_store.reader import Reader


def metrics_document(reader: Reader, filters: Filters, *, by: Sequence[str], now: int) -> Document:
    """The figures of the executions that match, by the names in `by`, each with the window before where one is known.

    The window before is as long as the one asked for and ends where it begins; there is none without `since`, nor by
    day or week, where the rows beside each other say it.
    """
    unknown = [name for name in by if name not in metrics.GROUPS]
    if unknown:
        raise FilterError(f"cannot group by {', '.join(unknown)}; group by {', '.join(metrics.GROUPS)}")
    names = tuple(dict.fromkeys(by))
    current = _figures(reader, filters, names, as_of=now)
    before = _window_before(filters, names, now=now)
    earlier = _by_group(_figures(reader, before, names, as_of=now), names) if before else {}
    groups = [
        {"group": dict(zip(names, group, strict=True)), "metrics": _compared(figures, earlier.get(group, {}))}
        for group, figures in _by_group(current, names).items()
    ]
    return {
        "since": None if filters.since is None else format_time(filters.since),
        "until": None if filters.until is None else format_time(filters.until),
        "as_of": format_time(now),
        "by": list(names),
        "groups": groups,
    }


def _figures(reader: Reader, filters: Filters, by: Sequence[str], *, as_of: int) -> pl.DataFrame:
    executions = frame(reader.query("execution_frame", {**filters.parameters(), "by": list(by)}))
    choices = frame(reader.query("tool_choices", filters.parameters()))
    return metrics.compute(tool_choice.with_judgements(executions, choices), by=by, as_of=as_of)


def _window_before(filters: Filters, by: Sequence[str], *, now: int) -> Filters | None:
    if filters.since is None or not set(by).isdisjoint(metrics.TIME_GROUPS):
        return None
    until = now if filters.until is None else filters.until
    since = 2 * filters.since - until
    return replace(filters, since=since, until=filters.since) if 0 <= since < filters.since else None


def _by_group(figures: pl.DataFrame, by: Sequence[str]) -> dict[tuple[str | None, ...], dict[str, Document]]:
    grouped: dict[tuple[str | None, ...], dict[str, Document]] = {}
    for row in documents(figures):
        group = tuple(row.pop(name) for name in by)
        grouped.setdefault(group, {})[row.pop("metric")] = row
    return grouped


def _compared(figures: dict[str, Document], earlier: dict[str, Document]) -> dict[str, Document]:
    return {
        metric: {**figure, "previous": earlier.get(metric), "change": _change(figure, earlier.get(metric))}
        for metric, figure in figures.items()
    }


def _change(figure: Document, previous: Document | None) -> Document | None:
    """Value less the previous one with its 95 % interval; null where either figure or interval is not known."""
    if previous is None:
        return None
    new, old = _ends(figure), _ends(previous)
    if new is None or old is None:
        return None
    value, lower, upper = intervals.difference(new, old)
    return {"value": value, "lower": lower, "upper": upper}


def _ends(figure: dict[str, Any]) -> tuple[float, float, float] | None:
    value, lower, upper = figure["value"], figure["lower"], figure["upper"]
    return None if value is None or lower is None or upper is None else (value, lower, upper)
