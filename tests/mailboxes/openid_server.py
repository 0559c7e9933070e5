"""Someone else's OpenID Connect provider, strict: real HTTPS, real keys, PKCE, codes for one use.

It lets in whoever is set in `claims`, at once or, where `asks` is set, by a button of its own page.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from gateway.mailboxes.oauth import challenge
from tests.mailboxes.web_server import Asked, Said, WebServer

CLIENT, SECRET = "smartgate", "s3cret:/+and&some=more%"
Claims = dict[str, Any]
Sign = Callable[["OpenIdServer", Claims], str]


def signed(server: OpenIdServer, claims: Claims) -> str:
    """An ID token as it should be."""
    return jwt.encode({"alg": "RS256", "kid": server.key.kid}, claims, server.key)


@dataclass
class OpenIdServer:
    """Start it, then ask `issuer`. claims: of whoever signs in. sign: how it signs. told: what it says of itself
    instead; None leaves something out. keys: beside its own. inside: claims that only `userinfo` tells. methods: how an
    app may show its secret. refuses: an error that it leads back with. answers: by path, instead of what is right."""

    tls: ssl.SSLContext
    claims: Claims = field(default_factory=lambda: {"email": "ana@acme.example", "email_verified": True})
    sign: Sign = signed
    told: Claims = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=list)
    inside: Claims = field(default_factory=dict)
    methods: tuple[str, ...] = ("client_secret_basic",)
    secret: str = SECRET
    asks: bool = False
    refuses: str = ""
    answers: dict[str, Said | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.key = RSAKey.generate_key(2048, auto_kid=True)
        self._codes: dict[str, dict[str, str]] = {}
        self._web = WebServer(self._answer, self.tls)

    async def __aenter__(self) -> Self:
        await self._web.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._web.__aexit__()

    @property
    def issuer(self) -> str:
        return f"https://localhost:{self._web.port}/realm"

    @property
    def asked(self) -> list[Asked]:
        return self._web.asked

    def renew_key(self) -> None:
        """As providers do from time to time."""
        self.key = RSAKey.generate_key(2048, auto_kid=True)

    async def _answer(self, asked: Asked) -> Said | None:
        path = asked.path.removeprefix("/realm")
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return _json(200, self._about())
        if path == "/authorize":
            return self._authorize(asked)
        if path == "/token" and asked.method == "POST":
            return self._token(asked)
        if path == "/keys":
            return _json(200, {"keys": [*self.keys, *KeySet([self.key]).as_dict()["keys"]]})
        if path == "/userinfo" and asked.fields.get("authorization") == "Bearer access":
            return _json(200, {"sub": "248289761001", **self.inside})
        return Said(404)

    def _about(self) -> Claims:
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        places |= {"userinfo_endpoint": "userinfo"}
        about = {name: f"{self.issuer}/{path}" for name, path in places.items()}
        methods = {"token_endpoint_auth_methods_supported": list(self.methods)} if self.methods else {}
        said = {"issuer": self.issuer, **about, **methods, **self.told}
        return {name: value for name, value in said.items() if value is not None}

    def _authorize(self, asked: Asked) -> Said:
        query = dict(asked.query)
        if self.asks and not query.pop("allow", ""):
            hidden = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in query.items())
            form = f"<form>{hidden}<button name=allow value=1>Continue as Ana</button></form>"
            page = f"<!doctype html><html lang=en><title>Sign in</title><h1>The firm</h1>{form}"
            return Said(200, page.encode(), {"Content-Type": "text/html"})
        wanted = {"response_type": "code", "client_id": CLIENT, "code_challenge_method": "S256"}
        wrong = any(query.get(name) != value for name, value in wanted.items()) or not query.get("nonce")
        if wrong or "openid" not in query.get("scope", "").split():
            return Said(400, b"this request can't be shown to anybody")
        back = {"error": self.refuses} if self.refuses else {"code": self.code(query)}
        return Said(302, b"", {"Location": f"{query['redirect_uri']}?{urlencode(back | {'state': query['state']})}"})

    def code(self, query: dict[str, str]) -> str:
        """A code for what was asked for."""
        code = secrets.token_urlsafe(24)
        self._codes[code] = query
        return code

    def _token(self, asked: Asked) -> Said:
        form = asked.form
        if not self._knows(asked):
            return _json(401, {"error": "invalid_client"})
        query = self._codes.pop(form.get("code", ""), {})
        right = query.get("code_challenge") == challenge(form.get("code_verifier", ""))
        if not right or query.get("redirect_uri") != form.get("redirect_uri"):
            return _json(400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "248289761001",
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": query["nonce"],
            "at_hash": str(create_half_hash("access", "RS256"), "ascii"),
            **self.claims,
        }
        token = self.sign(self, {name: value for name, value in claims.items() if value is not None})
        return _json(200, {"access_token": "access", "token_type": "Bearer", "expires_in": 300, "id_token": token})

    def _knows(self, asked: Asked) -> bool:
        """Whether an app shows its secret as it may; RFC 6749 section 2.3.1."""
        field, form = asked.fields.get("authorization", ""), asked.form
        if not self.secret:
            return form.get("client_id") == CLIENT and not field and "client_secret" not in form
        if "client_secret_post" in self.methods:
            return (form.get("client_id"), form.get("client_secret"), field) == (CLIENT, self.secret, "")
        encoded = urlencode({CLIENT: self.secret}).replace("=", ":", 1)
        return field == f"Basic {base64.b64encode(encoded.encode()).decode()}"


def _json(status: int, said: Claims) -> Said:
    return Said(status, json.dumps(said).encode(), {"Content-Type": "application/json", "Cache-Control": "no-store"})
