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
    """Figures of the requests of the executions that match.

    Of all that is stored: `notifications`, and `without_execution`, the requests that no filter can find.
    """
    outcomes = shaped(frame(reader.query("approval_outcomes", filters.parameters())), decisions.OUTCOME_SCHEMA)
    sent = {state: ledger.deliveries.count(state) for state in (DELIVERED, UNDELIVERED)}
    without = reader.query("approval_totals", {})["without_execution"][0].as_py()
    return {**decisions.figures(outcomes), "notifications": sent, "without_execution": without}
