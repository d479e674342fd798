"""Compounding drift, as a document."""

from __future__ import annotations

from collections.abc import Sequence

from whichstep_analytics import drift
from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_store.filters import FilterError, Filters
from whichstep_store.reader import Reader


def drift_document(reader: Reader, filters: Filters, *, by: Sequence[str]) -> Document:
    """Success and failure by how far executions had come; all dimensions where `by` names none."""
    unknown = [name for name in by if name not in drift.DIMENSIONS]
    if unknown:
        raise FilterError(f"no drift by {', '.join(unknown)}; it is by {', '.join(drift.DIMENSIONS)}")
    executions = frame(reader.query("drift_rows", filters.parameters()))
    failed = int((executions["success"] == False).sum())  # noqa: E712
    dimensions = [
        {
            "by": name,
            "words": words,
            "buckets": documents(buckets),
            "unplaced": drift.unplaced(executions, by=name),
            "trend": drift.trend(buckets)._asdict(),
        }
        for name, words in drift.DIMENSIONS.items()
        if not by or name in by
        for buckets in [drift.compute(executions, by=name)]
    ]
    known = int(executions["success"].is_not_null().sum())
    return {"executions": executions.height, "known": known, "failed": failed, "dimensions": dimensions}
