"""Facts of single spans of every recorded run of LangGraph and AutoGen, against what truly happened.

What needs the whole trace (which span is which step, what failed) is held by the end-to-end tests of the same runs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from rows import restored, texts_of

import captures
from whichstep_collector.normalising.raw import STATUS_DESCRIPTION

SETUPS = ("langgraph__openinference", "langgraph__openllmetry", "autogen__native", "autogen__openinference")
EVERY = captures.all_captures()
RECORDED = [path for path in EVERY if path.parent.name in SETUPS]
NO_USAGE = {"autogen__native", "autogen__openinference/v01s_happy_stream"}
NO_CONTENT = {"autogen__native"}

pytestmark = pytest.mark.skipif(not RECORDED, reason="no recorded captures here")


def named(capture: Path) -> str:
    return f"{capture.parent.name}/{capture.name}"


def truth(capture: Path) -> dict[str, Any]:
    return json.loads((capture / "meta.json").read_text())["ground_truth"]


def lacks(capture: Path, what: set[str]) -> bool:
    return capture.parent.name in what or named(capture) in what


def rows(capture: Path) -> list[dict[str, Any]]:
    """Rows that were sent, in order of start; of a tool seen by two instrumentations, both."""
    found = [row for batch in captures.batches(capture) for row in batch.spans.to_pylist() if not row["synthetic"]]
    return sorted(found, key=lambda row: row["started_at"].value)


def tools(capture: Path, *, with_content: bool = False) -> list[dict[str, Any]]:
    """Rows of tools that ran, once each: where two instrumentations saw them, of the one asked for."""
    found = [row for row in rows(capture) if row["type"] == "tool_call"]
    wanted = "openinference" if with_content else "autogen"
    return (
        [row for row in found if row["dialect"] == wanted] if capture.parent.name == "autogen__openinference" else found
    )


@pytest.mark.parametrize("capture", RECORDED, ids=named)
def test_model_calls_and_their_tokens(capture):
    calls = [row for row in rows(capture) if row["type"] == "llm_call"]
    if capture.parent.name == "autogen__native":
        assert calls == []
        return
    answered = [call for call in truth(capture)["llm_calls"] if call["status"] == 200]
    assert len([row for row in calls if not row["error"]]) == len(answered)
    assert {row["model"].removesuffix("-2024-07-18") for row in calls} == {"gpt-4o-mini"}
    tokens = truth(capture)["tokens"]
    for column, name in (("input_tokens", "input"), ("output_tokens", "output")):
        counted = [row[column] for row in calls if row[column] is not None]
        assert (None if not counted else sum(counted)) == (None if lacks(capture, NO_USAGE) else tokens[name])
    asked = [call["name"] for answer in answered for call in answer.get("tool_calls", [])]
    assert [name for row in calls for name in row["asked_tools"]] == asked


@pytest.mark.parametrize("capture", RECORDED, ids=named)
def test_tools_with_arguments_results_and_errors(capture):
    retrieves = {"tool", "retrieval"} if capture.parent.name.startswith("autogen") else {"tool"}
    ran = [step for step in truth(capture)["executed_steps"] if step["type"] in retrieves]
    refused = capture.name == "v10b_approval_rejected" and capture.parent.name.startswith("langgraph")
    found = tools(capture)[: len(ran)] if refused else tools(capture)  # the refused call is run once more, to say so
    assert [(row["tool"], row["error"]) for row in found] == [(step["name"], step["status"] == "error") for step in ran]
    failing = {step["name"]: step["error_type"] for step in truth(capture)["failing_steps"] if step["type"] == "tool"}
    assert {row["tool"]: row["error_type"] for row in found if row["error"]} == failing
    if not lacks(capture, NO_CONTENT):
        for row, step in zip(tools(capture, with_content=True), ran, strict=False):
            assert _arguments(row) in (step["args"], next(iter(step["args"].values())))
            if step["status"] == "ok":
                assert _value(row["result"]) == step["result"]


def _arguments(row: dict[str, Any]) -> Any:
    """Arguments as sent: LangChain's instrumentation sends the bare text of a tool that takes one."""
    return _value(row["arguments"])


def _value(text: str) -> Any:
    return orjson.loads(text) if text[:1] in {"{", "["} else text


@pytest.mark.parametrize("capture", [path for path in RECORDED if path.parent.name.startswith("langgraph")], ids=named)
def test_retrievals_with_query_and_documents(capture):
    ran = [step for step in truth(capture)["executed_steps"] if step["type"] == "retrieval"]
    found = [row for row in rows(capture) if row["type"] == "retrieval"]
    assert [(row["query"], row["document_count"]) for row in found] == [
        (step["args"]["query"], len(step["documents"])) for step in ran
    ]
    for row, step in zip(found, ran, strict=True):
        assert [document["id"] for document in orjson.loads(row["sources"])] == step["documents"]


@pytest.mark.parametrize("capture", RECORDED, ids=named)
def test_control_flow_is_no_error_and_hand_overs_are_seen(capture):
    held = [row for row in rows(capture) if row["control_flow"] == "interrupt" and row["type"] == "approval"]
    is_graph = capture.parent.name.startswith("langgraph")
    assert len(held) == (len(truth(capture)["approvals"]) if is_graph else 0)
    assert not [row for row in rows(capture) if row["control_flow"] and row["error"]]
    handed = {row["tool"] for row in rows(capture) if row["type"] == "handoff"}
    assert handed == {f"transfer_to_{step['to']}" for step in truth(capture)["handoffs"]}


@pytest.mark.parametrize("capture", RECORDED, ids=named)
def test_sessions_and_users_are_the_ones_of_the_run(capture):
    assert {row["session_id"] for row in rows(capture)} - {None} <= {truth(capture)["session_id"]}
    assert {row["user_id"] for row in rows(capture)} - {None} <= {truth(capture)["user_id"]}


@pytest.mark.parametrize("capture", EVERY, ids=named)
def test_no_recorded_span_is_misread_and_its_attributes_come_back(capture):
    """Every framework's: rows fit the schema, hashes have their texts, raw attributes are restored."""
    for batch in captures.batches(capture):
        for part in batch:
            part.validate(full=True)
        texts = texts_of(batch)
        for row in batch.spans.to_pylist():
            assert "unread" not in row["flags"]
            if not row["synthetic"]:
                sent = restored(batch, row).keys() - {STATUS_DESCRIPTION}
                assert len(sent) == row["attribute_count"]
            for column in ("input", "output", "arguments", "result", "query", "sources"):
                assert len((row[column] or "").encode()) <= 1024
                assert all(part.hex in texts for part in row[f"{column}_parts"] or ())
