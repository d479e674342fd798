"""Two actions of the pretend shop that the sample policy does not let run: one waits for a person, one is blocked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import whichstep
from whichstep_cli.demo.help_center import search
from whichstep_cli.demo.shop import Shop

POLICY: Final = Path(__file__).with_name("policy.toml")
CONTRACTS: Final = Path(__file__).with_name("contracts")
ORDER: Final = "A-1088"
AMOUNT: Final = 249.0
TICKET: Final = f"The espresso machine of order {ORDER} leaks. I want my {AMOUNT:.0f} euros back, and my data deleted."


def leave_a_request(shop: Shop) -> str | None:
    """Take a ticket whose refund waits for a person, without waiting; return the id of the request, if it was taken.

    Spans go where `whichstep.configure` said.
    """
    policy = whichstep.Policy.load(POLICY)
    (refund,) = policy.guard([shop.issue_refund], on_approval="raise", summary=f"pay back {AMOUNT:.0f} euros: it leaks")
    (delete,) = policy.guard([delete_customer_data])
    with (
        whichstep.task("refund_request", input=TICKET, purpose="demo", tags=["held"]),
        whichstep.agent("refund_agent", input=TICKET),
    ):
        with whichstep.retrieval(TICKET, name="search_help") as step:
            step.sources(search("refund of a broken machine"))
        try:
            delete("mira@example.com")
        except whichstep.ActionBlocked:
            whichstep.outcome(escalation="policy")
        return _asked(refund)


def delete_customer_data(email: str) -> None:
    """Delete all that the shop knows of a customer."""
    raise AssertionError(f"the policy lets nobody delete the data of {email}")


def _asked(refund: Any) -> str | None:
    try:
        refund(ORDER, AMOUNT)
    except whichstep.ApprovalPending as pending:
        return pending.approval_id
    except whichstep.WhichstepError:
        return None
    return None
