"""OTLP/HTTP: one endpoint a signal, protobuf and JSON, following the OTLP 1.x rules for every answer.

The body is read within a size and a time, and only after the request was admitted. 200 goes out when the batch is
durable. Types of replies carry no parameters, replies are never compressed (they are tiny), nothing redirects.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from whichstep_collector.admission import Admission
from whichstep_collector.counters import Counters
from whichstep_collector.gate import Entry, Receive, Scope, Send, header, media_type, send_bytes, send_refusal
from whichstep_collector.ingest import Ingest, Request
from whichstep_collector.refusals import (
    BAD_REQUEST,
    CLIENT_GONE,
    GRPC_ON_HTTP,
    SLOW_BODY,
    TOO_LARGE,
    UNSUPPORTED_CODING,
    UNSUPPORTED_TYPE,
    Refused,
)
from whichstep_collector.replies import JSON_TYPE, PROTOBUF_TYPE, SIGNALS, Reply, success_body
from whichstep_collector.tokens import INGEST

_TYPES: Final = {PROTOBUF_TYPE: False, JSON_TYPE: True}
# How much of a body that is too large is read and thrown away, so that the client gets to read the answer.
_DRAIN_BYTES_MAX: Final = 16 << 20
_DRAIN_SECONDS: Final = 2.0


class _BodyLeft(Refused):
    """Too large, with more of it on the way: some of that is read, so that the client gets to the answer."""


class HttpDoor:
    """The OTLP endpoint of one signal; an ASGI application behind the gate."""

    def __init__(
        self,
        signal: str,
        *,
        ingest: Ingest,
        admission: Admission,
        counters: Counters,
        request_bytes_max: int,
        body_timeout_seconds: float,
    ) -> None:
        """Limits are for the body as sent."""
        self._signal, self._ingest, self._admission, self._counters = signal, ingest, admission, counters
        self._request_bytes_max = request_bytes_max
        self._body_timeout_seconds = body_timeout_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one export request."""
        started = time.monotonic()
        try:
            json = _json(scope)
            reply = await self._accept(scope, receive, json=json)
        except Refused as refused:
            await self._refuse(scope, receive, send, refused)
            return
        result = "partial" if reply.rejected else "accepted"
        self._counters.add("whichstep_requests_total", door="http", signal=self._signal, result=result)
        self._counters.add("whichstep_acknowledge_seconds_total", time.monotonic() - started)
        body = success_body(self._signal, reply, json=json)
        await send_bytes(send, 200, JSON_TYPE if json else PROTOBUF_TYPE, body)

    async def _accept(self, scope: Scope, receive: Receive, *, json: bool) -> Reply:
        """Admit, read and hand on; return once the batch is durable."""
        coding = _coding(scope)
        length = self._declared_length(scope)
        held = [self._admission.enter(length or 0)]
        try:
            body = await self._read(receive, held, known=length is not None)
            self._counters.add("whichstep_request_bytes_total", len(body), door="http")
            request = Request(self._signal, body, json=json, coding=coding)
            return await asyncio.wrap_future(self._ingest.submit(request))
        finally:
            for piece in held:
                self._admission.leave(piece)

    def _declared_length(self, scope: Scope) -> int | None:
        """Return Content-Length, refused before anything is read when it is too much; None when chunked."""
        text = header(scope, b"content-length")
        if text is None:
            return None
        if not text.isdigit():
            raise Refused(BAD_REQUEST, "Content-Length is no number")
        if int(text) > self._request_bytes_max:
            raise _BodyLeft(TOO_LARGE)
        return int(text)

    async def _read(self, receive: Receive, held: list[int], *, known: bool) -> bytes:
        """Return the body; a chunked one is admitted piece by piece, noted in `held`."""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._body_timeout_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refused(CLIENT_GONE)
                    part = message.get("body", b"")
                    size += len(part)
                    if size > self._request_bytes_max:
                        raise _BodyLeft(TOO_LARGE)
                    if part and not known:
                        held.append(self._admission.enter(len(part)))
                    parts.append(part)
                    if not message.get("more_body", False):
                        return parts[0] if len(parts) == 1 else b"".join(parts)
        except TimeoutError as error:
            raise Refused(SLOW_BODY) from error

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, refused: Refused) -> None:
        reason = refused.refusal.reason
        self._counters.add("whichstep_refusals_total", door="http", reason=reason)
        self._counters.add("whichstep_requests_total", door="http", signal=self._signal, result=reason)
        if refused.refusal is CLIENT_GONE:
            return
        close = refused.refusal is SLOW_BODY
        if isinstance(refused, _BodyLeft):
            close = header(scope, b"expect") is not None or not await _drained(receive)
        await send_refusal(scope, send, refused, close=close)


def otlp_entries(
    *,
    ingest: Ingest,
    admission: Admission,
    counters: Counters,
    request_bytes_max: int,
    body_timeout_seconds: float,
) -> list[Entry]:
    """Return the OTLP routes."""
    return [
        Entry(
            f"/v1/{signal}",
            ("POST",),
            frozenset({INGEST}),
            HttpDoor(
                signal,
                ingest=ingest,
                admission=admission,
                counters=counters,
                request_bytes_max=request_bytes_max,
                body_timeout_seconds=body_timeout_seconds,
            ),
            f"OTLP export of {signal}, protobuf or JSON.",
        )
        for signal in SIGNALS
    ]


def _json(scope: Scope) -> bool:
    """Return whether the body is JSON, else it is protobuf."""
    media = media_type(scope)
    if media.startswith("application/grpc"):
        raise Refused(GRPC_ON_HTTP)
    if media not in _TYPES:
        raise Refused(UNSUPPORTED_TYPE)
    return _TYPES[media]


def _coding(scope: Scope) -> str:
    coding = header(scope, b"content-encoding") or ""
    if "," in coding:
        raise Refused(UNSUPPORTED_CODING, "one coding at a time")
    return coding


async def _drained(receive: Receive) -> bool:
    """Read on for a bounded while, so the client finishes sending and reads the answer; whether the end was reached."""
    size = 0
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while size < _DRAIN_BYTES_MAX:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return True
    except TimeoutError:
        return False
    return False
