"""What a format makes of a record: steps and evaluations, and the OTLP messages for them.

Ids come from the source's ids alone, so that the same record is the same span whenever it is imported. A step without
times starts at its record's time, lasts nothing and says its place by `whichstep.step.index`: it is shown as untimed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from whichstep import attributes as names

Attributes = dict[str, Any]
_INT_MAX: Final = 2**63 - 1
_HEX: Final = frozenset("0123456789abcdef")
_NO_SPAN: Final = "0" * 16


@dataclass(slots=True)
class Event:
    """Something that happened within a step."""

    name: str
    at: int
    attributes: Attributes = field(default_factory=dict)


@dataclass(slots=True)
class Step:
    """One span to be. Times in ns since the epoch, ids in hex; `type` one of `whichstep.attributes.STEP_TYPES`."""

    trace_id: str
    span_id: str
    name: str
    type: str | None
    parent_id: str | None = None
    start: int | None = None
    end: int | None = None
    attributes: Attributes = field(default_factory=dict)
    error: str | None = None
    """What it failed with; '' where nothing more is known."""
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class Evaluation:
    """One statement about a trace or a step of it."""

    trace_id: str
    name: str
    at: int
    span_id: str | None = None
    score: float | None = None
    label: str | None = None
    explanation: str | None = None
    source: str | None = None
    """HUMAN, LLM or CODE, as the source claims; AVERAGE yields to what is said singly."""


@dataclass(slots=True)
class Converted:
    """What one record became: steps and evaluations of one source."""

    scope: str
    service: str
    release: str | None = None
    environment: str | None = None
    steps: list[Step] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    untimed: bool = False
    """Its steps have no times: `at` is when the record was made, as far as that can be told."""
    at: int | None = None

    @property
    def resource(self) -> Attributes:
        """Who sent it, in OpenTelemetry's names."""
        said = {
            "service.name": self.service,
            "service.version": self.release,
            "deployment.environment.name": self.environment,
        }
        return {key: value for key, value in said.items() if value}


def trace_id_of(source: str, value: object) -> str:
    """The trace id for an id of the source: 32 hex digits stay, anything else is hashed with the source's name."""
    text = str(value)
    compact = text.replace("-", "").lower()
    if len(compact) == 32 and _HEX.issuperset(compact) and compact.strip("0"):
        return compact
    return blake2b(f"{source}\0{text}".encode("utf-8", "replace"), digest_size=16).hexdigest()


def span_id_of(trace_id: str, value: object) -> str:
    """The span id for an id of the source: 16 hex digits stay, anything else is hashed with the trace."""
    text = str(value)
    if len(text) == 16 and _HEX.issuperset(text) and text != _NO_SPAN:
        return text
    return blake2b(f"{trace_id}\0{text}".encode("utf-8", "replace"), digest_size=8).hexdigest()


def span_of(step: Step, index: int, at: int) -> Span:
    """The OTLP span of a step; `index` and `at` place one that has no times."""
    attributes = {key: value for key, value in step.attributes.items() if value is not None}
    if step.type is not None:
        attributes[names.STEP_TYPE] = step.type
        if step.type in names.OPERATIONS:
            attributes.setdefault(names.OPERATION, names.OPERATIONS[step.type])
    start, end = step.start, step.end
    if start is None:
        start = end = at
        attributes[names.STEP_INDEX] = index
    return Span(
        trace_id=bytes.fromhex(step.trace_id),
        span_id=bytes.fromhex(step.span_id),
        parent_span_id=bytes.fromhex(step.parent_id) if step.parent_id else b"",
        name=clean(step.name),
        kind=Span.SPAN_KIND_INTERNAL,
        start_time_unix_nano=_time(start),
        end_time_unix_nano=_time(end) if end is not None else 0,
        attributes=key_values(attributes),
        status=Status(code=Status.STATUS_CODE_ERROR, message=clean(step.error)) if step.error is not None else None,
        events=[
            Span.Event(name=clean(event.name), time_unix_nano=_time(event.at), attributes=key_values(event.attributes))
            for event in step.events
        ],
    )


def record_of(evaluation: Evaluation) -> LogRecord:
    """The OTLP log record of an evaluation."""
    attributes = {
        names.EVALUATION_NAME: evaluation.name,
        names.EVALUATION_SCORE: evaluation.score,
        names.EVALUATION_LABEL: evaluation.label,
        names.EVALUATION_EXPLANATION: evaluation.explanation,
        names.EVALUATION_SOURCE: evaluation.source,
    }
    return LogRecord(
        time_unix_nano=_time(evaluation.at),
        event_name=names.EVALUATION_EVENT,
        trace_id=bytes.fromhex(evaluation.trace_id),
        span_id=bytes.fromhex(evaluation.span_id) if evaluation.span_id else b"",
        attributes=key_values({key: value for key, value in attributes.items() if value is not None}),
    )


def key_values(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Attributes as OTLP has them; what is no scalar and no list of texts becomes JSON."""
    return [KeyValue(key=clean(key), value=_any_value(value)) for key, value in attributes.items()]


def _any_value(value: Any) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value) if abs(value) <= _INT_MAX else AnyValue(string_value=str(value))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=clean(value))
    if isinstance(value, list | tuple) and value and all(isinstance(item, str) for item in value):
        return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=clean(item)) for item in value]))
    return AnyValue(string_value=as_json(value))


def as_json(value: Any) -> str:
    """JSON of anything; what JSON does not know becomes text."""
    return clean(json.dumps(value, ensure_ascii=False, default=str, separators=(",", ":")))


def clean(text: str) -> str:
    """Text that UTF-8 can carry: lone surrogates, which JSON allows, become question marks."""
    return text.encode("utf-8", "replace").decode()


def _time(nanoseconds: int) -> int:
    return min(max(nanoseconds, 0), _INT_MAX)


def pruned(attributes: Iterable[tuple[str, Any]]) -> Attributes:
    """Attributes without what says nothing: null, empty text, empty lists and objects."""
    return {key: value for key, value in attributes if value is not None and value not in ("", [], {})}
