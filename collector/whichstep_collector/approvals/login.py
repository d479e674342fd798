"""`/login`: a reviewer signs in at the organisation's identity provider, and out again.

The session is a cookie that no script can read and no other site can send; browsers send it to the dashboard of the
same host too, which decides by it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from whichstep_collector.api import ApiRoute
from whichstep_collector.approvals import html as approval_html
from whichstep_collector.approvals.page import COOKIE, from_here
from whichstep_collector.approvals.page import PATH as APPROVALS
from whichstep_collector.approvals.sessions import Sessions
from whichstep_collector.gate import ANYBODY

if TYPE_CHECKING:
    from whichstep_collector.approvals.oidc import Provider

PATH: Final = "/login"
DASHBOARD: Final = "dashboard"
"""Value of `next` that leads there."""
STATE_COOKIE: Final = "whichstep_login"
_STATE_SECONDS: Final = 600

Run = Callable[[Callable[[], Response]], Awaitable[Response]]


class LoginPages:
    """The pages; `routes` goes to the API."""

    def __init__(
        self, provider: Provider, sessions: Sessions, run: Run, *, address: Callable[[], str], dashboard: str | None
    ) -> None:
        """`run` runs work beside the event loop; `address` is the one under which people reach this port.

        `dashboard`: its address, where people may go on to.
        """
        self._dashboard = dashboard
        self._provider, self._sessions, self._run, self._address = provider, sessions, run, address

    def routes(self) -> list[ApiRoute]:
        """Return the routes; anybody may begin, the provider says who it is."""
        anybody = frozenset({ANYBODY})
        return [
            ApiRoute(PATH, "GET", anybody, self._begin, "Sign in at the identity provider."),
            ApiRoute(PATH + "/callback", "GET", anybody, self._finish, "Where the provider sends people back to."),
            ApiRoute(PATH + "/out", "GET", anybody, self._ask, "The page to sign out."),
            ApiRoute(PATH + "/out", "POST", anybody, self._end, "Sign out."),
        ]

    async def _begin(self, request: Request) -> Response:
        from whichstep_collector.approvals.oidc import SignInError  # noqa: PLC0415  loaded with the provider

        asked = request.query_params.get("next", "")
        wanted = f"{self._dashboard}/approvals" if asked == DASHBOARD and self._dashboard else _local(asked)

        def begin() -> Response:
            try:
                begun = self._provider.begin(self._address() + PATH + "/callback", wanted)
            except SignInError as refused:
                return self._page("Not signed in", str(refused), status=502)
            response = RedirectResponse(begun.url, status_code=303, headers=dict(approval_html.HEADERS))
            response.set_cookie(
                STATE_COOKIE, begun.state, max_age=_STATE_SECONDS, path=PATH, httponly=True, samesite="lax",
                secure=self._is_secure(),
            )  # fmt: skip
            return response

        return await self._run(begin)

    async def _finish(self, request: Request) -> Response:
        from whichstep_collector.approvals.oidc import SignInError  # noqa: PLC0415  loaded with the provider

        told, browser = request.query_params, request.cookies.get(STATE_COOKIE, "")

        def finish() -> Response:
            if (error := told.get("error")) and browser and browser == told.get("state"):  # not a link of somebody else
                said = told.get("error_description") or error
                return self._page("Not signed in", f"{self._provider.client.host} says: {said}", status=403)
            try:
                found = self._provider.finish(told.get("state", ""), told.get("code", ""), browser=browser)
            except SignInError as refused:
                return self._page("Not signed in", str(refused), status=403)
            response = self._page(f"Signed in as {found.name}", "", go_on=found.next or APPROVALS)
            response.delete_cookie(STATE_COOKIE, path=PATH)
            response.delete_cookie(COOKIE, path=APPROVALS)  # of a token that was typed before
            response.set_cookie(
                COOKIE, self._sessions.begin(found.name), max_age=int(self._sessions.seconds), path="/", httponly=True,
                samesite="strict", secure=self._is_secure(),
            )  # fmt: skip
            return response

        return await self._run(finish)

    async def _ask(self, _: Request) -> Response:
        page = approval_html.sign_out_page()
        return HTMLResponse(page, headers=dict(approval_html.HEADERS))

    async def _end(self, request: Request) -> Response:
        if not from_here(request):
            return self._page("Not signed out", "This form is not from this page; open it again.", status=403)
        self._sessions.end(request.cookies.get(COOKIE, ""))
        response = self._page("Signed out", "Of this sidecar; not of the identity provider.")
        response.delete_cookie(COOKIE, path="/")
        response.delete_cookie(COOKIE, path=APPROVALS)
        return response

    def _page(self, title: str, sentence: str, *, go_on: str = "", status: int = 200) -> Response:
        """A page of our own goes on, not a redirect: a strict cookie is not sent on the way back from another site."""
        page = approval_html.message_page(title, sentence, login=self._provider.client.host, go_on=go_on)
        return HTMLResponse(page, status_code=status, headers=dict(approval_html.HEADERS))

    def _is_secure(self) -> bool:
        return self._address().startswith("https://")


def _local(path: str) -> str:
    """A path of this sidecar; empty for anything that leads elsewhere."""
    parts = urlsplit(path)
    is_local = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if is_local and not parts.scheme and not parts.netloc else ""
