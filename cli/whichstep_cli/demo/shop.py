"""The pretend shop that the example agents work for: orders, refunds, e-mail and a small help centre.

All state is in one `Shop`, so that a run can be checked afterwards: `journal` lists what was really done. Failures are
part of the data (an order whose lookup times out once, a payment gateway that is down), never random.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from whichstep_cli.demo.help_center import search


class OrderNotFoundError(LookupError):
    """No order has this number."""


class GatewayDownError(ConnectionError):
    """The payment gateway does not answer."""


ORDERS: Final[dict[str, dict[str, Any]]] = {
    "A-1042": {"item": "pour-over kettle", "total": 39.90, "status": "delivered", "email": "mira@example.com"},
    "A-1051": {"item": "burr grinder", "total": 119.00, "status": "delivered", "email": "jonas@example.com"},
    "A-1063": {"item": "travel mug", "total": 24.50, "status": "in transit", "email": "aiko@example.com"},
    "A-1077": {"item": "milk frother", "total": 18.00, "status": "delivered", "email": "lena@example.com"},
    "A-1088": {"item": "espresso machine", "total": 249.00, "status": "delivered", "email": "omar@example.com"},
    "A-1099": {"item": "scale", "total": 32.00, "status": "being located, ask again", "email": "priya@example.com"},
}
SLOW_ONCE: Final = "A-1077"
"""The first lookup of this order times out."""
NO_GATEWAY: Final = "A-1051"
"""Refunds of this order fail: its payment gateway is down."""


@dataclass(slots=True)
class Shop:
    """The tools of a support agent, over one shop's state. Not thread-safe."""

    journal: list[str] = field(default_factory=list)
    lookups: dict[str, int] = field(default_factory=dict)

    def lookup_order(self, order_id: str) -> dict[str, Any]:
        """Look up one order by its number, for example A-1042."""
        self.lookups[order_id] = self.lookups.get(order_id, 0) + 1
        if order_id == SLOW_ONCE and self.lookups[order_id] == 1:
            raise TimeoutError(f"the order service did not answer for {order_id} within 2 s")
        if order_id not in ORDERS:
            raise OrderNotFoundError(f"no order {order_id}")
        self.journal.append("lookup_order")
        return {"order_id": order_id, **ORDERS[order_id]}

    def issue_refund(self, order_id: str, amount: float) -> dict[str, Any]:
        """Pay an amount in euros back for an order."""
        if order_id == NO_GATEWAY:
            raise GatewayDownError(f"the payment gateway answered 503 to the refund of {order_id}")
        self.journal.append("issue_refund")
        return {"order_id": order_id, "refunded": amount, "reference": f"RF-{order_id[2:]}"}

    def send_external_email(self, to: str, subject: str, body: str) -> str:
        """Send an e-mail to a customer."""
        self.journal.append("send_external_email")
        return f"sent to {to}: {subject} ({len(body)} characters)"

    def search_help(self, query: str) -> list[dict[str, Any]]:
        """Find the articles of the help centre that answer a question; an empty list when none does."""
        return search(query)
