"""An OpenID provider on loopback: discovery, keys, the code flow with PKCE, ID tokens that are truly signed."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "whichstep", "provider-secret"


class IdentityProvider:
    """Signs everybody in as `claims` says; the attributes spoil what it sends."""

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self.signed_by = None
        self.algorithm = "RS256"
        self.claims = {"sub": "1", "email": "ann@example.com", "email_verified": True}
        self.issued = {}
        self.declines = None
        self.issuer_says = None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider._get(self)

            def do_POST(self):
                provider._token(self, dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode())))

            def log_message(self, *_):
                return

        self._codes = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def settings(self, **more):
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_reviewers": "*@example.com, guest@elsewhere.net",
            **more,
        }

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _get(self, handler):
        path, query = urlsplit(handler.path).path, {k: v[0] for k, v in parse_qs(urlsplit(handler.path).query).items()}
        if path == "/.well-known/openid-configuration":
            _answer(handler, {
                "issuer": self.issuer_says or self.issuer, "jwks_uri": f"{self.issuer}/keys",
                "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
            })  # fmt: skip
        elif path == "/keys":
            _answer(handler, {"keys": [self.key.as_dict(private=False)]})
        elif path == "/authorize":
            self._authorize(handler, query)
        else:
            _answer(handler, {}, status=404)

    def _authorize(self, handler, query):
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        told = {"error": "access_denied", "error_description": self.declines} if self.declines else {"code": code}
        handler.send_response(302)
        handler.send_header("location", f"{query['redirect_uri']}?{urlencode({**told, 'state': query['state']})}")
        handler.send_header("content-length", "0")
        handler.end_headers()

    def _token(self, handler, form):
        asked = self._codes.pop(form.get("code"), None)
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        fits = asked is not None and asked["code_challenge"] == challenge and asked["code_challenge_method"] == "S256"
        if (
            not fits
            or handler.headers.get("authorization") != expected
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            _answer(handler, {"error": "invalid_grant"}, status=400)
            return
        _answer(handler, {"access_token": "a", "token_type": "Bearer", "id_token": self._signed(asked["nonce"])})

    def _signed(self, nonce):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        claims |= self.claims | self.issued
        if self.algorithm == "none":
            parts = ({"alg": "none"}, claims)
            return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."
        return jwt.encode({"alg": self.algorithm, "kid": "1"}, claims, self.signed_by or self.key)


def _answer(handler, document, *, status=200):
    body = json.dumps(document).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
