"""Langfuse: traces with or without their observations, observations and scores, as API, blob export, UI write them.

Field names come in camel case (API, UI) and in snake case (blob storage, newer API); nested values in CSV and Parquet
are JSON text. A trace becomes a step that says to be a record of its whole trace, whether its observations come in it,
before it or after it: what it is to them is worked out where all of them are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from whichstep import attributes as names
from whichstep_cli.imports.formats.base import Format, NotTakenError
from whichstep_cli.imports.formats.langfuse_usage import cost, usage
from whichstep_cli.imports.reading import Record
from whichstep_cli.imports.steps import Attributes, Converted, Evaluation, Step, pruned, span_id_of, trace_id_of
from whichstep_cli.imports.values import (
    NANOSECONDS,
    first,
    listed,
    mapping,
    metadata,
    nanoseconds,
    number,
    parameters,
    parsed,
    said_in,
    text,
    texts,
)

SCOPE: Final = "whichstep.import.langfuse"
_SOURCE: Final = "langfuse"
_TYPES: Final = {
    "GENERATION": "llm_call", "AGENT": "agent", "TOOL": "tool_call", "RETRIEVER": "retrieval", "EMBEDDING": "embedding",
    "GUARDRAIL": "guardrail", "EVALUATOR": "evaluation", "SPAN": "other", "CHAIN": "other", "EVENT": "other",
}  # fmt: skip
_SCORE_SOURCES: Final = {"ANNOTATION": "HUMAN", "EVAL": "LLM", "API": "CODE"}
_TRACE_MARKS: Final = frozenset({
    "observations", "scores", "sessionId", "session_id", "userId", "user_id", "totalCost", "htmlPath", "public",
    "bookmarked", "release",
})  # fmt: skip
_INSTRUMENTATION: Final = ("resourceAttributes", "scope", "attributes")


def recognises(record: Record) -> bool:
    """A trace, an observation, or a score."""
    value = record.value
    return (
        isinstance(value, dict) and "id" in value and (_is_observation(value) or _is_score(value) or _is_trace(value))
    )


def convert(record: Record) -> Converted:
    """One trace with what it holds, or one observation, or one score."""
    value = record.value
    if _is_observation(value):
        found = _source(value)
        found.steps.append(
            _observation(value, trace_id_of(_SOURCE, first(value, "traceId", "trace_id") or value["id"]))
        )
    elif _is_score(value):
        found = _source(value)
        found.evaluations.append(_score(value))
    else:
        found = _trace(value)
    return found


def _is_observation(value: Mapping[str, Any]) -> bool:
    return str(value.get("type")) in _TYPES and ("startTime" in value or "start_time" in value)


def _is_score(value: Mapping[str, Any]) -> bool:
    typed = first(value, "dataType", "data_type") is not None or str(value.get("source")) in _SCORE_SOURCES
    valued = any(key in value for key in ("value", "stringValue", "string_value"))
    return "name" in value and typed and valued


def _is_trace(value: Mapping[str, Any]) -> bool:
    return "timestamp" in value and not _TRACE_MARKS.isdisjoint(value)


def _source(value: Mapping[str, Any]) -> Converted:
    """Who sent it, as far as a record tells: the resource of an OpenTelemetry sender is kept in the metadata."""
    resource = mapping(mapping(value.get("metadata")).get("resourceAttributes"))
    environment = text(value.get("environment"))
    return Converted(
        SCOPE,
        text(resource.get("service.name")) or _SOURCE,
        text(first(value, "release")) or text(resource.get("service.version")) or text(value.get("version")),
        environment if environment != "default" else None,
    )


def _trace(value: Mapping[str, Any]) -> Converted:
    found = _source(value)
    trace_id = trace_id_of(_SOURCE, value["id"])
    observations = [item for item in listed(value.get("observations")) if isinstance(item, dict)]
    found.steps = [_record(value, trace_id), *(_observation(item, trace_id) for item in observations)]
    known = {"traceId": value["id"]}
    scores = [item for item in listed(value.get("scores")) if isinstance(item, dict) and _is_score(item)]
    found.evaluations = [_score({**known, **item}) for item in scores]
    return found


def _record(value: Mapping[str, Any], trace_id: str) -> Step:
    """The trace itself. Where nothing says how long it took, it is untimed."""
    start = nanoseconds(value.get("timestamp"))
    if start is None:
        raise NotTakenError("a trace without timestamp")
    took = number(value.get("latency"))
    given, answered = parsed(value.get("input")), parsed(value.get("output"))
    step = Step(
        trace_id,
        span_id_of(trace_id, f"trace {value['id']}"),
        text(value.get("name")) or "trace",
        "workflow",
        start=start,
        end=start + int((took or 0) * NANOSECONDS),
        attributes={names.WHOLE_TRACE: True}
        | ({} if took else {names.STEP_INDEX: 0})
        | said_in(given, names.INPUT_MESSAGES, names.INPUT)
        | said_in(answered, names.OUTPUT_MESSAGES, names.OUTPUT),
    )
    return _with_trace(step, {"traceName": value.get("name"), **value}, root=True)


def _with_trace(step: Step, value: Mapping[str, Any], *, root: bool) -> Step:
    """Adds what holds for the whole trace; newer exports write it on each observation."""
    step.attributes |= pruned(
        {
            names.SESSION_ID: text(first(value, "sessionId", "session_id")),
            names.USER_ID: text(first(value, "userId", "user_id")),
            names.TAGS: texts(value.get("tags")),
        }.items()
    )
    if root:
        name = text(first(value, "traceName", "trace_name"))
        step.attributes |= pruned([(names.WORKFLOW_NAME, name)])
        step.attributes |= metadata(mapping(value.get("metadata")), without=_INSTRUMENTATION)
        if step.type == "other":
            step.type = "workflow"
    return step


def _observation(value: Mapping[str, Any], trace_id: str) -> Step:
    start = nanoseconds(first(value, "startTime", "start_time"))
    if start is None:
        raise NotTakenError("an observation without a start")
    parent = text(first(value, "parentObservationId", "parent_observation_id"))
    said = str(value.get("type"))
    end = nanoseconds(first(value, "endTime", "end_time"))
    failed = value.get("level") == "ERROR"
    step = Step(
        trace_id,
        span_id_of(trace_id, value["id"]),
        text(value.get("name")) or said.lower(),
        _TYPES.get(said, "other"),
        span_id_of(trace_id, parent) if parent else None,
        start,
        start if end is None and said == "EVENT" else end,
        pruned(_attributes(value, _TYPES.get(said, "other"), start).items()),
        (text(first(value, "statusMessage", "status_message")) or "") if failed else None,
    )
    return _with_trace(step, value, root=parent is None)


def _attributes(value: Mapping[str, Any], kind: str, start: int) -> Attributes:
    given, answered = parsed(value.get("input")), parsed(value.get("output"))
    if kind == "tool_call":
        return {names.TOOL_NAME: text(value.get("name")), names.TOOL_ARGUMENTS: given, names.TOOL_RESULT: answered}
    if kind == "retrieval":
        return {names.RETRIEVAL_QUERY: given, names.RETRIEVAL_DOCUMENTS: "[]" if answered == [] else answered}
    found = said_in(given, names.INPUT_MESSAGES, names.INPUT) | said_in(answered, names.OUTPUT_MESSAGES, names.OUTPUT)
    if kind == "agent":
        found[names.AGENT_NAME] = text(value.get("name"))
    if kind in ("llm_call", "embedding"):
        spoke = nanoseconds(first(value, "completionStartTime", "completion_start_time"))
        found |= {
            names.REQUEST_MODEL: text(first(value, "model", "providedModelName", "provided_model_name")),
            names.COST_USD: cost(value),
            "gen_ai.response.time_to_first_chunk": (spoke - start) / 1e9 if spoke else None,
            **usage(value),
            **parameters(mapping(first(value, "modelParameters", "model_parameters"))),
        }
    return found


def _score(value: Mapping[str, Any]) -> Evaluation:
    trace = first(value, "traceId", "trace_id")
    at = nanoseconds(first(value, "timestamp", "createdAt", "created_at"))
    if trace is None:
        raise NotTakenError("a score of a session or data set run, not of a trace")
    if at is None:
        raise NotTakenError("a score without a time")
    trace_id = trace_id_of(_SOURCE, trace)
    step = first(value, "observationId", "observation_id")
    label = text(first(value, "stringValue", "string_value"))
    said = value.get("value")
    return Evaluation(
        trace_id,
        str(value.get("name")),
        at,
        span_id_of(trace_id, step) if step else None,
        number(said),
        label or (said if isinstance(said, str) and number(said) is None else None),
        text(value.get("comment")),
        _SCORE_SOURCES.get(str(value.get("source"))),
    )


FORMAT: Final = Format("langfuse", "Langfuse: traces, observations, scores (API, blob, UI)", recognises, convert)
