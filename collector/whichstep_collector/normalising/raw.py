"""Puts what was received into a row: attributes as a skeleton, events, links, and the digest of all of it."""

from __future__ import annotations

from typing import Any, Final

import orjson

from whichstep_collector.normalising.contents import Contents
from whichstep_collector.normalising.facts import SpanFacts
from whichstep_collector.normalising.skeleton import dump, skeleton
from whichstep_collector.normalising.sources import SourceFacts
from whichstep_collector.normalising.texts import SpanTexts
from whichstep_collector.received import ReceivedEvent, ReceivedLink, ReceivedSpan
from whichstep_store.digests import digest_of

STATUS_DESCRIPTION: Final = "otel.status_description"
"""Where OpenTelemetry puts a status message in formats that have no field for it."""


def put_raw(facts: SpanFacts, texts: SpanTexts, span: ReceivedSpan, source: SourceFacts) -> None:
    """Fills `attributes`, `events`, `links`, `attribute_count`, `digest`, and flags what is not whole."""
    contents, trace_id, told = texts.contents, span.trace_id, span.attributes
    if span.status_message:
        told = {STATUS_DESCRIPTION: span.status_message, **told}
    attributes = skeleton(told, trace_id, contents, texts.shared, texts.in_columns)
    facts.attributes = attributes.decode()
    facts.attribute_count = len(span.attributes)
    head = (
        f"{span.name}\0{span.kind}\0{span.start}\0{span.end}\0{span.status}\0{span.status_message}\0"
        f"{span.parent_span_id}\0{span.trace_state}\0{span.flags}"
    )
    parts = [attributes, head.encode(), source.digest, *map(str.encode, texts.in_columns)]
    if span.events:
        parts.append(events := dump([_event(event, trace_id, contents) for event in span.events]))
        facts.events = events.decode()
    if span.links:
        parts.append(links := dump([_link(link) for link in span.links]))
        facts.links = links.decode()
    facts.digest = digest_of(b"\0".join(parts))
    if source.texts:
        source.keep(trace_id, contents)
    if span.redacted:
        facts.flag("redacted")
    if span.dropped_attributes or span.dropped_events:
        facts.flag("truncated")


def _event(event: ReceivedEvent, trace_id: bytes, contents: Contents) -> dict[str, Any]:
    attributes = orjson.Fragment(skeleton(event.attributes, trace_id, contents))
    return {"name": event.name, "time": str(event.time), "attributes": attributes}


def _link(link: ReceivedLink) -> dict[str, Any]:
    return {"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex(), "attributes": link.attributes}
