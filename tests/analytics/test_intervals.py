import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whichstep_analytics.intervals import (
    ClusterSums,
    bootstrap,
    clustered_wilson,
    delta,
    design_effect,
    difference,
    ranks,
    wilson,
)


def sums(clusters):
    """Sums over clusters given as (events, cases)."""
    y, m = np.array(clusters, dtype=float).T
    return ClusterSums(len(y), y.sum(), m.sum(), y @ y, m @ m, y @ m)


@pytest.mark.parametrize(
    ("events", "size", "lower", "upper"),
    # p = 0.8, n = 10, z = 1.959964: centre (0.8 + z²/20) / (1 + z²/10), half width as in Wilson's formula.
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_wilson_gives_the_published_interval(events, size, lower, upper):
    interval = wilson(events, size)
    assert (interval.lower, interval.upper) == (pytest.approx(lower, abs=5e-5), pytest.approx(upper, abs=5e-5))


def test_clusters_of_one_case_are_plain_wilson():
    assert clustered_wilson(sums([(1, 1), (0, 1), (1, 1)])) == wilson(2, 3)


def test_cases_that_repeat_one_answer_count_once_a_cluster():
    """Two clusters of two equal cases, one all events and one none: as much as two independent cases say."""
    alike = sums([(2, 2), (0, 2)] * 20)
    # Σ(y - m/2)² = 40, times C/(C-1) over n²: (40 · 40/39) / 80² against 0.25/80: 2.0513.
    assert design_effect(alike) == pytest.approx(40 * 40 / 39 / 6400 / (0.25 / 80))
    interval = clustered_wilson(alike)
    plain = wilson(40, 80)
    assert interval.method == "wilson, clustered"
    assert interval.lower < plain.lower < plain.upper < interval.upper


def test_without_any_event_a_cluster_is_one_case():
    """Ten sessions of five executions, none failed: the upper end is that of ten cases."""
    assert clustered_wilson(sums([(0, 5)] * 10)).upper == pytest.approx(wilson(0, 10).upper)


def test_one_cluster_is_one_case():
    assert clustered_wilson(sums([(3, 6)])).lower == pytest.approx(wilson(0.5, 1).lower)


def test_cases_that_differ_within_clusters_never_narrow_the_interval():
    balanced = sums([(1, 2)] * 30)
    assert clustered_wilson(balanced)[:2] == wilson(30, 60)[:2]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_a_share_lies_in_its_interval(pairs):
    clusters = [(min(pair), max(pair)) for pair in pairs]
    total = sums(clusters)
    if total.m:
        lower, upper, _ = clustered_wilson(total)
        assert 0 <= lower <= total.y / total.m + 1e-12
        assert total.y / total.m - 1e-12 <= upper <= 1


@pytest.mark.parametrize(
    ("size", "expected"),
    # Binomial(n, 0.95): 0.95^71 = 0.0262 > 0.025 ≥ 0.95^72 = 0.0249, so an upper end exists from 72 values on.
    [(1, (1, None, None)), (20, (19, 17, None)), (71, (68, 63, None)), (72, (69, 64, 72)), (100, (95, 90, 100))],
)
def test_ranks_of_the_95th_percentile(size, expected):
    assert ranks(size, 0.95) == expected


def test_ranks_of_a_median_are_the_tabled_ones():
    """Order statistics 2 and 9 of ten values: 97.9 % confidence; 3 and 8 would have 89 %."""
    assert ranks(10, 0.5) == (5, 2, 9)


def test_exact_and_approximate_ranks_meet():
    exact, approximate = ranks(10_000, 0.95), ranks(10_001, 0.95)
    assert abs(exact.lower - approximate.lower) <= 2
    assert abs(exact.upper - approximate.upper) <= 2


def test_delta_is_cochrans_ratio_interval():
    """y = 1, 2, 3 over one task each: mean 2, variance of the mean 1/3, half width 1.959964 · 0.57735."""
    interval = delta(sums([(1, 1), (2, 1), (3, 1)]))
    assert interval.lower == pytest.approx(2 - 1.959964 * 3**-0.5, abs=1e-5)
    assert interval.upper == pytest.approx(2 + 1.959964 * 3**-0.5, abs=1e-5)


def test_one_task_gives_no_interval():
    assert delta(sums([(1, 1)])) == (None, None, "delta")
    assert bootstrap(np.array([1.0]), np.array([1.0])) == (None, None, "bootstrap")


def test_bootstrap_of_sums_that_single_precision_cannot_hold_has_no_interval():
    assert bootstrap(np.array([0.0, 0.0]), np.array([1e-60, 1e-60])) == (None, None, "bootstrap")


def test_bootstrap_agrees_with_the_delta_method_on_many_tasks():
    generator = np.random.default_rng(1)
    costs, tasks = generator.gamma(2.0, 0.01, 2_000), np.ones(2_000)
    resampled, linear = bootstrap(costs, tasks), delta(sums(np.column_stack((costs, tasks))))
    assert resampled.lower == pytest.approx(linear.lower, rel=0.01)
    assert resampled.upper == pytest.approx(linear.upper, rel=0.01)


def test_bootstrap_is_the_same_in_any_order():
    generator = np.random.default_rng(2)
    costs, tasks = generator.exponential(size=50), generator.integers(0, 2, 50).astype(float)
    order = generator.permutation(50)
    assert bootstrap(costs, tasks) == bootstrap(costs[order], tasks[order])


def test_a_difference_of_shares_is_newcombes():
    """56/70 against 48/80, Newcombe 1998, table II (a), method 10: 0.2000, 0.0524 to 0.3339."""
    new, old = wilson(56, 70), wilson(48, 80)
    change, lower, upper = difference((56 / 70, new.lower, new.upper), (48 / 80, old.lower, old.upper))
    assert (change, lower, upper) == (
        pytest.approx(0.2),
        pytest.approx(0.0524, abs=5e-5),
        pytest.approx(0.3339, abs=5e-5),
    )
