"""OpenID Connect: who a person is, told by the organisation's identity provider. Authorization code with PKCE.

The flow and the token are Authlib's and joserfc's; ours is what is asked for: the issuer is the one of the settings,
state and nonce were made here and are used once, the ID token is signed by a key of the issuer with an asymmetric
algorithm and is meant for this client, and the person is one of those that may review. Thread-safe.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_SECONDS: Final = 60
"""By how much the clocks of issuer and sidecar may differ."""
BEGUN_SECONDS: Final = 600.0
"""Time for a person to sign in at the provider."""
_BEGUN_MAX: Final = 1_000
_TIMEOUT_SECONDS: Final = 10.0
_KNOWN_SECONDS: Final = 3_600.0
_SCOPES: Final = "openid email profile"


class SignInError(Exception):
    """Nobody was signed in; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Client:
    """What the provider and the settings agree on."""

    issuer: str
    client_id: str
    client_secret: str | None
    claim: str
    """Of the ID token: what a reviewer is called by."""
    reviewers: Sequence[str]
    """Names of people that may review, `*` and `?` as in file names."""

    @property
    def host(self) -> str:
        """Of the issuer, for a button."""
        return urlsplit(self.issuer).netloc


class Begun(NamedTuple):
    """A sign-in under way: where to send the browser, and what it has to bring back."""

    url: str
    state: str


class SignedIn(NamedTuple):
    """Who it is, and where the person wanted to go."""

    name: str
    next: str


class _Attempt(NamedTuple):
    redirect_uri: str
    verifier: str
    nonce: str
    next: str
    until: float


class Provider:
    """One identity provider."""

    def __init__(self, client: Client, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.client = client
        self._monotonic = monotonic
        self._attempts: dict[str, _Attempt] = {}
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._known_until = 0.0

    def begin(self, redirect_uri: str, next_path: str) -> Begun:
        """Start a sign-in that comes back to `redirect_uri`.

        Raises:
            SignInError: the provider cannot be reached, or is another one than the settings say.
        """
        metadata = self._discovered()
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
        with self._session(redirect_uri) as session:
            url, state = session.create_authorization_url(
                metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
            )
        now = self._monotonic()
        with self._lock:
            self._attempts = {key: made for key, made in self._attempts.items() if made.until > now}
            while len(self._attempts) >= _BEGUN_MAX:
                self._attempts.pop(next(iter(self._attempts)))
            self._attempts[state] = _Attempt(redirect_uri, verifier, nonce, next_path, now + BEGUN_SECONDS)
        return Begun(url, state)

    def finish(self, state: str, code: str, *, browser: str) -> SignedIn:
        """Exchange what the provider sent back for a person. `browser`: the state that this browser began with.

        Raises:
            SignInError: something does not fit; nobody is signed in.
        """
        with self._lock:
            attempt = self._attempts.pop(state, None) if hmac.compare_digest(state.encode(), browser.encode()) else None
        if attempt is None or attempt.until <= self._monotonic():
            raise SignInError("this sign-in was not begun in this browser, or took too long; begin it anew")
        claims = self._verified(self._id_token(attempt, code), attempt.nonce)
        return SignedIn(self._name(claims), attempt.next)

    def _id_token(self, attempt: _Attempt, code: str) -> str:
        endpoint = self._discovered()["token_endpoint"]
        try:
            with self._session(attempt.redirect_uri) as session:
                found = session.fetch_token(endpoint, code=code, code_verifier=attempt.verifier)
        except (AuthlibBaseError, httpx.HTTPError) as error:
            raise SignInError(f"{self.client.host} did not take the sign-in: {error}") from error
        if not isinstance(found.get("id_token"), str):
            raise SignInError(f"{self.client.host} sent no ID token; the client needs the scope openid")
        return str(found["id_token"])

    def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of a token about a sign-in here and now (OpenID Connect Core 1.0, section 3.1.3.7)."""
        own = self.client.client_id
        expected = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": self._discovered()["issuer"]},
            aud={"essential": True, "value": own},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = dict(self._decoded(token).claims)
            expected.validate(claims)
        except (JoseError, ValueError) as error:
            raise SignInError(f"the ID token of {self.client.host} cannot be trusted: {error}") from error
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != own:
            raise SignInError(f"the ID token of {self.client.host} is meant for another client")
        return claims

    def _decoded(self, token: str) -> jwt.Token:
        """With the keys as known, and once more with those of now: issuers change their keys."""
        try:
            return jwt.decode(token, self._signing_keys(), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError):
            self._keys = None
            return jwt.decode(token, self._signing_keys(), algorithms=list(ALGORITHMS))

    def _name(self, claims: dict[str, Any]) -> str:
        claim = self.client.claim
        name = claims.get(claim)
        if not isinstance(name, str) or not name.strip():
            raise SignInError(
                f"the ID token of {self.client.host} has no {claim}; set WHICHSTEP_OIDC_CLAIM to one it has"
            )
        if claim == "email":
            name = name.lower()  # one person, however it is written
        if claim == "email" and claims.get("email_verified", True) not in (True, "true"):
            raise SignInError(f"{self.client.host} has not verified the address {name}")
        if not any(fnmatchcase(name.lower(), pattern.lower()) for pattern in self.client.reviewers):
            raise SignInError(f"{name} is no reviewer here: WHICHSTEP_OIDC_REVIEWERS says who is")
        return name.strip()

    def _session(self, redirect_uri: str) -> OAuth2Client:
        client = self.client
        return OAuth2Client(
            client.client_id,
            client.client_secret,
            token_endpoint_auth_method="client_secret_basic" if client.client_secret else "none",
            scope=_SCOPES,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_SECONDS,
        )

    def _discovered(self) -> dict[str, Any]:
        with self._lock:
            if self._metadata and self._known_until > self._monotonic():
                return self._metadata
        found = self._fetched(self.client.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self.client.issuer.rstrip("/"):
            raise SignInError(
                f"{self.client.issuer} says that it is {found.get('issuer')!r}; set WHICHSTEP_OIDC_ISSUER to that"
            )
        missing = [name for name in ("authorization_endpoint", "token_endpoint", "jwks_uri") if not found.get(name)]
        if missing:
            raise SignInError(f"{self.client.issuer} does not say its {', '.join(missing)}; is it an OpenID provider?")
        with self._lock:
            self._metadata, self._known_until, self._keys = found, self._monotonic() + _KNOWN_SECONDS, None
        return found

    def _signing_keys(self) -> KeySet:
        keys = self._keys
        if keys is None:
            fetched: Any = self._fetched(self._discovered()["jwks_uri"])
            keys = self._keys = KeySet.import_key_set(fetched)
        return keys

    def _fetched(self, url: str) -> dict[str, Any]:
        try:
            found = httpx.get(url, timeout=_TIMEOUT_SECONDS, follow_redirects=False).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise SignInError(f"the identity provider cannot be asked: {error}; try again, or use a token") from error
        if not isinstance(found, dict):
            raise SignInError(f"{url} is no OpenID provider's answer")
        return found
