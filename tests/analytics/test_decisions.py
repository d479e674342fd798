"""What people decided: counted of what, how fast, and when it looks as if nobody reads."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whichstep_analytics.decisions import FAST_SECONDS, OUTCOME_SCHEMA, STAMPED_MIN, figures

MONDAY = 1_795_428_000_000_000_000  # 2026-11-23
SECOND = 10**9


def asked(decision=None, *, seconds=10.0, by="ann", used=True, **columns):
    """A request, decided after so many seconds where a decision is given, and used where it allows."""
    yes = decision in ("approve", "edit")
    state = {"approve": "approved", "edit": "edited", "reject": "rejected", None: "pending"}[decision]
    at = None if decision is None else MONDAY + round(seconds * SECOND)
    votes = [] if decision is None else [{"reviewer": by, "decision": decision, "notes": None, "at": at}]
    return {
        "approval_id": "a",
        "action": "send_email",
        "rule": "mail",
        "state": "consumed" if yes and used else state,
        "decision": decision,
        "decided_by": by if decision else None,
        "votes": json.dumps(votes),
        "created_at": MONDAY,
        "decided_at": at,
        "consumed_at": at if yes and used else None,
        "delivered_at": at,
        "success": None,
        "failed": None,
        **columns,
    }


def of(*rows):
    columns = {
        name: pl.Series(name, [row[name] for row in rows], pl.Int64 if kind == pl.Datetime("ns") else kind).cast(kind)
        for name, kind in OUTCOME_SCHEMA.items()
    }
    return figures(pl.DataFrame(columns))


def share(figure):
    return figure["numerator"], figure["denominator"]


def test_of_nothing_every_share_is_unknown_and_no_count_is_missing():
    found = of()
    assert (found["requests"], found["decided"], found["seconds_p50"]) == (0, 0, None)
    assert share(found["approval_rate"]) == (0, 0)
    assert found["approval_rate"]["value"] is found["approval_rate"]["lower"] is None
    assert found["by_action"] == found["by_reviewer"] == found["by_week"] == []


def test_only_what_a_person_decided_counts_as_decided():
    found = of(
        asked("approve"),
        asked("edit"),
        asked("reject"),
        asked(),
        asked(state="expired"),
        asked(state="cancelled"),
        asked("approve", decided_by="policy"),
    )
    counts = [found[name] for name in ("requests", "decided", "pending", "expired", "cancelled")]
    assert counts == [7, 3, 1, 1, 1]
    rates = ("approval_rate", "edit_rate", "rejection_rate", "expired_share")
    assert [share(found[name]) for name in rates] == [(2, 3), (1, 3), (1, 3), (1, 4)]


def test_an_approved_action_can_fail_and_so_can_its_execution():
    found = of(
        asked("approve", success=True, failed=False),
        asked("approve", success=False, failed=True),
        asked("edit", success=False, failed=False),
        asked("approve", success=None, failed=None),
        asked("approve", used=False, success=False),
        asked("reject", success=False),
    )
    assert share(found["approved_then_failed"]) == (2, 3)
    assert share(found["approved_then_error"]) == (1, 3)
    assert share(found["unused_share"]) == (1, 5)


def test_a_decision_that_no_agent_learned_of_is_undelivered():
    found = of(asked("reject", delivered_at=None), asked("reject"), asked("approve", delivered_at=None))
    assert share(found["undelivered_share"]) == (1, 3), "what was used was delivered"


def test_time_to_a_decision_is_by_nearest_rank_and_told_against_thirty_seconds():
    found = of(*(asked("approve", seconds=seconds) for seconds in (1, 5, 30, 31, 600)), asked("reject", seconds=-3))
    assert (found["seconds_p50"], found["seconds_p95"]) == (5.0, 600.0)
    assert share(found["decided_in_time"]) == (4, 6)


@pytest.mark.parametrize(
    ("votes", "sign"),
    [
        ([("approve", 60.0)] * (STAMPED_MIN - 1), None),
        ([("approve", 60.0)] * STAMPED_MIN, "never says no"),
        ([("approve", 60.0)] * STAMPED_MIN + [("reject", 60.0)], None),
        ([("approve", FAST_SECONDS - 1)] * STAMPED_MIN + [("reject", 1.0)], "decides most in less than 3 s"),
        ([("edit", 0.5)] * STAMPED_MIN, "never says no and decides most in less than 3 s"),
    ],
)
def test_signs_of_a_rubber_stamp_are_told_once_there_is_enough_to_tell(votes, sign):
    (found,) = of(*(asked(decision, seconds=seconds) for decision, seconds in votes))["by_reviewer"]
    assert (found["decisions"], found["sign"]) == (len(votes), sign)


def test_where_several_must_agree_each_reviewer_has_their_own_vote():
    votes = [
        {"reviewer": name, "decision": "approve", "notes": None, "at": MONDAY + at * SECOND}
        for name, at in (("ann", 4), ("bob", 40))
    ]
    found = of(asked("approve", seconds=40, by="ann, bob", votes=json.dumps(votes)))["by_reviewer"]
    assert [(row["reviewer"], row["seconds_p50"]) for row in found] == [("ann", 4.0), ("bob", 40.0)]


def test_figures_come_by_action_the_most_frequent_first_and_by_week_in_order():
    later = MONDAY + 7 * 86_400 * SECOND
    found = of(asked("approve", action="pay"), asked("reject"), asked("reject", created_at=later, decided_at=later))
    assert [(row["action"], row["requests"]) for row in found["by_action"]] == [("send_email", 2), ("pay", 1)]
    assert [(row["week"], row["requests"]) for row in found["by_week"]] == [("2026-W48", 2), ("2026-W49", 1)]


@given(st.lists(st.tuples(st.sampled_from(["approve", "edit", "reject", None]), st.floats(0, 1e6)), max_size=30))
def test_every_share_lies_within_its_interval_and_its_parts_add_up(said):
    found = of(*(asked(decision, seconds=seconds) for decision, seconds in said))
    assert sum(row["requests"] for row in found["by_action"]) == found["requests"] == len(said)
    assert found["approval_rate"]["numerator"] + found["rejection_rate"]["numerator"] == found["decided"]
    for figure in (found[name] for name in ("approval_rate", "edit_rate", "decided_in_time")):
        if figure["denominator"]:
            assert 0 <= figure["lower"] <= figure["value"] <= figure["upper"] <= 1
