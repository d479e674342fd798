"""Decisions as examples: what they hold, and what they say of their executions."""

import json

from hypothesis import given
from hypothesis import strategies as st

from whichstep_analytics import examples
from whichstep_store.expectations import check

AT = 1_795_428_000_000_000_000


def decided(decision="approve", *, arguments='{"to": "ann"}', edited=None, execution="e" * 32, action="send"):
    row = dict.fromkeys((*examples._KEPT, *examples._OUTCOME))
    return examples.of_decision(
        {
            **row,
            "approval_id": "a",
            "execution_id": execution,
            "action": action,
            "arguments": arguments,
            "edited_arguments": edited,
            "decision": decision,
            "created_at": AT,
            "decided_at": AT + 5 * 10**9,
            "used": decision != "reject",
        }
    )


def test_what_was_approved_is_right_and_what_was_edited_is_right_as_edited():
    assert decided()["expectation"] == {"tools": ["send"], "allow_extra": True, "arguments": {"send": [{"to": "ann"}]}}
    assert decided("edit", edited='{"to": "bob"}')["expectation"]["arguments"] == {"send": [{"to": "bob"}]}


def test_a_rejection_does_not_say_what_would_have_been_right():
    assert decided("reject")["expectation"] is None


def test_unknown_outcomes_stay_unknown():
    outcome = decided()["outcome"]
    assert (outcome["used"], outcome["success"], outcome["action_failed"]) == (True, None, None)


def test_arguments_that_are_no_object_are_shown_and_not_expected():
    example = decided(arguments='["x"]')
    assert (example["arguments"], "arguments" in example["expectation"]) == (["x"], False)


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.sampled_from(["send", "wire"]), st.sampled_from(["approve", "edit", "reject"])
        )
    )
)
def test_an_execution_expects_each_call_that_was_allowed_once_and_validly(decisions):
    made = [
        decided(decision, execution=execution * 32, action=action, edited='{"n": 1}' if decision == "edit" else None)
        for execution, action, decision in decisions
    ]
    stated = examples.expectations(json.loads(json.dumps(made)))
    allowed = [(execution * 32, action) for execution, action, decision in decisions if decision != "reject"]
    assert stated.keys() == {execution for execution, _ in allowed}
    for execution, expectation in stated.items():
        assert check(expectation) is None
        assert expectation["tools"] == [action for of, action in allowed if of == execution]
        assert sum(map(len, expectation["arguments"].values())) == len(expectation["tools"])


def test_a_long_input_is_found_among_the_texts_and_kept_cut_where_it_is_not():
    long = "x" * 2000
    preview = long[: examples.PREVIEW_LENGTH]
    assert examples.whole_input(preview, ["y", long]) == long
    assert examples.whole_input(preview, ["y", "[broken", "[1, {}]", '[{"parts": [1, {"content": 2}]}]']) == preview
    said = [
        {"role": role, "parts": [{"type": "text", "content": words}]} for role, words in (("user", "y"), ("user", long))
    ]
    assert examples.whole_input(preview, [json.dumps(said)]) == long
    assert examples.whole_input("short", ["short and more"]) == "short"
    assert examples.whole_input(None, ["y"]) is None
