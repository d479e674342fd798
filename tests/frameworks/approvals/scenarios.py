"""What can become of a held action. Standard library only: the agents' processes import it, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whichstep_cli.demo.stories import Say, ToolCall

TICKET = "Clean up after customer Mira, and write to her."
MAIL = {"to": "mira@example.net", "subject": "Your refund", "body": "It is on its way."}
BETTER = {**MAIL, "subject": "Your refund of 39.90 euros"}
MOVES = (
    (ToolCall("delete_any_data", {"what": "orders of Mira"}),),
    (ToolCall("send_external_email", MAIL),),
    Say("I have done what I was allowed to."),
)
"""The model's: the first is blocked, the second held."""
POLICY = """
[[rule]]
id = "mail outside"
action = "send_external_email"
when = 'to not matches "*@example.com"'
risk_level = "approve"

[actions]
send_external_email = "log"
delete_any_data = "block"
"""


@dataclass(frozen=True)
class Scenario:
    """One decision, and what must have run in the end."""

    name: str
    decision: Mapping[str, Any] | None
    """What the reviewer sends; None: nobody decides."""
    ran: tuple[Mapping[str, Any], ...]
    state: str
    """Of the request in the end."""
    told: str | None = None
    """Words that the model is told where it was refused."""


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("approved", {"decision": "approve"}, (MAIL,), "consumed"),
        Scenario("edited", {"decision": "edit", "arguments": BETTER}, (BETTER,), "consumed"),
        Scenario("rejected", {"decision": "reject", "reason": "not to her"}, (), "rejected", "not to her"),
        Scenario("expired", None, (), "expired", "in time"),
    )
}
EXPIRES_IN_SECONDS = {"expired": 2.0}
"""What the agent asks for; the others wait for the policy's four hours."""
