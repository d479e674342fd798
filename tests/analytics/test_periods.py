from datetime import date, timedelta
from importlib.resources import files

import polars as pl
import pytest

from analytics_builders import HOUR, NOON, executions
from whichstep_analytics import periods
from whichstep_analytics.metrics import METRICS
from whichstep_analytics.periods import Period

DAY = date(1970, 1, 1) + timedelta(days=NOON // (24 * HOUR))
TODAY = Period(periods.DAY, DAY)
WEEK = Period(periods.WEEK, DAY - timedelta(days=DAY.weekday()))


def test_a_day_has_the_figures_of_its_executions():
    rows = executions([{}, {"success": False}])
    frame = periods.run(rows, TODAY)
    success = frame.row(by_predicate=pl.col("metric") == "task_success_rate", named=True)
    assert frame["day"].unique().to_list() == [DAY]
    assert (success["value"], success["numerator"], success["denominator"], success["n"]) == (0.5, 1, 2, 2)
    assert len(frame) == len(METRICS)


def test_purposes_and_releases_stand_apart():
    rows = executions([{"purpose": "demo", "success": False}, {"release": "2"}, {}])
    frame = periods.run(rows, TODAY).filter(pl.col("metric") == "task_success_rate")
    assert set(frame.select("purpose", "release", "value").rows()) == {
        ("demo", None, 0.0),
        ("production", "2", 1.0),
        ("production", None, 1.0),
    }


@pytest.mark.parametrize(("table", "period"), [("metrics_daily", TODAY), ("metrics_weekly", WEEK)])
def test_rows_have_the_columns_of_the_table(table, period):
    ddl = (files("whichstep_store") / "tables" / f"{table}.sql").read_text(encoding="utf-8")
    columns = [line.split()[0] for line in ddl.partition("(")[2].rpartition(")")[0].splitlines() if line.strip()]
    assert periods.run(executions([{}]), period).columns == columns


def test_a_period_without_executions_has_no_rows():
    assert periods.run(executions([]), TODAY).is_empty()
    assert periods.run(executions([]), WEEK).is_empty()


def test_a_week_is_given_whole_for_each_purpose_and_by_group():
    monday = (WEEK.start - date(1970, 1, 1)).days * 24 * HOUR
    days = [{"started_at": monday + day * 24 * HOUR, "active_ms": float(day), "release": str(day)} for day in range(7)]
    frame = periods.run(executions([*days, {"started_at": monday, "purpose": "demo"}]), WEEK)
    latency = frame.filter((pl.col("metric") == "latency_p95") & (pl.col("purpose") == "production"))
    whole = latency.filter("whole")
    assert whole.select("release", "value", "n").rows() == [(None, 6.0, 7)]  # of seven days, not of seven medians
    assert latency.filter(~pl.col("whole"))["release"].sort().to_list() == [str(day) for day in range(7)]
    assert frame.filter("whole")["purpose"].unique().sort().to_list() == ["demo", "production"]
