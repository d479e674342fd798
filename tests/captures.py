"""Recorded OTLP requests of real frameworks, each with a `meta.json` that says what truly happened.

Those of `all_captures` are not part of the repository: set WHICHSTEP_CAPTURES to their folder, else
`shared/data/captures` beside the repository is looked for. Those of the framework matrix (`frameworks/recorded`) are,
each as one archive. `judge` compares what the jobs make of a capture with its ground truth, fact by fact: `ok`,
`unknown` (the wire does not say, and so do we) or `wrong`.
"""

from __future__ import annotations

import ast
import json
import math
import os
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import polars as pl

from whichstep_analytics.job import Recomputed, recompute
from whichstep_analytics.jobs import frames
from whichstep_analytics.prices import default_prices
from whichstep_collector import decode, normalise
from whichstep_store.batches import Batch
from whichstep_store.results import NEIGHBOUR_FIELDS

RECEIVED_AT = 1_800_000_000_000_000_000
MINUTE = 60 * 10**9
# What the instrumentations do not put on the wire, so that nobody can know it.
_RESUMED_RUN = {"steps", "tools", "tokens", "cost", "status", "output"}  # what follows the approval is not exported
NOT_ON_THE_WIRE = {
    "autogen__native": {"tokens", "cost", "session", "input", "output", "arguments", "documents"},
    "autogen__native/v05_empty_retrieval": {"failing step"},  # tool results
    "autogen__openinference/v01_happy": {"cost"},  # reads from the cache
    "autogen__openinference/v01t_happy_team": {"cost"},
    "autogen__openinference/v01s_happy_stream": {"tokens", "cost"},  # streamed calls report 0 and 0
    "autogen__openinference/v04_wrong_tool": {"session"},  # none was set
    "autogen__openinference/v07_loop_limit": {"output"},  # stopped by the limit without an answer
    "crewai__openinference": {"tokens"},
    "crewai__openinference/v07_loop_limit": {"session"},
    "openai-agents__openinference/v10a_approval_approved": _RESUMED_RUN,
    "openai-agents__openinference/v10b_approval_rejected": _RESUMED_RUN,
    "plain-openai__otel-v2": {"session"},
    "plain-openai__otel-v2/v01e_embedding_search": {
        "one execution",
        "tokens",
        "cost",
    },  # the embedding is alone in its trace
    "plain-openai__otel-v2/v01r_happy_responses_api": set(),  # no spans at all
    "plain-openai__otel-v2/v07_loop_limit": {"steps", "tools", "status"},  # the last result, and that the limit raised
    "pydantic-ai__native/v01s_happy_stream": {"session"},  # none was set: Pydantic AI makes one up
    "vercel-ai-sdk__otel": {"session"},
}
TYPES = {"llm": "llm_call", "tool": "tool_call", "retrieval": "retrieval", "handoff": "handoff", "approval": "approval"}
# How providers themselves name the error that their clients raise as InternalServerError, and how a client names it that
# raises another once it gives up.
PROVIDERS_WORDS = {"server_error", "api_error", "INTERNAL", "500", "AI_APICallError"}
FACTS = (
    "one execution", "steps", "tools", "arguments", "documents", "errors", "recovered", "tokens", "cost", "failing step",
    "status", "outcome", "session", "input", "output",
)  # fmt: skip
# USD per million tokens: input, read from the cache, output.
LIST_PRICES = {
    "gpt-4o-mini": (0.15, 0.075, 0.6),
    "claude-sonnet-4-5": (3, 0.3, 15),
    "gemini-2.5-flash": (0.3, math.nan, 2.5),
}


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
    """The facts of a capture that its instrumentation does not send; none states whether the task was done."""
    setup = capture.parent.name
    return {"outcome"} | NOT_ON_THE_WIRE.get(setup, set()) | NOT_ON_THE_WIRE.get(f"{setup}/{capture.name}", set())


def trace_ids(capture: Path) -> set[str]:
    """The traces of a capture, 32 hex digits each."""
    return {uuid.hex for batch in batches(capture) for uuid in batch.spans["trace_id"].to_pylist()}


def batches(capture: Path) -> list[Batch]:
    """The requests of a capture in order of arrival, decoded and normalised."""
    return [_batch(name, body) for name, body in requests(capture)]


def requests(capture: Path) -> list[tuple[str, bytes]]:
    """Name and body of each request with spans or logs, in order of arrival."""
    return [(name, body) for name, body in _files(capture) if name.split(".")[1] in {"traces", "logs"}]


def meta(capture: Path) -> dict[str, Any]:
    """What is known of the run: packages, variant, ground truth."""
    return json.loads(dict(_files(capture))["meta.json"])


def _files(capture: Path) -> list[tuple[str, bytes]]:
    if capture.is_dir():
        return [(path.name, path.read_bytes()) for path in sorted(capture.iterdir())]
    with tarfile.open(capture) as archive:
        return sorted((member.name, archive.extractfile(member).read()) for member in archive)


def _batch(name: str, body: bytes) -> Batch:
    is_json = name.endswith(".json")
    if ".logs." in name:
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
        return cls(meta(capture)["ground_truth"])

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
        named |= PROVIDERS_WORDS
        return sorted(tools + [("llm_call", named)] * bool(calls), key=str)

    def executed(self, kind: str) -> list[dict[str, Any]]:
        return [step for step in self.raw["executed_steps"] if step["type"] == kind]

    def cost(self, *, cache_reported: bool = True) -> float | None:
        """At list prices; None for a model whose price is not known."""
        total = 0.0
        for call in self.raw["llm_calls"]:
            if (usage := call.get("usage")) is None or call["api"] == "embeddings":
                continue
            price = next((LIST_PRICES[name] for name in LIST_PRICES if call["model"].startswith(name)), None)
            if price is None:
                return None
            cached = (usage.get("cached") or 0) if cache_reported else 0
            total += (usage["input"] - cached) * price[0] + (cached and cached * price[1]) + usage["output"] * price[2]
        return total / 1e6

    def failing(self) -> list[dict[str, Any]]:
        return [] if self.raw["task_success"] else list(self.raw["failing_steps"])


def judge(capture: Path) -> dict[str, str]:
    """The verdict on each of FACTS: ok, unknown, or `wrong: what we said`."""
    found = results(batches(capture))
    verdicts = judge_frames(Truth.read(capture), found.executions, found.steps)
    lost = not_on_the_wire(capture)
    return {
        fact: "unknown" if fact in lost and verdict.startswith("wrong") else verdict
        for fact, verdict in verdicts.items()
    }


def judge_frames(truth: Truth, executions: pl.DataFrame, steps: pl.DataFrame) -> dict[str, str]:
    """The same from rows of the jobs or of the public views `executions` and `steps`.

    A run whose traces share nothing that could join them is several executions, and the facts are those of all.
    """
    if executions.is_empty():
        return dict.fromkeys(FACTS, "unknown")
    ranked = executions.sort("started_at").select("execution_id").with_row_index("rank")
    execution, steps = _together(executions), steps.join(ranked, on="execution_id").sort("rank", "position")
    return {
        "one execution": _one(executions),
        "steps": _steps(truth, steps),
        "tools": _tools(truth, steps),
        "arguments": _arguments(truth, steps),
        "documents": _documents(truth, steps),
        "errors": _errors(truth, steps),
        "recovered": _recovered(truth, steps),
        "tokens": _tokens(truth, execution),
        "cost": _cost(truth, execution, steps),
        "failing step": _failing(truth, execution, steps),
        "status": _status(truth, execution),
        "outcome": _same(truth.raw["task_success"], execution["success"]),
        "session": _same(truth.raw["session_id"], execution["session_id"]),
        "input": _input(truth, execution["input"]),
        "output": _holds(execution["output"], truth.raw["final_answer"]),
    }


def _one(executions: pl.DataFrame) -> str:
    apart = executions.height > 1 and executions["session_id"].is_null().all()
    return "ok" if executions.height == 1 else "unknown" if apart else f"wrong: {executions.height}"


def _together(executions: pl.DataFrame) -> dict[str, Any]:
    """The executions of a run as one: sums, the first words, the last that is known of the rest."""
    rows = executions.sort("started_at").to_dicts()
    last = {name: next((row[name] for row in reversed(rows) if row[name] is not None), None) for name in rows[0]}
    failed = next((row for row in rows if row["failing_step_id"] is not None), rows[-1])
    for name in ("input_tokens", "output_tokens", "cost_usd"):
        known = [row[name] for row in rows if row[name] is not None]
        last[name] = sum(known) if known else None
    return {
        **last,
        "input": next((row["input"] for row in rows if row["input"] is not None), None),
        "status": "error" if any(row["status"] == "error" for row in rows) else rows[-1]["status"],
        **{name: failed[name] for name in ("failing_step_id", "failure_kind")},
    }


def leaves(steps: pl.DataFrame) -> pl.DataFrame:
    """The steps that the ground truth lists: tools, retrievals, hand-overs, approvals, and model calls once: what a
    client repeats until it succeeds is one."""
    repeated = (pl.col("type") == "llm_call") & (pl.col("status") == "error") & pl.col("recovered")
    return steps.filter(pl.col("type").is_in(list(TYPES.values())) & ~repeated.fill_null(value=False))


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
    if truth.raw["handoffs"]:  # the script does not know where: it lists them first, last, or not at all
        kinds = [kind for kind in kinds if kind not in {"handoff", "approval"}]
        if "handoff" not in found:
            return "wrong: no handoff"
        found = [kind for kind in found if kind not in {"handoff", "approval"}]
    return "ok" if found == kinds else f"wrong: {_short(found)} for {_short(kinds)}"


def _short(kinds: list[str]) -> str:
    return "".join(kind[0] for kind in kinds)


def _tools(truth: Truth, steps: pl.DataFrame) -> str:
    searches = {name for kind, name in truth.steps() if kind == "retrieval"}
    called = leaves(steps).filter(pl.col("type") == "tool_call")
    found = [name for name in called["tool"].to_list() if name not in searches]
    expected = truth.tools()
    return "ok" if sorted(map(str, found)) == sorted(expected) else f"wrong: {found} for {expected}"


def _arguments(truth: Truth, steps: pl.DataFrame) -> str:
    """Of the calls of each tool in their order; a bare text stands for the only argument."""
    verdicts = []
    for name in sorted({step["name"] for step in truth.executed("tool")}):
        given = [step["args"] for step in truth.executed("tool") if step["name"] == name]
        found = leaves(steps).filter(pl.col("type") == "tool_call", pl.col("tool") == name)["arguments"].to_list()
        verdicts += [_argument(text, true) for text, true in zip(found, given, strict=False)]
    return _worst(verdicts)


def _argument(text: str | None, given: dict[str, Any]) -> str:
    if text is None:
        return "unknown"
    value = _value(text)
    return "ok" if value == given or [value] == list(given.values()) else f"wrong: {text[:60]}"


def _documents(truth: Truth, steps: pl.DataFrame) -> str:
    """What each search found, in order; where the search is a tool, its result says it."""
    verdicts = []
    for name in sorted({step["name"] for step in truth.executed("retrieval")}):
        searches = pl.col("type") == "retrieval" if (steps["type"] == "retrieval").any() else pl.col("tool") == name
        rows = leaves(steps).filter(searches).iter_rows(named=True)
        given = [step["result"] for step in truth.executed("retrieval") if step["name"] == name]
        verdicts += [_sources(row, documents) for row, documents in zip(rows, given, strict=False)]
    return _worst(verdicts)


def _sources(row: dict[str, Any], documents: list[dict[str, Any]]) -> str:
    """Documents are told by their ids or, where the framework leaves those out, by how their texts begin."""
    text = row["sources"] if row["type"] == "retrieval" else row["result"]
    if text is None:
        return "ok" if not documents and row.get("document_count") == 0 else "unknown"
    if not documents:
        return "ok" if _value(text) in ([], {"result": []}) else f"wrong: {text[:60]}"
    texts = [document.get("content", document.get("text"))[:40] for document in documents]
    listed = _in_order(text, [document["id"] for document in documents]) or _in_order(text, texts)
    return "ok" if listed else f"wrong: {text[:60]}"


def _in_order(text: str, parts: list[str]) -> bool:
    places = [text.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def _value(text: str) -> Any:
    """What a text says as JSON or as Python writes it; else the text."""
    for read in (orjson.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            continue
    return text


def _worst(verdicts: list[str]) -> str:
    """The first that is wrong, else unknown where one is, else ok."""
    wrong = [said for said in verdicts if said.startswith("wrong")]
    return wrong[0] if wrong else "unknown" if "unknown" in verdicts else "ok"


def _errors(truth: Truth, steps: pl.DataFrame) -> str:
    """Error types of leaf steps; a type that the wire does not carry is unknown."""
    failed = leaves(steps).filter(pl.col("status") == "error").select("type", "error_type").rows()
    calls = dict.fromkeys(error for error in failed if error[0] == "llm_call")  # repeated ones failed once
    found = sorted([*(error for error in failed if error[0] != "llm_call"), *calls], key=str)
    expected = truth.errors()
    if "llm_call" not in leaves(steps)["type"].to_list():
        expected = [error for error in expected if error[0] != "llm_call"]
    if [kind for kind, _ in found] != [kind for kind, _ in expected]:
        return f"wrong: {found} for {[(kind, *sorted(names - PROVIDERS_WORDS - {None})) for kind, names in expected]}"
    differ = [said for (_, said), (_, true) in zip(found, expected, strict=True) if said not in true]
    if not differ:
        return "ok"
    return (
        "unknown"
        if differ == [None] * len(differ)
        else f"wrong: {differ} for {[sorted(true - {None}) for _, true in expected]}"
    )


def _recovered(truth: Truth, steps: pl.DataFrame) -> str:
    """Which tools that failed are said to have been repeated with success."""
    failed = leaves(steps).filter(pl.col("type") == "tool_call", pl.col("status") == "error")
    found = sorted(failed.filter("recovered")["tool"].to_list(), key=str)
    expected = sorted(str(each["tool"]) for each in truth.raw["retries"])
    if found == expected:
        return "ok"
    return "unknown" if failed.is_empty() else f"wrong: {found} for {expected}"


def _cost(truth: Truth, execution: dict[str, Any], steps: pl.DataFrame) -> str:
    """Where nobody reports the reads from the cache, the price of ordinary input is all that can be said."""
    found, expected = execution["cost_usd"], truth.cost()
    if found is None or expected is None:
        return "unknown"
    if math.isclose(found, expected, rel_tol=1e-9):
        return "ok"
    reported = not steps["cache_read_tokens"].is_null().all()
    at_most = truth.cost(cache_reported=reported)
    return "unknown" if math.isclose(found, at_most or 0, rel_tol=1e-9) else f"wrong: {found} for {expected}"


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
    same = steps.filter(pl.col("tool") == expected["name"], pl.col("type") == "tool_call")
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


def _input(truth: Truth, text: str | None) -> str:
    """What was asked in this turn, and nothing of the turns before."""
    earlier = any(words in (text or "") for words in truth.raw.get("earlier_turns", ()))
    return f"wrong: {text}" if earlier else _holds(text, truth.raw["user_input"])


def _unescaped(text: str) -> str:
    return text.replace('\\"', '"').replace("\\n", "\n")
