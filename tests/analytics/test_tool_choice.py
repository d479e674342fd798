import polars as pl
import pytest

from analytics_builders import executions
from whichstep_analytics.metrics import compute
from whichstep_analytics.tool_choice import Call, judge, with_judgements
from whichstep_store.digests import digest_of_value


def calls(*names, **arguments):
    return [Call(name, digest_of_value(arguments[name]).hex() if name in arguments else None) for name in names]


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
    assert judge(expectation, calls(*called), escalated=False).tool_accuracy == pytest.approx(expected)


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
    assert judge(expectation, calls(*called), escalated=escalated).tool_accuracy == expected


def test_an_expectation_of_something_else_judges_no_tools():
    assert judge({"arguments": {"order": 1}}, calls("lookup_order"), escalated=False).tool_accuracy is None


def test_executions_without_a_readable_expectation_stay_unknown():
    choices = pl.DataFrame(
        {
            "execution_key": [1, 2, 3],
            "expectation": ['{"tools": ["a"]}', '{"tools": ["a', "[]"],
            "calls": [[{"tool": "a", "arguments_digest": None, "repeated": False}]] * 3,
            "escalated": [False, None, None],
        },
        schema_overrides={"execution_key": pl.UInt64},
    )
    rows = executions([{}, {}, {}, {}]).drop("tool_accuracy")
    assert with_judgements(rows, choices).sort("execution_key")["tool_accuracy"].to_list() == [1, None, None, None]


REFUND = {"tools": ["lookup", "refund", "refund"], "arguments": {"refund": [{"id": 1}, {"id": 2, "full": True}]}}


@pytest.mark.parametrize(
    ("called", "by_name", "with_arguments"),
    [
        ([Call("lookup"), ("refund", {"id": 1}), ("refund", {"full": True, "id": 2})], 3, 3),
        ([Call("lookup"), ("refund", {"id": 1}), ("refund", {"id": 1})], 3, 2),
        ([Call("lookup"), ("refund", {"id": 3}), Call("refund")], 3, 1),
        ([("refund", {"id": 1}), ("refund", {"id": 1}), ("refund", {"id": 1})], 2, 1),
        ([("mail", {"id": 1})], 0, 0),
    ],
)
def test_calls_match_by_name_and_by_equal_arguments_each_expected_call_once(called, by_name, with_arguments):
    """The order of keys is no difference; unknown arguments match none; a tool without stated ones is right with any."""
    made = [call if isinstance(call, Call) else Call(call[0], digest_of_value(call[1]).hex()) for call in called]
    found = judge(REFUND, made, escalated=None)
    assert (found.tools_expected, found.tools_called) == (3, len(made))
    assert (found.tools_matched, found.calls_matched) == (by_name, with_arguments)


def test_a_call_without_arguments_is_right_where_none_were_expected():
    expectation = {"tools": ["list_all"], "arguments": {"list_all": {}}}
    assert judge(expectation, calls("list_all", list_all={}), escalated=None).calls_matched == 1


def test_a_repeat_of_a_failed_call_is_no_new_choice_but_a_call():
    made = [Call("refund"), Call("refund", repeated=True)]
    found = judge({"tools": ["refund"]}, made, escalated=None)
    assert (found.tool_accuracy, found.tools_called, found.tools_matched) == (1, 2, 1)


def test_recall_and_precision_are_sums_over_executions_with_an_expectation():
    choices = pl.DataFrame(
        {
            "execution_key": [1, 2],
            "expectation": ['{"tools": ["a", "b"]}', '{"tools": ["a"], "escalation": true}'],
            "calls": [
                [{"tool": "a", "arguments_digest": None, "repeated": False}],
                [{"tool": name, "arguments_digest": None, "repeated": False} for name in ("a", "c", "c")],
            ],
            "escalated": [False, False],
        },
        schema_overrides={"execution_key": pl.UInt64},
    )
    rows = with_judgements(executions([{}, {}, {}]).drop("tool_accuracy"), choices)
    figures = {row["metric"]: row for row in compute(rows, as_of=2**62).to_dicts()}
    assert (figures["tool_recall_name"]["numerator"], figures["tool_recall_name"]["denominator"]) == (2, 3)
    assert (figures["tool_precision_name"]["numerator"], figures["tool_precision_name"]["denominator"]) == (2, 4)
    assert (figures["escalation_recall"]["value"], figures["escalation_recall"]["known"]) == (0, 1)
    assert figures["escalation_precision"]["value"] is None
