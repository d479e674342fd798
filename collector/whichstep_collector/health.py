"""Probes and own figures: `/healthz` (the process lives), `/readyz` (it can do its work), `/metrics`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from whichstep_collector.counters import CONTENT_TYPE, Counters
from whichstep_collector.replies import JSON_TYPE

NO_STORE: Final = {"cache-control": "no-store"}

Check = Callable[[], str | None]
"""Returns what is wrong, or None. Runs in the query pool."""


def healthy() -> Response:
    """Answer that the process lives."""
    return Response(b'{"status":"ok"}', media_type=JSON_TYPE, headers=NO_STORE)


def readiness(checks: Mapping[str, Check]) -> Response:
    """Run the checks; 200 when all pass, else 503 with what is wrong in words."""
    found = {name: check() for name, check in checks.items()}
    ready = not any(found.values())
    body = orjson.dumps({
        "status": "ready" if ready else "not ready",
        "checks": {name: trouble or "ok" for name, trouble in found.items()},
    })  # fmt: skip
    return Response(body, status_code=200 if ready else 503, media_type=JSON_TYPE, headers=NO_STORE)


def figures(counters: Counters) -> Response:
    """Return the own figures as Prometheus text."""
    return Response(counters.text(), headers={"content-type": CONTENT_TYPE, **NO_STORE})


def is_probe(request: Request) -> bool:
    """Whether a request only asks whether the sidecar is well."""
    return request.url.path in ("/healthz", "/readyz", "/metrics")
