"""Who may do what: bearer tokens and their scopes.

Tokens are kept as SHA-256 and compared in constant time; they are random, so no slow hash is needed. Without any
token for ingest or read the doors are open to loopback, and closed to everything else by not listening there. To
review (decide approvals, write HUMAN evaluations) always needs a token. Thread-safe.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

INGEST, READ, REVIEW, ADMIN = "ingest", "read", "review", "admin"
SCOPES: Final = (INGEST, READ, REVIEW, ADMIN)
NOBODY: Final[frozenset[str]] = frozenset()
_OPEN_SCOPES: Final = frozenset({INGEST, READ})
_MORE_SECONDS: Final = 1.0
REVIEWER_FILE: Final = "reviewer.token"
FIRST_REVIEWER: Final = "reviewer"
"""The name of whoever holds that token."""


class Grant(NamedTuple):
    """The SHA-256 of a token, what it may do, and whose it is."""

    digest: bytes
    scopes: frozenset[str]
    name: str = ""


class Bearer(NamedTuple):
    """Who asks: by the name of the token, empty for whoever came without one."""

    name: str
    scopes: frozenset[str]


class Tokens:
    """The tokens of one sidecar."""

    def __init__(
        self,
        grants: Iterable[Grant],
        *,
        more: Callable[[], Iterable[Grant]] = tuple,
        session: Callable[[bytes], Grant | None] = lambda _digest: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`more` gives the tokens that come and go while the sidecar runs; it is asked once a second at most.

        `session` gives what the digest of a session's token stands for; it is asked each time.
        """
        self._grants = tuple(grants)
        self._session = session
        self._more, self._monotonic = more, monotonic
        self._known = (*self._grants, *more())
        self._known_until = monotonic() + _MORE_SECONDS

    @property
    def required(self) -> bool:
        """Whether ingest and read need a token: as soon as there is one for either."""
        return any(grant.scopes & _OPEN_SCOPES and REVIEW not in grant.scopes for grant in self._all())

    def scopes(self, authorization: str | None) -> frozenset[str] | None:
        """Return what the bearer of an Authorization header may do; None when its token is not valid.

        Without a header: what anybody may do.
        """
        bearer = self.bearer(authorization)
        return None if bearer is None else bearer.scopes

    def bearer(self, authorization: str | None) -> Bearer | None:
        """Return who the bearer of an Authorization header is and may do; None when its token is not valid."""
        anybody = NOBODY if self.required else _OPEN_SCOPES
        if not authorization:
            return Bearer("", anybody)
        token = bearer_token(authorization)
        if token is None:
            return None
        digest = token_digest(token)
        found = [grant for grant in self._all() if hmac.compare_digest(grant.digest, digest)]
        if not found and (signed_in := self._session(digest)) is not None:
            found = [signed_in]
        if not found:
            return None
        return Bearer(found[0].name, anybody.union(*(grant.scopes for grant in found)))

    def _all(self) -> tuple[Grant, ...]:
        if self._monotonic() >= self._known_until:
            self._known_until = self._monotonic() + _MORE_SECONDS
            self._known = (*self._grants, *self._more())
        return self._known


def grant(token: str, *scopes: str, name: str = "") -> Grant:
    """Return what is kept of a token."""
    return Grant(token_digest(token), frozenset(scopes), name)


def token_digest(token: str) -> bytes:
    """Return the SHA-256 of a token."""
    return hashlib.sha256(token.encode()).digest()


def bearer_token(authorization: str) -> str | None:
    """Return the token of `Bearer TOKEN`; `Bearer%20TOKEN`, as some exporters send it, is read too."""
    scheme, _, token = unquote(authorization).strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def reviewer_token(data_dir: Path) -> str:
    """Return the reviewer's token, written by the first start to `<data_dir>/reviewer.token`, mode 0600."""
    path = data_dir / REVIEWER_FILE
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        token = secrets.token_urlsafe(32)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
            file.flush()
            os.fsync(file.fileno())
        return token
