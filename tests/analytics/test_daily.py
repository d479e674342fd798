from datetime import date, timedelta
from importlib.resources import files

import polars as pl

from analytics_builders import HOUR, LATER, NOON, executions
from whichstep_analytics import daily
from whichstep_analytics.metrics import METRICS

DAY = date(1970, 1, 1) + timedelta(days=NOON // (24 * HOUR))


def test_figures_are_given_for_the_days_asked_for_alone():
    rows = executions([{}, {"success": False}, {"started_at": NOON + 24 * HOUR}])
    frame = daily.run(rows, [DAY], LATER)
    success = frame.row(by_predicate=pl.col("metric") == "task_success_rate", named=True)
    assert frame["day"].unique().to_list() == [DAY]
    assert (success["value"], success["numerator"], success["denominator"], success["n"]) == (0.5, 1, 2, 2)
    assert len(frame) == len(METRICS)


def test_purposes_and_releases_stand_apart():
    rows = executions([{"purpose": "demo", "success": False}, {"release": "2"}, {}])
    frame = daily.run(rows, [DAY], LATER).filter(pl.col("metric") == "task_success_rate")
    assert set(frame.select("purpose", "release", "value").rows()) == {
        ("demo", None, 0.0),
        ("production", "2", 1.0),
        ("production", None, 1.0),
    }


def test_rows_have_the_columns_of_the_table():
    ddl = (files("whichstep_store") / "tables" / "metrics_daily.sql").read_text(encoding="utf-8")
    columns = [line.split()[0] for line in ddl.partition("(")[2].rpartition(")")[0].splitlines() if line.strip()]
    assert daily.run(executions([{}]), [DAY], LATER).columns == columns


def test_a_day_without_executions_has_no_rows():
    assert daily.run(executions([]), [DAY], LATER).is_empty()
