import json

import polars as pl
import pytest
from frames import NOON, SECOND, agent, call, failed, frame, tool, trace

from whichstep_analytics.job import recompute
from whichstep_analytics.jobs.frames import empty, schema_of
from whichstep_analytics.prices import default_prices
from whichstep_store.digests import digest_of
from whichstep_store.results import EVALUATION_FIELDS, EXPECTATION_FIELDS, NEIGHBOUR_FIELDS

ASKED = "refund order 4711, please"


def stated(tools, *, at=0, **columns):
    row = {"expectation": json.dumps({"tools": tools}), "stated_at": NOON + at * SECOND, **columns}
    schema = schema_of(EXPECTATION_FIELDS)
    return pl.DataFrame({name: pl.Series(name, [row.get(name)]).cast(kind) for name, kind in schema.items()})


def judged(*rows, expectations=(), **given):
    return recompute(
        frame(*(rows or (agent(input=ASKED, task_type="refund", **given), call(2), tool(3, name="a")))),
        empty(EVALUATION_FIELDS),
        empty(NEIGHBOUR_FIELDS),
        pl.concat(expectations) if expectations else None,
        prices=default_prices(),
        as_of=NOON,
    )


def outcome(**options):
    row = judged(**options).executions.row(0, named=True)
    return (
        row["expectation_source"],
        row["expectation"] and json.loads(row["expectation"])["tools"],
        row["tool_accuracy"],
    )


LABEL = stated(["label"], labelled_id=trace(1))
SAME_CASE = stated(["case"], labelled_id=trace(9), task_type="refund", task_id="T-17")
SAME_INPUT = stated(["input"], labelled_id=trace(9), task_type="refund", input_digest=digest_of(ASKED.encode()).hex())
BY_TYPE = stated(["a"], task_type="refund")
CODE = json.dumps({"tools": ["code"]})


def test_a_persons_label_goes_before_code_code_before_an_example_that_before_the_task_type():
    everything = [BY_TYPE, SAME_INPUT, LABEL]
    assert outcome(expectations=everything, expectation=CODE)[:2] == ("label", ["label"])
    assert outcome(expectations=everything[:2], expectation=CODE)[:2] == ("code", ["code"])
    assert outcome(expectations=everything[:2])[:2] == ("example", ["input"])
    assert outcome(expectations=[BY_TYPE]) == ("task_type", ["a"], 1)
    assert outcome() == (None, None, None)


def test_an_example_holds_for_the_same_case_and_for_the_same_input_of_the_task_type():
    assert outcome(expectations=[SAME_CASE], task_id="T-17")[:2] == ("example", ["case"])
    assert outcome(expectations=[SAME_CASE], task_id="T-18")[0] is None
    other_type = SAME_INPUT.with_columns(task_type=pl.lit("order"))
    assert outcome(expectations=[other_type])[0] is None


def test_of_two_statements_of_one_strength_the_latest_counts():
    later = stated(["later"], at=5, task_type="refund")
    for order in ([BY_TYPE, later], [later, BY_TYPE]):
        assert outcome(expectations=order)[:2] == ("task_type", ["later"])


def test_calls_are_compared_and_a_retry_of_a_failed_call_is_no_new_choice():
    rows = (
        agent(expectation=json.dumps({"tools": ["lookup"]})), call(2, asks="lookup"), failed(tool(3)), tool(4), tool(5, name="mail"),
    )  # fmt: skip
    found = judged(*rows)
    row = found.executions.row(0, named=True)
    assert (row["tool_accuracy"], row["tools_called"], row["tools_matched"], row["tool_order"]) == (0.5, 3, 1, 0.5)
    assert found.tool_matches.select("expected", "chosen", "step_id").rows() == [
        ("lookup", "lookup", 3),
        ("(no tool)", "mail", 5),
    ]


@pytest.mark.parametrize("broken", ['{"tools": ["a', "[]", "7"])
def test_an_expectation_that_cannot_be_read_leaves_the_choice_unknown(broken):
    found = judged(expectation=broken)
    row = found.executions.row(0, named=True)
    assert (row["tool_accuracy"], row["expectation_source"]) == (None, "code")
    assert found.tool_matches.is_empty()


def test_an_execution_without_a_step_called_nothing():
    row = judged(agent(expectation='{"tools": []}')).executions.row(0, named=True)
    assert (row["tool_accuracy"], row["tools_called"]) == (1, 0)
