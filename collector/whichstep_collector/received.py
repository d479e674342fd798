"""What one OTLP request said, as plain Python values: the currency between decode, redact and normalise.

Both wire forms (protobuf, JSON) decode to equal values. Nothing here is normalised: names, times and attributes are
as sent. Arrays are tuples and key-value lists dictionaries; an empty `AnyValue` is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Value: TypeAlias = Any
"""str, int, float, bool, bytes, None, a tuple of values or a dict of str to values."""
Attributes: TypeAlias = dict[str, Value]


class Undecodable(ValueError):  # noqa: N818  (the name is the answer: the request can never be decoded)
    """The whole request is refused, for good. `reason` is a short word for counters, `message` is for the sender."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class BadValue(ValueError):  # noqa: N818  (says what was found)
    """One span or record is left out, with this as the reason; the others stay."""


@dataclass(slots=True)
class ReceivedEvent:
    """A span event: `time` in ns since the epoch."""

    name: str
    time: int
    attributes: Attributes
    dropped_attributes: int = 0


@dataclass(slots=True)
class ReceivedLink:
    """A link to another span. The ids are as sent; a link with bad ids is kept with what it has."""

    trace_id: bytes
    span_id: bytes
    attributes: Attributes
    trace_state: str = ""


@dataclass(slots=True)
class ReceivedSpan:
    """A span with valid ids. Times in ns since the epoch, 0 where none was given; kind and status as numbers."""

    trace_id: bytes
    span_id: int
    parent_span_id: int | None
    name: str
    kind: int
    start: int
    end: int
    attributes: Attributes
    status: int = 0
    status_message: str = ""
    events: list[ReceivedEvent] = field(default_factory=list)
    links: list[ReceivedLink] = field(default_factory=list)
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0
    dropped_events: int = 0
    dropped_links: int = 0
    redacted: bool = False


@dataclass(slots=True)
class ReceivedLog:
    """A log record. `trace_id` and `span_id` are None where absent, which is legal for logs."""

    trace_id: bytes | None
    span_id: int | None
    time: int
    observed_time: int
    severity: int
    severity_text: str
    event_name: str
    body: Value
    attributes: Attributes
    flags: int = 0
    dropped_attributes: int = 0
    redacted: bool = False


@dataclass(slots=True)
class Source:
    """Who sent a group: the resource and the instrumentation scope."""

    resource: Attributes = field(default_factory=dict)
    resource_schema_url: str = ""
    scope: str = ""
    scope_version: str = ""
    scope_attributes: Attributes = field(default_factory=dict)
    scope_schema_url: str = ""


@dataclass(slots=True)
class SpanGroup:
    """The spans of one resource and scope."""

    source: Source
    spans: list[ReceivedSpan]


@dataclass(slots=True)
class LogGroup:
    """The log records of one resource and scope."""

    source: Source
    logs: list[ReceivedLog]


@dataclass(slots=True)
class ReceivedTraces:
    """A trace request. `rejected` counts the spans left out; `reasons` says why, each reason once."""

    groups: list[SpanGroup] = field(default_factory=list)
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    def spans(self) -> Iterator[ReceivedSpan]:
        """All spans, in order of arrival."""
        for group in self.groups:
            yield from group.spans

    @property
    def span_count(self) -> int:
        """Spans that were not rejected."""
        return sum(len(group.spans) for group in self.groups)


@dataclass(slots=True)
class ReceivedLogs:
    """A logs request. `rejected` counts the records left out; `reasons` says why, each reason once."""

    groups: list[LogGroup] = field(default_factory=list)
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)

    @property
    def log_count(self) -> int:
        """Records that were not rejected."""
        return sum(len(group.logs) for group in self.groups)


def reject(received: ReceivedTraces | ReceivedLogs, reason: str) -> None:
    """Counts one span or record that is left out, and its reason once."""
    received.rejected += 1
    if reason not in received.reasons:
        received.reasons.append(reason)
