"""A request for approval as the API answers it: the columns of the view `approvals`, arguments and evidence as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Final

from whichstep_store.approvals import Approval
from whichstep_store.filters import format_time
from whichstep_store.ledger_deliveries import Delivery

LISTED_CHARACTERS_MAX: Final = 4096
_TIMES: Final = ("created_at", "expires_at", "decided_at", "consumed_at", "delivered_at", "lapses_at")
_JSON: Final = ("arguments", "evidence", "edited_arguments", "reviewers", "arguments_schema")
_UNSAID: Final = ("stated", "consumer", "edited_digest")
_LONG: Final = ("arguments", "evidence", "edited_arguments")


def document(approval: Approval) -> dict[str, Any]:
    """Return one request whole."""
    values = dataclasses.asdict(approval)
    found = {name: value for name, value in values.items() if name not in _UNSAID}
    found |= {name: time_text(values[name]) for name in _TIMES}
    found |= {name: None if values[name] is None else json.loads(values[name]) for name in _JSON}
    return {
        **found,
        "votes": [{**vote, "at": time_text(vote["at"])} for vote in json.loads(approval.votes)],
        "reason": approval.notes,
        "edited_arguments_digest": approval.edited_digest,
        "url": f"/approvals/{approval.approval_id}",
    }


def listed(approval: Approval, told: Delivery | None = None) -> dict[str, Any]:
    """Return one request in a list: without the schema, and with `omitted` naming what is too long for a list.

    `notification` is the newest message about it to the webhook; null where there is none.
    """
    found = document(approval)
    del found["arguments_schema"]
    omitted = [name for name in _LONG if len(getattr(approval, name) or "") > LISTED_CHARACTERS_MAX]
    return {**found, **dict.fromkeys(omitted), "omitted": omitted, "notification": told and receipt(told)}


def receipt(delivery: Delivery) -> dict[str, Any]:
    """Return what became of one message."""
    times = ("created_at", "next_attempt_at", "delivered_at")
    return {**delivery._asdict(), **{name: time_text(getattr(delivery, name)) for name in times}}


def time_text(nanoseconds: int | None) -> str | None:
    """Return a time as every answer writes it."""
    return None if nanoseconds is None else format_time(nanoseconds)
