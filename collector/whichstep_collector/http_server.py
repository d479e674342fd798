"""The HTTP port: uvicorn on uvloop in a thread of its own, so that the sidecar can start and stop it like any part."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from whichstep_collector.errors import CollectorError, PortInUse
from whichstep_collector.gate import App
from whichstep_collector.quiet_server import QuietServer

_BACKLOG: Final = 1024
# Exporters reuse a connection every 5 s; shorter would race with them.
_KEEP_ALIVE_SECONDS: Final = 75
_HEAD_SECONDS_MAX: Final = 20.0
_START_SECONDS_MAX: Final = 20.0

log = logging.getLogger("whichstep.http")


class HttpServer:
    """Serves one ASGI application. `start` opens the port, `stop` ends it."""

    def __init__(self, app: App) -> None:
        """`app` runs in the server's event loop."""
        self._server = QuietServer(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                proxy_headers=False,
                server_header=False,
                date_header=False,
                access_log=False,
                log_config=None,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )
        self._thread: threading.Thread | None = None

    def start(self, host: str, port: int) -> int:
        """Listen and return the port, a free one for 0. Returns when requests are answered.

        Raises:
            PortInUse: another process has it.
        """
        listener = _listen(host, port)
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="http", daemon=True)
        self._thread.start()
        self._await_start()
        bound: int = listener.getsockname()[1]
        return bound

    def stop(self, *, grace_seconds: float) -> None:
        """Take no new connection, give requests in flight some time, and end."""
        self._server.config.timeout_graceful_shutdown = max(int(grace_seconds), 1)
        self._server.ask_to_end()
        if self._thread:
            self._thread.join(grace_seconds + 5)

    def _serve(self, listener: socket.socket) -> None:
        with listener, asyncio.Runner(loop_factory=self._server.config.get_loop_factory()) as runner:
            runner.run(self._server.serve(sockets=[listener]))

    def _await_start(self) -> None:
        waited, step = 0.0, 0.005
        while not self._server.started:
            if waited > _START_SECONDS_MAX or (self._thread and not self._thread.is_alive()):
                raise CollectorError("the HTTP server did not start; its log says why")
            threading.Event().wait(step)
            waited += step


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 that hangs up on a client which connects and never finishes the head of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give a new connection its time."""
        super().connection_made(transport)
        self.loop.call_later(_HEAD_SECONDS_MAX, self._hang_up_unless_asked)

    def _hang_up_unless_asked(self) -> None:
        if not self.cycle and not self.transport.is_closing():
            self.transport.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        message = f"cannot listen on {host}:{port} for OTLP/HTTP: {error.strerror}; free the port or choose --http-port"
        raise PortInUse(message) from error
    return listener
