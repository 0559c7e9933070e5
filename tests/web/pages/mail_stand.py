"""A signed-in browser on a site with a real SMTP door, for the pages on which mail is read and written."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, Page

from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from tests.web.site import Site
from tests.web.test_browser import PATIENCE, chromium, served


@dataclass
class Stand:
    """What a test has in hand. asked: every request that left for elsewhere, with what it was for. ran: dialogs that
    opened, and what scripts would have told. port: of the SMTP door. faults: of our own script, of which there are none."""

    site: Site
    url: str
    context: BrowserContext
    port: int
    asked: list[tuple[str, str]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.context.pages[0]

    async def open(self, path: str) -> Page:
        await self.page.goto(self.url + path, wait_until="load")
        return self.page

    async def send(self, raw: bytes, author: str = "eve@shop.example", to: str = "acme+lead@mail.kommo.com") -> str:
        """Sends a mail by SMTP with a real client; the id of the message."""
        known = {row["id"] for row in await self._newest()}

        def hand() -> None:
            with smtplib.SMTP("127.0.0.1", self.port) as client:
                client.sendmail(author, [to], raw)

        await asyncio.to_thread(hand)
        [id] = {row["id"] for row in await self._newest()} - known
        return str(id)

    async def _newest(self) -> list[dict[str, str]]:
        data: list[dict[str, str]] = (await self.site.api.get("/v1/messages?limit=200")).json()["data"]
        return data


@contextlib.asynccontextmanager
async def signed_in(site: Site, link: str = "") -> AsyncIterator[Stand]:
    """A browser in which Acme's owner is signed in. link: somebody else's way in."""
    async with chromium() as browser, served(site) as url, smtp_door(site) as port:
        context = await browser.new_context()
        context.set_default_timeout(PATIENCE)
        stand = Stand(site, url, context, port)

        def note(asked: object) -> None:
            to, kind = asked.url, asked.resource_type  # type: ignore[attr-defined]
            if not to.startswith((f"{url}/", "data:", "about:")):
                stand.asked.append((to, kind))

        async def dismiss(dialog: object) -> None:
            stand.ran.append(dialog.message)  # type: ignore[attr-defined]
            await dialog.dismiss()  # type: ignore[attr-defined]

        context.on("request", note)
        context.on("dialog", dismiss)
        context.on("weberror", lambda fault: stand.faults.append(str(fault.error)))
        page = await context.new_page()
        await page.goto(url + (link or site.acme.sign_in_url).removeprefix("http://crm.example"))
        yield stand
        await context.close()
        assert stand.faults == []


@contextlib.asynccontextmanager
async def smtp_door(site: Site) -> AsyncIterator[int]:
    """The real door before the site's desk; its port."""
    server = SmtpServer(site.desk, SmtpLimits(), "mx.kommo.example")
    _, port = await server.start("127.0.0.1", 0)
    yield port
    await server.stop(0)
