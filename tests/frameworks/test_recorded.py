"""The recordings of the framework matrix, replayed: no installation, no network."""

from __future__ import annotations

import re

import pytest

import captures
from frameworks import registry, table
from frameworks.variants import VARIANTS

SETUPS = [(module, setup) for module in registry.REGISTERED for setup in registry.framework(module).setups]
RECORDINGS = sorted(table.RECORDED.glob("*/*.tar.xz"))
SIZE_MAX = 6_000_000


@pytest.mark.parametrize(("module", "setup"), SETUPS, ids=lambda each: getattr(each, "instrumentation", each))
def test_the_page_says_what_the_recordings_of_a_framework_say_now(module, setup):
    """When a dialect was mended or broken: `PYTHONPATH=tests python -m frameworks.table` writes the page again."""
    said = table.PAGE.read_text(encoding="utf-8").splitlines()
    row = table.row(module, setup)
    assert table.line(row) in said
    assert set(table.details(row)) <= set(said)


@pytest.mark.parametrize(("module", "setup"), SETUPS, ids=lambda each: getattr(each, "instrumentation", each))
def test_every_variant_that_a_framework_has_is_recorded(module, setup):
    recorded = {path.name.removesuffix(".tar.xz") for path in table.recordings(module, setup)}
    framework = registry.framework(module)
    assert recorded == {name for name, variant in VARIANTS.items() if framework.plays(setup, variant)}


def test_recordings_name_no_folder_and_stay_small():
    assert sum(path.stat().st_size for path in RECORDINGS) < SIZE_MAX
    folders = re.compile(rb"/(?:home|Users)/\w+/|/roo[t]/|/tmp/")
    for path in RECORDINGS:
        for name, body in captures.requests(path):
            assert not folders.search(body), (path.name, name)
