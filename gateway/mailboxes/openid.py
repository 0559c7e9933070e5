"""Signing in with an OpenID Connect provider: asked for a page, then for whoever came back from it.

OpenID Connect Core 1.0 section 3.1 (the code flow) with PKCE, Discovery 1.0 section 4. The provider is where the
operator says, so its host may stand in our own network; it is asked over https alone, and no redirect is followed. Its
keys are read at each sign-in: people sign in rarely, and a provider may change its keys at any time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from gateway.mailboxes.network import Network
from gateway.mailboxes.web_client import ask
from gateway.usecases.mail_servers import Trouble
from gateway.usecases.sign_in_elsewhere import Claims, Trip

ASK_SECONDS = 10.0
KEPT_SECONDS = 3600
"""How long it is believed what a provider tells of itself."""
_WELL_KNOWN = "/.well-known/openid-configuration"
_PLACES = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_SIGNED = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""With a key of the provider's own: nothing that is unsigned, or signed with what we know as well."""
_LEEWAY_SECONDS = 60
"""So much another clock may differ from ours."""
_TOKEN = re.compile(r"[!-~]{1,16384}")


@dataclass(frozen=True, slots=True)
class Registered:
    """Our app at the provider. client_secret: empty for a public client."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)


class OpenIdProvider:
    """Asks one provider. now: seconds since 1970."""

    def __init__(self, network: Network, app: Registered, now: Callable[[], float] = time.time) -> None:
        self._network, self._app, self._now = network, app, now
        self._about: dict[str, Any] = {}
        self._until = 0.0
        self._asking: asyncio.Task[dict[str, Any] | Trouble] | None = None

    async def page(self, trip: Trip, redirect: str, *, other: bool = False) -> str | Trouble:
        """The page where somebody signs in. other: not at once as who they are there already (Core 3.1.2.1)."""
        about = await self._told()
        if isinstance(about, Trouble):
            return about
        return str(
            prepare_grant_uri(
                about["authorization_endpoint"],
                self._app.client_id,
                "code",
                redirect,
                "openid email",
                trip.state,
                nonce=trip.nonce,
                code_challenge=create_s256_code_challenge(trip.verifier),
                code_challenge_method="S256",
                prompt="select_account" if other else None,
            )
        )

    async def redeem(self, code: str, trip: Trip, redirect: str) -> Claims | Trouble:
        """Who signed in there, for a code that came back (RFC 6749 section 4.1.3)."""
        about = await self._told()
        if isinstance(about, Trouble):
            return about
        given = await self._tokens(about, code, trip, redirect)
        if isinstance(given, Trouble):
            return given
        keys = await self._asked(about["jwks_uri"])
        if isinstance(keys, Trouble):
            return keys
        said = self._checked(given, keys, trip.nonce)
        if isinstance(said, Trouble):
            return said
        incomplete = not {"email", "email_verified"} <= said.keys()
        if incomplete and (more := await self._userinfo(about, given, said["sub"])) is not None:
            if isinstance(more, Trouble):
                return more
            said = {**said, **more}
        return Claims(said.get("email"), said.get("email_verified"))

    async def _told(self) -> dict[str, Any] | Trouble:
        """What the provider tells of itself; those who ask at one time ask it once."""
        if self._now() < self._until:
            return self._about
        if self._asking is None:
            self._asking = asyncio.create_task(self._discover())
            self._asking.add_done_callback(lambda _: setattr(self, "_asking", None))
        return await asyncio.shield(self._asking)

    async def _discover(self) -> dict[str, Any] | Trouble:
        """Discovery 1.0 sections 4.1 and 4.3: whoever answers has to be the issuer itself."""
        issuer = self._app.issuer
        about = await self._asked(issuer.rstrip("/") + _WELL_KNOWN)
        if isinstance(about, Trouble):
            return about
        if about.get("issuer") != issuer:
            return Trouble("protocol", f"it calls itself {str(about.get('issuer'))[:200]!a}, not {issuer}")
        for name in _PLACES:
            if not str(about.get(name)).startswith("https://"):
                return Trouble("protocol", f"it names no {name} at https://")
        self._about, self._until = about, self._now() + KEPT_SECONDS
        return about

    async def _tokens(self, about: Mapping[str, Any], code: str, trip: Trip, redirect: str) -> dict[str, Any] | Trouble:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": trip.verifier,
        }
        authorization, app = "", self._app
        known = about.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if not app.client_secret:
            form |= {"client_id": app.client_id}
        elif "client_secret_basic" in known:  # RFC 6749 section 2.3.1
            pair = f"{quote_plus(app.client_id)}:{quote_plus(app.client_secret)}"
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": app.client_id, "client_secret": app.client_secret}
        return await self._asked(about["token_endpoint"], form, authorization)

    async def _asked(
        self, url: str, form: Mapping[str, str] | None = None, authorization: str = ""
    ) -> dict[str, Any] | Trouble:
        """An object of JSON."""
        reply = await ask(self._network, url, form=form, seconds=ASK_SECONDS, authorization=authorization)
        if isinstance(reply, Trouble):
            return reply
        said = _json(reply.body)
        if reply.status == 200 and said is not None:
            return said
        if reply.status == 429 or reply.status >= 500:
            return Trouble("busy", f"it answers with status {reply.status}")
        error = str((said or {}).get("error", ""))[:80]
        if error == "invalid_grant":
            return Trouble("revoked", "the code is not good, or no longer")
        return Trouble("protocol", f"it answers with status {reply.status}, {error!a}")

    def _checked(self, given: Mapping[str, Any], keys: Mapping[str, Any], nonce: str) -> dict[str, Any] | Trouble:
        """The claims of the ID token, once it is the provider's own, for us, and for this way to it (section 3.1.3.7;
        RFC 8725 section 3.1)."""
        app = self._app
        wanted = {"iss": {"essential": True, "value": app.issuer}, "aud": {"essential": True, "value": app.client_id}}
        known = {"nonce": nonce, "client_id": app.client_id, "access_token": given.get("access_token")}
        try:
            token = jwt.decode(str(given.get("id_token")), KeySet.import_key_set(keys), algorithms=_SIGNED)  # type: ignore[arg-type]
            claims = CodeIDToken(token.claims, token.header, wanted, known)
            claims.validate(int(self._now()), _LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as fault:
            return Trouble("protocol", f"its ID token is not accepted: {str(fault)[:200] or type(fault).__name__}")
        return dict(claims)

    async def _userinfo(
        self, about: Mapping[str, Any], given: Mapping[str, Any], subject: str
    ) -> dict[str, Any] | Trouble | None:
        """The claims that a provider tells only whoever asks for them (sections 5.3.2 and 5.4); None where it has no
        place for that."""
        place, access = about.get("userinfo_endpoint"), given.get("access_token")
        if not isinstance(place, str) or not isinstance(access, str) or not _TOKEN.fullmatch(access):
            return None
        said = await self._asked(place, authorization=f"Bearer {access}")
        if isinstance(said, Trouble) or said.get("sub") == subject:
            return said
        return Trouble("protocol", "it tells of somebody else than who signed in")


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
