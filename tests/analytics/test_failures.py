from datetime import datetime, timedelta

import polars as pl

from whichstep_analytics import failures

MONDAY = datetime.fromisoformat("2026-11-16T09:00")  # as the store gives times: UTC without saying so
WEEK = timedelta(days=7)


def failed(*rows):
    """Rows of the query `failure_rows`: (id, start, step path, kind)."""
    return pl.DataFrame(
        [
            (name, start, path, kind, f"reason {name}", f"{path}|{kind}", "desk", f"{path} says <*>")
            for name, start, path, kind in rows
        ],
        schema={
            "execution_id": pl.String,
            "started_at": pl.Datetime("ns"),
            "failing_step_path": pl.String,
            "failure_kind": pl.String,
            "failure_reason": pl.String,
            "failure_signature": pl.String,
            "workflow": pl.String,
            "template": pl.String,
        },
        orient="row",
    )


ROWS = failed(
    ("a", MONDAY, "support/refund", "tool_error"),
    ("b", MONDAY + WEEK, "support/refund", "tool_timeout"),
    ("c", MONDAY + WEEK, "support/answer", "tool_error"),
    ("d", MONDAY, None, "wrong_answer"),
)


def test_failures_are_counted_by_step_with_their_share_and_the_latest_first():
    found = failures.compute(ROWS, by="step", old=()).to_dicts()
    assert [(group["value"], group["count"], group["share"]) for group in found] == [
        ("support/refund", 2, 0.5),
        ("support/answer", 1, 0.25),
        ("", 1, 0.25),
    ]
    assert found[0]["examples"] == ["b", "a"]
    assert found[0]["reason"] == "reason b"
    assert (found[0]["first_seen"], found[0]["last_seen"]) == (MONDAY, MONDAY + WEEK)


def test_failures_are_counted_by_kind_and_by_signature():
    assert failures.compute(ROWS, by="kind", old=()).select("value", "count").rows()[0] == ("tool_error", 2)
    assert set(failures.compute(ROWS, by="signature", old=())["count"]) == {1}


def test_a_group_says_what_all_of_it_have_in_common():
    found = failures.compute(ROWS, by="step", old=()).to_dicts()[0]
    assert (found["workflow"], found["step"], found["kind"]) == ("desk", "support/refund", None)
    one = failures.compute(ROWS, by="signature", old=()).filter(pl.col("value") == "support/refund|tool_error")
    assert one.select("step", "kind", "template").row(0) == ("support/refund", "tool_error", "support/refund says <*>")


def test_at_most_five_examples_are_given():
    many = failed(*((str(number), MONDAY + timedelta(seconds=number), "p", "k") for number in range(9)))
    assert failures.compute(many, by="step", old=())["examples"][0].to_list() == ["8", "7", "6", "5", "4"]


def test_shuffled_rows_give_the_same_groups():
    assert failures.compute(ROWS[[2, 0, 3, 1]], by="step", old=()).equals(failures.compute(ROWS, by="step", old=()))


def test_no_failures_give_no_groups():
    assert failures.compute(failed(), by="step", old=()).is_empty()
    assert failures.weekly(failed(), by="step", weeks=["2026-W47"]) == {}


def test_weeks_without_a_failure_are_0():
    weekly = failures.weekly(ROWS, by="step", weeks=["2026-W46", "2026-W47", "2026-W48"])
    assert weekly == {"support/refund": [0, 1, 1], "support/answer": [0, 0, 1], "": [0, 1, 0]}


RELEASES = pl.DataFrame({"release": ["1.0", "1.1", None], "first_seen": [MONDAY, MONDAY + WEEK, MONDAY]})
HISTORY = pl.DataFrame(
    {
        "release": ["1.0", "1.1", "1.1", None],
        "failing_step_path": ["refund", "refund", "answer", "odd"],
        "failure_kind": ["tool_error", "tool_error", "tool_error", None],
        "failure_signature": ["s1", "s1", "s2", None],
    }
)


def test_a_failure_is_new_when_only_the_latest_release_has_it():
    latest = failures.latest_release(RELEASES)
    assert latest == "1.1"
    assert failures.known_before(HISTORY, RELEASES, latest, by="step") == {"refund", "odd"}
    assert failures.known_before(HISTORY, RELEASES, latest, by="kind") == {"tool_error", ""}
    groups = failures.compute(
        failed(("a", MONDAY, "answer", "k"), ("b", MONDAY, "refund", "k")), by="step", old={"refund"}
    )
    assert dict(groups.select("value", "is_new").rows()) == {"answer": True, "refund": False}


def test_with_one_release_nothing_is_new():
    only = RELEASES.filter(pl.col("release") == "1.0")
    assert failures.latest_release(only) is None
    assert failures.latest_release(RELEASES, among=["1.0"]) is None
    assert failures.known_before(HISTORY, only, None, by="step") == {"refund", "answer", "odd"}
