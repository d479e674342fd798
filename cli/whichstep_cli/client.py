"""The read API as the commands use it: one HTTP client, whose failures are sentences.

Talks to the sidecar over HTTP; `folder.py` gives it a transport that answers from a data folder instead. Values are
the JSON documents of ARCHITECTURE.md, "Answers".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from whichstep_cli.errors import CommandError, UnreachableError, UsageError

Pairs = Sequence[tuple[str, str]]
Document = dict[str, Any]

TIMEOUT_SECONDS: Final = 60.0
"""A figure over a whole store may take seconds; a query is stopped by the sidecar after 10."""


class Client:
    """The HTTP API at one address."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @property
    def endpoint(self) -> str:
        """Base address, without a slash at the end."""
        return str(self._http.base_url).rstrip("/")

    def get(self, path: str, pairs: Pairs = ()) -> Document:
        """The JSON document at `path`."""
        return self._document(self._send("GET", path, params=list(pairs)))

    def post(self, path: str, body: Document) -> Document:
        """What the API answers to a JSON document."""
        return self._document(self._send("POST", path, json=body))

    def send(self, path: str, body: bytes, content_type: str) -> httpx.Response:
        """The raw answer to an OTLP request, whatever its status."""
        try:
            return self._http.post(path, content=body, headers={"Content-Type": content_type})
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    @contextmanager
    def stream(self, path: str, body: Document, accept: str) -> Iterator[httpx.Response]:
        """The answer as it arrives, for results larger than memory."""
        try:
            with self._http.stream("POST", path, json=body, headers={"Accept": accept}) as response:
                if response.is_error:
                    response.read()
                    raise _refusal(response)
                yield response
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _document(self, response: httpx.Response) -> Document:
        if response.is_error:
            raise _refusal(response)
        try:
            found = response.json()
        except ValueError as error:
            raise UnreachableError(
                f"{self.endpoint} answered {response.request.url.path} without JSON: is it a whichstep sidecar?"
            ) from error
        return found if isinstance(found, dict) else {"value": found}

    def _unreachable(self, error: httpx.HTTPError) -> UnreachableError:
        why = str(error) or type(error).__name__
        return UnreachableError(
            f"cannot reach the sidecar at {self.endpoint}: {why}; start it with `whichstep up`, set WHICHSTEP_ENDPOINT,"
            " or read a folder with --data-dir"
        )


@contextmanager
def connect(endpoint: str, token: str | None, transport: httpx.BaseTransport | None = None) -> Iterator[Client]:
    """A client of the API at `endpoint`, for this block; nothing is sent before the first call."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(
        base_url=endpoint.rstrip("/"),
        headers={"Accept": "application/json", **headers},
        timeout=TIMEOUT_SECONDS,
        transport=transport,
        trust_env=not is_loopback(endpoint),  # a proxy cannot reach this machine's loopback
    ) as http:
        yield Client(http)


_REFUSED: Final = frozenset({"action_blocked", "not_a_reviewer"})
"""Reasons that no other token mends by itself: the request was understood and the answer is no."""


def _refusal(response: httpx.Response) -> CommandError:
    """The problem document of an error answer as a sentence, under the exit code that fits its status."""
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    said = (problem.get("detail") or problem.get("title")) if isinstance(problem, dict) else None
    sentence = said or f"{response.request.url.path} answered {response.status_code}"
    reason = problem.get("reason") if isinstance(problem, dict) else None
    if response.status_code in (httpx.codes.CONFLICT, httpx.codes.GONE) or reason in _REFUSED:
        return CommandError(sentence)
    if response.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return UsageError(f"{sentence}; set WHICHSTEP_TOKEN to a token with the scope it needs")
    if response.is_client_error:
        return UsageError(sentence)
    return UnreachableError(sentence)


def is_loopback(endpoint: str) -> bool:
    """Whether an address is this machine's own."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
