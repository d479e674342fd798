"""What an answer says that stands in nothing it was given."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whichstep_analytics.grounding.check import check
from whichstep_analytics.grounding.values import numbers, values


def ungrounded(answer: str, *sources: str) -> list[str]:
    return [value.text for value in check([answer], sources).ungrounded]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(value.kind, value.text) for value in values(text)]


def test_addresses_dates_ids_and_amounts_are_values():
    text = "Order A-4403 of 3 May 2026 costs $1,234.50; write to ann@shop.example or see https://shop.example/o/17."
    assert kinds(text) == [
        ("id", "A-4403"),
        ("date", "3 May 2026"),
        ("amount", "$1,234.50"),
        ("address", "ann@shop.example"),
        ("url", "https://shop.example/o/17"),
    ]


@pytest.mark.parametrize(
    "text", ["3 items", "100 of them", "in 2024", "the 3rd", "within 24h", "GPT-4 said", "COVID-19", "v2", "10am"]
)
def test_what_is_no_looked_up_value_is_not_checked(text):
    assert kinds(text) == []


def test_a_small_number_with_a_currency_or_a_share_is_an_amount():
    assert kinds("$5 or 12 % or 7.5") == [("amount", "$5"), ("amount", "12 %"), ("amount", "7.5")]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1,234.50", {"1234.5"}),
        ("1.234,50", {"1234.5"}),
        ("1.234", {"1.234", "1234"}),
        ("1,234,567", {"1234567"}),
        ("12.5", {"12.5"}),
        ("1'000", {"1000"}),
    ],
)
def test_a_number_is_read_in_every_notation_that_it_may_be_in(text, read):
    assert numbers(text) == {Decimal(one) for one in read}


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("1234.5 is due", "total: 1,234.50"),
        ("it costs 1.234,50 €", '{"total": 1234.5}'),
        ("on May 3rd, 2026", "2026-05-03T10:00:00Z"),
        ("am 03.05.2026", '{"when": "2026-05-03"}'),
        ("on 3 May", "3 May 2026"),
        ("order a4403", "A-4403"),
        ("order 4403177", "order_id=4403177"),
        ("write to Ann@Shop.example", "ann@shop.example"),
        ("see https://shop.example/o/17/", '{"url": "https://shop.example/o/17"}'),
        ("about 3.5 %", "0.03498"),
        ("rounded 12.35", "12.3456"),
        ("in all $60.00", '{"items": [{"price": 12.50}, {"price": 47.50}]}'),
        ("$35.00 less", "47.50 and 12.50"),
        ("three of them cost $37.50", '{"count": 3, "price": 12.5}'),
        ("the sum is $66.00", "11.00 22.00 33.00"),
        ("25 % of it", "50 of 200"),
        (r"order A-4403", json.dumps({"result": json.dumps({"id": "A-4403"})})),
        (
            "order A-4403",
            json.dumps([{"role": "user", "parts": [{"type": "text", "content": "my order\nA-4403 is late"}]}]),
        ),
    ],
)
def test_what_stands_in_a_source_in_any_notation_or_follows_from_it_is_grounded(said, source):
    assert ungrounded(said, source) == []


@pytest.mark.parametrize(
    ("said", "source", "invented"),
    [
        ("order A-4404", "order A-4403", ["A-4404"]),
        ("on 4 May 2026", "2026-05-03", ["4 May 2026"]),
        ("$1,234.51", "1,234.50", ["$1,234.51"]),
        ("write to bob@shop.example", "ann@shop.example", ["bob@shop.example"]),
        ("see https://shop.example/refund", "https://shop.example/o/17", ["https://shop.example/refund"]),
        ("your ticket is 8812345", "nothing of the kind", ["8812345"]),
        ("order A-4403 and B-9917", "", ["A-4403", "B-9917"]),
    ],
)
def test_what_stands_in_no_source_is_ungrounded(said, source, invented):
    assert ungrounded(said, source) == invented


def test_what_the_model_said_before_is_no_source_and_what_a_tool_said_is():
    history = [
        {"role": "assistant", "parts": [{"type": "tool_call", "arguments": {"order": "B-9917"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "result": "A-4403"}]},
    ]
    assert ungrounded("orders A-4403 and B-9917", json.dumps(history)) == ["B-9917"]


def test_of_an_answer_only_its_words_count_and_not_the_calls_that_it_asks_for():
    answer = [{"role": "assistant", "parts": [
        {"type": "text", "content": "I look up A-4403"},
        {"type": "tool_call", "name": "lookup", "arguments": {"order": "B-9917"}},
    ]}]  # fmt: skip
    assert ungrounded(json.dumps(answer), "A-4403") == []
    assert check([json.dumps(answer)], []).checked == 1


@pytest.mark.parametrize("answer", ["", "No order was found.", "{", "[1, 2", "null", "NaN", "\x00"])
def test_an_answer_without_values_is_checked_for_nothing(answer):
    assert check([answer], ["A-4403"]) == (0, ())


@given(st.text(), st.lists(st.text(), max_size=3))
def test_whatever_is_said_is_grounded_in_itself(answer: str, sources: list[str]):
    assert check([answer], [*sources, answer]).ungrounded == ()


@given(
    st.lists(st.sampled_from(["A-4403", "2026-05-03", "$1,234.50", "ann@shop.example", "77 %", "order"]), max_size=6)
)
def test_more_sources_never_make_less_grounded(words: list[str]):
    answer = " ".join(words)
    assert set(ungrounded(answer, "A-4403", "1234.5")) <= set(ungrounded(answer, "A-4403"))


@pytest.mark.parametrize("run", ["a-", "a.", "1,", "1 May ", "x@", "http://", "A1-b2/", "9" * 7 + "é"])
def test_a_long_text_costs_no_more_than_its_length(run: str):
    """Ten times the text takes about ten times as long; a pattern that goes back over it would take a hundred times."""

    def cost(length: int) -> float:
        text = (run * length)[:length] + "é"
        begun = time.process_time()
        values(text)
        return time.process_time() - begun

    cost(10_000)
    short = min(cost(10_000) for _ in range(3))
    assert cost(100_000) < max(40 * short, 0.2)
