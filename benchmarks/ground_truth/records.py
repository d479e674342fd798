"""Reads recorded agent runs with ground truth: one JSON object a line, the shape that the folder's README describes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a step asked for."""

    id: str
    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a run, under the index that its annotators used."""

    index: int
    kind: str
    agent: str
    name: str
    text: str
    calls: tuple[Call, ...]
    error: str | None
    start: int | None
    """Nanoseconds since the epoch."""
    observation: str | None
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run and what is known of it."""

    dataset: str
    trace_id: str
    group: str
    task: str | None
    agent_system: str
    model: str | None
    success: bool | None
    started_at: int | None
    duration_ns: int | None
    input_tokens: int | None
    output_tokens: int | None
    expected: tuple[Call, ...] | None
    labels: Mapping[str, Any]
    extra: Mapping[str, Any]
    steps: tuple[Step, ...]


def read(path: Path) -> Iterator[Run]:
    """The runs of a file, in its order."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield _run(json.loads(line))


def _run(record: Mapping[str, Any]) -> Run:
    """The record's own fields; what it leaves out is unknown."""
    duration, expected = record.get("duration_ms"), record.get("expected_tools")
    dataset = record.get("dataset") or ""
    return Run(
        dataset=dataset,
        trace_id=record["trace_id"],
        group=record.get("group") or record["trace_id"],
        task=record.get("task"),
        agent_system=record.get("agent_system") or dataset,
        model=record.get("model"),
        success=record.get("success"),
        started_at=_nanoseconds(record.get("started_at")),
        duration_ns=None if duration is None else round(duration * 1e6),
        input_tokens=record.get("input_tokens"),
        output_tokens=record.get("output_tokens"),
        expected=None if expected is None else _calls(expected),
        labels=record.get("labels") or {},
        extra=record.get("extra") or {},
        steps=tuple(_step(step, at) for at, step in enumerate(record.get("steps") or ())),
    )


def _step(step: Mapping[str, Any], at: int) -> Step:
    error = step.get("error")
    return Step(
        index=at if step.get("index") is None else int(step["index"]),
        kind=step.get("kind") or "",
        agent=step.get("agent") or "",
        name=step.get("name") or "",
        text=step.get("text") or "",
        calls=_calls(step.get("tool_calls") or ()),
        error=None if not error else error if isinstance(error, str) else step.get("text") or "error",
        start=_nanoseconds(step.get("start")),
        observation=step.get("observation"),
        input_tokens=step.get("input_tokens"),
        output_tokens=step.get("output_tokens"),
    )


def _calls(calls: Sequence[Mapping[str, Any]]) -> tuple[Call, ...]:
    return tuple(Call(call.get("id") or "", call.get("name") or "", _parsed(call.get("args"))) for call in calls)


def _parsed(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _nanoseconds(moment: str | None) -> int | None:
    if moment is None:
        return None
    parsed = datetime.fromisoformat(moment)
    parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return round(parsed.timestamp() * 1e6) * 1000
