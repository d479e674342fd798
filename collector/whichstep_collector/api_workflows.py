"""`/api/v1/workflows`: contracts, and whether executions keep to them. Routes and shapes; the answers are handed in.

Holding thousands of executions to a contract takes seconds: it runs in a thread of its own, behind which no question
about an execution waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from whichstep_collector import health
from whichstep_collector.answers import Answers, Document
from whichstep_collector.api import ApiRoute, known_only, read_body
from whichstep_collector.panics import contained
from whichstep_collector.refusals import BAD_REQUEST, NO_SUCH_THING, Refused
from whichstep_collector.replies import JSON_TYPE
from whichstep_collector.tokens import READ
from whichstep_store.filters import FILTER_NAMES, Filters

PATH: Final = "/api/v1/workflows"
SUPPORT: Final = 0.05
_LEVELS: Final = ("1", "2", "3", "4")


class WorkflowsApi:
    """The endpoints; `routes` goes to the API."""

    def __init__(self, answers: Answers, *, time_ns: Callable[[], int] = time.time_ns) -> None:
        """`time_ns`: now, in nanoseconds since the epoch."""
        self._answers, self._time_ns = answers, time_ns
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="workflows")

    def routes(self) -> list[ApiRoute]:
        """Return the routes of workflows."""
        read, one = frozenset({READ}), PATH + "/{name:path}"  # a name may hold a slash
        return [
            ApiRoute(PATH, "GET", read, self._list, "Workflows: declared and observed level, conformance."),
            ApiRoute(one + "/proposal", "GET", read, self._learn, "A contract learned from good executions."),
            ApiRoute(one, "GET", read, self._one, "One workflow: deviations, variants, graph, weeks, readiness."),
            ApiRoute(PATH, "POST", read, self._check, "Hold the executions that match to a contract; nothing is kept."),
        ]

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(cancel_futures=True)

    async def _list(self, request: Request) -> Response:
        filters, _ = self._question(request)
        return await self._answer(lambda: self._answers.workflows(filters))

    async def _one(self, request: Request) -> Response:
        filters, given = self._question(request, "success_bar", "conformance_bar")
        name = request.path_params["name"]
        success, conformance = (_share(given, bar, None) for bar in ("success_bar", "conformance_bar"))
        return await self._answer(
            lambda: self._answers.workflow(filters, name, success_bar=success, conformance_bar=conformance)
        )

    async def _learn(self, request: Request) -> Response:
        filters, given = self._question(request, "support", "level")
        name, support, level = request.path_params["name"], _share(given, "support", SUPPORT), given.get("level")
        if level and level not in _LEVELS:
            raise Refused(BAD_REQUEST, "level is 1, 2, 3 or 4")
        chosen = int(level) if level else None
        return await self._answer(
            lambda: self._answers.learn_workflow(filters, name, support=support or SUPPORT, level=chosen)
        )

    async def _check(self, request: Request) -> Response:
        filters, _ = self._question(request)
        contract = _object(await read_body(request))
        return await self._answer(lambda: self._answers.check_workflow(filters, contract))

    def _question(self, request: Request, *parameters: str) -> tuple[Filters, dict[str, str]]:
        """Return the filters of a question, and the parameters that are none."""
        known_only(request, (*FILTER_NAMES, *parameters))
        pairs = list(request.query_params.multi_items())
        filters = Filters.parse([pair for pair in pairs if pair[0] not in parameters], now=self._time_ns())
        return filters, {name: text for name, text in pairs if name in parameters}

    async def _answer(self, ask: Callable[[], Document | None]) -> Response:
        document = await asyncio.get_running_loop().run_in_executor(self._pool, lambda: contained(ask))
        if document is None:
            raise Refused(NO_SUCH_THING)
        return Response(orjson.dumps(document), media_type=JSON_TYPE, headers=health.NO_STORE)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(BAD_REQUEST, f"the body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Refused(BAD_REQUEST, "the body is a contract, as a JSON object")
    return found


def _share(given: Mapping[str, str], name: str, default: float | None) -> float | None:
    text = given.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise Refused(BAD_REQUEST, f"{name} is a number above 0 and up to 1")
    return value
