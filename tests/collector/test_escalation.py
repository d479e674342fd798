from __future__ import annotations

import pytest
from rows import row_of

from builders import span
from whichstep_collector.normalising.escalation import brings_in_a_person


@pytest.mark.parametrize(
    "tool",
    ["transfer_to_human_agents", "escalate_to_supervisor", "handoff_to_live_agent", "handoff-to-human", "contact_human", "escalate_ticket",
     "support.transfer_to_person", "route_to_human_operator", "Escalate"],
)  # fmt: skip
def test_a_tool_named_after_a_hand_over_to_a_person_brings_one_in(tool):
    assert brings_in_a_person(tool)


@pytest.mark.parametrize(
    "tool",
    ["transfer_to_billing_agent", "handoff", "get_user_details", "send_external_email", "humanize_text", "transfer_money",
     "lookup_personal_data", "route_message", "deescalate", "operator_lookup"],
)  # fmt: skip
def test_other_tools_do_not(tool):
    assert not brings_in_a_person(tool)


def tool_row(**more):
    attributes = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "transfer_to_human_agents", **more}
    return row_of(span("execute_tool transfer_to_human_agents", attributes=attributes))


def test_a_call_that_brings_in_a_person_is_an_escalation():
    row = tool_row()
    assert (row["type"], row["escalation"]) == ("handoff", "agent")


def test_the_senders_own_reason_comes_first_and_a_call_that_failed_brought_nobody_in():
    assert tool_row(**{"whichstep.escalation": "user"})["escalation"] == "user"
    assert tool_row(**{"error.type": "TimeoutError"})["escalation"] is None


def test_a_call_without_arguments_is_told_from_one_whose_arguments_nobody_sent():
    given, unknown = tool_row(**{"gen_ai.tool.call.arguments": "{}"}), tool_row()
    assert (given["arguments"], unknown["arguments"]) == ("{}", None)
    assert given["arguments_digest"] is not None
    assert unknown["arguments_digest"] is None
