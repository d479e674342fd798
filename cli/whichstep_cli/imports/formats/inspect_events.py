"""The events of an Inspect sample as steps.

Logs write long texts and repeated messages once: a text may be `attachment://HASH`, the input of a model call a list of
ranges over a pool of messages. Older logs nest the events of a tool or subtask inside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from whichstep import attributes as names
from whichstep_cli.imports.limits import DEPTH_MAX
from whichstep_cli.imports.steps import Attributes, Step, as_json, pruned, span_id_of
from whichstep_cli.imports.values import count, listed, mapping, nanoseconds, number, parameters, text

_ATTACHMENT: Final = "attachment://"
_SPAN_TYPES: Final = {
    "agent": "agent",
    "handoff": "handoff",
    "scorer": "evaluation",
    "solver": "other",
    "subtask": "other",
}
"""Of the spans that are steps; the others (init, solvers, tool, …) only group, or repeat what an event says."""
_MESSAGES_MAX: Final = 20_000


class Log:
    """One sample: its ids, and the texts and messages that its events refer to."""

    def __init__(self, trace_id: str, root_id: str, sample: Mapping[str, Any]) -> None:
        self.trace_id, self.root_id = trace_id, root_id
        self.events = [event for event in listed(sample.get("events")) if isinstance(event, dict)]
        self._attachments = mapping(sample.get("attachments"))
        self._pool = listed(mapping(sample.get("events_data")).get("messages"))
        self.ended_at = nanoseconds(sample.get("completed_at"))

    def whole(self, value: Any, depth: int = 0) -> Any:
        """A value with the attachments in the place of their references."""
        if isinstance(value, str):
            return self._attachments.get(value.removeprefix(_ATTACHMENT), value) if _ATTACHMENT in value else value
        if depth > DEPTH_MAX:
            return value
        if isinstance(value, list):
            return [self.whole(item, depth + 1) for item in value]
        return {key: self.whole(item, depth + 1) for key, item in value.items()} if isinstance(value, dict) else value

    def messages(self, value: Any) -> list[Any]:
        """Chat messages in OpenTelemetry's form."""
        return [_message(self.whole(item)) for item in listed(value)[:_MESSAGES_MAX] if isinstance(item, dict)]

    def input_of(self, event: Mapping[str, Any]) -> list[Any]:
        """The input of a model call, out of the pool where it stands there."""
        refs = [ref for ref in listed(event.get("input_refs")) if isinstance(ref, list) and len(ref) == 2]
        if event.get("input") or not refs:
            return self.messages(event.get("input"))
        found = [
            item
            for start, end in refs
            if isinstance(start, int) and isinstance(end, int)
            for item in self._pool[start:end]
        ]
        return self.messages(found)


def steps_of(log: Log) -> Iterator[Step]:
    """Every step, groups before what is in them."""
    spans = {span_id: event for event in _walked(log.events) if (span_id := _begun(event)) is not None}
    ended = [event for event in _walked(log.events) if _is(event, "span_end")]
    ends = {text(event.get("id")): nanoseconds(event.get("timestamp")) for event in ended}
    for span_id, event in spans.items():
        if _kind(event) is not None and nanoseconds(event.get("timestamp")) is not None:
            yield _group(log, span_id, event, spans, ends)
    for number_, event in enumerate(_walked(log.events)):
        read = _READERS.get(str(event.get("event")))
        start = nanoseconds(event.get("timestamp"))
        if read is not None and start is not None:
            step = read(log, event)
            step.span_id = span_id_of(log.trace_id, f"event {event.get('uuid') or number_}")
            step.parent_id = _parent(log, event.get("span_id"), spans)
            step.start = start
            yield step


def _walked(events: list[Any], depth: int = 0) -> Iterator[dict[str, Any]]:
    for event in events:
        if isinstance(event, dict):
            yield event
            if event.get("events") and depth < DEPTH_MAX:
                yield from _walked(listed(event["events"]), depth + 1)


def _is(event: Mapping[str, Any], kind: str) -> bool:
    return event.get("event") == kind


def _begun(event: Mapping[str, Any]) -> str | None:
    return text(event.get("id")) if _is(event, "span_begin") else None


def _kind(event: Mapping[str, Any]) -> str | None:
    """The type of step that a span is, if it is one."""
    return _SPAN_TYPES.get(str(event.get("type")))


def _group(
    log: Log, span_id: str, event: Mapping[str, Any], spans: Mapping[str, Any], ends: Mapping[str | None, int | None]
) -> Step:
    kind, name = _kind(event), text(event.get("name")) or str(event.get("type"))
    start = nanoseconds(event.get("timestamp"))
    attributes: Attributes = {names.AGENT_NAME: name} if kind == "agent" else {}
    parent = _parent(log, event.get("parent_id"), spans)
    own = span_id_of(log.trace_id, f"span {span_id}")
    return Step(log.trace_id, own, name, kind, parent, start, ends.get(span_id) or log.ended_at, attributes)


def _parent(log: Log, value: Any, spans: Mapping[str, Any]) -> str:
    """The nearest group that is a step; the sample itself where there is none."""
    seen: set[str] = set()
    span_id = text(value)
    while span_id is not None and span_id in spans and span_id not in seen:
        seen.add(span_id)
        if _kind(spans[span_id]) is not None and nanoseconds(spans[span_id].get("timestamp")) is not None:
            return span_id_of(log.trace_id, f"span {span_id}")
        span_id = text(spans[span_id].get("parent_id"))
    return log.root_id


def _model(log: Log, event: Mapping[str, Any]) -> Step:
    output = mapping(event.get("output"))
    choices = [choice for choice in listed(output.get("choices")) if isinstance(choice, dict)]
    answers = [
        {**_message(log.whole(mapping(choice.get("message")))), "finish_reason": choice.get("stop_reason")}
        for choice in choices
    ]
    asked, served = text(event.get("model")) or "model", text(output.get("model"))
    provider, _, model = asked.rpartition("/")
    tools = [log.whole(tool) for tool in listed(event.get("tools"))]
    attributes = {
        names.REQUEST_MODEL: model,
        names.RESPONSE_MODEL: served.rpartition("/")[2] if served else None,
        names.PROVIDER: provider.split("/", 1)[0],
        names.INPUT_MESSAGES: as_json(log.input_of(event)),
        names.OUTPUT_MESSAGES: as_json(answers) if answers else None,
        names.FINISH_REASONS: [reason for choice in choices if (reason := text(choice.get("stop_reason")))],
        names.TOOL_DEFINITIONS: as_json(tools) if tools else None,
        **parameters(mapping(event.get("config"))),
        **_usage(mapping(output.get("usage"))),
    }
    error = text(event.get("error")) or text(output.get("error"))
    return _step(log, event, model, "llm_call", attributes, error)


def _usage(usage: Mapping[str, Any]) -> Attributes:
    """Inspect counts cached input apart; OpenTelemetry's input tokens include it."""
    into = count(usage.get("input_tokens"))
    read, written = count(usage.get("input_tokens_cache_read")), count(usage.get("input_tokens_cache_write"))
    return {
        names.INPUT_TOKENS: None if into is None else into + (read or 0) + (written or 0),
        names.OUTPUT_TOKENS: count(usage.get("output_tokens")),
        names.CACHE_READ_TOKENS: read,
        names.CACHE_WRITE_TOKENS: written,
        names.REASONING_TOKENS: count(usage.get("reasoning_tokens")),
        names.COST_USD: number(usage.get("total_cost")),
    }


def _tool(log: Log, event: Mapping[str, Any]) -> Step:
    error = mapping(event.get("error"))
    name = text(event.get("function")) or "tool"
    attributes = {
        names.TOOL_NAME: name,
        names.TOOL_CALL_ID: text(event.get("id")),
        names.TOOL_ARGUMENTS: as_json(log.whole(event.get("arguments") or {})),
        names.TOOL_RESULT: log.whole(event.get("result")),
        names.ERROR_TYPE: text(error.get("type")),
    }
    return _step(log, event, name, "tool_call", attributes, (text(error.get("message")) or "") if error else None)


def _approval(log: Log, event: Mapping[str, Any]) -> Step:
    """A person's decision is an approval; that of a program a guardrail."""
    call, decision = mapping(event.get("call")), text(event.get("decision")) or "unknown"
    name = text(call.get("function")) or "tool"
    refused = decision in ("reject", "terminate")
    attributes = {
        names.TOOL_NAME: name,
        names.TOOL_ARGUMENTS: as_json(log.whole(call.get("arguments") or {})),
        names.TOOL_RESULT: decision,
        names.ERROR_TYPE: "ApprovalRejected" if refused else None,
    }
    kind = "approval" if event.get("approver") == "human" else "guardrail"
    if kind == "guardrail":
        attributes |= {names.INPUT: attributes.pop(names.TOOL_ARGUMENTS), names.OUTPUT: decision}
    step = _step(log, event, name, kind, attributes, (text(event.get("explanation")) or decision) if refused else None)
    step.end = step.end or nanoseconds(event.get("timestamp"))
    return step


def _step(log: Log, event: Mapping[str, Any], name: str, kind: str, attributes: Attributes, error: str | None) -> Step:
    end = nanoseconds(event.get("completed"))
    if end is None and not event.get("pending"):
        end = _took(event)
    return Step(log.trace_id, "", name, kind, None, None, end, pruned(attributes.items()), error)


def _took(event: Mapping[str, Any]) -> int | None:
    """The end by the time that the work took; logs of before an end was written have no other."""
    start, took = nanoseconds(event.get("timestamp")), number(event.get("working_time"))
    return start + int((took or 0) * 1e9) if start is not None else None


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    content, error = message.get("content"), mapping(message.get("error"))
    said = content or text(error.get("message")) or ""
    if message.get("role") == "tool":
        part = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": said}
        return {"role": "tool", "parts": [pruned(part.items())]}
    parts: list[Attributes] = [{"type": "text", "content": said}] if isinstance(said, str) and said else []
    parts += [_piece(piece) for piece in said if isinstance(piece, dict)] if isinstance(said, list) else []
    for call in listed(message.get("tool_calls")):
        if isinstance(call, dict):
            asked = {"type": "tool_call", "id": call.get("id"), "name": call.get("function")}
            parts.append({**pruned(asked.items()), "arguments": call.get("arguments")})
    return {"role": text(message.get("role")) or "user", "parts": parts}


def _piece(piece: Mapping[str, Any]) -> dict[str, Any]:
    kind = piece.get("type")
    if kind in ("text", "reasoning") and isinstance(piece.get(kind), str):
        return {"type": kind, "content": piece[kind]}
    return dict(piece)


_READERS: Final = {"model": _model, "tool": _tool, "approval": _approval}
