from pathlib import Path

import pytest

from whichstep_collector.errors import SettingsError
from whichstep_collector.settings import Settings, describe, load, reference

DOCS = Path(__file__).parents[2] / "docs"


def test_an_argument_goes_before_the_environment_and_that_before_the_default():
    loaded = load(
        {"http_port": 5000, "grpc_port": None}, {"WHICHSTEP_HTTP_PORT": "6000", "WHICHSTEP_GRPC_PORT": "7000"}
    )
    assert (loaded.settings.http_port, loaded.settings.grpc_port) == (5000, 7000)
    assert loaded.settings.dashboard_port == Settings().dashboard_port
    assert loaded.sources["http_port"] == "argument"
    assert loaded.sources["grpc_port"] == "WHICHSTEP_GRPC_PORT"
    assert loaded.sources["dashboard_port"] == "default"


@pytest.mark.parametrize(
    ("text", "size"), [("1000", 1000), ("20GB", 20 * 10**9), ("64MiB", 64 << 20), ("1.5 kb", 1500), ("2g", 2 * 10**9)]
)
def test_sizes_are_bytes_or_text_with_a_unit(text, size):
    assert load({}, {"WHICHSTEP_DATA_SIZE_MAX": text}).settings.data_size_max == size


@pytest.mark.parametrize(
    ("variable", "text"),
    [("WHICHSTEP_HTTP_PORT", "http"), ("WHICHSTEP_DATA_SIZE_MAX", "20 parsecs"), ("WHICHSTEP_DASHBOARD", "maybe")],
)
def test_a_text_of_the_wrong_type_is_refused_naming_the_variable(variable, text):
    with pytest.raises(SettingsError, match=variable):
        load({}, {variable: text})


@pytest.mark.parametrize("arguments", [{"http_port": 70_000}, {"decode_workers": 0}, {"retention_days": 0}])
def test_a_value_out_of_range_is_refused_naming_the_setting(arguments):
    with pytest.raises(SettingsError, match=next(iter(arguments))):
        load(arguments, {})


def test_an_unknown_argument_is_refused_with_the_nearest_name():
    with pytest.raises(SettingsError, match="did you mean http_port"):
        load({"htp_port": 1}, {})


def test_a_misspelled_variable_is_told_of_and_those_of_the_sdk_are_not():
    environment = {"WHICHSTEP_HTTP_PROT": "1", "WHICHSTEP_ENDPOINT": "http://h:1", "WHICHSTEP_SPOOL_DIR": "/x"}
    assert load({}, environment).unknown == ("WHICHSTEP_HTTP_PROT",)


def test_a_secret_is_shown_nowhere():
    loaded = load({"token": "s3cret"}, {})
    assert "s3cret" not in repr(loaded)
    assert "s3cret" not in repr(describe(loaded))
    assert next(row for row in describe(loaded) if row.name == "token").value == "(hidden)"


def test_every_setting_has_a_sentence_and_a_number_has_a_unit():
    for row in describe(load({}, {})):
        assert row.sentence.endswith(".")
        assert row.unit or not row.name.endswith(("_seconds", "_max", "_min", "_bytes", "_days"))


def test_the_reference_page_is_current():
    assert (DOCS / "settings.md").read_text() == reference(), "write it again: make docs"
