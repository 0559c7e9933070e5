"""Someone else's authorisation server, strict: OAuth 2.0 with PKCE, codes for one use, refresh tokens that rotate.

It consents at once, for the address that `login_hint` names. A refresh token used twice ends all that came of the same
consent (RFC 9700 section 4.14.2). `/introspect` tells a mail server whose token it is (RFC 7662), as Dovecot asks: by
`?token=`, by POST of a form, or by the token as Bearer.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlencode

from tests.mailboxes.web_server import Asked, Said, WebServer


@dataclass
class Consent:
    """What somebody consented to, and all that came of it."""

    address: str
    client: str
    redirect: str
    challenge: str
    scope: str
    refresh: str = ""
    ended: bool = False
    spent: set[str] = field(default_factory=set)


class AuthorisationServer:
    """Start it, then ask `url`. clients: secret by id. lifetime: of access tokens, in seconds. rotates: whether a
    refresh gives another refresh token. failing: so many requests for tokens are answered 503. grants: the scope that
    is given instead of that asked for. gate: where it is set, requests for tokens wait for it. arrived: released by
    each of them. most_at_once: the most that were under way at one time. refreshes: how many there were."""

    def __init__(self, clients: dict[str, str], tls: ssl.SSLContext | None = None) -> None:
        self.clients = clients
        self.lifetime, self.rotates, self.failing, self.refuses = 3600, True, 0, False
        self.grants: str | None = None
        self.gate: asyncio.Event | None = None
        self.arrived = asyncio.Semaphore(0)
        self.most_at_once = self._at_once = 0
        self.refreshes = 0
        self._codes: dict[str, Consent] = {}
        self._refresh: dict[str, Consent] = {}
        self._access: dict[str, tuple[Consent, float]] = {}
        self._web, self._inside = WebServer(self._answer, tls), WebServer(self._answer)
        self._scheme = "https" if tls else "http"

    async def __aenter__(self) -> Self:
        await self._web.__aenter__()
        await self._inside.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._web.__aexit__()
        await self._inside.__aexit__()

    @property
    def url(self) -> str:
        return f"{self._scheme}://localhost:{self._web.port}"

    @property
    def introspection(self) -> str:
        """Where a mail server asks, in clear text."""
        return f"http://127.0.0.1:{self._inside.port}/introspect"

    @property
    def asked(self) -> list[Asked]:
        return self._web.asked

    def revoke(self, address: str) -> None:
        """Somebody withdraws consent: no token of theirs is good any more."""
        for consent in [*self._refresh.values(), *(consent for consent, _ in self._access.values())]:
            if consent.address == address:
                consent.ended = True

    def expire(self) -> None:
        """All access tokens are at their end."""
        self._access = {token: (consent, 0.0) for token, (consent, _) in self._access.items()}

    def holder(self, token: str) -> str | None:
        """Whose access token that is; None where it is good no more."""
        consent, end = self._access.get(token, (None, 0.0))
        return None if consent is None or consent.ended or end <= time.time() else consent.address

    async def _answer(self, asked: Asked) -> Said:
        if asked.path == "/authorize":
            return self._authorize(asked)
        if asked.path == "/token" and asked.method == "POST":
            return await self._token(asked)
        if asked.path == "/introspect":
            return self._introspect(asked)
        return Said(404)

    def _authorize(self, asked: Asked) -> Said:
        query = asked.query
        wrong = query.get("response_type") != "code" or query.get("client_id") not in self.clients
        if wrong or not query.get("redirect_uri") or "@" not in query.get("login_hint", ""):
            return Said(400, b"this request can't be shown to anybody")
        back = {"state": query.get("state", "")}
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            back |= {"error": "invalid_request"}
        elif self.refuses:
            back |= {"error": "access_denied"}
        else:
            code = secrets.token_urlsafe(24)
            self._codes[code] = Consent(
                query["login_hint"],
                query["client_id"],
                query["redirect_uri"],
                query["code_challenge"],
                query.get("scope", ""),
            )
            back |= {"code": code}
        mark = "&" if "?" in query["redirect_uri"] else "?"
        return Said(302, b"", {"Location": f"{query['redirect_uri']}{mark}{urlencode(back)}"})

    async def _token(self, asked: Asked) -> Said:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.arrived.release()
        try:
            if self.gate is not None:
                await self.gate.wait()
            return self._tokens(asked)
        finally:
            self._at_once -= 1

    def _tokens(self, asked: Asked) -> Said:
        form = asked.form
        if self.failing:
            self.failing -= 1
            return Said(503, b"not now", {"Retry-After": "7"})
        client = form.get("client_id", "")
        if client not in self.clients or self.clients[client] != form.get("client_secret", ""):
            return _error(401, "invalid_client")
        if form.get("grant_type") == "authorization_code":
            return self._redeem(form, client)
        if form.get("grant_type") == "refresh_token":
            return self._renew(form.get("refresh_token", ""), client)
        return _error(400, "unsupported_grant_type")

    def _redeem(self, form: Mapping[str, str], client: str) -> Said:
        consent, verifier = self._codes.pop(form.get("code", ""), None), form.get("code_verifier", "")
        if consent is None or consent.redirect != form.get("redirect_uri") or consent.client != client:
            return _error(400, "invalid_grant")
        shown = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if not 43 <= len(verifier) <= 128 or shown != consent.challenge:
            return _error(400, "invalid_grant")
        return self._give(consent, new=True)

    def _renew(self, token: str, client: str) -> Said:
        self.refreshes += 1
        consent = self._refresh.get(token)
        if consent is None or consent.client != client or consent.ended:
            return _error(400, "invalid_grant")
        if token in consent.spent:
            consent.ended = True
            return _error(400, "invalid_grant")
        return self._give(consent, new=self.rotates)

    def _give(self, consent: Consent, *, new: bool) -> Said:
        if new:
            consent.spent.add(consent.refresh)
            consent.refresh = secrets.token_urlsafe(24)
            self._refresh[consent.refresh] = consent
        access = secrets.token_urlsafe(24)
        self._access[access] = (consent, time.time() + self.lifetime)
        scope = consent.scope if self.grants is None else self.grants
        given = {"access_token": access, "token_type": "Bearer", "expires_in": self.lifetime, "scope": scope}
        return _json(200, given | ({"refresh_token": consent.refresh} if new else {}))

    def _introspect(self, asked: Asked) -> Said:
        bearer = asked.fields.get("authorization", "").removeprefix("Bearer ")
        token = asked.form.get("token") or asked.query.get("token") or asked.query.get("access_token") or bearer
        holder = self.holder(token)
        if holder is None:
            return _json(401 if bearer else 200, {"active": False})
        return _json(200, {"active": True, "username": holder, "email": holder, "sub": holder, "token_type": "Bearer"})


def _json(status: int, said: dict[str, object]) -> Said:
    return Said(status, json.dumps(said).encode(), {"Content-Type": "application/json", "Cache-Control": "no-store"})


def _error(status: int, error: str) -> Said:
    return _json(status, {"error": error})
