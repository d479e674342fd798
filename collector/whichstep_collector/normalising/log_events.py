"""Log records and span events that concern an agent, as rows of `log_rows.sql`."""

from __future__ import annotations

from typing import Any, Final

from whichstep import attributes as names
from whichstep_collector.normalising.coerce import json_object, line, score, text
from whichstep_collector.normalising.identity import execution_key
from whichstep_collector.normalising.skeleton import dump
from whichstep_collector.normalising.sources import SourceFacts
from whichstep_collector.normalising.told import derived_id
from whichstep_collector.received import Attributes, ReceivedEvent, ReceivedLog, ReceivedSpan, Value
from whichstep_store.digests import digest_of

_TIME_MAX: Final = 2**63 - 1
_BODY_BYTES_MAX: Final = 1024 * 1024
_SOURCES: Final = ("HUMAN", "LLM", "CODE", "AVERAGE")
_EXPLANATION_LENGTH_MAX: Final = 8192


def log_row(record: ReceivedLog, source: SourceFacts, received_at: int) -> dict[str, Any]:
    """The row of a log record. An evaluation's columns are filled from its attributes or its body."""
    event_name = _event_name(record)
    values = (
        {**json_object(record.body), **record.attributes} if isinstance(record.body, (dict, str)) else record.attributes
    )
    body = None if record.body is None else _bounded(record.body)
    attributes = _bounded(record.attributes)
    said = f"{record.trace_id!r}\0{record.span_id}\0{record.time}\0{event_name}\0{record.severity}\0{body}"
    digest = digest_of(attributes.encode() + said.encode() + source.digest)
    return {
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "received_at": received_at,
        "occurred_at": min(record.time or record.observed_time or received_at, _TIME_MAX),
        "event_name": event_name,
        "severity": record.severity if 0 <= record.severity < 256 else 0,
        "scope": source.scope,
        "service": source.service,
        "session_id": text(values.get(names.SESSION_ID)) or text(values.get(names.CONVERSATION_ID)),
        "execution_key": execution_key(values.get(names.EXECUTION_ID)).key,
        "response_id": text(values.get(names.RESPONSE_ID)),
        "body": body,
        "attributes": attributes,
        "digest": digest,
        **(_evaluation(values) if event_name == names.EVALUATION_EVENT else {}),
    }


_DETAILS: Final = "gen_ai.client.inference.operation.details"
_MESSAGES: Final = frozenset({_DETAILS, "gen_ai.choice"})


def event_span(record: ReceivedLog, received_at: int) -> ReceivedSpan | None:
    """A span under the model call that an event tells messages of; None for any other record.

    Its id is the record's, so that a record that comes again adds nothing.
    """
    if record.trace_id is None or record.span_id is None:
        return None
    name = _event_name(record)
    if not (name in _MESSAGES or (name.startswith("gen_ai.") and name.endswith(".message"))):
        return None
    body = json_object(record.body)
    told = {**{key: value for key, value in body.items() if key.startswith("gen_ai.")}, **record.attributes}
    at = record.time or record.observed_time or received_at
    what = b"\0".join([name.encode(), str(at).encode(), dump(record.body), dump(record.attributes)])
    return ReceivedSpan(
        trace_id=record.trace_id,
        span_id=derived_id(record.trace_id, record.span_id, what),
        parent_span_id=record.span_id,
        name=name,
        kind=1,
        start=at,
        end=at,
        attributes=told,
        events=[]
        if name == _DETAILS
        else [ReceivedEvent(name=name, time=at, attributes={**record.attributes, **body})],
    )


def evaluation_row(event: ReceivedEvent, span: ReceivedSpan, source: SourceFacts, received_at: int) -> dict[str, Any]:
    """The row of an evaluation told as an event of the span that it is about."""
    record = ReceivedLog(
        trace_id=span.trace_id,
        span_id=span.span_id,
        time=event.time,
        observed_time=0,
        severity=0,
        severity_text="",
        event_name=event.name,
        body=None,
        attributes={**_identity(span.attributes), **event.attributes},
    )
    return log_row(record, source, received_at)


def _identity(attributes: Attributes) -> Attributes:
    kept = (names.EXECUTION_ID, names.SESSION_ID, names.CONVERSATION_ID, names.RESPONSE_ID)
    return {key: attributes[key] for key in kept if key in attributes}


def _event_name(record: ReceivedLog) -> str:
    """The event's name, wherever the sender put it: the field, an attribute, or a body that is nothing but a name."""
    for said in (record.event_name, record.attributes.get("event.name"), record.attributes.get("name")):
        if found := text(said):
            return found
    body = record.body
    if isinstance(body, str) and body.startswith(("gen_ai.", "codex.", "claude_code.")) and len(body) < 128:
        return body
    return ""


def _evaluation(values: Attributes) -> dict[str, Any]:
    claimed = text(values.get(names.EVALUATION_SOURCE))
    return {
        "evaluation_name": text(values.get(names.EVALUATION_NAME)),
        "evaluation_score": score(values.get(names.EVALUATION_SCORE)),
        "evaluation_label": text(values.get(names.EVALUATION_LABEL)),
        "evaluation_explanation": _explanation(values.get(names.EVALUATION_EXPLANATION)),
        "evaluation_source": claimed.upper() if claimed and claimed.upper() in _SOURCES else None,
    }


def _explanation(value: Value) -> str | None:
    return value[:_EXPLANATION_LENGTH_MAX] if isinstance(value, str) and value else line(value)


def _bounded(value: Value) -> str:
    said = dump(value)
    if len(said) <= _BODY_BYTES_MAX:
        return said.decode()
    return dump({"truncated": True, "bytes": len(said), "start": said[:4096].decode(errors="ignore")}).decode()
