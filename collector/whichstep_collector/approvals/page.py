"""`/approvals` and `/approvals/{id}`: the light pages, for a phone and for links in messages.

A reviewer signs in with the token, typed or in the link that `up` prints; the browser keeps it in a cookie that no
script and no other site can read or send. Forms carry a key made of that token and the request, so another site cannot
send one. Reading is for whoever may read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from whichstep_collector.api import ApiRoute, read_body
from whichstep_collector.approvals import html as approval_html
from whichstep_collector.approvals.argument_form import fields, read_fields
from whichstep_collector.approvals.desk import Desk
from whichstep_collector.approvals.documents import document, listed
from whichstep_collector.approvals.html import Visitor
from whichstep_collector.approvals.requests import Wish
from whichstep_collector.gate import ANYBODY, host_name
from whichstep_collector.refusals import BAD_REQUEST, FORBIDDEN, UNAUTHENTICATED_CLIENT, Refused
from whichstep_collector.tokens import READ, REVIEW, Bearer, Tokens
from whichstep_store.approvals import APPROVE, DECISIONS, EDIT, PENDING
from whichstep_store.ledger_approvals import Approvals

PATH: Final = "/approvals"
COOKIE: Final = "whichstep_reviewer"
_KEPT_SECONDS: Final = 30 * 86_400
_LISTED: Final = 50
_REASON_CHARACTERS_MAX: Final = 16_384

Run = Callable[[Callable[[], Response]], Awaitable[Response]]


class ApprovalPages:
    """The pages; `routes` goes to the API."""

    def __init__(
        self, desk: Desk, approvals: Approvals, tokens: Tokens, run: Run, *, dashboard: str | None, login: str = ""
    ) -> None:
        """`run` runs work beside the event loop; `dashboard` is the address under which executions are shown.

        `login`: host of the identity provider, where there is one to sign in at.
        """
        self._login = login
        self._desk, self._approvals, self._tokens = desk, approvals, tokens
        self._run, self._dashboard = run, dashboard

    def routes(self) -> list[ApiRoute]:
        """Return the routes; who may do what is told by the cookie, so the gate lets everybody come this far."""
        anybody = frozenset({ANYBODY})
        one = PATH + "/{id}"
        return [
            ApiRoute(PATH, "GET", anybody, self._inbox, "The light page of pending requests."),
            ApiRoute(PATH + "/session", "POST", anybody, self._sign_in, "Sign in with a reviewer's token."),
            ApiRoute(one, "GET", anybody, self._show, "The light page of one request."),
            ApiRoute(one, "POST", anybody, self._decide, "Decide on the light page."),
        ]

    async def _inbox(self, request: Request) -> Response:
        if token := request.query_params.get("token"):
            return self._signed_in(request, token, "")
        bearer = self._bearer(request)

        def page() -> Response:
            _may_read(bearer)
            found = self._approvals.page({"state": PENDING}, limit=_LISTED)
            visitor = Visitor(_reviewer(bearer), "", self._login)
            items = [listed(one) for one in found.approvals]
            return _html(approval_html.inbox_page(items, found.total, visitor, now=self._now()))

        return await self._answered(page)

    async def _show(self, request: Request) -> Response:
        approval_id = request.path_params["id"]
        if token := request.query_params.get("token"):
            return self._signed_in(request, token, approval_id)
        bearer = self._bearer(request)

        def page() -> Response:
            _may_read(bearer)
            return self._page(request, approval_id, bearer)

        return await self._answered(page)

    async def _decide(self, request: Request) -> Response:
        approval_id, bearer = request.path_params["id"], self._bearer(request)
        body = await read_body(request)

        def decide() -> Response:
            form = _form(body)
            if REVIEW not in bearer.scopes:
                raise Refused(FORBIDDEN, "sign in with a reviewer's token")
            if not _is_own_form(request, form, approval_id):
                raise Refused(FORBIDDEN, "this form is not from this page; open the request again")
            try:
                self._desk.decide(approval_id, self._wish(approval_id, form), reviewer=bearer.name)
            except Refused as refused:
                status = refused.refusal.http_status
                return self._page(request, approval_id, bearer, said=refused.detail or refused.message, status=status)
            return RedirectResponse(_address(approval_id), status_code=303, headers=dict(approval_html.HEADERS))

        return await self._answered(decide)

    async def _sign_in(self, request: Request) -> Response:
        form = _form(await read_body(request))
        return self._signed_in(request, form.get("token", ""), form.get("next", ""))

    def _signed_in(self, request: Request, token: str, approval_id: str) -> Response:
        bearer = self._tokens.bearer(f"Bearer {token}")
        if bearer is None or REVIEW not in bearer.scopes:
            page = approval_html.message_page(
                "This token is no reviewer's", "Ask for one that may review.", login=self._login
            )
            return _html(page, status=403)
        response = RedirectResponse(_address(approval_id), status_code=303, headers=dict(approval_html.HEADERS))
        response.set_cookie(
            COOKIE, token, max_age=_KEPT_SECONDS, path=PATH, httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return response

    def _page(
        self, request: Request, approval_id: str, bearer: Bearer, *, said: str = "", status: int = 200
    ) -> Response:
        item = document(self._desk.find(approval_id))
        execution = f"{self._dashboard}/?execution={item['execution_id']}" if self._dashboard else None
        visitor = Visitor(_reviewer(bearer), form_key(_cookie(request), approval_id), self._login)
        page = approval_html.request_page(
            item, visitor, now=self._now(), said=said, execution_url=execution, whole="whole" in request.query_params
        )
        return _html(page, status=status)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._approvals.now() / 1e9, UTC)

    def _wish(self, approval_id: str, form: dict[str, str]) -> Wish:
        decision = form.get("decision", "")
        if decision not in DECISIONS:
            raise Refused(BAD_REQUEST, f"a decision is one of {', '.join(DECISIONS)}")
        version = int(form["version"]) if form.get("version", "").isdecimal() else None
        notes = form.get("reason", "").strip()[:_REASON_CHARACTERS_MAX] or None
        if decision != EDIT:
            return Wish(decision, notes, None, version)
        item = document(self._desk.find(approval_id))
        present = item["edited_arguments"] or item["arguments"]
        try:
            changed = read_fields(fields(item), form, present)
        except ValueError as error:
            raise Refused(BAD_REQUEST, str(error)) from error
        return Wish(EDIT, notes, changed, version) if changed != present else Wish(APPROVE, notes, None, version)

    def _bearer(self, request: Request) -> Bearer:
        """Who the cookie says that it is; without one that is valid, anybody."""
        token = _cookie(request)
        found = self._tokens.bearer(f"Bearer {token}") if token else None
        return found or self._tokens.bearer(None) or Bearer("", frozenset())

    async def _answered(self, page: Callable[[], Response]) -> Response:
        try:
            return await self._run(page)
        except Refused as refused:
            refusal = refused.refusal
            title = "Sign in" if refusal is UNAUTHENTICATED_CLIENT else refusal.message.capitalize()
            return _html(
                approval_html.message_page(title, refused.detail, login=self._login), status=refusal.http_status
            )


def form_key(token: str, approval_id: str) -> str:
    """Return what a form of this reviewer for this request carries; nobody without the token can make it."""
    return hmac.new(token.encode(), f"form\0{approval_id}".encode(), hashlib.sha256).hexdigest()


def from_here(request: Request) -> bool:
    """Whether no other site sent this form, as far as the browser says."""
    origin = request.headers.get("origin")
    return origin in (None, "null") or host_name(str(origin).partition("://")[2]) == host_name(
        request.headers.get("host", "")
    )


def _is_own_form(request: Request, form: dict[str, str], approval_id: str) -> bool:
    return from_here(request) and hmac.compare_digest(
        form.get("key", "").encode(), form_key(_cookie(request), approval_id).encode()
    )


def _may_read(bearer: Bearer) -> None:
    if not bearer.scopes & {READ, REVIEW}:
        raise Refused(UNAUTHENTICATED_CLIENT, "requests are shown to reviewers")


def _reviewer(bearer: Bearer) -> str:
    return bearer.name if REVIEW in bearer.scopes else ""


def _cookie(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except (UnicodeDecodeError, ValueError):
        return {}


def _address(approval_id: str) -> str:
    return f"{PATH}/{quote(approval_id, safe='')}" if approval_id else PATH


def _html(page: str, *, status: int = 200) -> Response:
    return HTMLResponse(page, status_code=status, headers=dict(approval_html.HEADERS))
