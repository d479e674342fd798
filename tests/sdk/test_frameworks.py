"""The table of frameworks is what it says: names, extras and ways that exist."""

import tomllib
from pathlib import Path

import pytest

from whichstep import frameworks as table
from whichstep.agent_scopes import is_agent_scope

EXTRAS = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"
]
BY_NAME = {framework.name: framework for framework in table.FRAMEWORKS}
INSTRUMENTORS = [way for entry in table.FRAMEWORKS for way in entry.ways if isinstance(way, table.Instrumentor)]


def test_every_framework_has_a_name_of_its_own_and_a_way_to_be_recorded():
    assert len(BY_NAME) == len(table.FRAMEWORKS)
    assert all(framework.ways for framework in table.FRAMEWORKS)


@pytest.mark.parametrize("way", INSTRUMENTORS, ids=lambda way: way.distribution)
def test_spans_of_every_instrumentation_are_recognised_as_an_agents(way):
    assert is_agent_scope(way.module) is True


@pytest.mark.parametrize("name", [entry.name for entry in (*table.AGENTS, *table.CLIENTS)])
def test_the_extra_of_that_name_brings_the_first_instrumentation_of_the_table(name):
    """A framework that traces itself has an extra too, which brings nothing unless older versions need something."""
    distributions = {way.distribution for way in BY_NAME[name].ways if isinstance(way, table.Instrumentor)}
    brought = {requirement.split(">")[0].split(";")[0].strip() for requirement in EXTRAS[name]}
    first = next((way.distribution for way in BY_NAME[name].ways if isinstance(way, table.Instrumentor)), None)
    assert first is None or first in brought
    assert bool(brought) is bool(distributions)


def test_no_extra_brings_a_framework_nor_a_second_instrumentation_of_one():
    for name in BY_NAME.keys() & EXTRAS.keys():
        for requirement in EXTRAS[name]:
            assert requirement.startswith("openinference-instrumentation-"), requirement


def test_what_records_another_comes_before_it_so_that_it_is_asked_first():
    order = list(BY_NAME)
    for framework in table.FRAMEWORKS:
        for client, _ in framework.records_calls_of:
            assert order.index(framework.name) < order.index(client), (framework.name, client)


def test_every_call_of_the_table_is_a_function_of_native():
    from whichstep.native import _SWITCHES

    calls = {way.call for entry in table.FRAMEWORKS for way in entry.ways if isinstance(way, table.Native) and way.call}
    assert calls == _SWITCHES.keys()
