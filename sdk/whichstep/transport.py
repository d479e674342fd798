"""One OTLP request to the sidecar and what its answer means. Owns no thread and keeps no state but the settings.

Uses urllib: proxies of the environment are honoured, except towards the loopback, where no proxy can help.
"""

from __future__ import annotations

import gzip
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from whichstep.settings import Settings

if TYPE_CHECKING:
    import urllib.error
    import urllib.request

RETRYABLE: Final = frozenset({401, 403, 404, 408, 429, 502, 503, 504})
"""Refusals that a person or a moment can mend: the batch waits. Any other refusal is final for this batch."""
ANSWER_BYTES_MAX: Final = 64 * 1024


class Signal(Enum):
    """What a body carries."""

    TRACES = "traces"
    LOGS = "logs"


class Verdict(Enum):
    """What to do with the body."""

    DELIVERED = "delivered"
    LATER = "later"
    REFUSED = "refused"


class Reply(NamedTuple):
    """The answer: what to do, why in words, how long the sidecar asked to wait, how many records it rejected."""

    verdict: Verdict
    reason: str = ""
    retry_after_seconds: float = 0.0
    rejected: int = 0


class Transport(Protocol):
    """Takes a body somewhere: over HTTP, or into the memory of a test."""

    def send(self, signal: Signal, data: bytes) -> Reply:
        """Send one body. Never raises."""


class HttpTransport:
    """Posts bodies to the sidecar, one connection each."""

    def __init__(self, settings: Settings) -> None:
        self._urls = {Signal.TRACES: settings.traces_url, Signal.LOGS: settings.logs_url}
        self._timeout_seconds = settings.timeout_seconds
        self._gzip = settings.gzip
        self._headers = {
            "content-type": "application/x-protobuf",
            "user-agent": "whichstep-sdk",
            **dict(settings.headers),
        }
        self._settings = settings
        self._opener: urllib.request.OpenerDirector | None = None

    def send(self, signal: Signal, data: bytes) -> Reply:
        """Post one body and wait for the answer, at most the timeout."""
        import http.client  # noqa: PLC0415  loaded by the delivery's thread, not by the host's first step
        import urllib.error  # noqa: PLC0415
        import urllib.request  # noqa: PLC0415

        self._opener = self._opener or opener_for(self._settings)
        headers = dict(self._headers)
        if self._gzip:
            data, headers["content-encoding"] = gzip.compress(data, compresslevel=1), "gzip"
        request = urllib.request.Request(self._urls[signal], data=data, headers=headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=self._timeout_seconds) as answer:
                return Reply(Verdict.DELIVERED, rejected=_rejected(answer.read(ANSWER_BYTES_MAX)))
        except urllib.error.HTTPError as error:
            return _refusal(error)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Reply(Verdict.LATER, reason=str(getattr(error, "reason", None) or error) or type(error).__name__)


def opener_for(settings: Settings) -> urllib.request.OpenerDirector:
    """What opens urls of the sidecar: by the proxies and certificates in force."""
    import ssl  # noqa: PLC0415  see send
    import urllib.request  # noqa: PLC0415

    handlers: list[urllib.request.BaseHandler] = []
    parts = urlsplit(settings.traces_url)
    if parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        handlers.append(urllib.request.ProxyHandler({}))
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=settings.certificate_file)
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers)


def _refusal(error: urllib.error.HTTPError) -> Reply:
    with error:
        reason = f"HTTP {error.code} {error.reason}"
        if error.code not in RETRYABLE:
            return Reply(Verdict.REFUSED, reason=reason)
        try:
            wait = min(max(float(error.headers.get("retry-after", 0)), 0.0), 300.0)
        except ValueError:
            wait = 0.0
        return Reply(Verdict.LATER, reason=reason, retry_after_seconds=wait)


def _rejected(answer: bytes) -> int:
    """How many records a partial success names: field 1 of the field 1 message, the same for traces and logs."""
    if not answer:
        return 0
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse  # noqa: PLC0415

    try:
        return int(ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans)
    except Exception:  # noqa: BLE001  some servers answer with JSON or text; the status said it was accepted
        return 0
