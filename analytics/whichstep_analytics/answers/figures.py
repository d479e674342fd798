"""The metrics as a document: groups, each with its figures, what they were before, and where they are heading."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import polars as pl

from whichstep_analytics import metrics, periods
from whichstep_analytics.answers.changes import Typed, compared, ends, standardised_groups
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
    before = _window_before(filters, names, now=now)
    current, *others = sides(reader, [filters, before] if before else [filters], names, as_of=now)
    earlier = others[0] if others else None
    heading = _trends(reader, filters, names, now=now)
    groups: list[Document] = [
        {
            "group": dict(zip(names, group, strict=True)),
            "metrics": {
                metric: {
                    **figure,
                    **compared_with(current, earlier, group, metric),
                    "trend": heading.get(group, {}).get(metric),
                }
                for metric, figure in figures.items()
            },
        }
        for group, figures in current.figures.items()
    ]
    return {
        "since": None if filters.since is None else format_time(filters.since),
        "until": None if filters.until is None else format_time(filters.until),
        "as_of": format_time(now),
        "by": list(names),
        "groups": groups,
        "disagreements": standardised_groups(groups, current.typed_groups() if len(groups) > 1 else [], names),
    }


class Side:
    """The executions that match, and their figures by group and metric."""

    def __init__(self, reader: Reader, filters: Filters, by: Sequence[str], *, as_of: int) -> None:
        self._by = by
        self._executions = metrics.read(reader, filters, by=[*by, "task_type"], as_of=as_of)
        self.figures = _by_group(metrics.compute(self._executions, by=by), by)

    def typed(self, group: Group) -> Typed:
        """The figures of a group that can be standardised, by task type; none where there is one type, or no group.

        Computed when first asked for: only a comparison needs them, and they cost more than all figures together.
        """
        return self._typed.get(group, {})

    def typed_groups(self) -> list[Typed]:
        """Those of all groups, in order."""
        return [self.typed(group) for group in self.figures]

    @cached_property
    def _typed(self) -> dict[Group, Typed]:
        found: dict[Group, Typed] = {}
        if {"task_type", *metrics.TIME_GROUPS} & set(self._by) or self._executions.profiles["task_type"].n_unique() < 2:
            return found
        by = (*self._by, "task_type")
        figures = metrics.compute(self._executions, by=by, only=metrics.STANDARDISED)
        for group, of_type in _by_group(figures, by).items():
            found.setdefault(group[:-1], {})[group[-1]] = of_type
        return found


def sides(reader: Reader, asked: Sequence[Filters], by: Sequence[str], *, as_of: int) -> list[Side]:
    """The sides of a comparison, each in a thread of its own: all that takes long runs outside of the interpreter."""
    with ThreadPoolExecutor(len(asked)) as pool:
        found = list(pool.map(lambda filters: Side(reader, filters, by, as_of=as_of), asked))
        if len(found) > 1 and all(side.figures for side in found):
            list(pool.map(Side.typed_groups, found))
    return found


def compared_with(current: Side, earlier: Side | None, group: Group, metric: str) -> dict[str, Document | None]:
    """What `compared` says of one figure of a group; the task types are looked at only where there is a change."""
    figure = current.figures[group][metric]
    previous = None if earlier is None else earlier.figures.get(group, {}).get(metric)
    if earlier is None or ends(previous) is None:
        return compared(figure, previous, {}, {}, metric)
    return compared(figure, previous, current.typed(group), earlier.typed(group), metric)


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
