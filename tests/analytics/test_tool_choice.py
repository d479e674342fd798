import polars as pl
import pytest

from analytics_builders import executions
from whichstep_analytics.tool_choice import accuracy, with_accuracy


@pytest.mark.parametrize(
    ("expectation", "called", "expected"),
    [
        ({"tools": ["lookup_order", "issue_refund"]}, ["lookup_order", "issue_refund"], 1),
        ({"tools": ["lookup_order", "issue_refund"]}, ["lookup_order"], 1 / 2),
        ({"tools": ["lookup_order"]}, ["lookup_order", "send_email"], 1 / 2),
        ({"tools": ["lookup_order"]}, ["send_email"], 0),
        ({"tools": ["lookup_order"], "allow_extra": True}, ["lookup_order", "send_email"], 1),
        ({"tools": ["search", "search"]}, ["search"], 1 / 2),
        ({"tools": []}, [], 1),
        ({"tools": []}, ["search"], 0),
        ({"any_of": ["search_web", "search_docs"]}, ["search_docs"], 1),
        ({"tools": ["answer"], "any_of": [["a", "b"], ["c"]]}, ["answer", "c"], 1),
        ({"tools": ["answer"], "any_of": [["a", "b"], ["c"]]}, ["answer", "a"], 2 / 3),
    ],
)
def test_matched_over_matched_missing_and_needless(expectation, called, expected):
    assert accuracy(expectation, called, escalated=False) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("expectation", "called", "escalated", "expected"),
    [
        ({"escalation": True}, ["lookup_order"], True, 1),
        ({"escalation": True}, [], False, 0),
        ({"escalation": False}, [], True, 0),
        ({"tools": ["lookup_order"], "escalation": True}, ["lookup_order"], False, 1 / 2),
        ({"tools": ["lookup_order"], "escalation": False}, ["lookup_order"], True, 1 / 2),
        ({"tools": ["lookup_order"], "escalation": True}, ["lookup_order"], None, 1),
        ({"escalation": True}, [], None, None),
    ],
)
def test_to_escalate_is_an_answer_like_a_tool(expectation, called, escalated, expected):
    assert accuracy(expectation, called, escalated=escalated) == expected


def test_an_expectation_of_something_else_judges_no_tools():
    assert accuracy({"arguments": {"order": 1}}, ["lookup_order"], escalated=False) is None


def test_executions_without_a_readable_expectation_stay_unknown():
    choices = pl.DataFrame(
        {
            "execution_key": [1, 2, 3],
            "expectation": ['{"tools": ["a"]}', '{"tools": ["a', "[]"],
            "tools": [["a"], ["a"], ["a"]],
            "escalated": [False, None, None],
        },
        schema_overrides={"execution_key": pl.UInt64},
    )
    rows = executions([{}, {}, {}, {}]).drop("tool_accuracy")
    assert with_accuracy(rows, choices).sort("execution_key")["tool_accuracy"].to_list() == [1, None, None, None]
