import json

import pytest

from whichstep_store.expectations import ExpectationsError, check, parse

WHOLE = """
# what is right
[refund_request]
tools = ["lookup_order", "issue_refund"]
ordered = true
[refund_request.arguments]
issue_refund = { order = 1 }

[small_talk]
tools = []

["odd name"]
any_of = [["search"], ["lookup_order", "search"]]
allow_extra = true
escalation = false
"""


def test_a_file_says_for_each_task_type_what_is_right():
    found = {task_type: json.loads(text) for task_type, text in parse(WHOLE, source="e.toml").items()}
    assert found["refund_request"] == {
        "tools": ["lookup_order", "issue_refund"], "ordered": True, "arguments": {"issue_refund": {"order": 1}},
    }  # fmt: skip
    assert found["small_talk"] == {"tools": []}
    assert found["odd name"]["any_of"] == [["search"], ["lookup_order", "search"]]
    assert parse("", source="e.toml") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[a]\ntools = ['x']\n[b]\n\ntool = ['x']\n",
            r"e\.toml, line 5: tool of b is no key of an expectation; keys are tools, ordered",
        ),
        ("[a]\ntools = ['x']\nordered = 'yes'\n", r"line 3: ordered of a is \"yes\"; write true or false"),
        ("[a]\ntools = 'x'\n", r"line 2: tools of a is \"x\"; write a list of names"),
        ("[a]\nany_of = []\n", "line 2: any_of of a is .*; write a list of alternatives"),
        ("[a]\ntools = ['x']\n[a.argument]\nx = 1\n", "line 3: argument of a is no key"),
        ("[a]\ntools = ['x']\narguments = { x = 1 }\n", "line 3: arguments of a is"),
        (
            "[a]\nordered = true\n",
            "line 1: tools of a an expectation says what is right: give tools, any_of or escalation",
        ),
        ("\ntools = ['x']\n", r"line 2: 'tools' is no table; write \[tools\]"),
        ("[a\n", r"e\.toml: .*line 1"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(text, said):
    with pytest.raises(ExpectationsError, match=said):
        parse(text, source="e.toml")


def test_an_expectation_without_a_fault_has_none():
    assert check({"escalation": True}) is None
    assert check({"tools": []}) is None
    assert check({"tools": [""]}).startswith("tools: is")
