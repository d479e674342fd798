from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics_builders import HOUR, executions, filled, profiled
from whichstep_analytics.intervals import ClusterSums, bootstrap, clustered_wilson, ranks, wilson
from whichstep_analytics.metrics import EIGHT, METRICS, compute
from whichstep_analytics.metrics.definitions import QUANTILES, RATIOS, SHARES
from whichstep_analytics.metrics.figures import contain
from whichstep_analytics.metrics.reference import SENTENCES, reference


def figures(rows, **options):
    """The figures of one group by metric."""
    frame = compute(executions(rows), **options)
    return {row["metric"]: row for row in frame.iter_rows(named=True)}


def test_every_metric_is_given_in_the_order_of_the_overview():
    frame = compute(executions([{}]))
    assert tuple(frame["metric"]) == METRICS
    assert tuple(frame["metric"])[:8] == EIGHT


def test_success_is_successes_over_known_outcomes():
    rows = [{"success": True}] * 6 + [{"success": False}] * 2 + [{"success": None, "success_source": None}] * 2
    figure = figures(rows)["task_success_rate"]
    assert (figure["value"], figure["numerator"], figure["denominator"]) == (0.75, 6, 8)
    assert (figure["n"], figure["known"], figure["coverage"]) == (10, 8, 0.8)
    assert (figure["bound_lower"], figure["bound_upper"]) == (0.6, 0.8)
    assert (figure["lower"], figure["upper"], figure["method"]) == wilson(6, 8)
    assert figure["reason"] is None


def test_where_only_failures_were_inferred_there_is_no_point_value():
    rows = [{"success": False, "success_source": "inferred"}] + [{"success": None, "success_source": None}] * 19
    figure = figures(rows)["task_success_rate"]
    assert figure["value"] is figure["lower"] is figure["upper"] is None
    assert (figure["bound_lower"], figure["bound_upper"]) == (0, 0.95)
    assert figure["reason"] == "only failures were inferred: unknown, at most 95.0%"


def test_one_told_outcome_makes_inferred_failures_count():
    rows = [{"success": False, "success_source": "inferred"}, {}, {"success": None, "success_source": None}]
    assert figures(rows)["task_success_rate"]["value"] == 0.5


def test_failures_alone_are_a_value_when_nothing_is_unknown():
    rows = [{"success": False, "success_source": "inferred", "status": "error"}] * 3
    assert figures(rows)["task_success_rate"]["value"] == 0


def test_without_any_outcome_success_is_unknown_and_says_what_to_do():
    figure = figures([{"success": None, "success_source": None}] * 3)["task_success_rate"]
    assert (figure["value"], figure["numerator"], figure["denominator"]) == (None, None, None)
    assert (figure["n"], figure["known"], figure["coverage"]) == (3, 0, 0)
    assert "no outcome is known" in figure["reason"]


def test_without_a_policy_violations_are_unknown_and_not_0():
    figure = figures([{}] * 5)["policy_violation_rate"]
    assert (figure["value"], figure["reason"]) == (None, "no execution ran under a policy")


def test_violations_are_counted_among_executions_under_a_policy():
    figure = figures([{"violated": True}] + [{"violated": False}] * 3 + [{}] * 6)["policy_violation_rate"]
    assert (figure["value"], figure["denominator"], figure["known"], figure["n"]) == (0.25, 4, 4, 10)
    assert (figure["bound_lower"], figure["bound_upper"]) == (0.25, 0.25)


def test_errors_are_counted_among_ended_executions():
    rows = [{"status": "error"}, {}, {}, {"status": "running"}, {"status": "waiting"}, {"status": "abandoned"}]
    figure = figures(rows)["error_rate"]
    assert (figure["numerator"], figure["denominator"], figure["n"]) == (1, 3, 6)
    assert (figure["bound_lower"], figure["bound_upper"]) == (pytest.approx(1 / 6), pytest.approx(4 / 6))


def test_escalations_are_counted_over_all_and_by_reason():
    rows = [
        {"escalated": True, "escalation_reason": "policy"},
        {"escalated": True, "escalation_reason": "user"},
        {"escalated": True},
        {},
    ]
    found = figures(rows)
    assert found["human_escalation_rate"]["value"] == 0.75
    assert found["human_escalation_rate.policy"]["value"] == 0.25
    assert found["human_escalation_rate.agent"]["value"] == 0


def test_latency_is_the_nearest_rank_of_active_time_of_what_ended():
    rows = [{"active_ms": float(n), "latency_ms": 10.0 * n} for n in range(1, 101)]
    found = figures([*rows, {"status": "running", "active_ms": 9e9}, {"status": "waiting", "active_ms": 9e9}])
    figure = found["latency_p95"]
    assert (figure["value"], figure["lower"], figure["upper"]) == (95, 90, 100)
    assert (figure["n"], figure["known"], figure["unit"], figure["method"]) == (102, 100, "ms", "order statistics")
    # Nearest rank of 102 is 97: as if the two were the longest, then (97 - 2) the shortest.
    assert (figure["bound_lower"], figure["bound_upper"]) == (95, 97)
    assert found["latency_p95_wall"]["value"] == 950


def test_too_few_values_leave_the_upper_end_open():
    figure = figures([{"active_ms": float(n)} for n in range(1, 21)])["latency_p95"]
    assert (figure["value"], figure["lower"], figure["upper"]) == (19, 17, None)


def test_many_unknown_durations_leave_no_upper_bound():
    figure = figures([{"active_ms": 5.0}] * 9 + [{"status": "running"}])["latency_p95"]
    assert (figure["value"], figure["bound_lower"], figure["bound_upper"]) == (5, 5, None)


def test_cost_counts_all_attempts_and_each_task_once():
    rows = [
        {"task_key": 1, "status": "error", "cost_usd": 0.3},
        {"task_key": 1, "cost_usd": 0.5},
        {"task_key": 2, "cost_usd": 0.2},
    ]
    figure = figures(rows)["cost_per_task"]
    assert (figure["numerator"], figure["denominator"]) == (pytest.approx(1.0), 2)
    assert figure["value"] == pytest.approx(0.5)
    assert figure["unit"] == "usd"
    assert figure["lower"] <= figure["value"] <= figure["upper"]


def test_an_unpriced_execution_leaves_both_sides_and_is_said():
    figure = figures([{"cost_usd": 0.4}, {"cost_usd": 0.2}, {"cost_usd": None}])["cost_per_task"]
    assert (figure["value"], figure["denominator"]) == (pytest.approx(0.3), 2)
    assert (figure["known"], figure["n"]) == (2, 3)
    assert (figure["bound_lower"], figure["bound_upper"]) == (pytest.approx(0.2), None)


def test_without_any_price_the_cost_is_unknown_and_not_0():
    figure = figures([{"cost_usd": None}] * 2)["cost_per_task"]
    assert figure["value"] is None
    assert "known price" in figure["reason"]


def test_without_a_completed_task_the_cost_per_task_is_unknown():
    assert figures([{"status": "error", "cost_usd": 1.0}])["cost_per_task"]["value"] is None


def test_failures_make_a_success_dearer():
    rows = [{"cost_usd": 0.1}, {"cost_usd": 0.1, "success": False}, {"success": None, "cost_usd": 9.0}]
    found = figures(rows)
    assert found["cost_per_successful_task"]["value"] == pytest.approx(0.2)
    assert found["cost_per_successful_task"]["known"] == 2


def test_waste_is_a_share_of_cost():
    figure = figures([{"cost_usd": 3.0, "wasted_cost_usd": 1.0}, {"cost_usd": 1.0}])["wasted_cost_share"]
    assert (figure["value"], figure["unit"]) == (0.25, "share")
    assert figure["upper"] <= 1


def test_tokens_are_counted_per_completed_task():
    figure = figures([{"tokens": 100, "task_key": 7}, {"tokens": 300, "task_key": 7}, {"tokens": None}])[
        "tokens_per_task"
    ]
    assert (figure["value"], figure["known"], figure["n"]) == (400, 2, 3)


def test_tool_selection_is_averaged_where_the_right_tools_are_known():
    figure = figures([{"tool_accuracy": 1.0}, {"tool_accuracy": 0.5}, {}, {}])["tool_selection_accuracy"]
    assert (figure["value"], figure["known"], figure["coverage"]) == (0.75, 2, 0.5)
    assert (figure["bound_lower"], figure["bound_upper"]) == (0.375, 0.875)


def test_tool_selection_is_unknown_without_expectations():
    frame = compute(executions([{}]))
    figure = frame.row(by_predicate=pl.col("metric") == "tool_selection_accuracy", named=True)
    assert figure["value"] is None
    assert "whichstep.expect" in figure["reason"]


def test_sessions_that_repeat_widen_the_interval():
    alike = [{"success": number % 2 == 0, "cluster_key": number} for number in range(20) for _ in range(5)]
    apart = [{**row, "cluster_key": place} for place, row in enumerate(alike)]
    clustered, plain = figures(alike)["task_success_rate"], figures(apart)["task_success_rate"]
    assert clustered["value"] == plain["value"]
    assert clustered["lower"] < plain["lower"]
    assert clustered["method"] == "wilson, clustered"


def test_nothing_gives_figures_of_nothing():
    found = figures([])
    assert set(found) == set(METRICS)
    assert all(
        row["value"] is None and row["n"] == 0 and row["reason"] == "no execution matches" for row in found.values()
    )
    assert all(row["coverage"] is None for row in found.values())


def test_nothing_has_no_groups():
    assert compute(executions([]), by=["release"]).is_empty()


def test_groups_hold_what_has_no_value_apart():
    rows = [{"release": "2"}, {"release": "1", "success": False}, {"success": None}]
    frame = compute(executions(rows), by=["release"]).filter(pl.col("metric") == "task_success_rate")
    assert frame.select("release", "value", "n").rows() == [("1", 0.0, 1), ("2", 1.0, 1), (None, None, 1)]


def test_days_and_iso_weeks_are_of_the_start_in_utc():
    sunday = int(datetime(2026, 11, 22, 23, 59, tzinfo=UTC).timestamp()) * 10**9
    frame = compute(executions([{"started_at": sunday}, {"started_at": sunday + HOUR}]), by=["day", "week"])
    assert frame.select("day", "week").unique(maintain_order=True).rows() == [
        ("2026-11-22", "2026-W47"),
        ("2026-11-23", "2026-W48"),
    ]


def test_an_outcome_of_a_sample_stands_for_the_executions_that_it_was_drawn_from():
    """900 of which a tenth was judged, and 100 that ended in an error and are failures for certain."""
    judged = [{"success": number % 3 > 0, "success_source": "human", "outcome_weight": 10.0} for number in range(90)]
    unseen = [{"success": None, "success_source": None}] * 810
    failed = [{"success": False, "success_source": "inferred"}] * 100
    figure = figures([*judged, *unseen, *failed])["task_success_rate"]
    assert figure["value"] == pytest.approx(600 / 1000)
    assert (figure["known"], figure["n"], figure["method"]) == (190, 1000, "wilson, weighted")
    assert (figure["numerator"], figure["denominator"]) == (600, 1000)
    assert (figure["bound_lower"], figure["bound_upper"]) == (60 / 1000, 1 - 130 / 1000)
    plain = figures([{**row, "outcome_weight": None} for row in (*judged, *failed)])["task_success_rate"]
    assert plain["value"] == pytest.approx(60 / 190)
    width, narrow = figure["upper"] - figure["lower"], wilson(600, 1000)
    assert width > narrow.upper - narrow.lower, "190 judged are no 1,000"


def test_equal_weights_change_no_share():
    rows = [{"success": number < 30, "success_source": "human"} for number in range(50)]
    weighted = figures([{**row, "outcome_weight": 4.0} for row in rows])["task_success_rate"]
    plain = figures(rows)["task_success_rate"]
    assert (weighted["value"], weighted["lower"], weighted["upper"]) == pytest.approx(
        (plain["value"], plain["lower"], plain["upper"]), rel=0.02
    )


def test_witnesses_that_disagree_are_counted_among_known_outcomes():
    rows = [{"success_disputed": True}, {"success_disputed": False}, {"success_disputed": None}]
    assert figures(rows)["disputed_outcome_rate"]["value"] == 0.5


def test_every_metric_is_explained_and_the_page_is_current():
    page = Path(__file__).parents[2] / "docs" / "figures.md"
    assert set(SENTENCES) == set(METRICS)
    assert page.read_text() == reference(), "write it again: make docs"


maybe = st.none() | st.booleans()
row = st.fixed_dictionaries(
    {
        "task_key": st.integers(1, 5),
        "cluster_key": st.integers(1, 4),
        "release": st.sampled_from(["1", "2", None]),
        "status": st.sampled_from(["ok", "error", "running", "waiting", "abandoned"]),
        "success": maybe,
        "success_source": st.sampled_from(["human", "code", "inferred", None]),
        "first_pass": maybe,
        "outcome_weight": st.none() | st.floats(1, 50),
        "self_corrected": maybe,
        "escalated": maybe,
        "violated": maybe,
        "active_ms": st.none() | st.floats(0, 1e6),
        "cost_usd": st.none() | st.floats(0, 100),
        "wasted_cost_usd": st.just(0.0),
        "tokens": st.none() | st.integers(0, 10**6),
        "tool_accuracy": st.none() | st.floats(0, 1),
        "tools_expected": st.none() | st.integers(0, 5),
        "tools_called": st.integers(0, 5),
        "tools_matched": st.just(0),
    }
)


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=30), st.randoms(use_true_random=False))
def test_whatever_the_rows_ends_hold_the_value_and_order_does_not_matter(rows, random):
    found = compute(executions(rows), by=["release"])
    for figure in found.iter_rows(named=True):
        _check(figure)
    random.shuffle(rows)
    again = compute(executions(rows), by=["release"])
    assert_frame_equal(again, found, rel_tol=1e-6, abs_tol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(row, max_size=60))
def test_figures_are_those_of_counting_one_execution_after_the_other(rows):
    frame = filled(rows)
    found = {(row["release"], row["metric"]): row for row in compute(profiled(frame), by=["release"]).to_dicts()}
    weighted = frame["outcome_weight"].count() > 0  # one sampled outcome makes every group an estimate
    for (release,), inside in frame.group_by("release"):
        for metric, expected in counted(inside, weighted=weighted).items():
            figure = {name: found[release, metric][name] for name in expected}
            assert _numbers(figure) == pytest.approx(_numbers(expected), rel=1e-9), (release, metric)


def _numbers(figure):
    return {name: -1.0 if value is None else value for name, value in figure.items()}


def counted(frame, *, weighted):
    """What is known of each figure of one group, cluster by cluster in plain dictionaries."""
    shares = {share.metric: _share(frame, share) for share in SHARES if not (weighted and share.outcome)}
    quantiles = {quantile.metric: _quantile(frame, quantile) for quantile in QUANTILES}
    return shares | quantiles | {ratio.metric: _ratio(frame, ratio) for ratio in RATIOS}


def _share(frame, share):
    clusters = defaultdict(lambda: [0, 0])
    for key, event in frame.select("cluster_key", event=share.event).rows():
        clusters[key][0] += bool(event)
        clusters[key][1] += event is not None
    sums = _sums(clusters.values())
    told = frame["success_source"].fill_null("inferred").ne("inferred").any()
    if not sums.m or (share.outcome and not told and sums.m < frame.height):
        return {"known": sums.m, "value": None}
    interval = clustered_wilson(sums)
    return {"known": sums.m, "value": sums.y / sums.m, "lower": interval.lower, "upper": interval.upper}


def _quantile(frame, quantile):
    values = np.sort(frame.filter(quantile.among)[quantile.value].drop_nulls().to_numpy())
    if not len(values):
        return {"known": 0, "value": None}
    at = ranks(len(values), quantile.quantile)
    upper = None if at.upper is None else values[at.upper - 1]
    return {"known": len(values), "value": values[at.quantile - 1], "upper": upper}


def _ratio(frame, ratio):
    known = ratio.among & pl.all_horizontal(pl.col(name).is_not_null() for name in ratio.known)
    of = pl.col(ratio.denominator) if isinstance(ratio.denominator, str) else ratio.denominator
    columns = {"known": known, "y": pl.col(ratio.numerator), "m": of.cast(pl.Float64)}
    tasks, cases = defaultdict(lambda: [0.0, 0.0]), 0
    for key, is_known, y, m in frame.select("task_key", **columns).rows():
        if is_known:
            cases += 1
            tasks[key][0] += y or 0
            tasks[key][1] = max(tasks[key][1], m or 0) if ratio.kind == "per_task" else tasks[key][1] + (m or 0)
    sums = _sums(tasks.values())
    if not sums.m:
        return {"known": cases, "value": None}
    interval = contain(bootstrap(*map(np.array, zip(*tasks.values(), strict=True))), sums.y / sums.m)
    upper = interval.upper
    if upper is not None and ratio.kind != "per_task":
        upper = min(upper, 1.0)
    return {"known": cases, "value": sums.y / sums.m, "lower": interval.lower, "upper": upper}


def _sums(clusters):
    y, m = np.array(list(clusters), float).reshape(-1, 2).T
    return ClusterSums(float((m > 0).sum()), y.sum(), m.sum(), (y * y).sum(), (m * m).sum(), (y * m).sum())


def _check(figure):
    assert 0 <= figure["known"] <= figure["n"]
    assert (figure["value"] is None) == (figure["reason"] is not None)
    tolerance = 1e-9 * max(1, abs(figure["value"] or 0))
    for low, high in (("lower", "upper"), ("bound_lower", "bound_upper")):
        if figure["value"] is not None:
            assert figure[low] is None or figure[low] <= figure["value"] + tolerance
            assert figure[high] is None or figure[high] >= figure["value"] - tolerance
    for name in ("value", "lower", "upper", "bound_lower", "bound_upper", "coverage"):
        assert figure[name] is None or figure[name] == figure[name], "never NaN"
        if figure["unit"] == "share" and figure[name] is not None:
            assert -1e-9 <= figure[name] <= 1 + 1e-9
