"""Held actions in the frameworks that our own environment has; `make adapters` plays the others, too."""

from __future__ import annotations

import sys

import pytest

from frameworks.approvals import stage
from frameworks.approvals.__main__ import MODULES, PAGE
from frameworks.approvals.scenarios import SCENARIOS


@pytest.mark.parametrize(("framework", "instrumented"), [("langgraph", True), ("autogen", False), ("autogen", True)])
def test_what_runs_is_what_was_decided_whatever_is_killed_meanwhile(framework, instrumented, tmp_path):
    outcomes = stage.outcomes(framework, sys.executable, tmp_path, instrumented=instrumented)
    assert {name: stage.wrong(SCENARIOS[name], outcome) for name, outcome in outcomes.items()} == {
        name: [] for name in SCENARIOS
    }


def test_the_page_says_of_every_framework_that_each_decision_holds():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    for name in MODULES:
        (line,) = [each for each in lines if each.startswith(f"| {stage.module(name).NAME} |")]
        assert line.count("| holds") == len(SCENARIOS) + 1
