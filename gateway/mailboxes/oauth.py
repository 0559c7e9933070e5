"""Signing in at Google and Microsoft: OAuth 2.0 for a mailbox, and what mail servers are shown of it.

RFC 6749 with PKCE (RFC 7636); XOAUTH2 and OAUTHBEARER (RFC 7628).

A refresh token may change with every use: who renews keeps the new one before the access token is used. No code, token
or client secret stands in any trouble, exception or line of the log.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from config.providers import OAuth as Place
from gateway.core.mailboxes import GOOGLE, Credential
from gateway.mailboxes.network import Network
from gateway.mailboxes.web_client import Reply, ask
from gateway.usecases.mail_servers import Trouble

ASK_SECONDS = 10.0
_SHORT_SECONDS = 300
"""So long an access token is believed whose answer does not tell."""
_LONGEST_TOKEN = 16_384
_AGAIN = frozenset({"invalid_grant", "interaction_required", "login_required", "consent_required"})
"""Errors that only a new sign-in heals (RFC 6749 section 5.2; the others are Microsoft's)."""
_LATER = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_NAMES = {GOOGLE: "Google"}


@dataclass(frozen=True, slots=True)
class App:
    """Our app at a provider, and where it signs in."""

    client_id: str
    client_secret: str = field(repr=False)
    place: Place


class OAuth:
    """Asks the providers at which an app of ours is set. now: seconds since 1970."""

    def __init__(self, network: Network, apps: Mapping[str, App], now: Callable[[], float] = time.time) -> None:
        self._network, self._apps, self._now = network, dict(apps), now

    def consent_url(self, provider: str, state: str, verifier: str, redirect: str, address: str) -> str | None:
        """The page where somebody consents; None where no app of ours is set."""
        app = self._apps.get(provider)
        if app is None:
            return None
        fields = {
            "response_type": "code",
            "client_id": app.client_id,
            "redirect_uri": redirect,
            "scope": app.place.scope,
            "state": state,
            "code_challenge": challenge(verifier),
            "code_challenge_method": "S256",
            "login_hint": address,
        }
        if provider == GOOGLE:  # without these it gives no refresh token, or none the second time
            fields |= {"access_type": "offline", "prompt": "consent"}
        return f"{app.place.authorize}{'&' if '?' in app.place.authorize else '?'}{urlencode(fields)}"

    async def redeem(self, provider: str, code: str, verifier: str, redirect: str) -> Credential | Trouble:
        """The tokens for a code that came back (RFC 6749 section 4.1.3)."""
        found = await self._ask(
            provider,
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier},
        )
        if isinstance(found, Trouble):
            return found
        if not found.secret:
            return Trouble("revoked", f"{_name(provider)} gave no lasting consent; sign in again and allow it")
        return found

    async def renew(self, credential: Credential) -> Credential | Trouble:
        """A new access token (RFC 6749 section 6); the refresh token is the one that came, else the same."""
        found = await self._ask(credential.kind, {"grant_type": "refresh_token", "refresh_token": credential.secret})
        if isinstance(found, Trouble) or found.secret:
            return found
        return Credential(credential.kind, credential.secret, found.access, found.expires_at)

    async def _ask(self, provider: str, form: dict[str, str]) -> Credential | Trouble:
        """A credential whose secret is empty where no refresh token came."""
        app = self._apps.get(provider)
        if app is None:
            return Trouble(
                "refused", f"no app of ours is set for {provider}: SMARTGATE_OAUTH_{provider.upper()}_CLIENT_ID"
            )
        form |= {"client_id": app.client_id}
        if app.client_secret:
            form |= {"client_secret": app.client_secret}
        reply = await ask(self._network, app.place.token, form=form, seconds=ASK_SECONDS)
        if isinstance(reply, Trouble):
            return reply
        said = _json(reply.body)
        if reply.status != 200:
            return _refusal(provider, reply, str(said.get("error", ""))[:80], self._now())
        return self._credential(provider, app, said)

    def _credential(self, provider: str, app: App, said: Mapping[str, Any]) -> Credential | Trouble:
        access, refresh = said.get("access_token"), said.get("refresh_token", "")
        if not _is_token(access) or not (refresh == "" or _is_token(refresh)):
            return Trouble("protocol", f"{_name(provider)} answered without a token")
        granted = said.get("scope")
        if isinstance(granted, str) and not _wanted(app.place.scope) <= {one.lower() for one in granted.split()}:
            return Trouble(
                "revoked", f"access to mail was not allowed at {_name(provider)}; sign in again and allow it"
            )
        end = int((self._now() + _seconds(said.get("expires_in"))) * 1000)
        return Credential(provider, str(refresh), str(access), end)


def challenge(verifier: str) -> str:
    """What is shown of a verifier beforehand: S256 (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def xoauth2(user: str, access: str) -> bytes:
    """What a server is shown in XOAUTH2, before base64 (https://developers.google.com/gmail/imap/xoauth2-protocol)."""
    return f"user={user}\x01auth=Bearer {access}\x01\x01".encode()


def oauthbearer(user: str, access: str, host: str, port: int) -> bytes:
    """The same in OAUTHBEARER (RFC 7628 section 3.1), the name written as RFC 5801 section 4 has it."""
    name = user.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {access}\x01\x01".encode()


def _refusal(provider: str, reply: Reply, error: str, now: float) -> Trouble:
    name = _name(provider)
    if reply.status == 429 or reply.status >= 500 or error in _LATER:
        return Trouble("busy", f"{name} asks us to come back later", _after(reply.fields.get("retry-after"), now))
    if error in _AGAIN:
        return Trouble("revoked", f"{name} no longer lets us in; sign in there again")
    if error in ("invalid_client", "unauthorized_client"):
        return Trouble("protocol", f"{name} does not know our app: its client id or secret is wrong")
    return Trouble("protocol", f"{name} refused with status {reply.status}")


def _after(text: str | None, now: float) -> int | None:
    """Milliseconds of a Retry-After, which holds seconds or a date (RFC 9110 section 10.2.3)."""
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:9]) * 1000
    try:
        wanted = parsedate_to_datetime(text)
        return max(0, int((wanted.replace(tzinfo=wanted.tzinfo or UTC).timestamp() - now) * 1000))
    except (ValueError, OverflowError):
        return None


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_token(found: object) -> bool:
    """Whether it may stand in a line of IMAP, SMTP or HTTP."""
    return isinstance(found, str) and 0 < len(found) <= _LONGEST_TOKEN and found.isascii() and found.isprintable()


def _wanted(scope: str) -> set[str]:
    """The scopes that mail needs: those that are addresses; the others change what the answer holds."""
    return {one.lower() for one in scope.split() if "://" in one}


def _seconds(found: object) -> int:
    text = str(found)
    return int(text[:9]) if text.isascii() and text.isdigit() else _SHORT_SECONDS


def _name(provider: str) -> str:
    return _NAMES.get(provider, "Microsoft")
