"""The HTTP API: probes, questions, queries, evaluations. Routes and their shapes only; the answers are handed in.

Questions run in a pool of threads, so the event loop that receives spans never waits for one. A parameter that is not
known is refused with the names of those that are. Nothing is cached on the way; an ETag saves sending the same again.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeAlias, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from whichstep_collector import api_query, health
from whichstep_collector.answers import Answers, Document
from whichstep_collector.api_evaluations import parse_evaluation, store_evaluation
from whichstep_collector.api_expectations import parse_expectation, store_expectation
from whichstep_collector.api_openapi import openapi_document
from whichstep_collector.counters import Counters
from whichstep_collector.gate import ANYBODY, BEARER, GRANTED, Entry, Receive, Scope, Send, send_refusal
from whichstep_collector.panics import contained
from whichstep_collector.refusals import (
    BAD_REQUEST,
    DEFECT,
    NO_SUCH_THING,
    NOT_READY,
    SQL_STOPPED,
    TOO_LARGE,
    Refused,
)
from whichstep_collector.replies import JSON_TYPE
from whichstep_collector.tokens import INGEST, READ, REVIEW
from whichstep_store.errors import SqlRefused, SqlStopped, StoreError
from whichstep_store.filters import FILTER_NAMES, FilterError, Filters
from whichstep_store.store import Store

Result = TypeVar("Result")
Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

BODY_BYTES_MAX: Final = 1 << 20
LIMIT_DEFAULT, LIMIT_MAX = 50, 1000
ORDER_DEFAULT: Final = "started_at:desc"

log = logging.getLogger("whichstep.api")


class ApiRoute(NamedTuple):
    """An endpoint: who may use it (one of the scopes is enough), what answers, and a sentence for the document."""

    path: str
    method: str
    allowed: frozenset[str]
    handler: Handler
    sentence: str


class Api:
    """The endpoints of the API; `entries` goes to the gate."""

    def __init__(
        self,
        *,
        answers: Answers,
        store: Store,
        counters: Counters,
        limits: api_query.QueryLimits,
        workers: int,
        checks: Mapping[str, health.Check],
        on_decision: Callable[[], None],
        further: Sequence[ApiRoute] = (),
        time_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """`checks` decide `/readyz`; `on_decision` is called when something was written to the ledger.

        `further` are routes that are answered elsewhere.
        """
        self._further = further
        self._answers, self._store, self._counters = answers, store, counters
        self._limits, self._checks, self._time_ns = limits, checks, time_ns
        self._on_decision = on_decision
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="query")

    def entries(self) -> list[Entry]:
        """Return every route of the API, the OpenAPI document included."""
        read = frozenset({READ})
        routes = [
            ApiRoute(*route)
            for route in (
                ("/healthz", "GET", frozenset({ANYBODY}), self._healthz, "Whether the process lives."),
                ("/readyz", "GET", frozenset({ANYBODY}), self._readyz, "Whether it can do its work, check by check."),
                ("/metrics", "GET", read, self._figures, "Figures about the sidecar, as Prometheus text."),
                ("/api/v1/executions", "GET", read, self._executions, "One page of the executions that match."),
                ("/api/v1/executions/{id}", "GET", read, self._execution, "One execution explained."),
                ("/api/v1/executions/{id}/steps/{step_id}", "GET", read, self._step, "The whole texts of a step."),
                ("/api/v1/metrics", "GET", read, self._metrics, "The eight metrics, in groups."),
                ("/api/v1/failures", "GET", read, self._failures, "Where executions fail."),
                (
                    "/api/v1/actions",
                    "GET",
                    read,
                    self._actions,
                    "Actions and the policy: blocked, ungated, logged.",
                ),
                (
                    "/api/v1/approvals/figures",
                    "GET",
                    read,
                    self._approvals,
                    "What people decided on held actions, how fast, and what became of it.",
                ),
                ("/api/v1/drift", "GET", read, self._drift, "Success and failure by how far executions had come."),
                ("/api/v1/compare", "GET", read, self._compare, "What changed between two releases, and what moved."),
                ("/api/v1/grounding", "GET", read, self._grounding, "Answers that say what stands in no source."),
                ("/api/v1/tools", "GET", read, self._tools, "The tools: how they fare, and whether they were right."),
                ("/api/v1/filters", "GET", read, self._filters, "The values that each filter can take."),
                ("/api/v1/doctor", "GET", read, self._doctor, "What is wrong with the data, and what to do."),
                ("/api/v1/query", "POST", read, self._query, "Read-only SQL or a named query, as Arrow or JSON."),
                ("/api/v1/evaluations", "POST", frozenset({INGEST, REVIEW}), self._evaluate, "Attach an evaluation."),
                ("/api/v1/expectations", "POST", frozenset({REVIEW}), self._expect, "Say which tools are right."),
            )
        ]
        entries = [
            Entry(
                path, (method, "HEAD") if method == "GET" else (method,), allowed, self._endpoint(path, handler), text
            )
            for path, method, allowed, handler, text in (*routes, *self._further)
        ]
        path = "/api/openapi.json"
        document = openapi_document(entries)
        endpoint = self._endpoint(path, lambda request: _answered(request, document))
        return [*entries, Entry(path, ("GET", "HEAD"), read, endpoint, "This document.")]

    def close(self) -> None:
        """Finish what is being answered and end the pool."""
        self._pool.shutdown(cancel_futures=True)

    # Endpoints.

    async def _healthz(self, _request: Request) -> Response:
        return health.healthy()

    async def _readyz(self, _request: Request) -> Response:
        return await self._run(lambda: health.readiness(self._checks))

    async def _figures(self, _request: Request) -> Response:
        return await self._run(lambda: health.figures(self._counters))

    async def _executions(self, request: Request) -> Response:
        filters, given = self._question(request, "limit", "cursor", "order")
        limit = page_limit(given.get("limit"))
        cursor, order = given.get("cursor") or None, given.get("order") or ORDER_DEFAULT
        return await self._answer(
            request, lambda: self._answers.executions(filters, limit=limit, cursor=cursor, order=order)
        )

    async def _execution(self, request: Request) -> Response:
        known_only(request, ())
        execution_id = request.path_params["id"]
        return await self._answer(request, lambda: self._answers.execution(execution_id))

    async def _step(self, request: Request) -> Response:
        known_only(request, ())
        execution_id, step_id = request.path_params["id"], request.path_params["step_id"]
        return await self._answer(request, lambda: self._answers.step(execution_id, step_id))

    async def _metrics(self, request: Request) -> Response:
        filters, given = self._question(request, "by")
        by = [name for name in given.get("by", "").split(",") if name]
        return await self._answer(request, lambda: self._answers.metrics(filters, by=by))

    async def _failures(self, request: Request) -> Response:
        filters, given = self._question(request, "by")
        by = given.get("by") or "step"
        return await self._answer(request, lambda: self._answers.failures(filters, by=by))

    async def _actions(self, request: Request) -> Response:
        filters, given = self._question(request, "kind", "limit")
        kind, limit = given.get("kind") or "blocked", page_limit(given.get("limit"))
        return await self._answer(request, lambda: self._answers.actions(filters, kind=kind, limit=limit))

    async def _approvals(self, request: Request) -> Response:
        filters, _ = self._question(request)
        return await self._answer(request, lambda: self._answers.approvals(filters))

    async def _drift(self, request: Request) -> Response:
        filters, given = self._question(request, "by")
        by = [name for name in given.get("by", "").split(",") if name]
        return await self._answer(request, lambda: self._answers.drift(filters, by=by))

    async def _compare(self, request: Request) -> Response:
        filters, given = self._question(request, "before", "after")
        before, after = given.get("before"), given.get("after")
        if not before or not after:
            raise Refused(BAD_REQUEST, "before and after are needed: releases, or configurations by their id")
        return await self._answer(request, lambda: self._answers.compare(filters, before=before, after=after))

    async def _grounding(self, request: Request) -> Response:
        filters, given = self._question(request, "limit")
        limit = page_limit(given.get("limit"))
        return await self._answer(request, lambda: self._answers.grounding(filters, limit=limit))

    async def _tools(self, request: Request) -> Response:
        filters, _ = self._question(request)
        return await self._answer(request, lambda: self._answers.tools(filters))

    async def _filters(self, request: Request) -> Response:
        filters, _ = self._question(request)
        return await self._answer(request, lambda: self._answers.filters(filters))

    async def _doctor(self, request: Request) -> Response:
        known_only(request, ())
        return await self._answer(request, self._answers.doctor)

    async def _query(self, request: Request) -> Response:
        question = api_query.parse_question(await read_body(request), self._limits)
        arrow = api_query.ARROW_TYPE in request.headers.get("accept", "")

        def run() -> bytes:
            rows = api_query.answer(self._store.reader, question, self._limits)
            return api_query.arrow_body(rows) if arrow else api_query.json_body(rows)

        media_type = api_query.ARROW_TYPE if arrow else JSON_TYPE
        return Response(await self._run(run), media_type=media_type, headers=health.NO_STORE)

    async def _evaluate(self, request: Request) -> Response:
        evaluation = parse_evaluation(await read_body(request), request.scope[GRANTED])
        author = str(request.scope[BEARER] or "")
        document = await self._run(lambda: store_evaluation(self._store, self._answers, evaluation, author=author))
        self._on_decision()
        return Response(orjson.dumps(document), status_code=201, media_type=JSON_TYPE, headers=health.NO_STORE)

    async def _expect(self, request: Request) -> Response:
        stated = parse_expectation(await read_body(request))
        author = str(request.scope[BEARER] or "")
        document = await self._run(lambda: store_expectation(self._store, self._answers, stated, author=author))
        self._on_decision()
        return Response(orjson.dumps(document), status_code=201, media_type=JSON_TYPE, headers=health.NO_STORE)

    # What they share.

    def _question(self, request: Request, *parameters: str) -> tuple[Filters, dict[str, str]]:
        """Return the filters of a question, and the parameters that are none."""
        known_only(request, (*FILTER_NAMES, *parameters))
        pairs = list(request.query_params.multi_items())
        filters = Filters.parse([pair for pair in pairs if pair[0] not in parameters], now=self._time_ns())
        return filters, {name: text for name, text in pairs if name in parameters}

    async def _answer(self, request: Request, ask: Callable[[], Document | None]) -> Response:
        document = await self._run(ask)
        if document is None:
            raise Refused(NO_SUCH_THING)
        return await _answered(request, document)

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: contained(work))

    def _endpoint(self, path: str, handler: Handler) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """Return the ASGI application of a handler: answers, or a problem document."""

        async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                response = await handler(Request(scope, receive))
            except Exception as error:  # noqa: BLE001  the outermost edge of a request; see _refused
                refused = _refused(error)
                self._counters.add("whichstep_api_requests_total", route=path, status=str(refused.refusal.http_status))
                await send_refusal(scope, send, refused)
                return
            self._counters.add("whichstep_api_requests_total", route=path, status=str(response.status_code))
            await response(scope, receive, send)

        return endpoint


def known_only(request: Request, names: Iterable[str]) -> None:
    """Refuse a request with a parameter that nobody reads, naming those that somebody does."""
    known = tuple(names)
    for name in request.query_params:
        if name not in known:
            accepted = f"known are {', '.join(known)}" if known else "none is known here"
            raise Refused(BAD_REQUEST, f"unknown parameter {name[:80]!r}; {accepted}")


def _refused(error: Exception) -> Refused:
    """Return what a client is told of an error: our own sentences only."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, FilterError | SqlRefused) or type(error) is StoreError:
        return Refused(BAD_REQUEST, str(error))  # written for whoever asked
    if isinstance(error, SqlStopped):
        return Refused(SQL_STOPPED, str(error))
    if isinstance(error, StoreError):
        log.warning("a question could not be answered: %s", error)
        return Refused(NOT_READY)
    log.error("a question met a defect", exc_info=error)
    return Refused(DEFECT)


def page_limit(text: str | None) -> int:
    """Return how many of a list are asked for."""
    if not text:
        return LIMIT_DEFAULT
    if not text.isdigit() or not 1 <= int(text) <= LIMIT_MAX:
        raise Refused(BAD_REQUEST, f"limit is between 1 and {LIMIT_MAX}")
    return int(text)


async def read_body(request: Request) -> bytes:
    """Return the body of a request, of at most 1 MiB."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES_MAX:
            raise Refused(TOO_LARGE)
    return body


async def _answered(request: Request, document: Document) -> Response:
    body = orjson.dumps(document)
    etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {**health.NO_STORE, "etag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=JSON_TYPE, headers=headers)
