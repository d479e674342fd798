"""The demo's weeks of history: deterministic, labelled, and with the regression that the figures are to show."""

import datetime as dt
from collections import Counter

import pytest

from whichstep import attributes as names
from whichstep_cli.demo import history
from whichstep_cli.demo.play import TROUBLES, play
from whichstep_cli.demo.tasks import TASKS, fill_in
from whichstep_cli.demo.timeline import ROOT

UNTIL = dt.date(2026, 11, 23)


def planned(weeks=8, seed=1, until=UNTIL):
    return list(history.executions(weeks=weeks, seed=seed, until=until))


def test_the_same_seed_plans_the_same_history_and_another_does_not():
    assert planned(weeks=1) == planned(weeks=1)
    assert {item.execution_id for item in planned(weeks=1)}.isdisjoint(
        item.execution_id for item in planned(weeks=1, seed=2)
    )


def test_a_run_on_a_later_day_repeats_the_days_that_both_cover():
    earlier = {item.execution_id: item for item in planned(weeks=2)}
    later = {item.execution_id: item for item in planned(weeks=2, until=UNTIL + dt.timedelta(days=3))}
    shared = earlier.keys() & later.keys()
    assert len(shared) > 300
    assert all(earlier[key] == later[key] for key in shared)


def test_ids_are_unique_and_every_execution_is_labelled_as_sample_data():
    found = planned()
    assert len({item.execution_id for item in found}) == len(found) > 2000
    for item in found:
        attributes = item.steps[ROOT].attributes
        assert attributes[names.PURPOSE] == "demo"
        assert "sample data" in attributes[names.TAGS]


def test_steps_lie_within_their_execution_and_none_in_the_future():
    for item in planned(weeks=2):
        root, *steps = item.steps
        assert all(root.started_at <= step.started_at <= step.ended_at <= root.ended_at for step in steps)
        assert root.started_at < int(dt.datetime(2026, 11, 23, tzinfo=dt.UTC).timestamp()) * 10**9


@pytest.mark.parametrize("days", range(0, 56, 7))
def test_the_bad_release_fails_far_more_often_than_the_others(days):
    until = UNTIL + dt.timedelta(days=days)
    failed, known, bad = Counter(), Counter(), set()
    for day in (until - dt.timedelta(days=days) for days in range(1, 57)):
        bad |= {history.release_of(day)} if history.is_regressed(day) else set()
    for item in planned(until=until):
        success = item.steps[ROOT].attributes.get(names.OUTCOME_SUCCESS)
        if item.service == "support-agent" and success is not None:
            known[item.release] += 1
            failed[item.release] += not success
    shares = {release: failed[release] / count for release, count in known.items() if count > 150}
    assert bad & shares.keys()
    best = min(shares[release] for release in bad & shares.keys())
    assert best > 1.6 * max(share for release, share in shares.items() if release not in bad)


def test_what_troubles_a_release_troubles_no_other_of_the_window():
    said = {}
    for item in planned():
        for step in item.steps:
            for trouble in TROUBLES:
                if step.failure and trouble.said in step.failure.message:
                    said.setdefault(trouble.said, set()).add(item.release)
    assert len(said) >= 4
    assert all(len(releases) == 1 for releases in said.values())


def test_every_mishap_leaves_its_trace():
    task = next(task for task in TASKS if task.needs_approval)
    kinds = {}
    for mishap in history.MISHAPS:
        import random

        rng = random.Random(3)
        timeline = history._timeline(rng, UNTIL, task, regressed=False)
        timeline.open(task.agent, "q", {})
        ending = play(timeline, task, {**fill_in(rng), "amount": "80.00"}, mishap, TROUBLES[0])
        errors = [step.failure.type for step in timeline.steps if step.failure]
        kinds[mishap] = (tuple(errors), ending.success, ending.failure is not None)
    assert kinds["flaky_tool"] == (("ConnectionResetError",), True, False)
    assert kinds["corrected_arguments"] == (("ValidationError",), True, False)
    assert kinds["rate_limited"] == (("RateLimitError",), True, False)
    assert kinds["gateway_error"] == (("GatewayError",), False, False)
    assert kinds["tool_timeout"] == (("TimeoutError",), False, True)
    assert kinds["loop"] == ((), False, True)
    assert kinds["handed_over"] == ((), None, False)
    assert kinds["asked_for_person"] == ((), None, False)
    assert kinds["failed_and_handed_over"] == (("GatewayError",), None, False)
    assert kinds["rejected"] == (("ApprovalRejected",), False, False)
    assert kinds["wrong_tool"] == (("InvalidStateError",), False, False)
    assert kinds["release_trouble"] == (("ValidationError",), False, False)
    assert len({*kinds.values()}) > 6
