"""Stored rows back to what was received: the inverse of `normalise`, as far as rows keep it.

Kept are ids, times, names, attributes, events, links, status and source; of a JSON text longer than 2 KiB its value,
not its bytes. Not kept are trace state and span flags, which nothing reads. LookupError where a text is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from whichstep_collector.normalise import KINDS, STATUSES
from whichstep_collector.normalising.raw import STATUS_DESCRIPTION
from whichstep_collector.normalising.skeleton import restore
from whichstep_collector.received import (
    Attributes,
    ReceivedEvent,
    ReceivedLink,
    ReceivedLog,
    ReceivedSpan,
    Source,
    Value,
)

Row = Mapping[str, Any]
Fetch = Callable[[str], str]
_NO_ROW: Final[Row] = {}


def span_of(row: Row, fetch: Fetch) -> ReceivedSpan:
    """The span that a row came from. Ids are bytes and a number, times ns since the epoch, as in `SpanFacts`."""
    attributes = _attributes(row["attributes"], fetch, row)
    flags = row["flags"]
    return ReceivedSpan(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        parent_span_id=row["parent_span_id"],
        name=row["name"],
        kind=KINDS.index(row["kind"]),
        start=0 if "no_start" in flags else row["started_at"],
        end=row["ended_at"] or 0,
        status=STATUSES.index(row["status"]),
        status_message=_status_message(row, attributes),
        attributes=attributes,
        events=[_event(event, fetch) for event in orjson.loads(row["events"] or b"[]")],
        links=[_link(link) for link in orjson.loads(row["links"] or b"[]")],
        dropped_attributes=int("truncated" in flags),
        redacted="redacted" in flags,
    )


def source_of(document: str | None, scope: str, fetch: Fetch) -> Source:
    """The source of a row, from its column `resource`."""
    said = orjson.loads(document or b"{}")
    told = said.get("scope", {})
    return Source(
        resource=_values(said.get("resource", {}), fetch),
        resource_schema_url=said.get("resource_schema_url", ""),
        scope=scope,
        scope_version=told.get("version", ""),
        scope_attributes=_values(told.get("attributes", {}), fetch),
        scope_schema_url=said.get("scope_schema_url", ""),
    )


def log_of(row: Row) -> ReceivedLog:
    """The log record that a row came from; its body and attributes must be whole."""
    return ReceivedLog(
        trace_id=row["trace_id"],
        span_id=row["span_id"],
        time=row["occurred_at"],
        observed_time=0,
        severity=row["severity"],
        severity_text="",
        event_name=row["event_name"],
        body=_value(orjson.loads(row["body"])) if row["body"] is not None else None,
        attributes=_values(orjson.loads(row["attributes"] or b"{}"), _no_text),
    )


def _attributes(text: str | None, fetch: Fetch, row: Row) -> Attributes:
    return _values(orjson.loads(text or b"{}"), fetch, row)


def _values(skeleton: dict[str, Any], fetch: Fetch, row: Row = _NO_ROW) -> Attributes:
    return {key: _value(restore(value, fetch, row)) for key, value in skeleton.items()}


def _value(value: Value) -> Value:
    """A value as it is received: arrays are tuples."""
    if isinstance(value, list):
        return tuple(_value(item) for item in value)
    return {key: _value(item) for key, item in value.items()} if isinstance(value, dict) else value


def _status_message(row: Row, attributes: Attributes) -> str:
    said = attributes.pop(STATUS_DESCRIPTION, None)
    if said is None and row["status"] == "error":  # rows of older builds kept the message of a failure only
        said = row["error_message"]
    return said if isinstance(said, str) else ""


def _event(event: dict[str, Any], fetch: Fetch) -> ReceivedEvent:
    return ReceivedEvent(event["name"], int(event["time"]), _values(event["attributes"], fetch))


def _link(link: dict[str, Any]) -> ReceivedLink:
    return ReceivedLink(
        bytes.fromhex(link["trace_id"]), bytes.fromhex(link["span_id"]), _value(link.get("attributes") or {})
    )


def _no_text(digest: str) -> str:
    raise LookupError(digest)
