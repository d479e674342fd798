"""OTLP/JSON to the same values as protobuf.

Not protobuf's own JSON: ids are hex of any case, enums numbers (names are tolerated), 64-bit numbers strings or
numbers, unknown fields are ignored, null means the default. Lone surrogates, which no UTF-8 text can hold, become
U+FFFD. snake_case names are refused with a hint: ignoring them would lose the batch in silence.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import orjson

from whichstep_collector.ids import check_ids, optional_span_id, optional_trace_id
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
    Value,
    reject,
)

SPANS_MAX: Final = 1_000_000
"""Spans or records of one request. 64 MiB of empty messages would be 30 million objects."""
DEPTH_MAX: Final = 32
"""Arrays and maps inside each other, as for protobuf."""

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
        return _attributes(owner)
    except BadValue as bad:
        raise Undecodable(name, f"the {name} holds {bad}") from bad


def _text_or_refuse(owner: dict[str, Any], name: str) -> str:
    try:
        return _text(owner, name)
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
    trace_id, span_id = _id(item, "traceId", "trace_id"), _id(item, "spanId", "span_id")
    parent = _id(item, "parentSpanId", "parent_span_id")
    check_ids(trace_id, span_id, parent)
    status = _member(item, "status")
    return ReceivedSpan(
        trace_id=trace_id,
        span_id=int.from_bytes(span_id, "big"),
        parent_span_id=optional_span_id(parent),
        name=_text(item, "name"),
        kind=_enum(item, "kind", _KINDS),
        start=_unsigned(item, "startTimeUnixNano"),
        end=_unsigned(item, "endTimeUnixNano"),
        attributes=_attributes(item),
        status=_enum(status, "code", _STATUSES),
        status_message=_text(status, "message"),
        events=[_event(event) for event in _members(item, "events")],
        links=[_link(link) for link in _members(item, "links")],
        trace_state=_text(item, "traceState"),
        flags=_unsigned(item, "flags"),
        dropped_attributes=_unsigned(item, "droppedAttributesCount"),
        dropped_events=_unsigned(item, "droppedEventsCount"),
        dropped_links=_unsigned(item, "droppedLinksCount"),
    )


def _event(event: dict[str, Any]) -> ReceivedEvent:
    return ReceivedEvent(
        name=_text(event, "name"),
        time=_unsigned(event, "timeUnixNano"),
        attributes=_attributes(event),
        dropped_attributes=_unsigned(event, "droppedAttributesCount"),
    )


def _link(link: dict[str, Any]) -> ReceivedLink:
    return ReceivedLink(
        trace_id=_id(link, "traceId", "link trace_id"),
        span_id=_id(link, "spanId", "link span_id"),
        attributes=_attributes(link),
        trace_state=_text(link, "traceState"),
    )


def _log(item: dict[str, Any]) -> ReceivedLog:
    return ReceivedLog(
        trace_id=optional_trace_id(_id(item, "traceId", "trace_id")),
        span_id=optional_span_id(_id(item, "spanId", "span_id")),
        time=_unsigned(item, "timeUnixNano"),
        observed_time=_unsigned(item, "observedTimeUnixNano"),
        severity=_enum(item, "severityNumber", {}),
        severity_text=_text(item, "severityText"),
        event_name=_text(item, "eventName"),
        body=_any_value(item.get("body"), 0),
        attributes=_attributes(item),
        flags=_unsigned(item, "flags"),
        dropped_attributes=_unsigned(item, "droppedAttributesCount"),
    )


def _members(owner: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = owner.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadValue(f"{name} must be a list of objects")
    return value


def _member(owner: dict[str, Any], name: str) -> dict[str, Any]:
    value = owner.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadValue(f"{name} must be an object")
    return value


def _text(owner: dict[str, Any], name: str) -> str:
    value = owner.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadValue(f"{name} must be a string")
    return value


def _id(owner: dict[str, Any], name: str, said: str) -> bytes:
    value = owner.get(name)
    if value is None:
        snake = said.replace("link ", "")
        if snake in owner:
            raise BadValue(f"{snake} is snake_case; OTLP/JSON names are lowerCamelCase: {name}")
        return b""
    if not isinstance(value, str):
        raise BadValue(f"{said} must be hex text")
    try:
        return binascii.unhexlify(value)
    except (binascii.Error, ValueError) as error:
        raise BadValue(f"{said} is not hex (OTLP/JSON ids are hex, not base64)") from error


def _unsigned(owner: dict[str, Any], name: str) -> int:
    value = owner.get(name)
    if value is None:
        return 0
    number = _integer(value, name)
    if not 0 <= number < 2**64:
        raise BadValue(f"{name} is out of range")
    return number


def _integer(value: Any, name: str) -> int:
    """A 64-bit number as JSON senders write it: a number, a decimal string, or a whole float such as 1.7e18."""
    try:
        if isinstance(value, str):
            return int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, float) and value.is_integer():
            return int(value)
    except ValueError:
        pass
    raise BadValue(f"{name} must be a whole number")


def _enum(owner: dict[str, Any], name: str, names: dict[str, int]) -> int:
    value = owner.get(name)
    if value is None:
        return 0
    if isinstance(value, str) and value in names:
        return names[value]
    number = _integer(value, name)
    if not -(2**31) <= number < 2**31:
        raise BadValue(f"{name} is out of range")
    return number


def _attributes(owner: dict[str, Any], name: str = "attributes", depth: int = 0) -> Attributes:
    pairs = owner.get(name)
    if pairs is None:
        return {}
    if not isinstance(pairs, list):
        raise BadValue(f'{name} must be a list of {{"key": …, "value": {{"stringValue": …}}}}, not an object map')
    found: Attributes = {}
    for pair in pairs:
        if not isinstance(pair, dict):
            raise BadValue(f"{name} must hold objects with key and value")
        found[_text(pair, "key")] = _any_value(pair.get("value"), depth)
    return found


def _any_value(value: Any, depth: int) -> Value:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadValue('a bare attribute value; OTLP/JSON wraps it: {"stringValue": …}')
    if depth >= DEPTH_MAX:
        raise BadValue(f"an attribute nested deeper than {DEPTH_MAX} levels")
    for kind, given in value.items():
        if given is not None and (read := _VALUES.get(kind)) is not None:
            return read(given, depth)
    return None


def _string_value(given: Any, _depth: int) -> str:
    if not isinstance(given, str):
        raise BadValue("stringValue must be a string")
    return given


def _bool_value(given: Any, _depth: int) -> bool:
    if not isinstance(given, bool):
        raise BadValue("boolValue must be true or false")
    return given


def _int_value(given: Any, _depth: int) -> int:
    number = _integer(given, "intValue")
    if not -(2**63) <= number < 2**63:
        raise BadValue("intValue is out of range")
    return number


def _double_value(given: Any, _depth: int) -> float:
    try:
        if isinstance(given, (int, float, str)) and not isinstance(given, bool):
            return float(given)
    except (ValueError, OverflowError):
        pass
    raise BadValue('doubleValue must be a number, "NaN", "Infinity" or "-Infinity"')


def _bytes_value(given: Any, _depth: int) -> bytes:
    try:
        text = given.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (AttributeError, ValueError) as error:
        raise BadValue("bytesValue must be base64") from error


def _array_value(given: Any, depth: int) -> tuple[Value, ...]:
    if not isinstance(given, dict):
        raise BadValue("arrayValue must be an object with values")
    values = given.get("values")
    if values is None:
        return ()
    if not isinstance(values, list):
        raise BadValue("arrayValue.values must be a list")
    return tuple(_any_value(item, depth + 1) for item in values)


def _kvlist_value(given: Any, depth: int) -> Attributes:
    if not isinstance(given, dict):
        raise BadValue("kvlistValue must be an object with values")
    return _attributes(given, "values", depth + 1)


_VALUES: Final[dict[str, Callable[[Any, int], Value]]] = {
    "stringValue": _string_value,
    "intValue": _int_value,
    "boolValue": _bool_value,
    "doubleValue": _double_value,
    "arrayValue": _array_value,
    "kvlistValue": _kvlist_value,
    "bytesValue": _bytes_value,
}
