"""The one gate of the HTTP port: every route stands behind it, what is no route too.

Checks, before a byte of the body is read: that a request without token comes for a loopback name and from no foreign
web page (DNS rebinding), then the token, then the scope of the route. Default is deny: a route cannot be made without
naming who may use it. Refusals go out as `google.rpc.Status` to OTLP clients and as RFC 9457 problems to everyone else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from starlette.routing import Match, Route

from whichstep_collector.counters import Counters
from whichstep_collector.refusals import (
    FORBIDDEN,
    FOREIGN_HOST,
    NOT_FOUND_PATH,
    UNAUTHENTICATED_CLIENT,
    WRONG_METHOD,
    Refused,
    retry_after_seconds,
    shortened,
)
from whichstep_collector.replies import JSON_TYPE, PROTOBUF_TYPE, status_body
from whichstep_collector.tokens import Tokens

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

ANYBODY: Final = "anybody"
PROBLEM_TYPE: Final = "application/problem+json"
GRANTED: Final = "whichstep.scopes"
"""Key of the ASGI scope under which an endpoint finds what the client may do."""
BEARER: Final = "whichstep.bearer"
"""Key under which it finds the name of the client's token; empty for a client without one."""


class Entry(NamedTuple):
    """A route: path, methods, who may use it (one of the scopes is enough; ANYBODY needs none), and what answers."""

    path: str
    methods: tuple[str, ...]
    allowed: frozenset[str]
    endpoint: App
    sentence: str = ""
    """For the OpenAPI document."""


class Gate:
    """ASGI application: authenticates, authorises, routes."""

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        tokens: Tokens,
        hosts: Iterable[str],
        counters: Counters,
        path_prefix: str = "",
    ) -> None:
        """`hosts` are the names under which a client without token may call."""
        self.entries = tuple(entries)
        self._routes = [(entry, Route(entry.path, _Plain(entry.endpoint))) for entry in self.entries]
        self._tokens, self._counters = tokens, counters
        self._hosts = frozenset(host.lower() for host in hosts)
        self._prefix = "/" + path_prefix.strip("/") if path_prefix.strip("/") else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        scope["path"] = canonical_path(scope["path"], self._prefix)
        try:
            entry = self._admit(scope)
        except Refused as refused:
            self._counters.add("whichstep_refusals_total", door="http", reason=refused.refusal.reason)
            await send_refusal(scope, send, refused, allow=self._methods(scope))
            return
        await entry.endpoint(scope, receive, send)

    def _admit(self, scope: Scope) -> Entry:
        """Return the entry of a request that may pass."""
        authorization = header(scope, b"authorization")
        bearer = self._tokens.bearer(authorization)
        if bearer is None:
            raise Refused(UNAUTHENTICATED_CLIENT)
        granted = bearer.scopes
        if not authorization and not self._tokens.required:
            self._check_origin(scope)
        entry = self._find(scope)
        allowed = entry.allowed if entry else frozenset()
        if ANYBODY not in allowed and not granted:
            raise Refused(UNAUTHENTICATED_CLIENT)
        if entry is None:
            raise Refused(WRONG_METHOD if self._methods(scope) else NOT_FOUND_PATH)
        if ANYBODY not in allowed and not allowed & granted:
            raise Refused(FORBIDDEN if authorization else UNAUTHENTICATED_CLIENT)
        scope[GRANTED], scope[BEARER] = granted, bearer.name
        return entry

    def _find(self, scope: Scope) -> Entry | None:
        for entry, route in self._routes:
            match, child = route.matches(scope)
            if match is not Match.NONE and scope["method"] in entry.methods:
                scope.update(child)
                return entry
        return None

    def _methods(self, scope: Scope) -> list[str]:
        """Return the methods that the path has, for Allow."""
        return sorted({m for e, route in self._routes if route.matches(scope)[0] is not Match.NONE for m in e.methods})

    def _check_origin(self, scope: Scope) -> None:
        if host_name(header(scope, b"host") or "") not in self._hosts:
            raise Refused(FOREIGN_HOST)
        origin = header(scope, b"origin")
        if origin and host_name(origin.partition("://")[2]) not in self._hosts:
            raise Refused(FOREIGN_HOST)


class _Plain:
    """Keeps Starlette from taking a coroutine function for one of its own endpoints."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def canonical_path(path: str, prefix: str) -> str:
    """Return a path without prefix, doubled slashes and trailing slash; there are no redirects, clients lose them."""
    parts = [part for part in path.split("/") if part]
    path = "/" + "/".join(parts)
    return path[len(prefix) :] if prefix and path.startswith(prefix + "/") else path


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of a name, given in lower case."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


def host_name(host: str) -> str:
    """Return a Host without its port, in lower case."""
    host = host.strip().lower()
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


async def send_bytes(
    send: Send, status: int, content_type: str, body: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a whole response. The type goes out exactly as given: Go's exporter compares it."""
    fields = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def send_refusal(
    scope: Scope, send: Send, refused: Refused, *, allow: Iterable[str] = (), close: bool = False
) -> None:
    """Send a refusal in the words of whoever asked."""
    refusal = refused.refusal
    wait = retry_after_seconds(refusal)
    headers = [(b"cache-control", b"no-store")]
    headers += [(b"retry-after", str(wait).encode())] if wait is not None else []
    headers += [(b"allow", ", ".join(allow).encode())] if refusal is WRONG_METHOD else []
    headers += [(b"www-authenticate", b"Bearer")] if refusal is UNAUTHENTICATED_CLIENT else []
    headers += [(b"connection", b"close")] if close else []
    if speaks_otlp(scope):
        json = media_type(scope) != PROTOBUF_TYPE
        body = status_body(refused, wait, json=json)
        await send_bytes(send, refusal.http_status, JSON_TYPE if json else PROTOBUF_TYPE, body, headers)
    else:
        await send_bytes(send, refusal.http_status, PROBLEM_TYPE, problem(refused), headers)


def problem(refused: Refused) -> bytes:
    """Return a refusal as an RFC 9457 problem document."""
    refusal = refused.refusal
    return orjson.dumps({
        "type": "about:blank",
        "title": refusal.message,
        "status": refusal.http_status,
        "detail": shortened(refused.detail or refusal.message),
        "reason": refusal.reason,
        **refused.facts,
    })  # fmt: skip


def media_type(scope: Scope) -> str:
    """Return the media type of the request body, in lower case and without parameters; lenient to one synonym."""
    media = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    return PROTOBUF_TYPE if media == "application/protobuf" else media


def speaks_otlp(scope: Scope) -> bool:
    """Whether the client is an exporter, even one that has the path wrong."""
    path: str = scope["path"]
    return path.startswith("/v1/") or media_type(scope) == PROTOBUF_TYPE
