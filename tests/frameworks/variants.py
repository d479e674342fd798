"""What can happen in the story, one thing a variant: the model's moves, which tools fail, what the right reading is.

Standard library only. The names are those of recorded runs elsewhere, so that recordings read alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from whichstep_cli.demo.stories import BY_NAME, Say, ToolCall

TICKET = BY_NAME["refund"].ticket
LIMIT = 6
"""Model calls, or turns, after which an agent that goes round in circles is stopped."""


@dataclass(frozen=True)
class Fault:
    """The model's endpoint answers with an HTTP error: for good, or so many times."""

    status: int
    times: int | None = None


Move = Sequence[ToolCall] | Say | Fault


@dataclass(frozen=True)
class Failing:
    """A step that fails in a variant."""

    type: str
    name: str | None
    error_type: str
    fatal: bool = True
    occurrence: int = 1


@dataclass(frozen=True)
class Variant:
    """One thing that can happen."""

    name: str
    moves: tuple[Move, ...]
    success: bool = True
    failing: tuple[Failing, ...] = ()
    retried: str | None = None
    """The tool that is called again with the same arguments, and then succeeds."""
    wrong_tool: tuple[str, str] | None = None
    """Chosen, expected."""
    decision: str | None = None
    """What the person says to the refund: approved or rejected."""
    hands_over: bool = False
    streams: bool = False
    finds_nothing: bool = False
    loops: bool = False
    history: tuple[tuple[str, str], ...] = ()
    """Role and words of an earlier turn, which the framework is given as its own history and which is not traced."""
    cached_tokens: Mapping[int, int] = field(default_factory=dict)
    """Prompt tokens that the model's provider had in its cache, by number of the answer."""

    def raises(self, tool: str, occurrence: int) -> str | None:
        """The name of the error that a call of a tool ends in, if any."""
        for step in self.failing:
            if step.type == "tool" and (step.name, step.occurrence) == (tool, occurrence):
                return step.error_type
        return None


def _call(tool: str, **arguments: Any) -> tuple[ToolCall, ...]:
    return (ToolCall(tool, arguments),)


LOOK = _call("lookup_order", order_id="A-1042")
REFUND = _call("issue_refund", order_id="A-1042", amount=39.9)
MAIL = _call(
    "send_external_email",
    to="mira@example.com",
    subject="Your refund",
    body="We have paid back 39.90 euros for the broken kettle.",
)
SHIPPING = _call("check_shipping", order_id="A-1042")
FRAUD = _call("check_fraud_score", order_id="A-1042")
DONE = Say("Your 39.90 euros for the broken kettle are on their way back to you.")
UNREACHABLE = Say("I am sorry, our order system cannot be reached at the moment. Please write again later.")
MADE_UP = Say("You may return anything within ninety days for any reason, so the money will be with you tomorrow.")
REFUSED = Say("A colleague did not approve this refund, so I have not paid anything back.")

EARLIER = (("user", "Do you also deliver to Norway?"), ("assistant", "Yes, within five days."))

_HAPPY: tuple[Move, ...] = (LOOK, REFUND, MAIL, DONE)
_NO_ORDERS = Failing("tool", "lookup_order", "OrderServiceError")
VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("v01_happy", _HAPPY, cached_tokens={2: 64}),
        Variant("v01s_happy_stream", _HAPPY, streams=True),
        Variant("v02_tool_error_giveup", (LOOK, UNREACHABLE), success=False, failing=(_NO_ORDERS,)),
        Variant("v02b_tool_error_crashes_run", (LOOK, UNREACHABLE), success=False, failing=(_NO_ORDERS,)),
        Variant(
            "v03_tool_retry_success",
            (LOOK, REFUND, REFUND, MAIL, DONE),
            failing=(Failing("tool", "issue_refund", "RateLimitError", fatal=False),),
            retried="issue_refund",
        ),
        Variant("v03m_model_429_retry", (LOOK, Fault(429, times=1), REFUND, MAIL, DONE)),
        Variant("v04_wrong_tool", (SHIPPING, *_HAPPY), wrong_tool=("check_shipping", "lookup_order")),
        Variant(
            "v05_empty_retrieval",
            (MADE_UP,),
            success=False,
            failing=(Failing("retrieval", "search_help", "empty_retrieval", fatal=False),),
            finds_nothing=True,
        ),
        Variant(
            "v06_llm_500", (LOOK, Fault(500)), success=False, failing=(Failing("llm", None, "InternalServerError"),)
        ),
        Variant(
            "v07_loop_limit", (LOOK,), success=False, failing=(Failing("agent", None, "max_iterations"),), loops=True
        ),
        Variant("v08_handoff", _HAPPY, hands_over=True),
        Variant(
            "v09_parallel_one_fails",
            ((*LOOK, *FRAUD), REFUND, MAIL, DONE),
            failing=(Failing("tool", "check_fraud_score", "FraudServiceTimeoutError", fatal=False),),
        ),
        Variant("v10a_approval_approved", _HAPPY, decision="approved"),
        Variant("v10b_approval_rejected", (LOOK, REFUND, REFUSED), success=False, decision="rejected"),
        Variant("v11_second_turn", _HAPPY, history=EARLIER),
    )
}
