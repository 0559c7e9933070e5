"""The stand of the console's pages: a site on a port, a browser before it, and what tells whether all can use it."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Dialog, Page, Request, async_playwright, expect

from gateway.web.app import close_streams
from tests.web.site import URL, Site, letter

PATIENCE = 20_000
"""Milliseconds a page may take; what is awaited comes within a fraction of them."""
NARROW = 320
LOOKS = (("light", 1280, 900), ("dark", 375, 800), ("light", NARROW, 640))
"""Scheme, width, height: a desk, a phone, and the least width without scrolling sideways (WCAG 2.2, 1.4.10)."""
MOST_BYTES = 100_000


@dataclass
class Visit:
    """A browser on a served site. foreign: requests that left for elsewhere, with what for. dialogs: that opened.
    faults: of our own script, of which there are none."""

    site: Site
    url: str
    context: BrowserContext
    foreign: list[tuple[str, str]] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def page(self) -> Page:
        return self.context.pages[0]

    async def open(self, path: str) -> Page:
        await self.page.goto(self.url + path, wait_until="load")
        return self.page

    async def plain(self) -> Page:
        """A page of the same person in which no script runs; it ends with the browser."""
        assert self.context.browser is not None
        kept = await self.context.storage_state()
        context = await self.context.browser.new_context(java_script_enabled=False, storage_state=kept)
        context.set_default_timeout(PATIENCE)
        return await context.new_page()

    def note(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", "about:")):
            self.foreign.append((request.url, request.resource_type))

    async def dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()


@contextlib.asynccontextmanager
async def connected(chromium: str) -> AsyncIterator[Browser]:
    """The browser of this run, for one story: what the story opened in it is closed with it."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect(chromium)
        yield browser
        await browser.close()


@contextlib.asynccontextmanager
async def visiting(browser: Browser, site: Site, link: str | None) -> AsyncIterator[Visit]:
    """Somebody's visit with a fresh profile. link: by which they sign in, None for a stranger."""
    async with served(site) as url:
        context = await browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        context.set_default_timeout(PATIENCE)
        one = Visit(site, url, context)
        context.on("request", one.note)
        context.on("dialog", one.dismiss)
        context.on("weberror", lambda fault: one.faults.append(str(fault.error)))
        page = await context.new_page()
        if link is not None:
            await page.goto(url + link.removeprefix(URL))
        yield one
        await context.close()
        assert one.faults == []


@contextlib.asynccontextmanager
async def served(site: Site) -> AsyncIterator[str]:
    """The site on a port of its own; its address."""
    server = uvicorn.Server(uvicorn.Config(site.app, port=0, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        assert not running.done()
        await asyncio.sleep(0)
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    close_streams(site.app)
    server.should_exit = True
    await running


async def serious(page: Page) -> list[str]:
    """What axe finds that keeps people out, with the element."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


WIDER = """() => document.documentElement.scrollWidth <= innerWidth ? "" :
  [...document.querySelectorAll("main *")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && !one.closest(".tabs"))
    .slice(0, 3).map((one) => one.outerHTML.slice(0, 120)).join(" | ") || "something beside main"
"""
"""What makes a page scroll sideways; empty for nothing."""


async def looks(page: Page) -> AsyncIterator[str]:
    """Sets the page up for each of the looks in turn; its name."""
    for scheme, width, height in LOOKS:
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        yield f"at {width} px, {scheme}"


async def faults(page: Page) -> list[str]:
    """What keeps somebody from the page as it is now: what axe finds, what is too wide, too many bytes.

    Something of a page may be seen before its stylesheet is there: it is looked at once all of it is. At the least
    width only the width is looked at: what axe finds there it finds on a phone.
    """
    await page.wait_for_load_state("load")
    narrow = page.viewport_size is not None and page.viewport_size["width"] == NARROW
    found = [] if narrow else await serious(page)
    if wider := await page.evaluate(WIDER):
        found.append(f"too wide: {wider}")
    if (size := len((await page.content()).encode())) >= MOST_BYTES:
        found.append(f"{size} bytes")
    return found


async def followed(page: Page) -> None:
    """Waits for the first look of a live part: what changes after it is told."""
    await page.locator("[data-followed]").first.wait_for(state="attached")


def drawing(width: int, height: int) -> bytes:
    """A red picture (PNG)."""
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * width) * height)
    parts = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


@dataclass
class Canary:
    """A server nobody should ask. heard: the header of each request that came all the same."""

    heard: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
        picture = drawing(9, 9)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(picture)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + picture)
        await writer.drain()
        writer.close()


def in_html(markup: str, *, cid: bytes = b"", **given: str) -> bytes:
    """A mail whose only text is HTML; with a picture that it calls by its Content-ID."""
    files = [("logo.png", "image/png", cid)] if cid else []
    text = markup.replace("\0", "&#0;").replace("\r", " ")
    mail = letter(text=text, files=files, **given).replace(b"text/plain", b"text/html", 1)
    return mail.replace(b"Content-Disposition: attachment", b"Content-ID: <logo@x>\r\nContent-Disposition: inline")


async def newest(site: Site) -> dict[str, str]:
    """The message that came last."""
    [found] = (await site.api.get("/v1/messages?limit=1")).json()["data"]
    return dict(found)
