"""`POST /api/v1/executions/{id}/judge`: a second opinion on one execution, where a judge is set.

A model may take a minute: it is waited for in a thread of its own, which neither the pool of questions nor the end of
the process waits for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Final, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from whichstep_collector import health
from whichstep_collector.answers import SecondOpinion
from whichstep_collector.api import ApiRoute, known_only
from whichstep_collector.panics import contained
from whichstep_collector.refusals import BAD_REQUEST, NO_SUCH_THING, Refused
from whichstep_collector.replies import JSON_TYPE
from whichstep_collector.tokens import READ

Result = TypeVar("Result")

PATH: Final = "/api/v1/executions/{id}/judge"
NO_JUDGE: Final = (
    "no judge is set; start the sidecar with WHICHSTEP_JUDGE_ENDPOINT and WHICHSTEP_JUDGE_MODEL, knowing that texts of "
    "the executions it judges are sent there"
)


def judge_route(judge: SecondOpinion | None, *, on_decision: Callable[[], None]) -> ApiRoute:
    """Return the route; without a judge it says how to set one. `on_decision` is called when a verdict was kept."""

    async def ask(request: Request) -> Response:
        known_only(request, ())
        execution_id = request.path_params["id"]
        if judge is None:
            raise Refused(BAD_REQUEST, NO_JUDGE)
        document = await _run_apart(lambda: judge(execution_id))
        if document is None:
            raise Refused(NO_SUCH_THING)
        on_decision()
        return Response(orjson.dumps(document), media_type=JSON_TYPE, headers=health.NO_STORE)

    return ApiRoute(PATH, "POST", frozenset({READ}), ask, "Ask the judge which step failed, where one is set.")


async def _run_apart(work: Callable[[], Result]) -> Result:
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[Result] = loop.create_future()

    def tell(say: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: None if answered.done() else say())

    def run() -> None:
        try:
            result = contained(work)
        except Exception as error:  # noqa: BLE001  it goes to whoever awaits
            told = error
            tell(lambda: answered.set_exception(told))
        else:
            tell(lambda: answered.set_result(result))

    threading.Thread(target=run, name="judge", daemon=True).start()
    return await answered
