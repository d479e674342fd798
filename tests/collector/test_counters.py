from pathlib import Path

import pytest

from whichstep_collector.counters import METRICS, Counters, reference

DOCS = Path(__file__).parents[2] / "docs"


def test_counted_and_watched_figures_stand_in_the_text():
    counters = Counters()
    counters.add("whichstep_refusals_total", 2, door="http", reason='a "quoted"\nreason')
    counters.watch("whichstep_in_flight_bytes", lambda: 7)
    lines = counters.text().splitlines()
    assert r'whichstep_refusals_total{door="http",reason="a \"quoted\"\nreason"} 2' in lines
    assert "whichstep_in_flight_bytes 7" in lines
    assert "whichstep_spans_accepted_total 0" in lines


def test_what_is_not_in_the_table_cannot_be_counted():
    with pytest.raises(KeyError):
        Counters().add("whichstep_unheard_of_total")
    with pytest.raises(KeyError):
        Counters().add("whichstep_refusals_total", door="http")


def test_every_figure_has_a_unit_and_a_sentence_and_counters_end_in_total():
    for metric in METRICS:
        assert metric.unit
        assert metric.sentence.endswith(".")
        assert metric.name.endswith("_total") == (metric.kind == "counter")


def test_the_reference_page_is_current():
    assert (DOCS / "metrics.md").read_text() == reference(), "write it again: make docs"
