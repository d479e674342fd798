"""The metrics as a document: groups, each with its figures, what they were before, and where they are heading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from whichstep_analytics import metrics, periods
from whichstep_analytics.answers.changes import Typed, compared, standardised_groups
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_analytics.trends import Trend, trends
from whichstep_store.filters import NANOSECONDS, FilterError, Filters, format_time
from whichstep_store.reader import Reader

Group = tuple[str | None, ...]
TREND_WEEKS: Final = 12
"""Weeks that a trend looks back, or the whole window where that is longer."""
_KEPT: Final = ("since", "until", *periods.GROUP_COLUMNS)


def metrics_document(reader: Reader, filters: Filters, *, by: Sequence[str], now: int) -> Document:
    """The figures of the executions that match, by the names in `by`, each with the window before where one is known.

    The window before is as long as the one asked for and ends where it begins; there is none without `since`, nor by
    day or week, where the rows beside each other say it.
    """
    unknown = [name for name in by if name not in metrics.GROUPS]
    if unknown:
        raise FilterError(f"cannot group by {', '.join(unknown)}; group by {', '.join(metrics.GROUPS)}")
    names = tuple(dict.fromkeys(by))
    current, typed = figures_of(reader, filters, names, as_of=now)
    before = _window_before(filters, names, now=now)
    earlier, typed_before = figures_of(reader, before, names, as_of=now) if before else ({}, {})
    heading = _trends(reader, filters, names, now=now)
    groups: list[Document] = [
        {
            "group": dict(zip(names, group, strict=True)),
            "metrics": {
                metric: {
                    **figure,
                    **compared(
                        figure, earlier.get(group, {}).get(metric), typed[group], typed_before.get(group, {}), metric
                    ),
                    "trend": heading.get(group, {}).get(metric),
                }
                for metric, figure in figures.items()
            },
        }
        for group, figures in current.items()
    ]
    return {
        "since": None if filters.since is None else format_time(filters.since),
        "until": None if filters.until is None else format_time(filters.until),
        "as_of": format_time(now),
        "by": list(names),
        "groups": groups,
        "disagreements": standardised_groups(groups, [typed[group] for group in current], names),
    }


def figures_of(
    reader: Reader, filters: Filters, by: Sequence[str], *, as_of: int
) -> tuple[dict[Group, dict[str, Document]], dict[Group, Typed]]:
    """Figures by group and metric, and of those that can be standardised also by task type."""
    executions = frame(reader.query("execution_frame", {**filters.parameters(), "by": [*by, "task_type"]}))
    found = _by_group(metrics.compute(executions, by=by, as_of=as_of), by)
    typed: dict[Group, Typed] = {group: {} for group in found}
    if not {"task_type", *metrics.TIME_GROUPS} & set(by) and executions["task_type"].n_unique() > 1:
        figures = metrics.compute(executions, by=(*by, "task_type"), as_of=as_of, only=metrics.STANDARDISED)
        for group, of_type in _by_group(figures, (*by, "task_type")).items():
            typed[group[:-1]][group[-1]] = of_type
    return found, typed


def _window_before(filters: Filters, by: Sequence[str], *, now: int) -> Filters | None:
    if filters.since is None or not set(by).isdisjoint(metrics.TIME_GROUPS):
        return None
    until = now if filters.until is None else filters.until
    since = 2 * filters.since - until
    return replace(filters, since=since, until=filters.since) if 0 <= since < filters.since else None


def _by_group(figures: pl.DataFrame, by: Sequence[str]) -> dict[Group, dict[str, Document]]:
    grouped: dict[Group, dict[str, Document]] = {}
    for row in documents(figures):
        group = tuple(row.pop(name) for name in by)
        grouped.setdefault(group, {})[row.pop("metric")] = row
    return grouped


def _trends(reader: Reader, filters: Filters, by: Sequence[str], *, now: int) -> dict[Group, dict[str, Document]]:
    """Trends by group and metric over the weeks that are over; nothing by day or week, or where weeks are not kept."""
    asked = [item.name for item in fields(Filters) if getattr(filters, item.name) not in (None, ())]
    if not set(asked) <= set(_KEPT) or not set(by) <= set(periods.GROUP_COLUMNS):
        return {}
    parameters = _weeks(filters, now=now)
    weekly = frame(reader.query("metrics_weekly", {**parameters, "whole": False}))
    only_purpose = not by and len(filters.purpose) == 1 and not set(asked) - {"since", "until", "purpose"}
    whole = frame(reader.query("metrics_weekly", {**parameters, "whole": True})) if only_purpose else None
    groups = weekly.partition_by(by, as_dict=True) if by else {(): weekly}
    return {
        tuple(group): {metric: _document(trend) for metric, trend in trends(rows, whole).items()}
        for group, rows in groups.items()
    }


def _weeks(filters: Filters, *, now: int) -> dict[str, object]:
    """Parameters of the query `metrics_weekly`: whole weeks before the end of the window."""
    until = datetime.fromtimestamp(min(now, filters.until or now) // NANOSECONDS, UTC).date()
    monday = until - timedelta(days=until.weekday())
    back = monday - timedelta(weeks=TREND_WEEKS)
    if filters.since is not None:
        back = min(back, datetime.fromtimestamp(filters.since // NANOSECONDS, UTC).date())
    given: dict[str, Any] = {name: list(getattr(filters, name)) or None for name in periods.GROUP_COLUMNS}
    return {**given, "since": back, "until": monday}


def _document(trend: Trend) -> Document:
    return asdict(trend)
