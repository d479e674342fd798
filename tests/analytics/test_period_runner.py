from datetime import date

import pytest

from store_builders import DAY, NOON, SECOND, results
from whichstep_analytics.period_runner import PeriodRunner
from whichstep_store.results import EXECUTION_FIELDS, schema
from whichstep_store.store import Store

NOW = NOON + 3600 * SECOND


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data", clock=lambda: NOW) as opened:
        yield opened


def put(store, *executions):
    rows = [
        {
            "execution_id": f"{number:032x}",
            "task_id": f"{number}",
            "service": "support",
            "purpose": "production",
            "status": status,
            "started_at": started_at,
        }
        for number, status, started_at in executions
    ]
    replaced = results(
        executions=rows, replaced=[row["execution_id"] for row in rows], since=NOON - 9 * DAY, until=NOON + DAY
    )
    store.writer.replace_results(replaced)
    return replaced.executions


def error_rates(store):
    asked = {"metric": "error_rate", "purpose": "production"}
    found = store.reader.query("metrics_daily", asked).to_pylist()
    return [(row["day"].isoformat(), row["value"]) for row in found]


def run(runner, now):
    while runner.tick(now=now):
        now += 60 * SECOND
    return now


def test_a_start_computes_days_that_have_no_figures(store):
    put(store, (1, "ok", NOON), (2, "error", NOON - 5 * DAY))
    run(PeriodRunner(store), NOW)
    assert error_rates(store) == [("2026-09-16", 1.0), ("2026-09-21", 0.0)]


def test_a_day_that_changed_is_computed_anew_after_a_while(store):
    runner = PeriodRunner(store)
    now = run(runner, NOW)
    runner.touch(put(store, (1, "ok", NOON)), now=now)
    assert not runner.tick(now=now + 9 * SECOND)
    assert runner.tick(now=now + 11 * SECOND)
    runner.touch(put(store, (2, "error", NOON + SECOND)), now=now + 60 * SECOND)
    run(runner, now + 120 * SECOND)
    assert error_rates(store) == [("2026-09-21", 0.5)]


def test_an_idle_runner_does_nothing(store):
    runner = PeriodRunner(store)
    now = run(runner, NOW)
    runner.touch(schema(EXECUTION_FIELDS).empty_table(), now=now)
    assert not runner.tick(now=now + DAY)


def test_draining_waits_for_nothing(store):
    runner = PeriodRunner(store)
    runner.touch(put(store, (1, "error", NOON)), now=NOW)
    runner.drain(now=NOW)
    assert error_rates(store) == [("2026-09-21", 1.0)]


def test_figures_of_a_day_are_replaced_and_others_left(store):
    runner = PeriodRunner(store)
    runner.touch(put(store, (1, "error", NOON), (2, "error", NOON - 5 * DAY)), now=NOW)
    runner.drain(now=NOW)
    runner.touch(put(store, (1, "ok", NOON)), now=NOW)
    runner.drain(now=NOW)
    assert error_rates(store) == [("2026-09-16", 1.0), ("2026-09-21", 0.0)]


def weeks(store):
    asked = {"since": date(2026, 1, 1), "until": date(2027, 1, 1), "whole": True, "purpose": ["production"]}
    groups = dict.fromkeys(("release", "task_type", "agent", "environment"))
    found = store.reader.query("metrics_weekly", {**asked, **groups}).to_pylist()
    return [(row["week"].isoformat(), row["value"], row["n"]) for row in found if row["metric"] == "error_rate"]


def test_weeks_are_kept_as_days_are(store):
    put(store, (1, "ok", NOON), (2, "error", NOON - 5 * DAY))
    runner = PeriodRunner(store)
    now = run(runner, NOW)
    assert weeks(store) == [("2026-09-14", 1.0, 1), ("2026-09-21", 0.0, 1)]
    runner.touch(put(store, (3, "error", NOON + SECOND)), now=now)
    run(runner, now + 11 * SECOND)
    assert weeks(store) == [("2026-09-14", 1.0, 1), ("2026-09-21", 0.5, 2)]


def test_days_of_history_are_computed_at_one_look_and_a_rest_follows_today(store):
    put(store, (1, "ok", NOON - 8 * DAY), (2, "error", NOON - 7 * DAY), (3, "ok", NOON))
    runner = PeriodRunner(store)
    assert runner.tick(now=NOW)
    over = [day for day, _ in error_rates(store)]
    assert len(over) == 3  # two that are over, then today; the weeks wait
    assert runner.has_periods_due
