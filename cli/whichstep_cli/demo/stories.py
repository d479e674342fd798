"""The tickets that the example agents answer, and what the scripted model says to each.

A story is a ticket, the model's moves in order, and the actions that a correct answer takes. With a real model only
the ticket and the expected actions matter. The set covers what goes wrong with agents in practice, one thing each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model asks for one tool."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Say:
    """The model answers in words, which ends the run."""

    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """One ticket with the scripted answers to it; the last move repeats for as long as the agent asks."""

    name: str
    task_type: str
    ticket: str
    moves: tuple[ToolCall | Say, ...]
    expected_actions: tuple[str, ...]
    must_mention: str = ""
    """What a right answer says, for tickets that no action answers."""

    def move(self, turn: int) -> ToolCall | Say:
        """What the model says on a turn, counted from 0."""
        return self.moves[min(turn, len(self.moves) - 1)]

    def is_right(self, actions: Sequence[str], answer: str) -> bool:
        """Whether an agent that took these actions and gave this answer did what the ticket asks for."""
        return sorted(actions) == sorted(self.expected_actions) and self.must_mention in answer


def _lookup(order_id: str) -> ToolCall:
    return ToolCall("lookup_order", {"order_id": order_id})


def _refund(order_id: str, amount: float) -> ToolCall:
    return ToolCall("issue_refund", {"order_id": order_id, "amount": amount})


def _email(to: str, subject: str, body: str) -> ToolCall:
    return ToolCall("send_external_email", {"to": to, "subject": subject, "body": body})


STORIES: Final[tuple[Story, ...]] = (
    Story(
        name="refund",
        task_type="refund_request",
        ticket="My kettle from order A-1042 arrived broken. I would like my money back.",
        moves=(
            _lookup("A-1042"),
            _refund("A-1042", 39.90),
            _email("mira@example.com", "Your refund", "We have paid back 39.90 euros for the broken kettle."),
            Say("Your 39.90 euros for the broken kettle are on their way back to you."),
        ),
        expected_actions=("lookup_order", "issue_refund", "send_external_email"),
    ),
    Story(
        name="delivery",
        task_type="delivery_question",
        ticket="When will the delivery of my travel mug, order A-1063, arrive?",
        moves=(
            _lookup("A-1063"),
            Say("Your travel mug is in transit and should be with you within four working days."),
        ),
        expected_actions=("lookup_order",),
    ),
    Story(
        name="flaky_lookup",
        task_type="refund_request",
        ticket="The milk frother of order A-1077 came damaged, please refund it.",
        moves=(
            _lookup("A-1077"),
            _lookup("A-1077"),
            _refund("A-1077", 18.00),
            Say("I have refunded 18.00 euros for the damaged milk frother."),
        ),
        expected_actions=("lookup_order", "issue_refund"),
    ),
    Story(
        name="gateway_down",
        task_type="refund_request",
        ticket="My grinder from order A-1051 is damaged. Refund me.",
        moves=(
            _lookup("A-1051"),
            _refund("A-1051", 119.00),
            Say("I am sorry, I could not issue the refund. Please try again later."),
        ),
        expected_actions=("lookup_order", "issue_refund"),
    ),
    Story(
        name="loop",
        task_type="delivery_question",
        ticket="Where is the delivery of order A-1099?",
        moves=(_lookup("A-1099"),),
        expected_actions=("lookup_order",),
        must_mention="not known yet",
    ),
    Story(
        name="empty_retrieval",
        task_type="product_question",
        ticket="Can I brew espresso at 3000 metres?",
        moves=(Say("Yes, brewing at that altitude works exactly as at home."),),
        expected_actions=(),
        must_mention="do not know",
    ),
    Story(
        name="wrong_tool",
        task_type="delivery_question",
        ticket="Has the kettle of order A-1042 reached me or a neighbour? I was away for its delivery.",
        moves=(
            _lookup("A-1042"),
            _refund("A-1042", 39.90),
            Say("I have refunded your kettle."),
        ),
        expected_actions=("lookup_order",),
    ),
)
BY_NAME: Final[dict[str, Story]] = {story.name: story for story in STORIES}


def story_of(text: str) -> Story | None:
    """The story whose ticket the text contains; none for a text of somebody else's."""
    return next((story for story in STORIES if story.ticket in text), None)
