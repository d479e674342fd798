"""Inspect: samples of `.eval` archives and `.json` logs, each an execution of purpose `dataset`.

Model calls, tool calls, approvals, agents, solvers and scorers become steps; the set-up around them does not. Scores
become evaluations under their scorer's name, the target an expectation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from whichstep import attributes as names
from whichstep_cli.imports.formats.base import Format, NotTakenError
from whichstep_cli.imports.formats.inspect_events import Log, steps_of
from whichstep_cli.imports.reading import Record
from whichstep_cli.imports.steps import (
    Attributes,
    Converted,
    Evaluation,
    Step,
    as_json,
    pruned,
    span_id_of,
    trace_id_of,
)
from whichstep_cli.imports.values import first, mapping, metadata, nanoseconds, number, said_in, text, texts

SCOPE: Final = "whichstep.import.inspect"
_SOURCE: Final = "inspect"
_WORDS: Final = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""Correct, partial, incorrect, no answer: worth what Inspect's own `value_to_float` says."""


def recognises(record: Record) -> bool:
    """A sample beside the header of its log."""
    value = record.value
    return isinstance(value, dict) and "eval" in record.header and "epoch" in value and "id" in value


def convert(record: Record) -> Converted:
    """One sample of one epoch."""
    sample, run = record.value, mapping(record.header.get("eval"))
    own = sample.get("uuid") or f"{run.get('run_id')}/{run.get('task_id')}/{sample['id']}/{sample['epoch']}"
    trace_id = trace_id_of(_SOURCE, own)
    log = Log(trace_id, span_id_of(trace_id, "sample"), sample)
    steps = list(steps_of(log))
    root = _root(sample, run, log, steps)
    task = text(run.get("task")) or "task"
    found = Converted(SCOPE, task, text(mapping(run.get("revision")).get("commit")), steps=[root, *steps])
    found.evaluations = list(_scores(sample, root))
    return found


def _root(sample: Mapping[str, Any], run: Mapping[str, Any], log: Log, steps: list[Step]) -> Step:
    times = [moment for step in steps for moment in (step.start, step.end) if moment is not None]
    start = nanoseconds(sample.get("started_at")) or min(times, default=None)
    if start is None:
        raise NotTakenError("a sample without times or events")
    end = nanoseconds(sample.get("completed_at")) or max(times, default=start)
    error = mapping(sample.get("error"))
    task = text(run.get("task"))
    return Step(
        log.trace_id,
        log.root_id,
        task or "sample",
        "workflow",
        start=min([start, *times]),  # a sample's set-up comes before what it calls its start
        end=max([end, *times]),
        attributes=pruned(_about(sample, run, log).items()),
        error=(text(error.get("message")) or "") if error else None,
    )


def _about(sample: Mapping[str, Any], run: Mapping[str, Any], log: Log) -> Attributes:
    target = sample.get("target")
    limit = mapping(sample.get("limit"))
    return {
        names.TASK_ID: f"{run.get('task')}/{sample['id']}",
        names.TASK_TYPE: text(run.get("task")),
        names.WORKFLOW_NAME: text(run.get("task")),
        names.PURPOSE: "dataset",
        names.TAGS: texts(run.get("tags")),
        names.EXPECTATION: as_json({"output": target}) if target not in (None, "", []) else None,
        **said_in(_input(log, sample.get("input")), names.INPUT_MESSAGES, names.INPUT),
        **said_in(log.whole(mapping(sample.get("output")).get("completion")), names.OUTPUT_MESSAGES, names.OUTPUT),
        **metadata(mapping(sample.get("metadata"))),
        f"{names.METADATA_PREFIX}sample": text(sample["id"]),
        f"{names.METADATA_PREFIX}epoch": sample["epoch"],
        f"{names.METADATA_PREFIX}model": text(run.get("model")),
        f"{names.METADATA_PREFIX}eval_id": text(first(run, "eval_id", "run_id")),
        f"{names.METADATA_PREFIX}limit": text(limit.get("type")),
    }


def _input(log: Log, value: Any) -> Any:
    return log.messages(value) if isinstance(value, list) else log.whole(value)


def _scores(sample: Mapping[str, Any], root: Step) -> Iterator[Evaluation]:
    scores = mapping(sample.get("scores")) or ({"score": sample["score"]} if sample.get("score") else {})
    for scorer, score in scores.items():
        if isinstance(score, dict):
            value = score.get("value")
            parts = value.items() if isinstance(value, dict) else [("", value)]
            for part, said in parts:
                if said is None:
                    continue  # the scorer gave none: Python's NaN in the log
                yield Evaluation(
                    root.trace_id,
                    f"{scorer}.{part}" if part else scorer,
                    root.end or 0,
                    score=_worth(said),
                    label=said if isinstance(said, str) else None if not isinstance(said, list) else as_json(said),
                    explanation=text(score.get("explanation")),
                    source="LLM" if scorer.startswith("model_graded") else "CODE",
                )


def _worth(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    return _WORDS.get(value) if isinstance(value, str) and value in _WORDS else number(value)


FORMAT: Final = Format("inspect", "Inspect: .eval and .json logs", recognises, convert)
