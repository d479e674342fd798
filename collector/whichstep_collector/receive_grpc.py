"""OTLP/gRPC: the Export calls of traces, logs and metrics, and the standard health check.

Messages stay bytes: the library decompresses (gzip, deflate) and bounds them, ingest decodes them. A client without
the right token is refused before its message is read. Every failure has a code of the table, because an exception that
reached the library would become UNKNOWN and the client would drop its batch; a wait is told both ways that exporters
look for it. Its event loop has a thread of its own: the library's other server, of threads, wakes five times a second
to see whether it shall end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, NoReturn

import grpc
import grpc.aio

from whichstep_collector.admission import Admission
from whichstep_collector.counters import Counters
from whichstep_collector.errors import PortInUse
from whichstep_collector.ingest import Ingest, Request
from whichstep_collector.refusals import (
    BUSY,
    DEFECT,
    FORBIDDEN,
    UNAUTHENTICATED_CLIENT,
    Refused,
    retry_after_seconds,
    retry_info,
    status,
)
from whichstep_collector.replies import LOGS, METRICS, TRACES, Reply, success_body
from whichstep_collector.tokens import INGEST, Tokens

log = logging.getLogger("whichstep.grpc")

Context = grpc.aio.ServicerContext[Any, Any]

SERVICES: Final = {
    TRACES: "opentelemetry.proto.collector.trace.v1.TraceService",
    LOGS: "opentelemetry.proto.collector.logs.v1.LogsService",
    METRICS: "opentelemetry.proto.collector.metrics.v1.MetricsService",
}
_HEALTH: Final = "/grpc.health.v1.Health/Check"
_SERVING: Final = b"\x08\x01"  # HealthCheckResponse{status: SERVING}
_NOT_SERVING: Final = b"\x08\x02"
_STREAMS_MAX: Final = 64  # calls at a time of one connection
_ANSWER_SECONDS_MAX: Final = 60.0
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class GrpcDoor:
    """The gRPC server. `start` opens the port, `stop` ends it."""

    def __init__(
        self,
        *,
        ingest: Ingest,
        admission: Admission,
        tokens: Tokens,
        counters: Counters,
        message_bytes_max: int,
    ) -> None:
        """`message_bytes_max` holds before and after decompression."""
        self._ingest, self._admission, self._tokens, self._counters = ingest, admission, tokens, counters
        self._options = _options(message_bytes_max)
        self._asked: asyncio.Future[float] | None = None
        """To end, with so many seconds of grace; there once calls are answered."""
        self._thread: threading.Thread | None = None

    def start(self, host: str, port: int) -> int:
        """Listen and return the port, a free one for 0.

        Raises:
            PortInUse: another process has it.
        """
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        bound: Future[int] = Future()
        self._thread = threading.Thread(target=self._serve, args=(address, bound), name="grpc", daemon=True)
        self._thread.start()
        return bound.result()

    def stop(self, *, grace_seconds: float) -> None:
        """Refuse new calls, give those in flight some time, and end."""
        if self._asked and self._thread and self._thread.is_alive():
            self._asked.get_loop().call_soon_threadsafe(self._asked.set_result, grace_seconds)
            self._thread.join()

    def _serve(self, address: str, bound: Future[int]) -> None:
        try:
            asyncio.run(self._listen(address, bound))
        except Exception as error:  # noqa: BLE001  raised by `start`, in the thread that waits for it
            bound.set_exception(error)

    async def _listen(self, address: str, bound: Future[int]) -> None:
        """Serve until stopped; `bound` has the port once calls are answered."""
        server = grpc.aio.server(
            handlers=[_Exports(self._export), _Health(lambda: not self._admission.stopping)],
            interceptors=[_Authentication(self._tokens, self._counters)],
            options=self._options,
        )
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise PortInUse(f"cannot listen on {address} for OTLP/gRPC: the port is in use; --grpc-port") from error
        await server.start()
        self._asked = asyncio.get_running_loop().create_future()
        bound.set_result(port)
        await server.stop(await self._asked)

    async def _export(self, signal: str, body: bytes, context: Context) -> bytes:
        started = time.monotonic()
        self._counters.add("whichstep_request_bytes_total", len(body), door="grpc")
        try:
            reply = await self._accept(signal, body)
        except Refused as refused:
            await self._refuse(signal, refused, context)
        except Exception:  # the outermost edge of a call: an exception of ours must not become UNKNOWN
            log.exception("a %s call met a defect", signal)
            await self._refuse(signal, Refused(DEFECT), context)
        result = "partial" if reply.rejected else "accepted"
        self._counters.add("whichstep_requests_total", door="grpc", signal=signal, result=result)
        self._counters.add("whichstep_acknowledge_seconds_total", time.monotonic() - started)
        return success_body(signal, reply, json=False)

    async def _accept(self, signal: str, body: bytes) -> Reply:
        held = self._admission.enter(len(body))
        try:
            submitted = asyncio.wrap_future(self._ingest.submit(Request(signal, body)))
            return await asyncio.wait_for(submitted, _ANSWER_SECONDS_MAX)
        except TimeoutError as error:
            raise Refused(BUSY) from error
        finally:
            self._admission.leave(held)

    async def _refuse(self, signal: str, refused: Refused, context: Context) -> NoReturn:
        reason = refused.refusal.reason
        self._counters.add("whichstep_requests_total", door="grpc", signal=signal, result=reason)
        self._counters.add("whichstep_refusals_total", door="grpc", reason=reason)
        await _abort(context, refused)


class _Exports(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # not generic at run time
    """Serves the Export method of each signal with raw bytes."""

    def __init__(self, export: Callable[[str, bytes, Context], Awaitable[bytes]]) -> None:
        self._handlers = {
            f"/{service}/Export": grpc.unary_unary_rpc_method_handler(partial(export, signal))
            for signal, service in SERVICES.items()
        }

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of a method; None for methods that are not ours."""
        return self._handlers.get(handler_call_details.method)


class _Health(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # not generic at run time
    """Serves grpc.health.v1.Health/Check for the whole server."""

    def __init__(self, serving: Callable[[], bool]) -> None:
        async def check(_body: bytes, _context: Context) -> bytes:
            return _SERVING if serving() else _NOT_SERVING

        self._handler = grpc.unary_unary_rpc_method_handler(check)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of the check."""
        return self._handler if handler_call_details.method == _HEALTH else None


class _Authentication(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not generic at run time
    """Lets a call through when its token may ingest; the health check needs none."""

    def __init__(self, tokens: Tokens, counters: Counters) -> None:
        self._tokens, self._counters = tokens, counters

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any]]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """Return the handler, or one that refuses without reading the message."""
        if handler_call_details.method == _HEALTH:
            return await continuation(handler_call_details)
        granted = self._tokens.scopes(_authorization(handler_call_details.invocation_metadata))
        if granted and INGEST in granted:
            return await continuation(handler_call_details)
        refused = Refused(FORBIDDEN if granted else UNAUTHENTICATED_CLIENT)
        self._counters.add("whichstep_refusals_total", door="grpc", reason=refused.refusal.reason)

        async def refuse(_messages: AsyncIterator[bytes], context: Context) -> NoReturn:
            await _abort(context, refused)

        return grpc.stream_unary_rpc_method_handler(refuse)


async def _abort(context: Context, refused: Refused) -> NoReturn:
    """End a call with the code of a refusal, its details and, where it may be repeated, the wait."""
    wait = retry_after_seconds(refused.refusal)
    trailers: list[tuple[str, bytes]] = [("grpc-status-details-bin", status(refused, wait).SerializeToString())]
    if wait is not None:  # the Python exporter looks here and nowhere else
        trailers.append(("google.rpc.retryinfo-bin", retry_info(wait).SerializeToString()))
    await context.abort(_CODES[refused.refusal.grpc_code], refused.message, tuple(trailers))
    raise AssertionError  # abort raises


def _authorization(metadata: Iterable[Any]) -> str | None:
    return next((str(value) for key, value in metadata or () if key == "authorization"), None)


def _options(message_bytes_max: int) -> list[tuple[str, int]]:
    return [
        ("grpc.so_reuseport", 0),  # else a second sidecar would silently share the port
        ("grpc.max_receive_message_length", message_bytes_max),
        ("grpc.max_concurrent_streams", _STREAMS_MAX),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
    ]
