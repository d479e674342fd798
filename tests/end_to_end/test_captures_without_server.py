"""Every recorded run of LangGraph and AutoGen: files → decode → normalise → jobs, against what truly happened."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import captures

SETUPS = ("langgraph__openinference", "langgraph__openllmetry", "autogen__native", "autogen__openinference")
RECORDED = [path for path in captures.all_captures() if path.parent.name in SETUPS]

pytestmark = pytest.mark.skipif(not RECORDED, reason="no recorded captures here")


def named(capture: Path) -> str:
    return f"{capture.parent.name}/{capture.name}"


@pytest.mark.parametrize("capture", RECORDED, ids=named)
def test_a_recorded_run_is_told_as_it_happened(capture: Path) -> None:
    verdicts = captures.judge(capture)
    unknowable = captures.not_on_the_wire(capture)
    assert {fact: said for fact, said in verdicts.items() if said != "ok" and fact not in unknowable} == {}
    assert not [said for said in verdicts.values() if said.startswith("wrong")]


@pytest.mark.parametrize("capture", RECORDED[::5], ids=named)
def test_requests_in_another_order_or_twice_give_the_same_rows(capture: Path) -> None:
    given = captures.batches(capture)
    first, again = captures.results(given), captures.results([*reversed(given), given[0]])
    assert first.mapping.equals(again.mapping)
    assert first.steps.equals(again.steps)
    # the second copy of a span is the same span, so nothing but counts of what arrived may tell
    assert first.executions.equals(again.executions)


@pytest.mark.parametrize("capture", RECORDED[::5], ids=named)
def test_a_part_of_the_requests_is_a_running_or_smaller_run_and_never_an_error(capture: Path) -> None:
    given = captures.batches(capture)
    part = captures.results(given[:1])
    assert set(part.executions["status"]) <= {"running", "ok", "waiting", "error"}
    assert part.steps.filter(pl.col("position") < 1).is_empty()
