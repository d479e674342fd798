"""Where executions fail, as a document."""

from __future__ import annotations

from dataclasses import replace

from whichstep_analytics import failures
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_store.filters import FilterError, Filters
from whichstep_store.reader import Reader

# The key of a group is the filter that finds its executions; '' finds those without one.
_FILTERS: dict[failures.By, str] = {"step": "failing_path", "kind": "failure_kind", "signature": "signature"}
_NONE: dict[failures.By, str] = {
    "step": "no single step",
    "kind": "unknown kind",
    "signature": "no signature",
}


def failures_document(reader: Reader, filters: Filters, *, by: str) -> Document:
    """Failed executions counted by step, kind or signature; every figure opens to the executions behind it."""
    if by not in failures.COLUMNS:
        raise FilterError(f"cannot count failures by {by!r}; count by {', '.join(failures.COLUMNS)}")
    kind = by
    failed = frame(reader.query("failure_rows", filters.parameters()))
    totals = frame(reader.query("failure_totals", filters.parameters()))
    weeks = totals["week"].to_list()
    release, old = _novelty(reader, filters, by=kind)
    trends = failures.weekly(failed, by=kind, weeks=weeks)
    groups = [
        {
            "key": {_FILTERS[kind]: row["value"]},
            "label": (row["template"] if kind == "signature" else None) or row["value"] or _NONE[kind],
            "workflow": row["workflow"],
            "step": row["step"],
            "kind": row["kind"],
            "count": row["count"],
            "share": row["share"],
            "reason": row["reason"],
            "first_seen": row["first_seen"],
            "last_seen": row["last_seen"],
            "new_since_release": release if row["is_new"] else None,
            "weeks": [{"week": week, "count": count} for week, count in zip(weeks, trends[row["value"]], strict=True)],
            "examples": row["examples"],
        }
        for row in documents(failures.compute(failed, by=kind, old=old))
    ]
    return {"by": by, "failed": failed.height, "executions": totals["executions"].sum(), "groups": groups}


def _novelty(reader: Reader, filters: Filters, *, by: failures.By) -> tuple[str | None, set[str]]:
    """The latest release, and what had failed before it; all of history counts, not the window alone."""
    ever = replace(filters, since=None, release=()).parameters()
    releases = frame(reader.query("release_history", ever))
    latest = failures.latest_release(releases, among=filters.release)
    history = frame(reader.query("failure_history", ever))
    return latest, failures.known_before(history, releases, latest, by=by)
