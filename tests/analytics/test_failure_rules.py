"""Each failure rule alone: what it must fire on, and what looks like it and is not."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from frames import agent, call, failed, results, span, tool

from whichstep_analytics.failure import evidence, rules

Row = dict[str, Any]
Suspects = list[tuple[int, str, int | None]]
_RULES = {rules.name(rule): rule for rule in rules.RULES}


def suspected(rule: str, *rows: Row) -> Suspects:
    """What the rule alone says of one execution: (step, kind, cause)."""
    found = results(*rows)
    expectations = pl.DataFrame(
        [(found.executions["execution_id"][0], row["expectation"]) for row in rows if row["expectation"]],
        schema=evidence.EXPECTATION_SCHEMA,
        orient="row",
    )
    values = {row["span_id"]: row["ungrounded"] for row in rows if "ungrounded" in row}
    known = pl.col("step_id").replace_strict(values or {0: ""}, default=None, return_dtype=pl.String)
    marked = found.steps.with_columns(known.alias("ungrounded"))
    steps = evidence.prepare(marked, found.executions, expectations)
    suspects = rules.fired(steps).filter(pl.col("rule") == rule)
    assert all(suspects["reason"])
    assert all(0 < score <= 1 for score in suspects["score"])
    told = suspects.join(steps.select("at", "step_id"), on="at", maintain_order="left")
    return list(told.select("step_id", "kind", "cause_step_id").iter_rows())


def failure(**columns: Any) -> Row:
    """An agent whose code says that the task was not done."""
    return agent(outcome_success=False, **columns)


def expecting(*tools: str, **more: Any) -> Row:
    return failure(expectation=json.dumps({"tools": list(tools), **more}))


def told(span_id: int, text: str, speaker: str | None = None, **columns: Any) -> Row:
    return call(span_id, output=text, agent=speaker, **columns)


def crew(*turns: tuple[str, str]) -> list[Row]:
    """A failed run of several agents: who says what, from step 2."""
    return [failure(), *(told(number, text, speaker) for number, (speaker, text) in enumerate(turns, 2))]


def search(span_id: int, documents: int, **columns: Any) -> Row:
    return span(span_id, 1, type="retrieval", step_name="policies", document_count=documents, **columns)


def handoff(span_id: int, to: str) -> Row:
    return span(span_id, 1, type="handoff", step_name=to)


ASKS = call(2, asks="lookup")
FIRES: dict[str, list[tuple[list[Row], Suspects]]] = {
    "hard_error": [([failed(agent()), ASKS, failed(tool(3))], [(3, "tool_error", 2)])],
    "loop": [([agent(), ASKS, *(tool(number, result="same") for number in (3, 4, 5))],
              [(1, "loop", 2), (5, "loop", 2), (2, "loop", 2)])],
    "policy_block": [([agent(), ASKS, failed(tool(3), error_type="ActionBlocked")], [(3, "policy_block", 2)])],
    "approval": [
        ([agent(), ASKS, failed(tool(3), error_type="ApprovalRejected")], [(3, "approval_rejected", 2)]),
        ([agent(), ASKS, failed(tool(3), error_type="ApprovalExpired")], [(3, "approval_expired", 2)]),
    ],
    "empty_retrieval": [([agent(), search(2, 0), call(3)], [(2, "empty_retrieval", None)])],
    "gave_up": [([agent(), call(2), told(3, "Sorry, I could not find it.")], [(3, "gave_up", None)])],
    "wrong_tool": [
        ([expecting("lookup"), ASKS, tool(3), call(4, asks="pay"), tool(5, name="pay")], [(5, "wrong_tool", 4)]),
        ([expecting("lookup", "pay"), ASKS, tool(3), call(4)], [(4, "wrong_tool", None)]),
        ([expecting("pay", arguments={"pay": [{"to": "me"}]}), call(2, asks="pay"), tool(3, name="pay")],
         [(3, "wrong_tool", 2)]),
    ],
    "invalid_arguments": [
        ([agent(), ASKS, failed(tool(3), "2 validation errors", "ValidationError"), tool(4)],
         [(3, "invalid_arguments", 2)]),
    ],
    "malformed_output": [
        ([agent(), told(2, 'I will look. <tool_call>{"name": "lookup"}</tool_call>'), call(3)],
         [(2, "malformed_output", None)]),
        ([agent(), ASKS, tool(3, arguments='{"id": 1')], [(3, "malformed_output", 2)]),
    ],
    "context_overflow": [
        ([agent(), call(2, finish_reason="length")], [(2, "context_overflow", None)]),
        ([failure(), call(2, input_tokens=90_000), call(3, input_tokens=9_000)], [(3, "context_overflow", None)]),
    ],
    "ignored_error": [
        ([failure(), ASKS, failed(tool(3)), told(4, "It is on its way.")], [(4, "tool_error", None)]),
    ],
    "error_in_result": [([failure(), ASKS, tool(3, result="Error: user not found")], [(3, "tool_error", 2)])],
    "self_correction": [
        ([failure(), told(2, "It is 12."), told(3, "I made a mistake: it is 13.")], [(2, "wrong_answer", None)]),
        ([failure(), ASKS, tool(3, arguments="a"), call(4, asks="lookup"), tool(5, arguments="b")],
         [(3, "wrong_tool", 2)]),
    ],
    "assumption": [([failure(), told(2, "Let us assume a price of 10.")], [(2, "ungrounded_output", None)])],
    "unchecked_finding": [
        (crew(("lead", "Find the gyms."), ("web", "A, B"), ("lead", "A list of gyms was found."), ("web", "C")),
         [(4, "unknown", None)]),
    ],
    "ungrounded_output": [
        ([failure(), {**told(2, "Refund RF-88 is paid."), "ungrounded": "RF-88"}], [(2, "ungrounded_output", None)]),
    ],
    "unused_retrieval": [
        ([failure(), search(2, 2, result="Amsterdam Rotterdam 2031 Utrecht"), told(3, "Paris, Lyon, Nice since 1999")],
         [(3, "wrong_answer", None)]),
    ],
    "stall": [
        ([failure(), told(2, "I shall now look for the order in the list of orders."),
          told(3, "I shall now look for the order in the list of orders.")], [(3, "loop", None)]),
        ([failure(), ASKS, tool(3, result="x"), tool(4, name="other"), tool(5, result="x")], [(5, "loop", 2)]),
    ],
    "handoff_ping_pong": [
        ([agent(), handoff(2, "billing"), handoff(3, "support"), handoff(4, "billing"), handoff(5, "support")],
         [(5, "loop", None)]),
    ],
    "cut_off": [
        (crew(("lead", "Find it."), ("web", "Looking."), ("lead", "Go on."), ("web", "Scrolling.")),
         [(5, "unknown", None)]),
    ],
    "budget": [([failure(), call(2), told(3, "Max rounds (30) reached.")], [(3, "budget_exceeded", None)])],
    "wrong_answer": [([failure(), ASKS, tool(3), told(4, "90 days")], [(4, "wrong_answer", None)])],
}  # fmt: skip
QUIET: dict[str, list[list[Row]]] = {
    "hard_error": [[agent(), failed(tool(2)), tool(3)], [agent(), tool(2)]],
    "loop": [[agent(), *(tool(number, result=str(number)) for number in (2, 3, 4))]],
    "policy_block": [[agent(), tool(2)]],
    "approval": [[agent(), failed(tool(2), error_type="ApprovalPending")], [agent(), tool(2)]],
    "empty_retrieval": [[agent(), search(2, 3), call(3)], [agent(), tool(2, name="delete", result="{}"), call(3)]],
    "gave_up": [[agent(), tool(2), told(3, "Sorry, I could not find it.")], [agent(), told(2, "Here you are.")]],
    "wrong_tool": [
        [failure(), ASKS, tool(3)],
        [expecting("lookup"), ASKS, tool(3)],
        [expecting("lookup", allow_extra=True), ASKS, tool(3), tool(4, name="pay")],
        [failure(expectation="no JSON"), ASKS, tool(3)],
        [failure(expectation='{"any_of": [["pay"]], "tools": []}'), ASKS, tool(3)],
        [failure(expectation='{"escalation": true}'), ASKS, tool(3)],
    ],
    "invalid_arguments": [[agent(), failed(tool(2), "connection refused", "OSError")], [agent(), tool(2)]],
    "malformed_output": [
        [agent(), call(2, asks="lookup", output="<tool_call>…</tool_call>"), tool(3)],  # something ran it
        [agent(), told(2, "Use the tool_call tag in your template.")],
        [agent(), tool(2, arguments='{"id": 1}'), tool(3, arguments="order 7")],
    ],
    "context_overflow": [
        [agent(), call(2, finish_reason="stop")],
        [failure(), call(2, input_tokens=900), call(3, input_tokens=90)],
        [failure(), call(2, input_tokens=90_000), call(3, input_tokens=9_000, agent="another")],
    ],
    "ignored_error": [
        [failure(), ASKS, failed(tool(3)), told(4, "The lookup failed.")],
        [failure(), ASKS, failed(tool(3)), call(4, asks="lookup", output="")],
        [agent(), ASKS, failed(tool(3)), told(4, "It is on its way.")],  # nobody says that it failed
    ],
    "error_in_result": [[failure(), tool(2, result="2 items")], [agent(), tool(2, result="Error: not found")]],
    "self_correction": [
        [failure(), told(2, "It is 12."), told(3, "So it is 12.")],
        [failure(), tool(2, arguments="a"), tool(3, name="other", arguments="b")],
        [agent(), told(2, "It is 12."), told(3, "Sorry, 13.")],
    ],
    "assumption": [[failure(), told(2, "The price is 10.")], [agent(), told(2, "Let us assume 10.")]],
    "unchecked_finding": [
        crew(("lead", "Find the gyms."), ("web", "A list of gyms was found."), ("lead", "Thank you.")),
        [failure(), told(2, "A list of gyms was found.")],  # nobody is led
    ],
    "ungrounded_output": [
        [failure(), told(2, "Refund RF-88 is paid.")],
        [agent(), {**told(2, "Refund RF-88 is paid."), "ungrounded": "RF-88"}],  # nobody says that it failed
    ],
    "unused_retrieval": [
        [failure(), search(2, 2, result="Amsterdam Rotterdam 2031"), told(3, "Rotterdam, Delft, Leiden")],
        [failure(), search(2, 2, result="Amsterdam Rotterdam 2031"), told(3, "yes")],
    ],
    "stall": [
        [failure(), told(2, "ok"), told(3, "ok")],
        [failure(), tool(2, result="running"), tool(3, result="done")],
        [failure(), told(2, "I shall now look for the order in the list of orders.")],
    ],
    "handoff_ping_pong": [
        [agent(), handoff(2, "billing"), handoff(3, "support"), handoff(4, "billing")],
        [agent(), *(handoff(number, to) for number, to in enumerate("abcabc", 2))],
    ],
    "cut_off": [
        crew(("lead", "Find it."), ("web", "Looking."), ("lead", "Thank you.")),
        crew(("first", "Hello."), ("second", "Hello."), ("third", "Bye.")),  # a conversation
    ],
    "budget": [[failure(), told(2, "The maximum was 30.")], [agent(), told(2, "Max rounds (30) reached.")]],
    "wrong_answer": [[agent(), call(2)], [agent(outcome_success=True), call(2)], [failure(), ASKS, tool(3)]],
}  # fmt: skip


def test_every_rule_has_something_that_it_fires_on_and_something_that_it_does_not() -> None:
    assert set(FIRES) == set(QUIET) == set(_RULES)


@pytest.mark.parametrize(("rule", "rows", "said"), [(rule, *case) for rule, cases in FIRES.items() for case in cases])
def test_the_rule_fires(rule: str, rows: list[Row], said: Suspects) -> None:
    assert suspected(rule, *rows) == said


@pytest.mark.parametrize(("rule", "rows"), [(rule, rows) for rule, cases in QUIET.items() for rows in cases])
def test_the_rule_does_not_fire(rule: str, rows: list[Row]) -> None:
    assert suspected(rule, *rows) == []


def test_of_unexpected_calls_the_first_that_acts_is_the_strongest_suspect_and_looking_is_hardly_one() -> None:
    rows = [expecting("lookup"), tool(2, name="get_order"), tool(3, name="pay"), tool(4, name="refund")]
    found = results(*rows)
    expectations = found.executions.select("execution_id").with_columns(
        pl.lit(rows[0]["expectation"]).alias("expectation")
    )
    suspects = _RULES["wrong_tool"].suspects(evidence.prepare(found.steps, found.executions, expectations))
    scores = dict(suspects.select(pl.col("at") + 1, "score").iter_rows())
    assert scores[3] > scores[4] > scores[2]


def test_rules_do_not_know_the_names_of_agents() -> None:
    def renamed(rows: list[Row]) -> list[Row]:
        return [{**row, "agent": row["agent"] and f"x{row['agent']}"} for row in rows]

    for rule, cases in FIRES.items():
        for rows, said in cases:
            assert suspected(rule, *renamed(rows)) == said, rule
