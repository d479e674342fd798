"""The read API as the screens see it: the only module of this package that fetches.

Answers are cached for a few seconds, bounded in number, and keyed by endpoint and token: two readers with different
tokens never see each other's answers. Failures are never cached; each becomes an `ApiError` that says what to do.
"""

from __future__ import annotations

import atexit
import json
from functools import cache
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import streamlit as st

from whichstep_dashboards.query_string import Pairs
from whichstep_dashboards.settings import DashboardSettings

Document = dict[str, Any]

LIST_SECONDS: Final = 5.0
"""How old a list or figure may be: a reload shows what arrived."""
CONTENT_SECONDS: Final = 60.0
_APPROVALS: Final = "/api/v1/approvals"
TIMEOUT: Final = httpx.Timeout(30.0, connect=3.0)


class ApiError(Exception):
    """The read API gave no answer that can be shown: what happened, and what the reader can do about it."""

    def __init__(self, title: str, *, remedy: str, detail: str = "", status: int | None = None) -> None:
        super().__init__(title)
        self.title = title
        self.remedy = remedy
        self.detail = detail
        self.status = status


def metrics(pairs: Pairs, *, by: str = "") -> Document:
    """The eight metrics of the matching executions, in groups by `by` (`release`, `day`, `week` …), else one group."""
    return _answer("/api/v1/metrics", (*pairs, ("by", by)) if by else pairs)


def failures(pairs: Pairs, *, by: str) -> Document:
    """Where the matching executions fail: groups by `step`, `kind` or `signature`, most frequent first."""
    return _answer("/api/v1/failures", (*pairs, ("by", by)))


def approval_figures(pairs: Pairs) -> Document:
    """What people decided on held actions, how fast, and what became of it."""
    return _answer("/api/v1/approvals/figures", pairs)


def tools(pairs: Pairs) -> Document:
    """The tools that were called, how they fared, and whether they were the right ones."""
    return _answer("/api/v1/tools", pairs)


def drift(pairs: Pairs) -> Document:
    """Success and failure of the matching executions by turn, model calls so far and context size."""
    return _answer("/api/v1/drift", pairs)


def actions(pairs: Pairs, *, kind: str, limit: int) -> Document:
    """Actions of the matching executions, compared with the policy: counts, and those of one kind."""
    return _answer("/api/v1/actions", (*pairs, ("kind", kind), ("limit", str(limit))))


def evaluate(execution_id: str, step_id: str, *, name: str, label: str, token: str | None = None) -> Document:
    """Says something of a step in the name of the token, else of the dashboard's; what was read before is forgotten."""
    settings = DashboardSettings.from_environment()
    statement = {"execution_id": execution_id, "step_id": step_id, "name": name, "label": label}
    stored = _send("POST", settings.endpoint, token or settings.token, "/api/v1/evaluations", json=statement)
    forget()
    return stored


def compare(pairs: Pairs, *, before: str, after: str) -> Document:
    """What changed between two releases or configurations among the matching executions, and what moved."""
    return _answer("/api/v1/compare", (*pairs, ("before", before), ("after", after)))


def grounding(pairs: Pairs, *, limit: int) -> Document:
    """How many answers say what stands in no source, by task type, and the latest that do."""
    return _answer("/api/v1/grounding", (*pairs, ("limit", str(limit))))


def workflows(pairs: Pairs) -> Document:
    """One row a workflow: declared and observed autonomy level, conformance."""
    return _answer("/api/v1/workflows", pairs)


def workflow(pairs: Pairs, name: str) -> Document:
    """One workflow: deviations, variants, graph, weeks, readiness."""
    return _answer(f"/api/v1/workflows/{quote(name, safe='')}", pairs)


def executions(pairs: Pairs, *, limit: int, order: str = "started_at:desc", cursor: str = "") -> Document:
    """One page of the matching executions with the total and the cursor of the next page."""
    paging = (("limit", str(limit)), ("order", order), *((("cursor", cursor),) if cursor else ()))
    return _answer("/api/v1/executions", (*pairs, *paging))


def filter_values() -> Document:
    """The values that each filter can take, with counts."""
    return _answer("/api/v1/filters", ())


def execution(execution_id: str) -> Document:
    """One execution with all its steps (previews), suspects and evaluations."""
    settings = DashboardSettings.from_environment()
    return _cached_execution(settings.endpoint, settings.token, f"/api/v1/executions/{quote(execution_id, safe='')}")


def step_fields(execution_id: str, step_id: str) -> dict[str, str]:
    """The whole texts of one step, by field: input, output, arguments, result, query, sources."""
    settings = DashboardSettings.from_environment()
    path = f"/api/v1/executions/{quote(execution_id, safe='')}/steps/{quote(step_id, safe='')}"
    fields = _cached_content(settings.endpoint, settings.token, path).get("fields") or {}
    return {str(name): str(text) for name, text in fields.items() if text is not None}


def approvals(pairs: Pairs, *, token: str | None = None) -> Document:
    """One page of requests for approval; never older than this moment."""
    settings = DashboardSettings.from_environment()
    return _get(settings.endpoint, token or settings.token, _APPROVALS, pairs)


def approval(approval_id: str, *, token: str | None = None) -> Document:
    """One request for approval as it stands."""
    settings = DashboardSettings.from_environment()
    return _get(settings.endpoint, token or settings.token, f"{_APPROVALS}/{quote(approval_id, safe='')}", ())


def deliveries(approval_id: str, *, token: str | None = None) -> list[Document]:
    """What the webhook was told of a request, the oldest message first; empty where there is no webhook."""
    settings = DashboardSettings.from_environment()
    path = f"{_APPROVALS}/{quote(approval_id, safe='')}/deliveries"
    found: list[Document] = _get(settings.endpoint, token or settings.token, path, ())["deliveries"]
    return found


def decide(approval_id: str, decision: Document, *, token: str | None = None) -> Document:
    """Decides on a request in the name of the token; the request as it stands then.

    Raises:
        ApiError: it was not taken; `detail` says why: decided already, expired, not this reviewer's, blocked.
    """
    settings = DashboardSettings.from_environment()
    path = f"{_APPROVALS}/{quote(approval_id, safe='')}/decision"
    return _send("POST", settings.endpoint, token or settings.token, path, json=decision)


def who_am_i(*, token: str | None = None) -> Document:
    """Whose token this is, and what it may do: name, scopes."""
    settings = DashboardSettings.from_environment()
    return _get(settings.endpoint, token or settings.token, "/api/v1/whoami", ())


def forget() -> None:
    """Empties the caches, so that the next look fetches anew."""
    for cached in (_cached_answer, _cached_execution, _cached_content):
        cached.clear()


def _answer(path: str, pairs: Pairs) -> Document:
    settings = DashboardSettings.from_environment()
    return _cached_answer(settings.endpoint, settings.token, path, pairs)


@st.cache_data(ttl=LIST_SECONDS, max_entries=128, show_spinner=False)
def _cached_answer(endpoint: str, token: str | None, path: str, pairs: Pairs) -> Document:
    return _get(endpoint, token, path, pairs)


# Thousands of steps weigh megabytes: few are kept.
@st.cache_data(ttl=LIST_SECONDS, max_entries=8, show_spinner=False)
def _cached_execution(endpoint: str, token: str | None, path: str) -> Document:
    return _get(endpoint, token, path, ())


@st.cache_data(ttl=CONTENT_SECONDS, max_entries=16, show_spinner=False)
def _cached_content(endpoint: str, token: str | None, path: str) -> Document:
    return _get(endpoint, token, path, ())


def _get(endpoint: str, token: str | None, path: str, pairs: Pairs) -> Document:
    return _send("GET", endpoint, token, path, params=list(pairs))


def _send(method: str, endpoint: str, token: str | None, path: str, **content: Any) -> Document:
    headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        response = _client(endpoint).request(method, endpoint + path, headers=headers, **content)
    except httpx.TimeoutException as error:
        raise ApiError(
            f"No answer from {endpoint} within {TIMEOUT.read:.0f} seconds",
            remedy="Ask for a shorter time window or fewer filters; `whichstep doctor` shows how busy the sidecar is.",
        ) from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise ApiError(
            f"The sidecar at {endpoint} cannot be reached",
            remedy="Start it with `whichstep up`, or set WHICHSTEP_ENDPOINT to where it listens.",
            detail=str(error),
        ) from error
    return _read(endpoint, response)


def _read(endpoint: str, response: httpx.Response) -> Document:
    try:
        document = json.loads(response.content)
    except ValueError:
        document = None
    if response.is_success and isinstance(document, dict):
        return document
    problem = document if isinstance(document, dict) else {}
    title = (
        problem.get("title")
        or f"{endpoint} answered with status {response.status_code}, which is no answer of a sidecar"
    )
    raise ApiError(
        str(title),
        detail=str(problem.get("detail") or ""),
        remedy=str(problem.get("remedy") or _REMEDIES.get(response.status_code, _OTHER_REMEDY)),
        status=response.status_code,
    )


_REMEDIES: Final = {
    400: "Clear the filters in the sidebar, or mend the address of this page.",
    401: "Set WHICHSTEP_TOKEN to a token with the scope `read`, then start the dashboard again.",
    403: "The token lacks the scope `read`: ask whoever runs the sidecar for one that has it.",
    404: "It may have been removed by retention, or the address is incomplete.",
    429: "Wait a moment and reload.",
    503: "The sidecar is starting or stopping; reload in a few seconds.",
}
_OTHER_REMEDY: Final = "Look at `whichstep doctor` and the sidecar's log, then reload."


def _client(endpoint: str) -> httpx.Client:
    """The pool of connections; proxies of the environment are not for loopback."""
    return _pool(through_proxies=urlsplit(endpoint).hostname not in {"127.0.0.1", "localhost", "::1"})


@cache
def _pool(*, through_proxies: bool) -> httpx.Client:
    client = httpx.Client(timeout=TIMEOUT, trust_env=through_proxies, follow_redirects=False)
    atexit.register(client.close)
    return client
