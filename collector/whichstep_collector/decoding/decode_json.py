"""OTLP/JSON to the same values as protobuf.

Not protobuf's own JSON: ids are hex of any case, enums numbers (names are tolerated), 64-bit numbers strings or
numbers, unknown fields are ignored, null means the default. Lone surrogates, which no UTF-8 text can hold, become
U+FFFD. snake_case names are refused with a hint: ignoring them would lose the batch in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import orjson

from whichstep_collector.decoding.ids import check_ids, optional_span_id, optional_trace_id
from whichstep_collector.decoding.json_fields import (
    any_value,
    attributes,
    enumeration,
    identifier,
    member,
    members,
    text,
    unsigned,
)
from whichstep_collector.received import (
    Attributes,
    BadValue,
    LogGroup,
    ReceivedEvent,
    ReceivedLink,
    ReceivedLog,
    ReceivedLogs,
    ReceivedSpan,
    ReceivedTraces,
    Source,
    SpanGroup,
    Undecodable,
    reject,
)

SPANS_MAX: Final = 1_000_000
"""Spans or records of one request. 64 MiB of empty messages would be 30 million objects."""

_KINDS: Final = {
    "SPAN_KIND_UNSPECIFIED": 0,
    "SPAN_KIND_INTERNAL": 1,
    "SPAN_KIND_SERVER": 2,
    "SPAN_KIND_CLIENT": 3,
    "SPAN_KIND_PRODUCER": 4,
    "SPAN_KIND_CONSUMER": 5,
}
_STATUSES: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}
_SURROGATES: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_Item = TypeVar("_Item")


def traces(body: bytes) -> ReceivedTraces:
    """The spans of an OTLP/JSON trace request. Raises `Undecodable`."""
    received = ReceivedTraces()
    for source, items in _groups(_document(body), "resourceSpans", "scopeSpans", "spans"):
        if spans := _read(items, _span, received):
            received.groups.append(SpanGroup(source, spans))
    return received


def logs(body: bytes) -> ReceivedLogs:
    """The records of an OTLP/JSON logs request. Raises `Undecodable`."""
    received = ReceivedLogs()
    for source, items in _groups(_document(body), "resourceLogs", "scopeLogs", "logRecords"):
        if records := _read(items, _log, received):
            received.groups.append(LogGroup(source, records))
    return received


def _document(body: bytes) -> dict[str, Any]:
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _without_lone_surrogates(body)
    if not isinstance(document, dict):
        raise Undecodable("json", "the body is JSON but not an object; OTLP/JSON is one object per request")
    return document


def _without_lone_surrogates(body: bytes) -> Any:
    mended = _SURROGATES.sub(lambda found: found[0] if len(found[0]) != 6 else rb"\ufffd", body)
    try:
        return orjson.loads(mended)
    except orjson.JSONDecodeError as error:
        raise Undecodable("json", f"the body is not one JSON document: {error}") from error


def _groups(document: dict[str, Any], resources: str, scopes: str, items: str) -> Iterator[tuple[Source, list[Any]]]:
    _refuse_other_signal(document, resources)
    count = 0
    for resource in _list(document, resources):
        owner = _object(resource, resources)
        attributes = _source_attributes(owner, "resource")
        for scope in _list(owner, scopes):
            holder = _object(scope, scopes)
            found = _list(holder, items)
            count += len(found)
            if count > SPANS_MAX:
                raise Undecodable("too_many", f"more than {SPANS_MAX} items in one request; send smaller batches")
            yield _source(owner, attributes, holder), found


def _refuse_other_signal(document: dict[str, Any], resources: str) -> None:
    for other, path in (
        ("resourceSpans", "/v1/traces"),
        ("resourceLogs", "/v1/logs"),
        ("resourceMetrics", "/v1/metrics"),
    ):
        if other != resources and other in document and resources not in document:
            raise Undecodable("other_signal", f"the body holds {other}; send it to {path}")


def _source(owner: dict[str, Any], attributes: Attributes, holder: dict[str, Any]) -> Source:
    scope = _object(holder.get("scope") or {}, "scope")
    return Source(
        resource=attributes,
        resource_schema_url=_text_or_refuse(owner, "schemaUrl"),
        scope=_text_or_refuse(scope, "name"),
        scope_version=_text_or_refuse(scope, "version"),
        scope_attributes=_source_attributes(holder, "scope"),
        scope_schema_url=_text_or_refuse(holder, "schemaUrl"),
    )


def _source_attributes(holder: dict[str, Any], name: str) -> Attributes:
    owner = _object(holder.get(name) or {}, name)
    try:
        return attributes(owner)
    except BadValue as bad:
        raise Undecodable(name, f"the {name} holds {bad}") from bad


def _text_or_refuse(owner: dict[str, Any], name: str) -> str:
    try:
        return text(owner, name)
    except BadValue as bad:
        raise Undecodable("json", str(bad)) from bad


def _list(owner: dict[str, Any], name: str) -> list[Any]:
    value = owner.get(name)
    if value is None:
        _refuse_snake_case(owner, name)
        return []
    if not isinstance(value, list):
        raise Undecodable("json", f"{name} must be a list")
    return value


def _refuse_snake_case(owner: dict[str, Any], name: str) -> None:
    snake = re.sub("([A-Z])", lambda found: "_" + found[0].lower(), name)
    if snake in owner and snake != name:
        raise Undecodable("snake_case", f"the body uses {snake}; OTLP/JSON names are lowerCamelCase: {name}")


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Undecodable("json", f"{name} must hold objects")
    return value


def _read(
    items: list[Any], read: Callable[[dict[str, Any]], _Item], received: ReceivedTraces | ReceivedLogs
) -> list[_Item]:
    kept: list[_Item] = []
    for item in items:
        try:
            kept.append(read(item) if isinstance(item, dict) else _not_an_object())
        except BadValue as bad:
            reject(received, str(bad))
    return kept


def _not_an_object() -> Any:
    raise BadValue("an item that is no object")


def _span(item: dict[str, Any]) -> ReceivedSpan:
    trace_id, span_id = identifier(item, "traceId", "trace_id"), identifier(item, "spanId", "span_id")
    parent = identifier(item, "parentSpanId", "parent_span_id")
    check_ids(trace_id, span_id, parent)
    status, found = member(item, "status"), attributes(item)
    repeated = len(item.get("attributes") or ()) - len(found)
    return ReceivedSpan(
        trace_id=trace_id,
        span_id=int.from_bytes(span_id, "big"),
        parent_span_id=optional_span_id(parent),
        name=text(item, "name"),
        kind=enumeration(item, "kind", _KINDS),
        start=unsigned(item, "startTimeUnixNano"),
        end=unsigned(item, "endTimeUnixNano"),
        attributes=found,
        status=enumeration(status, "code", _STATUSES),
        status_message=text(status, "message"),
        events=[_event(event) for event in members(item, "events")],
        links=[_link(link) for link in members(item, "links")],
        trace_state=text(item, "traceState"),
        flags=unsigned(item, "flags"),
        dropped_attributes=unsigned(item, "droppedAttributesCount") + repeated,
        dropped_events=unsigned(item, "droppedEventsCount"),
        dropped_links=unsigned(item, "droppedLinksCount"),
    )


def _event(event: dict[str, Any]) -> ReceivedEvent:
    return ReceivedEvent(
        name=text(event, "name"),
        time=unsigned(event, "timeUnixNano"),
        attributes=attributes(event),
        dropped_attributes=unsigned(event, "droppedAttributesCount"),
    )


def _link(link: dict[str, Any]) -> ReceivedLink:
    return ReceivedLink(
        trace_id=identifier(link, "traceId", "link trace_id"),
        span_id=identifier(link, "spanId", "link span_id"),
        attributes=attributes(link),
        trace_state=text(link, "traceState"),
    )


def _log(item: dict[str, Any]) -> ReceivedLog:
    return ReceivedLog(
        trace_id=optional_trace_id(identifier(item, "traceId", "trace_id")),
        span_id=optional_span_id(identifier(item, "spanId", "span_id")),
        time=unsigned(item, "timeUnixNano"),
        observed_time=unsigned(item, "observedTimeUnixNano"),
        severity=enumeration(item, "severityNumber", {}),
        severity_text=text(item, "severityText"),
        event_name=text(item, "eventName"),
        body=any_value(item.get("body"), 0),
        attributes=attributes(item),
        flags=unsigned(item, "flags"),
        dropped_attributes=unsigned(item, "droppedAttributesCount"),
    )
