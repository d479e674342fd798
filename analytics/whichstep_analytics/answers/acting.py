"""Actions compared with the sidecar's policy, as a document: attempts, ungated ones, logged ones to look at."""

from __future__ import annotations

from typing import Final

from whichstep_analytics.answers.documents import Document, documents, frame
from whichstep_store.filters import FilterError, Filters
from whichstep_store.reader import Reader

KINDS: Final = ("blocked", "ungated", "logged")
REVIEW: Final = "action_review"
"""Name of the evaluation that says what a person thinks of a logged action."""


def actions_document(reader: Reader, filters: Filters, *, kind: str, limit: int) -> Document:
    """Counts of all kinds, and the actions of one: newest first; of logged ones a sample, not yet reviewed first."""
    if kind not in KINDS:
        raise FilterError(f"there are no actions of kind {kind!r}; it is one of {', '.join(KINDS)}")
    counts = documents(frame(reader.query("action_counts", filters.parameters())))[0]
    asked = {**filters.parameters(), "kind": kind, "limit": limit}
    found = documents(frame(reader.query("action_list", asked)), parsed=("arguments",))
    executions, judged = counts.pop("executions"), counts.pop("judged")
    return {
        "executions": executions,
        "judged": judged,
        "counts": counts,
        "kind": kind,
        "total": counts[kind],
        "actions": found,
    }
