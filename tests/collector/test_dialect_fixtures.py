"""Every convention with a fixture: what its framework sends for one story, and the steps that truly happened.

`tests/fixtures/dialects/NAME.json` holds `spans` as sent (long texts cut, paths replaced) and `steps` and `execution` as
they were: from the script that the agent followed, not from the spans. Those of Claude Code, Codex CLI, Gemini CLI, MCP,
LiveKit, VoltAgent, Laminar and Genkit are written from their documentation, the others were recorded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rows import batch_of

import captures
from builders import START, event, request, span
from whichstep_collector.dialects import DIALECTS
from whichstep_collector.normalising.skeleton import parse_json
from whichstep_store.batches import Batch

FIXTURES = sorted((Path(__file__).parents[1] / "fixtures" / "dialects").glob("*.json"))
ELSEWHERE = {"whichstep", "otel_genai", "transport", "unknown", "autogen", "openinference"}
"""Conventions whose tests are files of their own, or whose recordings are."""
ELSEWHERE |= {
    "langfuse",
    "crewai",
    "crewai_openlit",
    "haystack_langfuse",
    "vercel_ai",
    "pydantic_ai",
    "google_adk",
    "openai_agents",
}


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def spans_of(fixture: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(item["scope"], _span(item)) for item in fixture["spans"]]


def _span(item: dict[str, Any]) -> Any:
    return span(
        item["name"],
        trace=item.get("trace", 1),
        id=item["id"],
        parent=item.get("parent"),
        start=START + item["start_us"] * 1000,
        end=START + item["end_us"] * 1000,
        kind=item.get("kind", 1),
        status=item.get("status", 0),
        message=item.get("message", ""),
        attributes=item["attributes"],
        events=[
            event(each["name"], at=START + item["end_us"] * 1000, **each["attributes"])
            for each in item.get("events", ())
        ],
    )


def batches(fixture: dict[str, Any]) -> list[Batch]:
    """One request a span, as a simple exporter sends them."""
    return [batch_of(request(one, scope=scope)) for scope, one in spans_of(fixture)]


def named(path: Path) -> str:
    return path.stem


def test_every_convention_has_a_fixture_or_a_test_of_its_own():
    assert {dialect.name for dialect in DIALECTS} - ELSEWHERE == {path.stem for path in FIXTURES}


@pytest.mark.parametrize("path", FIXTURES, ids=named)
def test_the_steps_are_what_happened(path):
    fixture = read(path)
    rows = captures.results(batches(fixture)).steps.sort("execution_id", "position").rows(named=True)
    assert [(row["type"], row["name"]) for row in rows] == [tuple(step[:2]) for step in fixture["steps"]]
    for row, (_, _, facts) in zip(rows, fixture["steps"], strict=True):
        assert {name: row[name] for name in facts} == facts


@pytest.mark.parametrize("path", FIXTURES, ids=named)
def test_the_execution_has_their_sums_and_words(path):
    fixture = read(path)
    (row,) = captures.results(batches(fixture)).executions.rows(named=True)
    assert {name: row[name] for name in fixture["execution"]} == fixture["execution"]


@pytest.mark.parametrize("path", FIXTURES, ids=named)
def test_no_span_is_left_to_guessing(path):
    rows = [row for batch in batches(read(path)) for row in batch.spans.to_pylist()]
    assert not [row["name"] for row in rows if {"guessed", "unread"} & set(row["flags"])]
    assert {path.stem} <= {row["dialect"] for row in rows}


@pytest.mark.parametrize("path", FIXTURES, ids=named)
def test_reading_a_span_leaves_the_values_of_its_json_texts_as_they_were(path):
    """They are kept for the next reader (`skeleton.parse_json`)."""
    for scope, one in spans_of(read(path)):
        batch_of(request(one, scope=scope))
        for pair in one.attributes:
            if (text := pair.value.string_value)[:1] in {"{", "["}:
                try:
                    assert parse_json(text) == json.loads(text)
                except json.JSONDecodeError:
                    assert parse_json(text) is None
