"""A site whose users may sign in with a provider, and somebody's browser on the way there and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

import config
from gateway.store.accounts import add_user, find_account
from gateway.store.engine import Tx
from gateway.usecases import accounts
from gateway.wiring_mailboxes import elsewhere
from tests.mailboxes.certificates import Authority
from tests.mailboxes.openid_server import CLIENT, SECRET, OpenIdServer
from tests.web.site import URL, Site

BEGIN, BACK, ACCOUNT = "/sign-in/openid", "/sign-in/openid/back", "/sign-in/openid/account"


@dataclass
class Firm:
    """A site and the provider of its users."""

    site: Site
    server: OpenIdServer
    authority: Authority

    def offer(self, **settings: str) -> None:
        """Has the site offer the provider, by the settings that an operator writes."""
        environ = {
            "SMARTGATE_OIDC_ISSUER": self.server.issuer,
            "SMARTGATE_OIDC_CLIENT_ID": CLIENT,
            "SMARTGATE_OIDC_CLIENT_SECRET": SECRET,
            "SMARTGATE_OIDC_NAME": "Firm ID",
            "SMARTGATE_MAILBOX_CA_FILE": str(self.authority.file),
        }
        found = elsewhere(config.load(environ | settings))
        self.site.app.state.services = replace(self.site.app.state.services, elsewhere=found)

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        """A browser in which nobody is signed in."""
        return self.site.client(Accept="text/html", **headers)

    async def led_back(self, browser: httpx2.AsyncClient) -> str:
        """Goes to the provider, and signs in there: where that leads back to."""
        begun = await browser.get(BEGIN)
        assert begun.status_code == 303, begun.text
        async with httpx2.AsyncClient(trust_env=False, verify=self.authority.client()) as http:
            answer = await http.get(begun.headers["location"])
        assert answer.status_code == 302, answer.text
        link: str = answer.headers["location"]
        assert urlsplit(link)._replace(query="").geturl() == f"{URL}{BACK}"
        return link.removeprefix(URL)

    async def sign_in(self, browser: httpx2.AsyncClient) -> httpx2.Response:
        """All of the way, but for a choice of accounts."""
        return await browser.get(await self.led_back(browser))

    async def seat(self, slug: str, email: str) -> None:
        """Makes somebody a user of an account."""

        def add(tx: Tx) -> None:
            account = find_account(tx, slug)
            assert account is not None
            add_user(tx, account.number, email, "Ana", "user", accounts._now())

        await self.site.store.write(add)


@asynccontextmanager
async def open_firm(site: Site, authority: Authority, folder: Path) -> AsyncIterator[Firm]:
    """The site and a provider that lets in Acme's owner."""
    async with OpenIdServer(authority.certificate().context(folder)) as server:
        firm = Firm(site, server, authority)
        firm.offer()
        yield firm
