from urllib.parse import parse_qsl, urlencode

import pytest

from whichstep_store.filters import EARLIEST, FILTER_NAMES, LATEST, FilterError, Filters, format_time, parse_time

NOW = 1_795_400_000_123_456_789


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("24h", NOW - 86_400 * 10**9),
        ("7d", NOW - 7 * 86_400 * 10**9),
        ("90m", NOW - 5_400 * 10**9),
        ("1970-01-02", 86_400 * 10**9),
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:01.000000007Z", 10**9 + 7),
        ("1970-01-01T00:00:01.5", 1_500_000_000),
        ("1970-01-01T01:00:01.25+01:00", 1_250_000_000),
    ],
)
def test_a_time_is_relative_or_iso(text, nanoseconds):
    assert parse_time(text, now=NOW) == nanoseconds


@pytest.mark.parametrize("text", ["", "yesterday", "7 d", "-7d", "2026-13-01", "7y"])
def test_anything_else_is_refused_with_what_is_accepted(text):
    with pytest.raises(FilterError, match="write 24h, 7d or"):
        parse_time(text, now=NOW)


def test_times_are_written_with_nine_digits_and_read_back():
    assert format_time(10**9 + 7) == "1970-01-01T00:00:01.000000007Z"
    assert parse_time(format_time(NOW), now=0) == NOW


def test_filters_show_production_unless_asked_otherwise():
    assert Filters.parse([], now=NOW) == Filters()
    assert Filters().parameters()["purpose"] == ["production"]
    assert Filters.parse([("purpose", "all")], now=NOW).parameters()["purpose"] is None
    assert Filters.parse([("purpose", "demo"), ("purpose", "dataset")], now=NOW).purpose == ("demo", "dataset")


def test_filters_survive_the_query_string():
    filters = Filters(
        since=1, until=NOW, release=("1.0", "2 & 3"), agent=("",), purpose=(), success=("unknown",), query="naïve?"
    )
    again = Filters.parse(parse_qsl(urlencode(filters.pairs()), keep_blank_values=True), now=0)
    assert again == filters


def test_every_filter_is_a_parameter_and_unset_ones_bound_nothing():
    parameters = Filters().parameters()
    assert tuple(parameters) == FILTER_NAMES
    assert (parameters["since"], parameters["until"], parameters["release"]) == (EARLIEST, LATEST, None)


def test_an_unknown_filter_is_refused_by_name():
    with pytest.raises(FilterError, match="'relaese' is no filter; filters are since"):
        Filters.parse([("relaese", "1")], now=NOW)


def test_impossible_filters_are_refused():
    with pytest.raises(FilterError, match="since is not before until"):
        Filters(since=2, until=1)
    with pytest.raises(FilterError, match="success is 'maybe'"):
        Filters(success=("maybe",))
