"""Connects an account of Kommo: the address and the credentials are tried at once, so that a slip is told at once.

Credentials are kept as one text, sealed with the back end: `{"token"}`, or `{"client_id", "client_secret",
"redirect_uri"}` for OAuth, whose pair of tokens lives in the ledger (`kommo_auth`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2

from crm_adapter.kommo_auth import Authority, LongLived, OAuth, Pair
from crm_adapter.kommo_client import ACCOUNT
from crm_adapter.kommo_faults import KommoError
from crm_adapter.kommo_http import http_client
from crm_adapter.kommo_wire import exchange, said
from crm_adapter.targets import Resolve, TargetError, judged, look_up, read_url


class ConnectError(Exception):
    """The account can't be connected so. field: what is wrong, such as `url` or `token`; str() says why."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(why)
        self.field = field


@dataclass(frozen=True, slots=True, repr=False)
class Wish:
    """What somebody wants to connect. token: long-lived; or the four of OAuth, with the code that Kommo gave."""

    url: str
    token: str = ""
    client_id: str = ""
    client_secret: str = ""
    redirect_uri: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Connected:
    """An account that let us in. id: Kommo's. name: what it calls itself. credentials, pair: to be kept sealed."""

    url: str
    auth: str
    id: str
    name: str
    credentials: str
    pair: Pair | None


def authority_of(credentials: str) -> Authority:
    """What was kept of `Connected.credentials`."""
    kept = json.loads(credentials)
    if "token" in kept:
        return LongLived(kept["token"])
    return OAuth(kept["client_id"], kept["client_secret"], kept["redirect_uri"])


async def connect(wish: Wish, *, private: bool, resolve: Resolve = look_up) -> Connected:
    """Tries an account's address and credentials, with a request that changes nothing. Raises ConnectError.

    private: http, and addresses of our own network, are allowed.
    """
    _require(wish)
    site = await _site(wish.url, private=private, resolve=resolve)
    async with http_client(private=private, resolve=resolve) as http:
        if wish.token:
            id, name = await _account(http, site, wish.token)
            return Connected(site, "token", id, name, json.dumps({"token": wish.token}), None)
        ours = OAuth(wish.client_id, wish.client_secret, wish.redirect_uri)
        try:
            pair = await ours.redeem(http, site, wish.code)
        except KommoError as fault:
            raise ConnectError("code", f"{fault}; a code works once and for twenty minutes") from fault
        id, name = await _account(http, site, pair.access)
        kept = {field: getattr(wish, field) for field in ("client_id", "client_secret", "redirect_uri")}
        return Connected(site, "oauth", id, name, json.dumps(kept), pair)


def _require(wish: Wish) -> None:
    oauth = [name for name in ("client_id", "client_secret", "redirect_uri", "code") if getattr(wish, name)]
    if wish.token and oauth:
        raise ConnectError("token", f"a token and {oauth[0]} were given; allowed: a long-lived token, or OAuth")
    if not wish.token and len(oauth) < 4:
        raise ConnectError(
            "token", "no token was given; allowed: a long-lived token, or client_id, client_secret, redirect_uri, code"
        )
    for name in ("token", *oauth):
        text = getattr(wish, name)
        if text and not (text.isascii() and text.isprintable() and " " not in text):
            raise ConnectError(name, f"the {name} has blanks or signs outside of ASCII; it is copied wrongly")


async def _site(text: str, *, private: bool, resolve: Resolve) -> str:
    """The account's address as requests begin with it."""
    allowed = "allowed: https://SUBDOMAIN.kommo.com"
    try:
        target = read_url(text)
        if target.scheme != "https" and not private:
            raise TargetError(f"{text.strip()[:80]!a} is not https")
        if target.path not in ("", "/") or urlsplit(target.url).fragment:
            raise TargetError(f"{text.strip()[:80]!a} is more than an account's address")
        if not await judged(target, resolve, private=private):
            raise TargetError(f"{target.host[:80]!a} has no address")
    except TargetError as fault:
        what = str(fault).partition("; allowed:")[0]
        raise ConnectError("url", f"{what}; {allowed}") from fault
    return f"{target.scheme}://{target.authority}".lower()


async def _account(http: httpx2.AsyncClient, site: str, token: str) -> tuple[str, str]:
    """The account's id and what it calls itself, which shows that it is one and lets us in."""
    headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
    try:
        answer = await exchange(http, http.build_request("GET", f"{site}{ACCOUNT}", headers=headers), False)
    except KommoError as fault:
        raise ConnectError("url", str(fault)) from fault
    if answer.status == 200 and isinstance(answer.data, dict) and "id" in answer.data:
        return str(answer.data["id"]), str(answer.data.get("name") or answer.data["id"])[:200]
    words = said(answer)
    if answer.status == 401:
        raise ConnectError("token", f"{site} does not know the token: {words}")
    if answer.status == 402:
        raise ConnectError("url", f"the account at {site} is not paid: {words}")
    if answer.status == 403:
        raise ConnectError("token", f"{site} does not let this token in: {words}")
    raise ConnectError("url", f"there is no Kommo account at {site}: {words}")
