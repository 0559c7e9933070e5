"""Every page of the console in a real Chromium: found by plain links, usable by everybody, on each store.

What one page does is told where that page is; here stands what holds for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.async_api import Page

from tests.web.browser import WIDER, Visit, serious
from tests.web.furnished import furnish

STORES = ("sqlite",)
"""What holds for all pages lies above the store; what each shows is told on both."""
pytestmark = pytest.mark.e2e
_ID = re.compile(r"[0-9A-Z]{26}")
_LINK = re.compile(r"<a\b[^>]*? href=\"([^\"]+)\"")
_SOME = 4
NARROW = {"at the least width": (320, 640), "on a phone": (375, 800), "on a desk at 200 %": (640, 480)}
_LEFT_OUT = ("/sign-out", "/sign-in", "/static/", "/v1/openapi.json", "/mailboxes/consent", "/addresses/")
_FILES = re.compile(r"/(raw|page|attachments/\d+)(\?|$)")
LEAST_KINDS = {
    "/",
    "/compose",
    "/contacts",
    "/contacts/ID",
    "/customers",
    "/customers/ID",
    "/deleted",
    "/egress",
    "/held",
    "/leads",
    "/leads/ID",
    "/mail",
    "/mail/ID",
    "/mailboxes",
    "/me",
    "/settings",
    "/settings/audit",
    "/settings/crm",
    "/settings/deliveries",
    "/settings/endpoints",
    "/settings/fields",
    "/settings/tokens",
    "/settings/users",
    "/setup",
    "/templates",
    "/tester",
    "/threads/ID",
    "/trace",
    "/trace/ID",
}


async def every_kind(visit: Visit) -> dict[str, str]:
    """A page of each kind that links lead to from the home page; its kind is its path without ids. Of each kind the
    links of some pages are followed, as not every one leads everywhere."""
    found: dict[str, list[str]] = {}
    waiting, seen = ["/"], {"/"}
    while waiting:
        path = waiting.pop(0)
        alike = found.setdefault(_ID.sub("ID", path.partition("?")[0]), [])
        if len(alike) == _SOME:
            continue
        answer = await visit.context.request.get(visit.url + path)
        assert answer.status == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        alike.append(path)
        for link in _LINK.findall(await answer.text()):
            target = urlsplit(urljoin(visit.url + path, unescape(link)))
            local = target.path + (f"?{target.query}" if target.query else "")
            ours = f"{target.scheme}://{target.netloc}" == visit.url
            if ours and local not in seen and not local.startswith(_LEFT_OUT) and not _FILES.search(local):
                seen.add(local)
                waiting.append(local)
    return {kind: paths[0] for kind, paths in found.items() if paths}


async def each(visit: Visit, look: Callable[[Page, str], Awaitable[None]]) -> set[str]:
    """Opens a page of each kind and looks at it; the kinds."""
    await furnish(visit.site)
    kinds = await every_kind(visit)
    for path in kinds.values():
        page = await visit.open(path)
        await look(page, path)
    assert visit.dialogs == []
    return set(kinds)


async def test_plain_links_lead_from_home_to_every_page_and_nothing_leaves_for_elsewhere(visit: Visit) -> None:
    async def look(page: Page, path: str) -> None:
        assert await page.locator("h1").count() == 1, path
        assert await page.title() not in ("", " · Smartgate"), path
        assert await page.locator("html[lang]").count() == 1, path
        content = await (await page.context.request.get(page.url)).text()
        assert len(content.encode()) < 100_000, path
        assert not re.search(r"<script(?![^>]* src=)|\sstyle=|\son[a-z]+=\"", content), path

    assert await each(visit, look) >= LEAST_KINDS
    assert visit.foreign == []


async def test_nothing_serious_keeps_people_out(visit: Visit) -> None:
    async def look(page: Page, path: str) -> None:
        await page.emulate_media(color_scheme="light", reduced_motion="reduce")
        assert await serious(page) == [], f"{path} light"
        await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert await serious(page) == [], f"{path} dark"

    await each(visit, look)


async def test_no_page_scrolls_sideways(visit: Visit) -> None:
    async def look(page: Page, path: str) -> None:
        for name, (width, height) in NARROW.items():
            await page.set_viewport_size({"width": width, "height": height})
            await page.reload()
            assert await page.evaluate(WIDER) == "", f"{path} {name}"

    await each(visit, look)


KEYBOARD = """() => {
  const shown = (one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("[inert]");
  const may = [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((one) => shown(one) && !one.disabled && one.type !== "hidden");
  return may.filter((one) => one.tabIndex < 0 && one.type !== "radio").map((one) => one.outerHTML.slice(0, 120));
}"""


async def test_every_page_is_gone_through_by_keyboard_and_shows_where_one_is(visit: Visit) -> None:
    async def look(page: Page, path: str) -> None:
        assert await page.evaluate(KEYBOARD) == [], path
        seen = set()
        for _ in range(12):
            await page.keyboard.press("Tab")
            name, ring = await page.evaluate(
                """() => { const one = document.activeElement, style = getComputedStyle(one);
                return [one.outerHTML.slice(0, 200), style.outlineStyle !== "none" || style.boxShadow !== "none"
                  || one.matches("iframe, body, html")]; }"""
            )
            assert ring, f"{path}: focus can't be seen on {name}"
            seen.add(name)
        assert len(seen) >= min(8, await page.locator("a[href], button, input, select, textarea").count()), (
            f"{path}: the keyboard is held at {seen}"
        )

    await each(visit, look)
