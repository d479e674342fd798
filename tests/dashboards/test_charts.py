"""Charts are valid specifications (Altair checks them against the Vega-Lite schema) and hold text as text."""

from __future__ import annotations

import json

import fake_api
import pytest

from whichstep_dashboards import charts, step_tree, waterfall
from whichstep_dashboards.palette import DARK, FAMILIES, LIGHT, family


@pytest.fixture(params=[LIGHT, DARK], ids=["light", "dark"])
def colours(request):
    return request.param


def _values(chart):
    return (
        next(iter(chart.to_dict()["datasets"].values())) if "datasets" in chart.to_dict() else _inline(chart.to_dict())
    )


def _inline(specification):
    if isinstance(specification, dict):
        if "values" in specification.get("data", {}):
            return specification["data"]["values"]
        specification = list(specification.values())
    if isinstance(specification, list):
        return next((found for item in specification if (found := _inline(item)) is not None), None)
    return None


def test_a_period_without_a_figure_stays_a_gap(colours):
    points = [{"period": "a", "value": 0.5, "n": 3}, {"period": "b", "value": None, "n": 0}]
    assert [row["value"] for row in _values(charts.sparkline(points, unit="share", colours=colours))] == [0.5, None]


def test_an_unknown_share_is_labelled_unknown(colours):
    rows = [{"label": "r1", "value": None, "lower": None, "upper": None, "n": 2}]
    assert _values(charts.share_by_group(rows, colours=colours))[0]["shown"] == "unknown"


def test_the_cumulative_line_adds_up(colours):
    rows = [
        {"label": "a", "count": 3, "share": 0.75, "new": True},
        {"label": "b", "count": 1, "share": 0.25, "new": False},
    ]
    assert [row["cumulative"] for row in _values(charts.pareto(rows, colours=colours))] == [0.75, 1.0]


def test_weeks_without_failures_are_no_cells(colours):
    rows = [{"label": "a", "week": "2026-W47", "count": 2}, {"label": "a", "week": "2026-W46", "count": 0}]
    chart = charts.heat_map(rows, weeks=["2026-W46", "2026-W47"], labels=["a"], colours=colours)
    assert [row["week"] for row in _values(chart)] == ["2026-W47"]


def test_the_waterfall_marks_failing_and_cause_by_glyph_and_word(colours):
    document = next(doc for doc in fake_api.small().documents.values() if doc["failing_step"])
    rows = step_tree.rows(document["steps"], failing=document["failing_step_id"], cause=document["cause_step_id"])
    data = _values(waterfall.waterfall(rows, total_ms=document["latency_ms"], selected=None, colours=colours))
    marked = {row["band"]: row for row in data if row["band"]}
    assert set(marked) == {"failing", "cause"}
    assert "✕" in marked["failing"]["label"]
    assert "◆" in marked["cause"]["label"]
    assert marked["failing"]["status"] == "error, failing step"
    assert all(0 <= row["start"] <= row["end"] for row in data)


def test_hostile_names_are_data_and_never_links_or_images(colours):
    for document in fake_api.odd().documents.values():
        rows = step_tree.rows(document["steps"][:50])
        text = json.dumps(waterfall.waterfall(rows, total_ms=0, selected=None, colours=colours).to_dict())
        assert '"href"' not in text
        assert '"url"' not in text
        assert '"image"' not in text


def test_every_step_type_has_a_family_and_every_family_a_colour(colours):
    assert len(colours.families) == len(FAMILIES)
    assert {family(name) for name in ("llm_call", "tool_call", "rerank", "approval", "workflow", "unheard of")} == set(
        FAMILIES
    )
