"""What the agents of the sample history do: their tasks, tools and usual answers. Data only; `history` plays it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Action:
    """A tool with the arguments and the result of a run that goes well; `{…}` is filled in by the case."""

    tool: str
    arguments: dict[str, str]
    result: dict[str, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of task of one agent."""

    agent: str
    task_type: str
    share: int
    """Of the day's executions, by weight."""
    question: str
    actions: tuple[Action, ...]
    answer: str
    key: int = 0
    """Which action matters: the one that mishaps befall."""
    articles: int = 2
    needs_approval: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """What one agent runs on."""

    service: str
    model: str
    provider: str
    instructions: str


AGENTS: Final[dict[str, Agent]] = {
    "support_agent": Agent(
        "support-agent", "gpt-4.1-mini", "openai", "You answer support tickets of a shop for coffee gear. Be brief."
    ),
    "billing_agent": Agent(
        "billing-agent", "gpt-4.1", "openai", "You correct invoices. A change above 50 euros needs an approval."
    ),
    "research_agent": Agent(
        "research-agent", "claude-sonnet-4-5", "anthropic", "You summarise what is new in a market, with sources."
    ),
}
LOOKUP: Final = Action("lookup_order", {"order_id": "{order}"}, {"order_id": "{order}", "total": "{amount}"}, 0.25)
EMAIL: Final = Action("send_external_email", {"to": "{email}", "subject": "{order}"}, {"status": "queued"}, 0.4)
TASKS: Final[tuple[Task, ...]] = (
    Task(
        agent="support_agent",
        task_type="refund_request",
        share=34,
        question="My {item} from order {order} arrived {damage}. I would like my money back.",
        actions=(
            LOOKUP,
            Action("issue_refund", {"order_id": "{order}", "amount": "{amount}"}, {"reference": "RF-{number}"}, 0.7),
            EMAIL,
        ),
        key=1,
        answer="I have refunded {amount} euros for your {item}.",
    ),
    Task(
        agent="support_agent",
        task_type="delivery_question",
        share=26,
        question="When will the {item} of order {order} arrive?",
        actions=(LOOKUP,),
        answer="Your {item} is in transit and arrives within {days} working days.",
    ),
    Task(
        agent="support_agent",
        task_type="product_question",
        share=16,
        question="How do I clean my {item}?",
        actions=(),
        answer="Rinse the {item} after use and descale it every {days} weeks.",
    ),
    Task(
        agent="billing_agent",
        task_type="invoice_correction",
        share=14,
        question="Invoice {number} shows {amount} euros too much. Please correct it.",
        actions=(
            Action("lookup_invoice", {"invoice": "{number}"}, {"invoice": "{number}", "state": "paid"}, 0.3),
            Action("update_invoice", {"invoice": "{number}", "credit": "{amount}"}, {"state": "corrected"}, 0.6),
            EMAIL,
        ),
        key=1,
        answer="Invoice {number} now carries a credit of {amount} euros.",
        articles=1,
        needs_approval=True,
    ),
    Task(
        agent="research_agent",
        task_type="market_summary",
        share=10,
        question="What changed in the market for {item}s this week?",
        actions=(
            Action("search_web", {"query": "{item} market news"}, {"hits": "{days}"}, 1.4),
            Action("fetch_page", {"url": "https://news.example.com/{number}"}, {"title": "{item} prices"}, 0.9),
            Action("write_report", {"title": "{item} market"}, {"pages": "1"}, 0.5),
        ),
        key=1,
        answer="Prices of {item}s moved by {days} percent; two new models were announced.",
        articles=3,
    ),
)
_ITEMS: Final = ("kettle", "grinder", "travel mug", "milk frother", "espresso machine", "scale", "dripper")
_DAMAGE: Final = ("broken", "with a crack", "without its lid", "in the wrong colour", "leaking")
_CUSTOMERS: Final = ("mira", "jonas", "aiko", "lena", "tomás", "priya", "samuel", "ines")


def fill_in(rng: Any) -> dict[str, str]:
    """The facts of one case: item, order, amount, customer."""
    number = rng.randint(1000, 9999)
    return {
        "item": rng.choice(_ITEMS),
        "damage": rng.choice(_DAMAGE),
        "order": f"A-{number}",
        "number": str(number),
        "amount": f"{rng.randint(900, 24900) / 100:.2f}",
        "days": str(rng.randint(2, 6)),
        "customer": (customer := rng.choice(_CUSTOMERS)),
        "email": f"{customer}@example.com",
    }
