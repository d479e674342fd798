"""Recorded OTLP requests of real frameworks, each with a `meta.json` that says what truly happened.

The recordings are not part of the repository: set WHICHSTEP_CAPTURES to their folder, else `shared/data/captures`
beside the repository is looked for. `judge` compares what the jobs make of a capture with its ground truth, fact by
fact: `ok`, `unknown` (the wire does not say, and so do we) or `wrong`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from whichstep_analytics.job import Recomputed, recompute
from whichstep_analytics.jobs import frames
from whichstep_analytics.prices import default_prices
from whichstep_collector import decode, normalise
from whichstep_store.batches import Batch
from whichstep_store.results import NEIGHBOUR_FIELDS

RECEIVED_AT = 1_800_000_000_000_000_000
MINUTE = 60 * 10**9
# What the set-ups of LangGraph and AutoGen do not put on the wire, so that nobody can know it.
NOT_ON_THE_WIRE = {
    "autogen__native": {"tokens", "session", "input", "output"},
    "autogen__native/v05_empty_retrieval": {"failing step"},  # tool results
    "autogen__openinference/v01s_happy_stream": {"tokens"},  # streamed calls report 0 and 0
    "autogen__openinference/v04_wrong_tool": {"session"},  # none was set
    "autogen__openinference/v07_loop_limit": {"output"},  # stopped by the limit without an answer
}
TYPES = {"llm": "llm_call", "tool": "tool_call", "retrieval": "retrieval", "handoff": "handoff", "approval": "approval"}
FACTS = ("one execution", "steps", "tools", "errors", "tokens", "failing step", "status", "session", "input", "output")


def folder() -> Path | None:
    """Where the recordings are, or None."""
    named = os.environ.get("WHICHSTEP_CAPTURES")
    path = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data" / "captures"
    return path if path.is_dir() else None


def all_captures() -> list[Path]:
    """Every capture folder, sorted; none where there are no recordings."""
    root = folder()
    return sorted(path.parent for path in root.glob("*/*/meta.json")) if root else []


def not_on_the_wire(capture: Path) -> set[str]:
    """The facts of a capture that its instrumentation does not send."""
    setup = capture.parent.name
    return NOT_ON_THE_WIRE.get(setup, set()) | NOT_ON_THE_WIRE.get(f"{setup}/{capture.name}", set())


def trace_ids(capture: Path) -> set[str]:
    """The traces of a capture, 32 hex digits each."""
    return {uuid.hex for batch in batches(capture) for uuid in batch.spans["trace_id"].to_pylist()}


def batches(capture: Path) -> list[Batch]:
    """The requests of a capture in order of arrival, decoded and normalised."""
    return [_batch(path) for path in sorted(capture.iterdir()) if path.name.split(".")[1] in {"traces", "logs"}]


def _batch(path: Path) -> Batch:
    body, is_json = path.read_bytes(), path.suffix == ".json"
    if ".logs." in path.name:
        return normalise.normalise_logs(decode.decode_logs(body, json=is_json), received_at=RECEIVED_AT)
    return normalise.normalise_traces(decode.decode_traces(body, json=is_json), received_at=RECEIVED_AT)


def results(given: list[Batch]) -> Recomputed:
    """What the jobs make of these batches a minute later."""
    return recompute(
        frames.batch_spans(given),
        frames.batch_evaluations(given),
        frames.empty(NEIGHBOUR_FIELDS),
        prices=default_prices(),
        as_of=RECEIVED_AT + MINUTE,
    )


class Truth(NamedTuple):
    """The ground truth of a capture, in the words of whichstep."""

    raw: dict[str, Any]

    @classmethod
    def read(cls, capture: Path) -> Truth:
        return cls(json.loads((capture / "meta.json").read_text(encoding="utf-8"))["ground_truth"])

    def steps(self) -> list[tuple[str, str]]:
        return [(TYPES[step["type"]], step["name"]) for step in self.raw["expected_steps"] if step["type"] in TYPES]

    def tools(self) -> list[str]:
        return [name for kind, name in self.steps() if kind == "tool_call"]

    def errors(self) -> list[tuple[str, set[str]]]:
        """(type, names of the error) of the steps that failed; what a client repeats by itself fails once."""
        steps = self.raw["expected_steps"]
        tools = [(TYPES[s["type"]], {s["error_type"]}) for s in steps if s.get("status") == "error"]
        calls = [s for s in steps if str(s.get("status")).startswith("http_")]
        named = {each["error_type"] for each in self.raw["failing_steps"]} | {(self.raw["run_error"] or {}).get("type")}
        return sorted(tools + [("llm_call", named)] * bool(calls), key=str)

    def failing(self) -> list[dict[str, Any]]:
        return [] if self.raw["task_success"] else list(self.raw["failing_steps"])


def judge(capture: Path) -> dict[str, str]:
    """The verdict on each of FACTS: ok, unknown, or `wrong: what we said`."""
    found = results(batches(capture))
    return judge_frames(Truth.read(capture), found.executions, found.steps)


def judge_frames(truth: Truth, executions: pl.DataFrame, steps: pl.DataFrame) -> dict[str, str]:
    """The same from rows of the jobs or of the public views `executions` and `steps`."""
    if executions.is_empty():
        return dict.fromkeys(FACTS, "unknown")
    execution = executions.row(0, named=True)
    return {
        "one execution": "ok" if executions.height == 1 else f"wrong: {executions.height}",
        "steps": _steps(truth, steps),
        "tools": _tools(truth, steps),
        "errors": _errors(truth, steps),
        "tokens": _tokens(truth, execution),
        "failing step": _failing(truth, execution, steps),
        "status": _status(truth, execution),
        "session": _same(truth.raw["session_id"], execution["session_id"]),
        "input": _holds(execution["input"], truth.raw["user_input"]),
        "output": _holds(execution["output"], truth.raw["final_answer"]),
    }


def leaves(steps: pl.DataFrame) -> pl.DataFrame:
    """The steps that the ground truth lists: model calls once, tools, retrievals, hand-overs, approvals."""
    return steps.filter(pl.col("type").is_in(list(TYPES.values()))).sort("position")


def _steps(truth: Truth, steps: pl.DataFrame) -> str:
    """Types in order, as far as the wire shows them: a search may be a tool, the transfer to a person an approval, and
    what a client repeats inside one span is one call."""
    expected = truth.steps()
    found = leaves(steps)["type"].to_list()
    if "llm_call" not in found:
        expected = [step for step in expected if step[0] != "llm_call"]
    kinds = ["tool_call" if kind == "retrieval" and "retrieval" not in found else kind for kind, _ in expected]
    while len(kinds) > len(found) and kinds[-2:] == ["llm_call", "llm_call"] and truth.raw["run_status"] == "error":
        kinds.pop()
    if truth.raw["handoffs"]:
        kinds = ["handoff" if kind == "approval" else kind for kind in kinds]
        if "handoff" not in kinds:
            found = [kind for kind in found if kind != "handoff"]
    return "ok" if found == kinds else f"wrong: {_short(found)} for {_short(kinds)}"


def _short(kinds: list[str]) -> str:
    return "".join(kind[0] for kind in kinds)


def _tools(truth: Truth, steps: pl.DataFrame) -> str:
    searches = {name for kind, name in truth.steps() if kind == "retrieval"}
    called = leaves(steps).filter(pl.col("type") == "tool_call")
    found = [name for name in called["tool"].to_list() if name not in searches]
    expected = truth.tools()
    return "ok" if sorted(map(str, found)) == sorted(expected) else f"wrong: {found} for {expected}"


def _errors(truth: Truth, steps: pl.DataFrame) -> str:
    """Error types of leaf steps; a type that the wire does not carry is unknown."""
    found = sorted(leaves(steps).filter(pl.col("status") == "error").select("type", "error_type").rows(), key=str)
    expected = truth.errors()
    if "llm_call" not in leaves(steps)["type"].to_list():
        expected = [error for error in expected if error[0] != "llm_call"]
    if [kind for kind, _ in found] != [kind for kind, _ in expected]:
        return f"wrong: {found} for {expected}"
    differ = [said for (_, said), (_, true) in zip(found, expected, strict=True) if said not in true]
    if not differ:
        return "ok"
    return "unknown" if differ == [None] * len(differ) else f"wrong: {found} for {expected}"


def _tokens(truth: Truth, execution: dict[str, Any]) -> str:
    found = (execution["input_tokens"], execution["output_tokens"])
    expected = (truth.raw["tokens"]["input"], truth.raw["tokens"]["output"])
    if found == (None, None):
        return "unknown"
    return "ok" if found == expected else f"wrong: {found} for {expected}"


def _failing(truth: Truth, execution: dict[str, Any], steps: pl.DataFrame) -> str:
    expected = truth.failing()
    if execution["failing_step_id"] is None:
        return "ok" if not expected else "unknown"
    at = steps.filter(pl.col("step_id") == execution["failing_step_id"])
    step = at.row(0, named=True)
    said = f"{step['type']} {step['name']} ({execution['failure_kind']})"
    if not expected:
        refused = not truth.raw["task_success"] and truth.raw["approvals"]
        return "ok" if refused and execution["failure_kind"] == "approval_rejected" else f"wrong: {said}"
    return "ok" if any(_is(step, each, execution, steps) for each in expected) else f"wrong: {said}"


def _is(step: dict[str, Any], expected: dict[str, Any], execution: dict[str, Any], steps: pl.DataFrame) -> bool:
    if expected["type"] == "agent":
        return step["type"] in {"agent", "workflow"} and execution["failure_kind"] in {"loop", "budget_exceeded"}
    if expected["type"] == "llm":
        if not (steps["type"] == "llm_call").any():  # no span shows the call: its agent is all there is
            return step["type"] == "agent" and execution["failure_kind"] == "llm_error"
        return step["type"] == "llm_call"
    if expected["type"] == "retrieval":
        return execution["failure_kind"] == "empty_retrieval"
    same = steps.filter(pl.col("tool") == expected["name"], pl.col("type") == "tool_call").sort("position")
    calls = same["step_id"].to_list()
    return step["step_id"] in calls and calls.index(step["step_id"]) == expected["occurrence"] - 1


def _status(truth: Truth, execution: dict[str, Any]) -> str:
    expected = "error" if truth.raw["run_status"] == "error" else "ok"
    return "ok" if execution["status"] == expected else f"wrong: {execution['status']}"


def _same(expected: Any, found: Any) -> str:
    return "unknown" if found is None else "ok" if found == expected else f"wrong: {found}"


def _holds(text: str | None, part: str | None) -> str:
    if text is None:
        return "ok" if part is None else "unknown"
    if part is None:
        return f"wrong: {text[:40]}"
    return "ok" if part in text or part in _unescaped(text) else f"wrong: {text[:60]}"


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n")
