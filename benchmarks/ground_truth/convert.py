"""A recorded run as OTLP: one trace of standard GenAI spans under one root, as an instrumented agent would have sent it.

What the run's judge said goes in as the agent's own code would say it (`whichstep.outcome`, `whichstep.expect`), never
which step was to blame: only that it failed, where that is all that a judge said. Records without times become untimed steps, in the order of their index.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from benchmarks.ground_truth.records import Call, Run, Step
from whichstep import attributes as names

UNTIMED_START: Final = 1_767_225_600_000_000_000
"""2026-01-01, for runs that do not say when they ran."""
PLAIN: Final = "dataset"
ATTACKED: Final = "adversarial"
"""Purposes: as the task was set, and with an attack hidden in what the tools gave."""
_HELD_BACK: Final = ("system", "user")
"""Kinds of entries that are said to the agent, not done by it: they stand in the input of the next model call."""


class Converted(NamedTuple):
    """A run as a request, and which entry of the record each of its steps is."""

    request: ExportTraceServiceRequest
    execution_id: str
    indices: dict[str, int]
    """Step id (16 hex digits) to the index of the annotators."""


def convert(run: Run, stem: str) -> Converted:
    """The run as OTLP. `stem`, the name of its file, becomes the task type."""
    return _Conversion(run, stem).converted()


class _Conversion:
    def __init__(self, run: Run, stem: str) -> None:
        self._run, self._stem = run, stem
        self._trace_id = _digest(stem, run.trace_id, size=16)
        self._start = run.started_at or next((step.start for step in run.steps if step.start), None) or UNTIMED_START
        self._indices: dict[str, int] = {}

    def converted(self) -> Converted:
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        _put(resource.resource.attributes, {"service.name": self._stem, "service.version": self._run.model})
        scope = resource.scope_spans.add()
        scope.scope.name = "ground_truth"
        children = list(self._children())
        scope.spans.append(self._root(children))
        scope.spans.extend(children)
        return Converted(request, self._trace_id.hex(), self._indices)

    def _root(self, children: Sequence[Span]) -> Span:
        run = self._run
        asked = run.task or next((step.text for step in run.steps if step.kind == "user"), None)
        end = self._start + run.duration_ns if run.duration_ns else None
        root = self._span(f"invoke_agent {run.agent_system}", "root", self._start, end or self._latest(children), {
            names.OPERATION: "invoke_agent", names.AGENT_NAME: run.agent_system, names.TASK_TYPE: self._stem,
            names.PURPOSE: ATTACKED if run.extra.get("injection_task") else PLAIN, names.TASK_ID: _task(run), names.INPUT: asked, names.OUTPUT: _answer(run.steps),
            names.OUTCOME_SUCCESS: _success(run), names.EXPECTATION: _expectation(run), **_tokens(run),
            f"{names.METADATA_PREFIX}run": run.trace_id,
        })  # fmt: skip
        if "policy_violation" in run.labels:
            event = root.events.add(name=names.EVALUATION_EVENT, time_unix_nano=root.end_time_unix_nano)
            _put(event.attributes, {
                names.EVALUATION_NAME: "policy_violation",
                names.EVALUATION_LABEL: "true" if run.labels["policy_violation"] else "false",
            })  # fmt: skip
        return root

    def _latest(self, children: Sequence[Span]) -> int:
        return max((span.end_time_unix_nano for span in children), default=self._start)

    def _children(self) -> Iterator[Span]:
        waiting: list[Call] = []
        said: list[Step] = []
        asked_at = 0
        for step in self._run.steps:
            if step.kind in _HELD_BACK:
                said.append(step)
            elif step.kind == "tool":
                yield self._tool(step, _taken(waiting, step.name))
                said.append(step)
            elif step.calls and step.observation is not None:
                yield self._tool(step, step.calls[0])
            else:
                yield from self._unanswered(waiting, asked_at)
                yield self._model_call(step, said)
                waiting, said, asked_at = list(step.calls), [], step.index
        yield from self._unanswered(waiting, asked_at)

    def _model_call(self, step: Step, said: Sequence[Step]) -> Span:
        name = step.name or f"chat {self._run.model or 'model'}"
        return self._step(step, name, {
            names.OPERATION: "chat", names.AGENT_NAME: step.agent, names.REQUEST_MODEL: self._run.model,
            names.INPUT_MESSAGES: json.dumps([_said(entry) for entry in said]),
            names.OUTPUT_MESSAGES: json.dumps([_message(step)]),
            **(_tokens(step) if self._run.input_tokens is None else {}),
        })  # fmt: skip

    def _tool(self, step: Step, call: Call | None) -> Span:
        name = call.name if call else step.agent if not step.calls and step.name in {"user", ""} else step.name
        result = step.text if step.observation is None else step.observation
        span = self._step(step, f"execute_tool {name}", {
            names.OPERATION: "execute_tool", names.TOOL_NAME: name, names.AGENT_NAME: None if call else step.agent,
            names.TOOL_CALL_ID: call.id if call else None, names.TOOL_ARGUMENTS: _arguments(call),
            names.TOOL_RESULT: result,
        })  # fmt: skip
        if step.error is not None:
            span.status.code = Status.STATUS_CODE_ERROR
            span.status.message = step.error
        return span

    def _unanswered(self, waiting: Sequence[Call], asked_at: int) -> Iterator[Span]:
        """Calls that nothing answered: they were made, what came of them is not known."""
        for number, call in enumerate(waiting):
            key = f"unanswered {asked_at} {number}"
            yield self._span(f"execute_tool {call.name}", key, self._start, self._start, {
                names.STEP_INDEX: asked_at, names.OPERATION: "execute_tool", names.TOOL_NAME: call.name, names.TOOL_CALL_ID: call.id,
                names.TOOL_ARGUMENTS: _arguments(call),
            })  # fmt: skip

    def _step(self, step: Step, name: str, attributes: dict[str, Any]) -> Span:
        moment = step.start or self._start
        span = self._span(name, f"step {step.index}", moment, moment, {names.STEP_INDEX: step.index, **attributes})
        self._indices[span.span_id.hex()] = step.index
        return span

    def _span(self, name: str, key: str, start: int, end: int, attributes: dict[str, Any]) -> Span:
        parent = b"" if key == "root" else _digest(self._stem, self._run.trace_id, "root", size=8)
        span = Span(
            trace_id=self._trace_id, span_id=_digest(self._stem, self._run.trace_id, key, size=8),
            parent_span_id=parent, name=name, kind=Span.SPAN_KIND_INTERNAL,
            start_time_unix_nano=start, end_time_unix_nano=end,
        )  # fmt: skip
        _put(span.attributes, attributes)
        return span


def _taken(waiting: list[Call], name: str) -> Call | None:
    """The call that a tool's entry answers, taken out of those that wait: by name, in order."""
    found = next((at for at, call in enumerate(waiting) if call.name == name), 0 if waiting else None)
    return None if found is None else waiting.pop(found)


def _task(run: Run) -> str:
    """Runs of one input are one task: trials by the same model, under the same attack."""
    return "/".join(str(part) for part in (run.group, run.model, run.extra.get("injection_task")) if part)


def _success(run: Run) -> bool | None:
    blamed = run.labels.get("failing_step") is not None
    return False if run.success is None and blamed else run.success


def _expectation(run: Run) -> str | None:
    escalation = run.extra.get("expected_escalation")
    if run.expected is None and escalation is None:
        return None
    expectation: dict[str, Any] = {} if escalation is None else {"escalation": escalation}
    if run.expected is not None:
        expectation["tools"] = [call.name for call in run.expected]
        expectation["arguments"] = _by_tool(run.expected)
    return json.dumps(expectation)


def _by_tool(calls: Sequence[Call]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for call in calls:
        found.setdefault(call.name, []).append(call.arguments)
    return found


def _tokens(spent: Run | Step) -> dict[str, int | None]:
    return {names.INPUT_TOKENS: spent.input_tokens, names.OUTPUT_TOKENS: spent.output_tokens}


def _answer(steps: Sequence[Step]) -> str | None:
    last = next((step for step in reversed(steps) if step.kind == "agent"), None)
    return last.text or None if last else None


def _said(step: Step) -> dict[str, Any]:
    role = {"tool": "tool", "system": "system"}.get(step.kind, "user")
    return {"role": role, "parts": [{"type": "text", "content": step.text}]}


def _message(step: Step) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"type": "text", "content": step.text}] if step.text else []
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments} for call in step.calls
    ]
    return {"role": "assistant", "parts": parts}


def _arguments(call: Call | None) -> str | None:
    if call is None or call.arguments is None:
        return None
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)


def _digest(*parts: str, size: int) -> bytes:
    return blake2b("\0".join(parts).encode(), digest_size=size).digest()


def _put(attributes: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        if value is None:
            continue
        pair = attributes.add(key=key)
        if isinstance(value, bool):
            pair.value.bool_value = value
        elif isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = str(value)
