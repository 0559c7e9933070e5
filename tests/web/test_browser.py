"""The console in a real Chromium: hostile mail acts on nothing and asks nobody, and pages can be used by everybody."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import struct
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from gateway.web.app import close_streams
from tests.core.payloads import EVIL, PAYLOADS
from tests.e2e.clients import need
from tests.web.site import ANA, CLIENT, Site, letter
from tests.web.test_held import UNPROVEN, hold

STORES = ("sqlite",)
"""What is tried here lies above the store."""

pytestmark = pytest.mark.e2e
PATIENCE = 20_000
"""Milliseconds a page may take; what is awaited comes within a fraction of them."""
SIZES = {"desktop": (1280, 900), "phone": (375, 800)}


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


@dataclass
class Visit:
    """A signed-in browser on a served site. foreign: requests that left for elsewhere. dialogs: that opened."""

    site: Site
    url: str
    context: BrowserContext
    foreign: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    async def open(self, path: str) -> Page:
        page = self.context.pages[0]
        await page.goto(self.url + path, wait_until="load")
        return page


@pytest.fixture
async def canary() -> AsyncIterator[Canary]:
    one = Canary()
    server = await asyncio.start_server(one.answer, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield one


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


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    need("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def visit(site: Site) -> AsyncIterator[Visit]:
    """A browser in which Acme's owner is signed in."""
    async with chromium() as browser, served(site) as url:
        context = await browser.new_context()
        context.set_default_timeout(PATIENCE)
        one = Visit(site, url, context)
        context.on("request", lambda request: _note(one, request.url))
        context.on("dialog", lambda dialog: _dismiss(one, dialog))
        page = await context.new_page()
        await page.goto(url + site.acme.sign_in_url.removeprefix("http://crm.example"))
        yield one
        await context.close()


def _note(visit: Visit, url: str) -> None:
    if not url.startswith((f"{visit.url}/", "data:", "about:")):
        visit.foreign.append(url)


async def _dismiss(visit: Visit, dialog: object) -> None:
    visit.dialogs.append(dialog.message)  # type: ignore[attr-defined]
    await dialog.dismiss()  # type: ignore[attr-defined]


def in_html(markup: str, *, cid: bytes = b"", **given: str) -> bytes:
    """A mail whose only text is HTML; with a picture that it calls by its Content-ID."""
    files = [("logo.png", "image/png", cid)] if cid else []
    text = markup.replace("\0", "&#0;").replace("\r", " ")
    mail = letter(text=text, files=files, **given).replace(b"text/plain", b"text/html", 1)
    return mail.replace(b"Content-Disposition: attachment", b"Content-ID: <logo@x>\r\nContent-Disposition: inline")


async def newest(site: Site) -> str:
    return str((await site.api.get("/v1/messages?limit=1")).json()["data"][0]["id"])


async def test_no_payload_acts_or_asks_another_server(visit: Visit, canary: Canary) -> None:
    for name, payload in PAYLOADS.items():
        assert (await visit.site.hand(in_html(payload.replace(EVIL, canary.url), subject=name))).startswith("250"), name
        page = await visit.open(f"/mail/{await newest(visit.site)}")
        frame = page.frame_locator("iframe.paper")
        await frame.locator("h1").first.wait_for(state="attached")
        assert (visit.dialogs, visit.foreign, canary.heard) == ([], [], []), name
        assert page.url.startswith(f"{visit.url}/mail/"), name
        assert len(visit.context.pages) == 1, name


REMOTE = """
<p style="background:url({0}/never.png)">Hi</p><img src="{0}/image.png" srcset="{0}/srcset.png 2x">
<table background="{0}/background.png"><tr><td style="background:url({0}/style.png)">x</td></tr></table>
<link rel=stylesheet href="{0}/link.css"><style>@import "{0}/import.css";</style>
<video poster="{0}/poster.png"></video><svg><image href="{0}/svg.png"></svg>
"""


async def test_remote_pictures_come_when_the_reader_asks_for_them(visit: Visit, canary: Canary) -> None:
    await visit.site.hand(in_html(REMOTE.format(canary.url)))
    page = await visit.open(f"/mail/{await newest(visit.site)}")
    await page.frame_locator("iframe.paper").locator("p").wait_for()
    assert (visit.foreign, canary.heard) == ([], [])
    await page.get_by_role("link", name="Show images").click()
    await page.wait_for_load_state("load")
    asked = sorted(header.split()[1] for header in canary.heard)
    assert asked == ["/background.png", "/image.png", "/style.png"]
    assert not [header for header in canary.heard if "referer:" in header.lower() or "cookie:" in header.lower()]
    assert visit.dialogs == []


async def test_a_mail_shows_its_own_picture_as_high_as_it_is_and_its_links_lead_out(visit: Visit) -> None:
    markup = "<img src='cid:logo@x' alt=Logo><p><a href='https://shop.example/'>Shop</a></p>"
    await visit.site.hand(in_html(markup, cid=drawing(40, 1_200)))
    page = await visit.open(f"/mail/{await newest(visit.site)}")
    frame = page.frame_locator("iframe.paper")
    assert await frame.locator("img").evaluate("image => image.naturalHeight") == 1_200
    height = await page.locator("iframe.paper").evaluate("frame => frame.clientHeight")
    assert height > 1_200
    link = frame.get_by_role("link", name="Shop")
    assert await link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert await link.get_attribute("target") == "_blank"


async def test_the_frame_alone_lets_nothing_act(visit: Visit, canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second wall: even if the cleaning let all of it pass, the document's own policy doesn't."""
    hostile = (
        f"<script>alert(1)</script><img src={canary.url} onerror=alert(2)><iframe src='javascript:alert(3)'></iframe>"
    )
    monkeypatch.setattr("gateway.core.body.make_safe", lambda markup, **_: Unsafe(markup))
    monkeypatch.setattr("gateway.core.body.unstyled", lambda markup: markup)
    await visit.site.hand(in_html(f"<b>Hi</b>{hostile}"))
    page = await visit.open(f"/mail/{await newest(visit.site)}")
    assert await page.frame_locator("iframe.paper").locator("script").count() == 1
    assert (visit.dialogs, canary.heard) == ([], [])


@dataclass
class Unsafe:
    html: str
    remote: bool = False


async def test_a_held_mail_is_released_and_refused_by_keyboard(visit: Visit) -> None:
    await hold(visit.site, "First")
    await hold(visit.site, "Second")
    page = await visit.open("/")
    await page.get_by_role("link", name="Release or refuse 2 held mails").press("Enter")
    await page.get_by_role("button", name="Release First").press("Enter")
    await page.get_by_text("Released", exact=True).wait_for()
    await page.get_by_role("button", name="Refuse Second").press("Space")
    await page.get_by_text("Refused", exact=True).wait_for()
    assert await page.get_by_text("Nothing is held.").is_visible()
    assert await page.locator("h1").inner_text() == "Held"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_use_the_pages(visit: Visit, scheme: str) -> None:
    site = visit.site
    site.looker.found = UNPROVEN
    await site.hand(in_html("<h2>Hi</h2><p>Text</p><img src='https://shop.example/1.png' alt=Shop>", subject="Spoofed"))
    message = await newest(site)
    await site.hand(letter("From a client", author=CLIENT, to=ANA))
    held = await hold(site)
    attempts = {
        one["decision"]["base_subject"]: one["id"] for one in (await site.api.get("/v1/receipts")).json()["data"]
    }
    pages = ["/", "/trace", f"/trace/{attempts['Spoofed']}", f"/trace/{attempts['Partnership']}", "/held"]
    pages += [f"/mail/{message}", f"/mail/{held}"]
    for size, (width, height) in SIZES.items():
        page = visit.context.pages[0]
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for path in pages:
            await visit.open(path)
            assert await serious(page) == [], f"{path} {size}"
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                f"{path} {size} is too wide"
            )
            assert len((await page.content()).encode()) < 100_000
    await site.client(site.acme.token).post(f"/v1/messages/{held}/refuse")
    for path in ("/held", f"/held?done={held}"):
        await visit.open(path)
        assert await serious(visit.context.pages[0]) == [], path


async def serious(page: Page) -> list[str]:
    """What axe finds that keeps people out, with the element."""
    found = (await Axe().run(page)).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
