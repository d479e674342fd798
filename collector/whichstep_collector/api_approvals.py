"""`/api/v1/approvals`: requests of agents, decisions of reviewers. Routes and their shapes; the desk knows the rest.

An ingest token asks, reads, uses and cancels; deciding needs a token that may review, whose name is the reviewer. Runs
in threads of its own: a decision never waits behind a question about executions.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from whichstep_collector import health
from whichstep_collector.api import ApiRoute, known_only, page_limit, read_body
from whichstep_collector.approvals.desk import Desk
from whichstep_collector.approvals.documents import document, listed, receipt
from whichstep_collector.approvals.requests import parse_creation, parse_use, parse_wish
from whichstep_collector.approvals.waiting import Waiting
from whichstep_collector.gate import BEARER, GRANTED
from whichstep_collector.panics import contained
from whichstep_collector.refusals import BAD_REQUEST, Refused
from whichstep_collector.replies import JSON_TYPE
from whichstep_collector.tokens import INGEST, READ, REVIEW
from whichstep_store.approvals import PENDING, STATES, Approval
from whichstep_store.ledger import Ledger
from whichstep_store.ledger_approvals import FILTERS, Cursor

Result = TypeVar("Result")
PATH: Final = "/api/v1/approvals"
WAIT_SECONDS_MAX: Final = 60.0
"""Longer than this a proxy may hang up; agents ask again."""
_SECOND: Final = 1_000_000_000
_WORKERS: Final = 2


class ApprovalsApi:
    """The endpoints; `routes` goes to the API."""

    def __init__(self, desk: Desk, ledger: Ledger, waiting: Waiting, *, clean: Callable[[str], str] = str) -> None:
        """`clean` takes secrets out of texts that people will see."""
        self._desk, self._waiting, self._clean = desk, waiting, clean
        self._approvals, self._deliveries = ledger.approvals, ledger.deliveries
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="desk")

    def routes(self) -> list[ApiRoute]:
        """Return the routes of requests for approval."""
        asks, reads, decides = frozenset({INGEST}), frozenset({READ, INGEST, REVIEW}), frozenset({REVIEW})
        ends = frozenset({INGEST, REVIEW})
        one = PATH + "/{id}"
        return [
            ApiRoute(
                PATH, "POST", asks, self._create, "Ask for approval of an action; the policy decides who decides."
            ),
            ApiRoute(PATH, "GET", reads, self._list, "Requests for approval: pending ones by the time that is left."),
            ApiRoute(one, "GET", reads, self._show, "One request; with `wait`, when it is decided."),
            ApiRoute(one + "/decision", "POST", decides, self._decide, "Approve, reject or edit, once."),
            ApiRoute(one + "/consume", "POST", asks, self._consume, "Use an approval up, once, as the action runs."),
            ApiRoute(one + "/deliveries", "GET", reads, self._receipts, "What the webhook was told of a request."),
            ApiRoute("/api/v1/whoami", "GET", reads, self._whoami, "Whose token this is, and what it may do."),
            ApiRoute(one + "/cancel", "POST", ends, self._cancel, "End a request that nobody needs any more."),
        ]

    def close(self) -> None:
        """Let those who wait go, and end the threads."""
        self._waiting.close()
        self._pool.shutdown(cancel_futures=True)

    async def _create(self, request: Request) -> Response:
        known_only(request, ())
        creation = parse_creation(await read_body(request), created_by=request.scope[BEARER], clean=self._clean)
        created = await self.run(lambda: self._desk.create(creation))
        return _answer(document(created.approval), status_code=201 if created.created else 200)

    async def _list(self, request: Request) -> Response:
        known_only(request, (*FILTERS, "limit", "cursor"))
        given = dict(request.query_params)
        limit, after = page_limit(given.pop("limit", None)), _cursor(given.pop("cursor", None))
        filters = {name: value for name, value in given.items() if value}
        if filters.get("state", PENDING) not in STATES:
            raise Refused(BAD_REQUEST, f"state is one of {', '.join(STATES)}")
        page = await self.run(lambda: self._approvals.page(filters, limit=limit, after=after))
        told = await self.run(lambda: self._deliveries.latest([approval.approval_id for approval in page.approvals]))
        found = [listed(approval, told.get(approval.approval_id)) for approval in page.approvals]
        return _answer({"approvals": found, "total": page.total, "next_cursor": _cursor_text(page.next)})

    async def _show(self, request: Request) -> Response:
        known_only(request, ("wait",))
        seconds = _wait_seconds(request.query_params.get("wait"))
        # Whoever may decide reads to decide; what the agent is told is noted as delivered.
        look = self._desk.find if REVIEW in request.scope[GRANTED] else self._desk.deliver
        return _answer(document(await self._once_decided(request.path_params["id"], look, seconds)))

    async def _decide(self, request: Request) -> Response:
        known_only(request, ())
        wish, reviewer = parse_wish(await read_body(request)), request.scope[BEARER]
        approval_id = request.path_params["id"]
        return _answer(document(await self.run(lambda: self._desk.decide(approval_id, wish, reviewer=reviewer))))

    async def _consume(self, request: Request) -> Response:
        known_only(request, ())
        use, approval_id = parse_use(await read_body(request)), request.path_params["id"]
        return _answer(document(await self.run(lambda: self._desk.consume(approval_id, use))))

    async def _cancel(self, request: Request) -> Response:
        known_only(request, ())
        approval_id = request.path_params["id"]
        return _answer(document(await self.run(lambda: self._desk.cancel(approval_id))))

    async def _receipts(self, request: Request) -> Response:
        known_only(request, ())
        approval_id = request.path_params["id"]
        await self.run(lambda: self._desk.find(approval_id))
        return _answer(
            {"deliveries": [receipt(one) for one in await self.run(lambda: self._deliveries.of(approval_id))]}
        )

    async def _whoami(self, request: Request) -> Response:
        known_only(request, ())
        return _answer({"name": request.scope[BEARER], "scopes": sorted(request.scope[GRANTED])})

    async def _once_decided(self, approval_id: str, look: Callable[[str], Approval], seconds: float) -> Approval:
        """Return a request as soon as it is not pending any more, or as it stands when the time is over."""
        ends = time.monotonic() + seconds
        with self._waiting.on(approval_id) as changed:
            while True:
                changed.clear()
                found = await self.run(lambda: look(approval_id))
                left = ends - time.monotonic()
                if found.state != PENDING or left <= 0 or self._waiting.closed:
                    return found
                until_expiry = max((found.expires_at - self._approvals.now()) / _SECOND, 0.0)
                try:
                    await asyncio.wait_for(changed.wait(), min(left, until_expiry + 0.001))
                except TimeoutError:
                    continue

    async def run(self, work: Callable[[], Result]) -> Result:
        """Run work in the threads of the desk."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: contained(work))


def _answer(found: dict[str, Any], *, status_code: int = 200) -> Response:
    return Response(orjson.dumps(found), status_code=status_code, media_type=JSON_TYPE, headers=health.NO_STORE)


def _wait_seconds(text: str | None) -> float:
    """Return the seconds of `wait=30` or `wait=30s`, at most a minute."""
    if not text:
        return 0.0
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise Refused(BAD_REQUEST, f"wait is a number of seconds; at most {WAIT_SECONDS_MAX:.0f} count")
    return min(seconds, WAIT_SECONDS_MAX)


def _cursor_text(cursor: Cursor | None) -> str | None:
    if cursor is None:
        return None
    return base64.urlsafe_b64encode(f"{cursor.at} {cursor.approval_id}".encode()).decode().rstrip("=")


def _cursor(text: str | None) -> Cursor | None:
    if not text:
        return None
    try:
        at, _, approval_id = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(" ")
        return Cursor(int(at), approval_id)
    except (ValueError, binascii.Error) as error:
        raise Refused(BAD_REQUEST, "cursor is the next_cursor of the page before") from error
