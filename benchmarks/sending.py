"""Posts OTLP/HTTP requests over a few kept-alive connections, as exporters under load do."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterable, Mapping

from benchmarks.load import Request

CONNECTIONS = 4
_PROTOBUF = {"content-type": "application/x-protobuf"}


class Acknowledged:
    """What the server said OK to, as it goes."""

    def __init__(self) -> None:
        self.spans = 0
        self.seconds: list[float] = []
        """Of each request."""
        self._lock = threading.Lock()

    def add(self, request: Request, seconds: float) -> None:
        with self._lock:
            self.spans += request.spans
            self.seconds.append(seconds)


def send(
    port: int,
    requests: Iterable[Request],
    *,
    headers: Mapping[str, str] | None = None,
    acknowledged: Acknowledged | None = None,
) -> Acknowledged:
    """Sends all, repeating what is refused for now. A server that goes away ends it: what it acknowledged is returned."""
    found, queue, lock = acknowledged or Acknowledged(), iter(list(requests)), threading.Lock()
    failures: list[Exception] = []

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while True:
            with lock:
                request = next(queue, None)
            if request is None:
                return
            began = time.perf_counter()
            try:
                _post(connection, request, {**_PROTOBUF, **(headers or {})})
            except (OSError, http.client.HTTPException):
                return
            except RuntimeError as failure:
                failures.append(failure)
                return
            found.add(request, time.perf_counter() - began)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return found


def _post(connection: http.client.HTTPConnection, request: Request, headers: Mapping[str, str]) -> None:
    while True:
        connection.request("POST", "/v1/traces", request.body, dict(headers))
        response = connection.getresponse()
        body = response.read()
        if response.status < 300:
            return
        if response.status not in (429, 503):
            raise RuntimeError(f"refused for good: {response.status} {body[:200]!r}")
        time.sleep(min(1.0, float(response.headers.get("retry-after") or 1)))
