from __future__ import annotations

from datetime import UTC, datetime

import pytest

from whichstep_dashboards import figures

SUCCESS = figures.METRICS[0]
ESCALATION = next(metric for metric in figures.METRICS if metric.id == "human_escalation_rate")
LATENCY = next(metric for metric in figures.METRICS if metric.id == "latency_p95")


@pytest.mark.parametrize("unit", ["share", "ms", "usd", "count", "something new"])
def test_unknown_is_never_a_number(unit):
    assert figures.format_value(None, unit) == "unknown"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.0, "share", "0 %"),
        (0.0312, "share", "3.1 %"),
        (0.5, "share", "50 %"),
        (0.987, "share", "98.7 %"),
        (1.0, "share", "100 %"),
        (0.25, "ms", "0.25 ms"),
        (840.4, "ms", "840 ms"),
        (1240, "ms", "1.24 s"),
        (59_960, "ms", "1 min 00 s"),
        (125_000, "ms", "2 min 05 s"),
        (11_520_000, "ms", "3 h 12 min"),
        (0.0, "usd", "$0.00"),
        (0.01234, "usd", "$0.0123"),
        (12.345, "usd", "$12.35"),
        (0.00001, "usd", "$1.0e-05"),
        (1234567, "tokens", "1,234,567"),
    ],
)
def test_values_carry_their_unit(value, unit, shown):
    assert figures.format_value(value, unit) == shown


def test_times_with_nine_digits_are_read_to_the_microsecond():
    assert figures.parse_time("2026-11-22T08:00:00.123456789Z") == datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("odd", [None, "", "yesterday", "2026-13-40"])
def test_an_odd_time_is_unknown(odd):
    assert figures.format_time(odd) == "unknown"


def test_ages_are_in_words():
    now = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
    assert figures.format_age("2026-11-22T11:59:00Z", now=now) == "1 minute ago"
    assert figures.format_age("2026-11-20T12:00:00Z", now=now) == "2 days ago"
    assert figures.format_age("2026-11-22T12:00:01Z", now=now) == "just now"


def _figure(value, previous, verdict=None, **change):
    return {"value": value, "previous": {"value": previous}, "change": verdict and {"verdict": verdict, **change}}


def test_a_clear_change_says_size_and_verdict():
    change = figures.change(SUCCESS, _figure(0.9, 0.8, "up"))
    assert (change.words, change.good) == ("▲ 10.0 points, better", True)
    change = figures.change(LATENCY, _figure(2000, 1000, "up"))
    assert (change.words, change.good) == ("▲ 100 %, worse", False)


def test_a_change_that_chance_explains_is_called_unclear():
    assert figures.change(SUCCESS, _figure(0.9, 0.88, "unclear")).words == "▲ 2.0 points, unclear"
    assert figures.change(SUCCESS, _figure(0.9, 0.88)).words == "▲ 2.0 points, unclear"


def test_a_mix_that_misleads_is_said_only_where_it_does():
    held = {"mix_adjusted": {"words": "down 2.0 points (p = 0.01)"}}
    misled = _figure(0.9, 0.88, "up", disagree=True, **held)
    assert figures.misleading(misled) == "with the mix of task types held: down 2.0 points (p = 0.01)"
    assert figures.misleading(_figure(0.9, 0.88, "up", disagree=False, **held)) == ""
    assert figures.misleading({"value": 0.9, "change": None}) == ""


def test_a_trend_is_said_where_it_is_known():
    assert figures.trend({"trend": {"words": "rising by 1.0 points a week"}}) == "rising by 1.0 points a week"
    assert figures.trend({"trend": {"words": None, "reason": "2 weeks"}}) == figures.trend({"trend": None}) == ""


def test_a_metric_without_a_good_direction_gets_no_verdict():
    assert figures.change(ESCALATION, _figure(0.2, 0.1, "up")) == figures.Change("▲ 10.0 points", None)


def test_no_figure_before_is_said():
    assert figures.change(SUCCESS, {"value": 0.9, "previous": None}).words == "no earlier figure"
    assert figures.change(SUCCESS, _figure(0.9, 0.9)).words == "→ unchanged"


def test_an_unknown_figure_gives_its_reason_and_what_is_possible():
    figure = {"value": None, "n": 4, "reason": "only failures are known", "bound_lower": 0, "bound_upper": 0.95}
    assert figures.reason_unknown(SUCCESS, figure) == "only failures are known; between 0 and 95.0 %"
    assert figures.reason_unknown(SUCCESS, {"n": 0}) == "no executions"


def test_releases_are_ordered_by_their_numbers():
    from whichstep_dashboards.views.overview import _version

    rows = [{"label": label} for label in ("2026.11.8", "1.0.0", "2026.11.22", "(no release)")]
    assert [row["label"] for row in sorted(rows, key=_version, reverse=True)][:3] == [
        "2026.11.22",
        "2026.11.8",
        "1.0.0",
    ]
