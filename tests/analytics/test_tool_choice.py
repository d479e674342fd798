import pytest

from whichstep_analytics.tool_choice import NO_TOOL, PERSON, Call, Match, judge
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


@pytest.mark.parametrize(
    ("called", "accuracy", "order"),
    [
        (["a", "b", "c"], 1, 1),
        (["b", "a", "c"], 2 / 4, 1 / 3),
        (["a", "c"], 2 / 3, 2 / 3),
        ([], 0, 0),
        (["a", "x", "b", "c"], 3 / 4, 3 / 4),
    ],
)
def test_where_the_order_matters_only_calls_in_it_match(called, accuracy, order):
    found = judge({"tools": ["a", "b", "c"], "ordered": True}, calls(*called), escalated=None)
    assert (found.tool_accuracy, found.tool_order) == (pytest.approx(accuracy), pytest.approx(order))
    assert judge({"tools": ["a", "b", "c"]}, calls("b", "a", "c"), escalated=None).tool_accuracy == 1


def test_the_order_is_measured_even_where_it_does_not_matter():
    assert judge({"tools": ["a", "b"]}, calls("b", "a"), escalated=None).tool_order == 0
    assert judge({"tools": []}, [], escalated=None).tool_order == 1


def pairs(expectation, called, *, escalated=None):
    return [match[:2] for match in judge(expectation, calls(*called), escalated=escalated).matches]


@pytest.mark.parametrize(
    ("expectation", "called", "expected"),
    [
        ({"tools": ["a", "b"]}, ["b", "x"], [("b", "b"), ("a", "x")]),
        ({"tools": ["a"]}, [], [("a", NO_TOOL)]),
        ({"tools": ["a"]}, ["a", "a"], [("a", "a"), (NO_TOOL, "a")]),
        ({"tools": []}, [], [(NO_TOOL, NO_TOOL)]),
        ({"tools": []}, ["x"], [(NO_TOOL, "x")]),
        ({"tools": ["a", "a", "b"]}, ["a"], [("a", "a"), ("a", NO_TOOL), ("b", NO_TOOL)]),
        ({"tools": ["a"], "allow_extra": True}, ["x"], [("a", NO_TOOL)]),
        ({"any_of": [["a"], ["b"]]}, ["b"], [("b", "b")]),
    ],
)
def test_each_tool_stands_beside_the_one_that_was_chosen_in_its_place(expectation, called, expected):
    assert pairs(expectation, called) == expected


def test_escalation_has_a_place_of_its_own():
    assert pairs({"tools": ["a"], "escalation": True}, ["a"], escalated=False) == [("a", "a"), (PERSON, NO_TOOL)]
    assert pairs({"escalation": False}, [], escalated=True) == [(NO_TOOL, PERSON)]
    assert pairs({"escalation": True}, [], escalated=True) == [(PERSON, PERSON)]
    assert pairs({"escalation": True}, [], escalated=None) == []


def test_a_match_says_which_call_it_was_and_whether_its_arguments_were_right():
    made = [
        Call("refund", digest_of_value(arguments).hex(), step_id=number)
        for number, arguments in enumerate(({"id": 1}, {"id": 1}), start=7)
    ]
    found = judge(
        {"tools": ["refund", "refund"], "arguments": {"refund": [{"id": 1}, {"id": 2}]}}, made, escalated=None
    )
    assert found.matches == (Match("refund", "refund", 7, True), Match("refund", "refund", 8, False))
    assert judge({"tools": ["refund"]}, made[:1], escalated=None).matches[0].arguments_match is None


@pytest.mark.parametrize(
    "odd", [{"tools": 7}, {"tools": "a"}, {"any_of": 3}, {"tools": ["a"], "arguments": [1]}, {"tools": [None]}]
)
def test_an_expectation_of_odd_shape_judges_without_a_crash(odd):
    found = judge(odd, calls("a"), escalated=True)
    assert found.tool_accuracy is None or 0 <= found.tool_accuracy <= 1


def test_ten_thousand_calls_are_judged():
    found = judge({"tools": ["a"] * 5_000 + ["b"]}, calls(*["a"] * 10_000), escalated=None)
    assert (found.tools_matched, found.tools_called, found.tools_expected) == (5_000, 10_000, 5_001)
    assert found.tool_accuracy == pytest.approx(5_000 / 10_001)
