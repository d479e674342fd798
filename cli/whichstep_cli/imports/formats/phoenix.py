"""Phoenix: spans as its dataframe has them (Parquet, CSV, JSONL) and as its API gives them; annotations of spans.

Phoenix keeps spans as they were received, in OpenInference's names: they go on under the same names, flattened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from whichstep_cli.imports.formats.base import Format, NotTakenError
from whichstep_cli.imports.formats.phoenix_cells import cell
from whichstep_cli.imports.reading import Record
from whichstep_cli.imports.steps import (
    Attributes,
    Converted,
    Evaluation,
    Event,
    Step,
    as_json,
    pruned,
    span_id_of,
    trace_id_of,
)
from whichstep_cli.imports.values import first, listed, mapping, nanoseconds, number, text

SCOPE: Final = "openinference.instrumentation.phoenix-export"
_PREFIX: Final = "attributes."
_DEPTH_MAX: Final = 32
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_RESOURCE_KEYS: Final = ("service.name", "resource.service.name", "openinference.project.name")
_FLAT_LISTS: Final = ("messages", "documents", "tool_calls", "tools", "contents", "embeddings", "message_content")
"""Lists that OpenInference writes as one attribute an item; any other list stays a list."""


def recognises(record: Record) -> bool:
    """A span with its ids in a context, or an annotation of a span."""
    value = record.value
    return isinstance(value, dict) and (_is_span(value) or _is_annotation(value))


def convert(record: Record) -> Converted:
    """One span or annotation."""
    value = record.value
    if not _is_span(value):
        return Converted(SCOPE, "phoenix", evaluations=[_annotation(value)])
    attributes = _attributes(value)
    service = next((said for key in _RESOURCE_KEYS if (said := text(attributes.get(key)))), "phoenix")
    context = mapping(value.get("context"))
    told = first(value, "context.trace_id") or context.get("trace_id")
    own = first(value, "context.span_id") or context.get("span_id")
    if not told or not own:
        raise NotTakenError("a span without trace_id or span_id")
    trace_id = trace_id_of("phoenix", told)
    span_id, parent = span_id_of(trace_id, own), text(value.get("parent_id"))
    kind = text(first(value, "span_kind"))
    step = Step(
        trace_id,
        span_id,
        text(value.get("name")) or "span",
        None,
        span_id_of(trace_id, parent) if parent else None,
        nanoseconds(value.get("start_time")),
        nanoseconds(value.get("end_time")),
        {"openinference.span.kind": kind.upper(), **attributes} if kind else attributes,
        (text(value.get("status_message")) or "") if value.get("status_code") == "ERROR" else None,
        list(_events(value.get("events"))),
    )
    if step.start is None:
        raise NotTakenError("a span without start_time")
    notes = [*_embedded(value, trace_id, span_id, step.end or step.start)]
    return Converted(SCOPE, service, text(attributes.get("service.version")), steps=[step], evaluations=notes)


def _is_span(value: Mapping[str, Any]) -> bool:
    if "context.trace_id" in value and "context.span_id" in value:
        return True
    context = mapping(value.get("context"))
    return "trace_id" in context and "span_id" in context and "start_time" in value


def _is_annotation(value: Mapping[str, Any]) -> bool:
    named = "annotation_name" in value or "name" in value
    return "span_id" in value and named and "annotator_kind" in value


def _attributes(value: Mapping[str, Any]) -> Attributes:
    """The attributes, whether they stand in one object or in a column each."""
    found = dict(_flattened("", mapping(value.get("attributes")), 0))
    for key, item in value.items():
        if key.startswith(_PREFIX):
            found |= _flattened(key.removeprefix(_PREFIX), cell(item) if key.endswith(_FLAT_LISTS) else item, 0)
    if isinstance(events := cell(value.get("events")), str):
        found["phoenix.events"] = events  # cannot be read: kept
    return pruned(found.items())


def _flattened(key: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth < _DEPTH_MAX and isinstance(value, dict) and not key.endswith("metadata"):
        for name, item in value.items():
            yield from _flattened(f"{key}.{name}" if key else str(name), item, depth + 1)
    elif depth < _DEPTH_MAX and isinstance(value, list) and key.endswith(_FLAT_LISTS):
        for number_, item in enumerate(value):
            yield from _flattened(f"{key}.{number_}", item, depth + 1)
    elif isinstance(value, dict | list):
        yield key, value if value and all(isinstance(item, str) for item in value) else as_json(value)
    else:
        yield key, value


def _events(value: Any) -> Iterator[Event]:
    for event in listed(cell(value)):
        if isinstance(event, dict):
            at = nanoseconds(event.get("timestamp")) or 0  # 0 is unknown
            attributes = dict(_flattened("", mapping(event.get("attributes")), 0))
            yield Event(text(event.get("name")) or "event", at, pruned(attributes.items()))


def _annotation(value: Mapping[str, Any], trace_id: str = "", at: int | None = None) -> Evaluation:
    """The statement of an annotation; its trace is told by whoever stores its span."""
    result = {name: value.get(f"result.{name}", value.get(name)) for name in ("label", "score", "explanation")}
    result |= mapping(value.get("result"))
    moment = nanoseconds(first(value, "updated_at", "created_at")) or at
    name = text(first(value, "annotation_name", "name"))
    span_id = text(value.get("span_id"))
    if moment is None or name is None or span_id is None or not _SPAN_ID.fullmatch(span_id):
        raise NotTakenError("an annotation without name, time or span_id")
    kind = text(value.get("annotator_kind"))
    return Evaluation(
        trace_id,
        name,
        moment,
        span_id,
        number(result.get("score")),
        text(result.get("label")),
        text(result.get("explanation")),
        kind.upper() if kind else None,
    )


def _embedded(value: Mapping[str, Any], trace_id: str, span_id: str, at: int) -> Iterator[Evaluation]:
    """Annotations that stand within their span."""
    for note in listed(first(value, "annotations", "span_annotations")):
        if isinstance(note, dict) and text(first(note, "annotation_name", "name")):
            yield _annotation({**note, "span_id": span_id}, trace_id, at)


FORMAT: Final = Format("phoenix", "Phoenix: spans (dataframe or API) and annotations", recognises, convert)
