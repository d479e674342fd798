from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from whichstep_analytics.intervals import slope, student, wilson
from whichstep_analytics.metrics import UNITS
from whichstep_analytics.trends import trends

MONDAY = date(2026, 9, 21)
SCHEMA = {
    "week": pl.Date, "purpose": pl.String, "release": pl.String, "task_type": pl.String, "agent": pl.String,
    "environment": pl.String, "metric": pl.String, "numerator": pl.Float64, "denominator": pl.Float64, "n": pl.Int64,
    "known": pl.Int64, "value": pl.Float64, "lower": pl.Float64, "upper": pl.Float64,
}  # fmt: skip


def share(week, events, cases, *, task_type=None, metric="human_escalation_rate"):
    ends = wilson(events, cases) if cases else (None, None, "")
    return {
        "week": MONDAY + timedelta(weeks=week), "purpose": "production", "task_type": task_type, "metric": metric,
        "numerator": events, "denominator": cases, "n": cases, "known": cases,
        "value": events / cases if cases else None, "lower": ends[0], "upper": ends[1],
    }  # fmt: skip


def rows(*given):
    return pl.DataFrame(given, schema=SCHEMA)


def escalation(*given, **options):
    return trends(rows(*given), **options)["human_escalation_rate"]


def test_a_share_that_grows_is_rising_by_points_a_week():
    found = escalation(*(share(week, 100 + 20 * week, 1000) for week in range(8)))
    assert found.slope.value == pytest.approx(0.02, abs=0.001)
    assert found.slope.lower > 0.015
    assert (found.weeks, found.first, found.last, found.slope.direction) == (8, "2026-W39", "2026-W46", "rising")
    assert found.words.startswith("rising by 2.0 points a week (")


def test_a_share_that_only_scatters_has_no_direction():
    found = escalation(*(share(week, 100 + 9 * (-1) ** week, 1000) for week in range(8)))
    assert found.slope.direction == "none"
    assert found.slope.lower < 0 < found.slope.upper
    assert found.words.startswith("no clear direction: -")


def test_fewer_than_three_weeks_make_no_trend_and_say_so():
    found = escalation(share(0, 10, 100), share(1, 20, 100), share(2, 0, 0))
    assert (found.slope, found.words) == (None, None)
    assert found.reason == "2 weeks that are over have a figure; a trend needs 3"
    assert trends(rows())["task_success_rate"].reason.startswith("0 weeks")
    assert set(trends(rows())) == set(UNITS)


def test_a_change_of_the_mix_alone_is_no_trend_with_the_mix_held():
    """Simpson: each task type stays where it is, but the one that escalates more becomes more frequent."""
    given = []
    for week in range(8):
        often = 100 + 100 * week
        given += [
            share(week, often // 2, often, task_type="refund"),
            share(week, (1000 - often) // 10, 1000 - often, task_type="order"),
        ]
    found = escalation(*given)
    assert found.slope.direction == "rising"
    assert found.mix_adjusted.direction == "none"
    assert found.mix_adjusted.value == pytest.approx(0, abs=0.002)
    assert found.disagree
    assert "; with the mix of task types held: no clear direction" in found.words


def test_a_trend_that_every_task_type_shares_needs_no_second_word():
    given = [share(week, 50 + 20 * week, 500, task_type=kind) for week in range(6) for kind in ("refund", "order")]
    found = escalation(*given)
    assert not found.disagree
    assert found.mix_adjusted.value == pytest.approx(found.slope.value, rel=0.05)
    assert "held" not in found.words


def test_groups_of_a_week_are_added_up_not_averaged():
    found = escalation(
        *(
            share(week, events, cases, task_type=str(cases))
            for week in range(3)
            for events, cases in ((90, 100), (100, 900))
        )
    )
    assert found.slope.value == pytest.approx(0, abs=1e-9)
    assert (found.slope.upper - found.slope.lower) < 0.05


def test_a_quantile_is_taken_from_whole_weeks_and_never_added_up_over_groups():
    grouped = rows(*({**share(week, 1, 2, metric="latency_p95"), "value": 1000.0 + week} for week in range(4)))
    assert "cannot be added up" in trends(grouped)["latency_p95"].reason
    whole = grouped.with_columns(value=1000.0 + 100 * pl.int_range(4), numerator=None, denominator=None).with_columns(
        lower=pl.col("value") - 30, upper=pl.col("value") + 40
    )
    found = trends(grouped.clear(), whole)["latency_p95"]
    assert found.slope.value == pytest.approx(100)
    assert found.words.startswith("rising by 100 ms a week")


def test_weeks_of_few_cases_weigh_little():
    odd = share(7, 2, 2)
    found = escalation(*(share(week, 100, 1000) for week in range(7)), odd)
    assert found.slope.direction == "none"


def test_a_line_through_exact_points_is_found_and_scatter_widens_it():
    at, errors = np.arange(6.0), np.full(6, 0.1)
    exact = slope(at, 3 + 2 * at, errors)
    assert exact[0] == pytest.approx(2)
    assert exact[2] - 2 == pytest.approx(1.959964 * 0.1 / np.sqrt(17.5), rel=1e-6)
    scattered = slope(at, 3 + 2 * at + np.array([1, -1, 1, -1, 1, -1]), errors)
    assert scattered[2] - scattered[1] > 5 * (exact[2] - exact[1])


def test_students_quantiles_go_over_into_the_normal():
    assert [student(freedom) for freedom in (1, 5, 30)] == [12.706, 2.571, 2.042]
    assert student(60) == pytest.approx(2.0003, abs=1e-3)
    assert student(10_000) == pytest.approx(1.960, abs=1e-3)
