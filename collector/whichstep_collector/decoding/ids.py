"""Ids of traces and spans on the wire: 16 and 8 bytes, never all zero."""

from __future__ import annotations

from whichstep_collector.received import BadValue

MISSING_IDS = "trace_id and span_id are missing"
_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)


def check_ids(trace_id: bytes, span_id: bytes, parent_span_id: bytes) -> None:
    """Raises `BadValue` with the reason unless the ids are of full length and, but for the parent, not all zero."""
    if len(trace_id) == 16 and len(span_id) == 8 and trace_id != _NO_TRACE and span_id != _NO_SPAN:
        if parent_span_id and len(parent_span_id) != 8:
            raise BadValue(f"parent_span_id has {len(parent_span_id)} bytes, not 8")
        return
    if not trace_id and not span_id:
        raise BadValue(MISSING_IDS)
    for name, value, size in (("trace_id", trace_id, 16), ("span_id", span_id, 8)):
        if len(value) != size:
            raise BadValue(f"{name} has {len(value)} bytes, not {size}")
        if not any(value):
            raise BadValue(f"{name} is all zero")


def optional_trace_id(value: bytes) -> bytes | None:
    """A log's trace id, None where it names no trace."""
    return value if len(value) == 16 and value != _NO_TRACE else None


def optional_span_id(value: bytes) -> int | None:
    """A log's or parent's span id as a number, None where it names no span."""
    return int.from_bytes(value, "big") or None if len(value) == 8 else None
