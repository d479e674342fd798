import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from whichstep.values import bounded, plain, to_json


@dataclass
class Order:
    number: str
    placed: datetime


class Ticket(BaseModel):
    text: str
    at: datetime


class Broken:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__

    def model_dump(self):
        raise RuntimeError("no")


NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_a_text_stays_as_it_is():
    assert bounded("hello", characters_max=10) == ("hello", False)


@pytest.mark.parametrize(
    ("value", "json_text"),
    [
        ({"a": [1, 2.5, None, True]}, '{"a":[1,2.5,null,true]}'),
        (Order("A-1", NOW), '{"number":"A-1","placed":"2026-11-23 00:00:00+00:00"}'),
        (Ticket(text="hi", at=NOW), '{"text":"hi","at":"2026-11-23 00:00:00+00:00"}'),
        ({"x": float("nan")}, '{"x":"nan"}'),
        ({(1, 2): "tuple key"}, '{"(1, 2)":"tuple key"}'),
        ({"blob": b"123"}, '{"blob":"<3 bytes>"}'),
        ("ü", None),
        (None, "null"),
    ],
)
def test_everything_else_becomes_compact_json(value, json_text):
    assert bounded(value, characters_max=1000).text == (value if json_text is None else json_text)


def test_a_set_becomes_a_list():
    assert json.loads(to_json({"s": {1}})) == {"s": [1]}


def test_a_cycle_is_cut():
    value = {"name": "a"}
    value["self"], value["again"] = value, [value, value]
    assert json.loads(to_json(value))["self"] == "…"


def test_an_object_that_breaks_is_described_by_its_type():
    assert json.loads(to_json({"x": Broken()})) == {"x": "<Broken>"}
    assert bounded(Broken(), characters_max=100).text == '"<Broken>"'


def test_lone_surrogates_cannot_make_a_batch_unsendable():
    bounded("bad \ud800", characters_max=100).text.encode("utf-8")
    to_json({"k\ud800": "v\udfff"}).encode("utf-8")


def test_what_is_too_long_keeps_its_json_shape():
    value = [{"role": "user", "content": "x" * 50_000}, {"role": "tool", "content": "y" * 300}]
    text, truncated = bounded(value, characters_max=10_000)
    assert truncated
    assert len(text) <= 10_000
    shorter = json.loads(text)
    assert shorter[1]["content"] == "y" * 300
    assert shorter[0]["content"].endswith("…")


def test_a_long_text_is_cut_and_marked():
    text, truncated = bounded("z" * 100, characters_max=10)
    assert (text, truncated) == ("z" * 9 + "…", True)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
        max_leaves=20,
    )
)
def test_any_value_becomes_text_that_utf8_can_hold_within_the_bound(value):
    text, _ = bounded(value, characters_max=200)
    assert len(text) <= 200
    text.encode("utf-8")
    json.dumps(plain(value), allow_nan=False)
