"""What people decided, as a document: the figures of `decisions`, and what the webhook could not deliver."""

from __future__ import annotations

from whichstep_analytics import decisions
from whichstep_analytics.answers.documents import Document, frame
from whichstep_analytics.jobs.frames import shaped
from whichstep_store.filters import Filters
from whichstep_store.ledger import Ledger
from whichstep_store.ledger_deliveries import DELIVERED, UNDELIVERED
from whichstep_store.reader import Reader


def approvals_document(reader: Reader, ledger: Ledger, filters: Filters) -> Document:
    """Figures of the requests of the executions that match; `notifications`: of all that is stored."""
    outcomes = shaped(frame(reader.query("approval_outcomes", filters.parameters())), decisions.OUTCOME_SCHEMA)
    sent = {state: ledger.deliveries.count(state) for state in (DELIVERED, UNDELIVERED)}
    return {**decisions.figures(outcomes), "notifications": sent}
