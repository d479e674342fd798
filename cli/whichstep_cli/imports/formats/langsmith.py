"""LangSmith: runs as its bulk export (Parquet, JSONL), its API and its SDK write them; feedback records.

A run is one step; its trace id is the run's own. Costs and tokens stand on model calls: above them they are totals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from whichstep import attributes as names
from whichstep_cli.imports.formats.base import Format, NotTakenError
from whichstep_cli.imports.reading import Record
from whichstep_cli.imports.steps import Attributes, Converted, Evaluation, Step, pruned, span_id_of, trace_id_of
from whichstep_cli.imports.values import (
    count,
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

SCOPE: Final = "whichstep.import.langsmith"
_SOURCE: Final = "langsmith"
_TYPES: Final = {
    "llm": "llm_call", "tool": "tool_call", "retriever": "retrieval", "embedding": "embedding", "chain": "other",
    "prompt": "other", "parser": "other",
}  # fmt: skip
_SESSIONS: Final = ("session_id", "thread_id", "conversation_id")
_KNOWN_METADATA: Final = (*_SESSIONS, "user_id", "revision_id", "environment", "LANGSMITH_PROJECT")
_FEEDBACK_SOURCES: Final = {"app": "HUMAN", "model": "LLM", "auto_eval": "LLM", "api": "CODE"}
_PLACES: Final = ("seq:step", "graph:step")
"""Tags that LangChain sets to say where in a chain a run is."""
_ERROR: Final = re.compile(r"(\w+)\((['\"])(.*?)\2,?\)(?=Traceback|$)", re.DOTALL)
"""How a run tells an exception: its repr, then the traceback."""
_RUNS_MAX: Final = 100_000
_CALL_ID: Final = "tool_call_id"


def recognises(record: Record) -> bool:
    """A run has a run_type; feedback has a key and the run that it is about."""
    value = record.value
    return isinstance(value, dict) and ("run_type" in value or _is_feedback(value))


def convert(record: Record) -> Converted:
    """A run with the runs within it, or one feedback."""
    value = record.value
    if "run_type" not in value:
        return Converted(SCOPE, _SOURCE, evaluations=[_feedback(value)])
    extra = mapping(value.get("extra"))
    told = mapping(extra.get("metadata"))
    project = text(first(value, "session_name", "project_name")) or text(told.get("LANGSMITH_PROJECT"))
    found = Converted(
        SCOPE, project or _SOURCE, text(told.get("revision_id")), text(first(told, "environment", "ls_environment"))
    )
    for run in _runs(value):
        step = _step(run)
        found.steps.append(step)
        found.evaluations += _averages(run, step)
    return found


def _runs(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The run and, where they are written inside it, its children, parents first."""
    waiting, taken = [value], 0
    while waiting:
        run = waiting.pop(0)
        yield run
        taken += 1
        if taken >= _RUNS_MAX:
            raise NotTakenError(f"a run with over {_RUNS_MAX:,} runs within it")
        trace = run.get("trace_id") or value.get("trace_id") or value.get("id")
        waiting += [{"parent_run_id": run.get("id"), "trace_id": trace, **child} for child in _children(run)]


def _children(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [child for child in listed(run.get("child_runs")) if isinstance(child, dict)]


def _step(run: Mapping[str, Any]) -> Step:
    own, parent = text(run.get("id")), text(run.get("parent_run_id"))
    start = nanoseconds(run.get("start_time"))
    if own is None or start is None:
        raise NotTakenError("a run without id or start_time")
    trace_id = trace_id_of(_SOURCE, _trace_of(run, own, parent))
    kind = _type_of(run, root=parent is None)
    error_type, error = _error(run)
    return Step(
        trace_id,
        span_id_of(trace_id, own),
        text(run.get("name")) or kind,
        kind,
        span_id_of(trace_id, parent) if parent else None,
        start,
        nanoseconds(run.get("end_time")),
        _attributes(run, kind) | pruned([(names.ERROR_TYPE, error_type)]),
        error,
    )


def _error(run: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Type and message of what a run failed with."""
    said = text(run.get("error"))
    if said is None:
        return None, "" if run.get("status") == "error" else None
    found = _ERROR.match(said)
    return (found[1], found[3]) if found else (None, said)


def _trace_of(run: Mapping[str, Any], own: str, parent: str | None) -> str:
    """The trace; runs of before there were traces tell it by the first part of their order."""
    if (told := text(run.get("trace_id"))) is not None:
        return told
    if (order := text(run.get("dotted_order"))) is not None and "Z" in order:
        return order.split(".", 1)[0].split("Z", 1)[1]
    if parent is not None:
        raise NotTakenError("a run within another that does not say its trace")
    return own


def _type_of(run: Mapping[str, Any], *, root: bool) -> str:
    kind = _TYPES.get(str(run.get("run_type")), "other")
    return "workflow" if root and kind == "other" else kind


def _attributes(run: Mapping[str, Any], kind: str) -> Attributes:
    extra, told = mapping(run.get("extra")), _metadata(run)
    session = next((said for key in _SESSIONS if (said := text(told.get(key)))), None)
    found: Attributes = {
        names.SESSION_ID: session,
        names.USER_ID: text(told.get("user_id")),
        names.TAGS: [tag for tag in texts(run.get("tags")) if not tag.startswith(_PLACES)],
        names.AGENT_NAME: text(told.get("lc_agent_name")),
    }
    if kind == "workflow":
        found |= {names.WORKFLOW_NAME: text(run.get("name"))} | metadata(told, without=_KNOWN_METADATA)
    inputs, outputs = _object(run.get("inputs")), _object(run.get("outputs"))
    if kind == "llm_call":
        found |= _model_call(run, mapping(extra.get("invocation_params")), told, outputs)
        found |= said_in(_prompt(inputs), names.INPUT_MESSAGES, names.INPUT)
        found |= said_in(_answer(outputs), names.OUTPUT_MESSAGES, names.OUTPUT)
    elif kind == "tool_call":
        found |= _tool(run, inputs, outputs)
    elif kind == "retrieval":
        found |= _retrieval(inputs, outputs)
    else:
        found |= said_in(inputs, names.INPUT_MESSAGES, names.INPUT)
        found |= said_in(outputs, names.OUTPUT_MESSAGES, names.OUTPUT)
    return pruned(found.items())


def _metadata(run: Mapping[str, Any]) -> dict[str, Any]:
    return mapping(mapping(run.get("extra")).get("metadata"))


def _object(value: Any) -> Any:
    """Inputs and outputs; a value that was wrapped for want of a name stands by itself."""
    found = parsed(value)
    if isinstance(found, dict) and len(found) == 1:
        return next((found[key] for key in ("input", "output") if key in found), found)
    return found


def _model_call(
    run: Mapping[str, Any], invocation: Mapping[str, Any], told: Mapping[str, Any], outputs: Any
) -> Attributes:
    usage = _usage(run, outputs)
    started, spoke = nanoseconds(run.get("start_time")), nanoseconds(run.get("first_token_time"))
    return {
        names.REQUEST_MODEL: text(first(told, "ls_model_name")) or text(first(invocation, "model", "model_name")),
        names.PROVIDER: text(told.get("ls_provider")),
        names.COST_USD: number(run.get("total_cost")),
        names.TOOL_DEFINITIONS: listed(invocation.get("tools")),
        "gen_ai.response.time_to_first_chunk": (spoke - started) / 1e9 if spoke and started else None,
        **parameters({**invocation, **{key.removeprefix("ls_"): value for key, value in told.items()}}),
        **usage,
    }


def _usage(run: Mapping[str, Any], outputs: Any) -> Attributes:
    said = _told_usage(run, outputs)
    into = mapping(run.get("prompt_token_details")) or mapping(said.get("input_token_details"))
    out = mapping(run.get("completion_token_details")) or mapping(said.get("output_token_details"))
    spent = count(run.get("prompt_tokens")), count(run.get("completion_tokens"))
    if not any(spent):  # the export writes 0 where nothing was counted
        spent = count(said.get("input_tokens")), count(said.get("output_tokens"))
    return {
        names.INPUT_TOKENS: spent[0],
        names.OUTPUT_TOKENS: spent[1],
        names.CACHE_READ_TOKENS: count(into.get("cache_read")),
        names.CACHE_WRITE_TOKENS: count(into.get("cache_creation")),
        names.REASONING_TOKENS: count(out.get("reasoning")),
    }


def _told_usage(run: Mapping[str, Any], outputs: Any) -> dict[str, Any]:
    """What the model itself told: beside the answer, in it, or in the run's metadata."""
    answer = _answer(outputs)
    message = mapping(answer[0]) if isinstance(answer, list) and answer else {}
    places = (outputs, message.get("kwargs"), message, _metadata(run))
    told = (mapping(place.get("usage_metadata")) for place in places if isinstance(place, dict))
    return next((usage for usage in told if usage), {})


def _prompt(inputs: Any) -> Any:
    prompts = inputs.get("prompts") if isinstance(inputs, dict) else None
    return prompts[0] if isinstance(prompts, list) and len(prompts) == 1 else inputs


def _answer(outputs: Any) -> Any:
    """The answer of a model, out of LangChain's generations, or of the choices of an API."""
    if not isinstance(outputs, dict):
        return outputs
    generations = outputs.get("generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    if isinstance(generations, dict):
        return [generations["message"]] if isinstance(generations.get("message"), dict) else generations.get("text")
    choices = [
        item["message"] for item in listed(outputs.get("choices")) if isinstance(item, dict) and "message" in item
    ]
    return choices or outputs


def _tool(run: Mapping[str, Any], inputs: Any, outputs: Any) -> Attributes:
    result, call_id = outputs, _metadata(run).get(_CALL_ID)
    if isinstance(outputs, dict):
        message = mapping(outputs.get("kwargs")) or outputs
        if _CALL_ID in message and "content" in message:
            result, call_id = message["content"], message[_CALL_ID]
    return {
        names.TOOL_NAME: text(run.get("name")),
        names.TOOL_ARGUMENTS: inputs,
        names.TOOL_RESULT: result,
        names.TOOL_CALL_ID: text(call_id),
    }


def _retrieval(inputs: Any, outputs: Any) -> Attributes:
    found = outputs.get("documents") if isinstance(outputs, dict) else outputs
    query = inputs.get("query", inputs) if isinstance(inputs, dict) else inputs
    documents = (
        [
            {"content": item.get("page_content", item.get("content")), **_scored(item)}
            for item in found
            if isinstance(item, dict)
        ]
        if isinstance(found, list)
        else None
    )
    return {names.RETRIEVAL_QUERY: query, names.RETRIEVAL_DOCUMENTS: "[]" if documents == [] else documents}


def _scored(document: Mapping[str, Any]) -> Attributes:
    told = mapping(document.get("metadata"))
    return pruned([("id", first(document, "id") or first(told, "id", "source")), ("score", number(told.get("score")))])


def _averages(run: Mapping[str, Any], step: Step) -> Iterator[Evaluation]:
    """What a run's feedback comes to by key; it yields to feedback records, whichever is imported first."""
    for key, stats in mapping(run.get("feedback_stats")).items():
        if isinstance(stats, dict) and (count(stats.get("n")) or 0) > 0:
            many = count(stats.get("n"))
            yield Evaluation(
                step.trace_id,
                key,
                step.end or step.start or 0,
                step.span_id,
                number(stats.get("avg")),
                explanation=f"average of {many} statements" if many != 1 else None,
                source="AVERAGE",
            )


def _is_feedback(value: Mapping[str, Any]) -> bool:
    return "key" in value and "run_id" in value and ("score" in value or "value" in value or "comment" in value)


def _feedback(value: Mapping[str, Any]) -> Evaluation:
    trace, run, at = value.get("trace_id"), value.get("run_id"), nanoseconds(first(value, "created_at", "modified_at"))
    key = text(value.get("key"))
    if not run or key is None or at is None:
        raise NotTakenError("a feedback without run, key or time")
    trace_id = trace_id_of(_SOURCE, trace or run)  # a feedback that names no trace is of a root run
    said = parsed(value.get("value"))
    score = value.get("score")
    return Evaluation(
        trace_id,
        key,
        at,
        span_id_of(trace_id, run),
        float(score) if isinstance(score, bool) else number(score),
        said if isinstance(said, str) else None,
        text(value.get("comment")),
        _FEEDBACK_SOURCES.get(str(mapping(value.get("feedback_source")).get("type"))),
    )


FORMAT: Final = Format("langsmith", "LangSmith: runs (bulk export, API, SDK) and feedback", recognises, convert)
