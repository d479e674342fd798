"""Success and failure by how far an execution has come."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.frames import agent, call, failed, results, tool
from analytics.test_answers import NOW, execution, failure, put
from whichstep_analytics import drift
from whichstep_analytics.answers import Answers
from whichstep_store.filters import FilterError, Filters
from whichstep_store.store import Store

SCHEMA = {
    "success": pl.Boolean, "turn": pl.Int32, "calls": pl.Int32, "context": pl.Int64,
    "failing_call": pl.Int32, "failing_context": pl.Int64,
}  # fmt: skip


def came(*rows: tuple[bool | None, int | None, int, int | None, int | None, int | None]) -> pl.DataFrame:
    """Executions: success, turn, calls, context, failing call, failing context."""
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


ROWS = came(
    (True, 1, 1, 500, None, None),
    (True, 2, 5, 3_000, None, None),
    (False, 2, 5, 3_000, 2, 1_500),
    (False, 3, 2, None, None, None),
    (None, 3, 2, 900, None, None),
)


def test_an_execution_counts_in_every_bucket_of_calls_that_it_reached_and_fails_in_one():
    found = drift.compute(ROWS, by="calls").to_dicts()
    assert [(row["bucket"], row["n"], row["known"], row["succeeded"], row["failed_here"]) for row in found] == [
        ("1", 5, 4, 2, 0),
        ("2", 4, 3, 1, 1),
        ("3", 2, 2, 1, 0),
        ("4 to 5", 2, 2, 1, 0),
    ]
    assert found[1]["failure"] == pytest.approx(1 / 3)
    assert found[1]["failure_lower"] < 1 / 3 < found[1]["failure_upper"]
    assert drift.unplaced(ROWS, by="calls") == 1


def test_a_turn_is_an_execution_of_its_own():
    found = drift.compute(ROWS, by="turn").to_dicts()
    assert [(row["bucket"], row["n"], row["known"], row["failed_here"]) for row in found] == [
        ("1", 1, 1, 0),
        ("2", 2, 2, 1),
        ("3", 2, 1, 1),
    ]
    assert drift.unplaced(ROWS, by="turn") == 0


def test_context_is_told_in_tokens_and_an_unknown_one_is_in_no_bucket():
    found = drift.compute(ROWS, by="context").to_dicts()
    assert [(row["bucket"], row["n"], row["failed_here"]) for row in found] == [
        ("under 1,000", 4, 0),
        ("1,000 to 1,999", 2, 1),
        ("2,000 to 3,999", 2, 0),
    ]


def test_where_no_outcome_is_known_the_shares_are_unknown_and_not_zero():
    (row,) = drift.compute(came((None, 1, 1, 500, None, None)), by="calls").to_dicts()
    assert (row["n"], row["known"], row["success"], row["failure"], row["failure_upper"]) == (1, 0, None, None, None)


@pytest.mark.parametrize("by", list(drift.DIMENSIONS))
def test_nothing_has_no_buckets_and_no_trend(by):
    found = drift.compute(came(), by=by)
    assert (found.schema, found.height) == (drift.SCHEMA, 0)
    assert drift.trend(found).direction == "unknown"


def of_turns(*counts: tuple[int, int]) -> pl.DataFrame:
    """Executions, (failed, succeeded) a turn."""
    rows = [(success, turn, 1, None, None, None) for turn, (bad, good) in enumerate(counts, start=1)
            for success in [False] * bad + [True] * good]  # fmt: skip
    return drift.compute(came(*rows), by="turn")


def test_a_failure_share_that_grows_with_the_turns_is_called_rising():
    found = drift.trend(of_turns((2, 98), (8, 92), (20, 80)))
    assert (found.direction, found.words) == (
        "rises",
        "the failure share rises: from 2.0% at 1 to 20.0% at 3 (p < 0.001)",
    )
    assert drift.trend(of_turns((20, 80), (8, 92), (2, 98))).direction == "falls"


def test_the_test_gives_the_figures_of_armitage_1955():
    """Worked by hand from the formula."""
    found = drift.trend(of_turns((1, 9), (2, 8), (3, 7)))
    # T = Σ score (f - n p) = 0·(1-2) + 1·(2-2) + 2·(3-2) = 2; V = p q Σ n (score - 1)² = 0.2 · 0.8 · 20 = 3.2
    assert found.p_value == pytest.approx(0.2636, abs=1e-4)  # z = 2 / √3.2 = 1.118
    assert found.direction == "flat"


def test_no_failures_at_all_are_flat():
    assert drift.trend(of_turns((0, 5), (0, 5))) == ("flat", None, "no failure in any bucket")


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(1, 30), st.integers(1, 30)), max_size=30))
def test_every_placed_failure_stands_in_one_bucket(rows):
    executions = came(*((ok, None, max(calls, at), None, at if ok is False else None, None) for ok, calls, at in rows))
    found = drift.compute(executions, by="calls")
    assert found["failed_here"].sum() == sum(ok is False for ok, _, _ in rows)
    assert ((found["failure"].is_null()) | found["failure"].is_between(0, 1)).all()


def test_an_execution_knows_how_far_it_had_come_when_it_failed():
    rows = (agent(outcome_success=False), call(2, input_tokens=100), tool(3), call(4, input_tokens=900), failed(tool(5)),
            call(6, input_tokens=2_000))  # fmt: skip
    (found,) = results(*rows).executions.to_dicts()
    assert (found["llm_call_count"], found["context_tokens_max"]) == (3, 2_000)
    assert (found["failing_call"], found["failing_context_tokens"]) == (2, 900)


def test_a_good_execution_failed_nowhere():
    (found,) = results(agent(), call(2, input_tokens=100)).executions.to_dicts()
    assert (found["context_tokens_max"], found["failing_call"], found["failing_context_tokens"]) == (100, None, None)


def test_the_answer_counts_what_ended_and_matches(tmp_path):
    with Store.open(tmp_path / "data", clock=lambda: NOW) as store:
        put(
            store,
            execution(1, turn=1, llm_call_count=2, context_tokens_max=800),
            failure(2, turn=2, llm_call_count=3, failing_call=3, context_tokens_max=900, failing_context_tokens=900),
            execution(3, status="running", success=None),
            execution(4, release="2.0"),
        )
        answers = Answers(store, clock=lambda: NOW)
        found = answers.drift(Filters(release=("1.0",)))
        assert (found["executions"], found["known"], found["failed"]) == (2, 2, 1)
        assert [dimension["by"] for dimension in found["dimensions"]] == ["turn", "calls", "context"]
        assert answers.drift(Filters(), by=["calls"])["dimensions"][0]["buckets"][2]["failed_here"] == 1
        with pytest.raises(FilterError, match="turn, calls, context"):
            answers.drift(Filters(), by=["mood"])
