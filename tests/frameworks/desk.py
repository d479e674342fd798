"""The support agent's tools, and a journal of what they really did. Standard library only.

The tools are the demo's shop; which of them fails is the variant's. A framework's agent wraps the methods as they are:
names, docstrings and annotations make their schemas.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from frameworks.variants import LIMIT, TICKET, Variant
from whichstep_cli.demo.shop import Shop

INSTRUCTIONS = "You answer support tickets of a shop for coffee gear. Act only on what the help articles allow."
USER_ID = "customer-31"


class OrderServiceError(ConnectionError):
    """The order service does not answer."""


class RateLimitError(RuntimeError):
    """The payment service wants fewer requests."""


class FraudServiceTimeoutError(TimeoutError):
    """The fraud score did not come in time."""


ERRORS: dict[str, Exception] = {
    "OrderServiceError": OrderServiceError("the order service is unreachable: connection refused"),
    "RateLimitError": RateLimitError("429 too many requests from the payment service, try again"),
    "FraudServiceTimeoutError": FraudServiceTimeoutError("the fraud service did not answer within 2 s"),
}


class Desk:
    """One run: the ticket, the tools, and what is to be written down of them."""

    def __init__(self, variant: Variant, setup: str, model: str, model_url: str) -> None:
        self.variant, self.model, self.model_url = variant, model, model_url
        self.session_id = f"session-{variant.name.split('_')[0]}-{setup}"
        self.user_id = USER_ID
        self.history = variant.history
        self.ticket, self.instructions, self.limit = TICKET, INSTRUCTIONS, LIMIT
        self.journal: list[dict[str, Any]] = []
        self._shop = Shop()
        self._calls: Counter[str] = Counter()

    @property
    def tools(self) -> list[Callable[..., Any]]:
        """The tools of the agent that does the work, without the search."""
        tools = [self.lookup_order, self.issue_refund, self.send_external_email]
        if self.variant.wrong_tool:
            tools.append(self.check_shipping)
        if any(step.name == "check_fraud_score" for step in self.variant.failing):
            tools.append(self.check_fraud_score)
        return tools

    def lookup_order(self, order_id: str) -> dict[str, Any]:
        """Look up one order by its number, for example A-1042."""
        return self._ran("lookup_order", {"order_id": order_id}, lambda: self._shop.lookup_order(order_id))

    def issue_refund(self, order_id: str, amount: float) -> dict[str, Any]:
        """Pay an amount in euros back for an order."""
        arguments = {"order_id": order_id, "amount": amount}
        return self._ran("issue_refund", arguments, lambda: self._shop.issue_refund(order_id, amount))

    def send_external_email(self, to: str, subject: str, body: str) -> str:
        """Send an e-mail to a customer."""
        arguments = {"to": to, "subject": subject, "body": body}
        return self._ran("send_external_email", arguments, lambda: self._shop.send_external_email(to, subject, body))

    def check_shipping(self, order_id: str) -> str:
        """Say where the parcel of an order is."""
        return self._ran("check_shipping", {"order_id": order_id}, lambda: "delivered four days ago")

    def check_fraud_score(self, order_id: str) -> float:
        """The fraud score of an order, from 0 to 1."""
        return self._ran("check_fraud_score", {"order_id": order_id}, lambda: 0.1)

    def search_help(self, query: str) -> list[dict[str, Any]]:
        """Find the articles of the help centre that answer a question; an empty list when none does."""
        found = [] if self.variant.finds_nothing else self._shop.search_help(query)
        entry = self._began("search_help", {"query": query}, kind="retrieval")
        entry.update(status="ok", documents=[hit["id"] for hit in found], result=found)
        return found

    def approves(self, tool: str) -> bool:
        """What the person says to a call of a tool."""
        decision = self.variant.decision
        self.journal.append({"type": "approval", "name": tool, "decision": decision, "time_ns": time.time_ns()})
        return decision == "approved"

    def _ran(self, tool: str, arguments: dict[str, Any], do: Callable[[], Any]) -> Any:
        entry = self._began(tool, arguments, kind="tool")
        error_type = self.variant.raises(tool, entry["occurrence"])
        if error_type is not None:
            entry.update(status="error", error_type=error_type, error=str(ERRORS[error_type]))
            raise ERRORS[error_type]
        entry.update(status="ok", result=do())
        return entry["result"]

    def _began(self, tool: str, arguments: dict[str, Any], *, kind: str) -> dict[str, Any]:
        self._calls[tool] += 1
        entry = {
            "type": kind,
            "name": tool,
            "occurrence": self._calls[tool],
            "args": arguments,
            "time_ns": time.time_ns(),
        }
        self.journal.append(entry)
        return entry
