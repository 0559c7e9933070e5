"""The mailboxes pages in a real Chromium: for everybody, by keyboard, on any width, and by the sign-in at Google."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Route, expect

from gateway.usecases.accounts import _now
from tests.web import boxes
from tests.web.boxes import add_reader, bring, change_box
from tests.web.browser import Visit, faults, followed, looks
from tests.web.site import URL, Site, letter
from tests.web.test_mailboxes import ANA, PASSWORD

pytestmark = pytest.mark.e2e


async def furnish(site: Site) -> dict[str, str]:
    """Mailboxes in each state; their ids."""
    ana, now = site.acme.owner.id, _now()
    dimas = await add_reader(site, "dimas@acme.example")
    ready: dict[str, Any] = {"last_sync_at": now - 240_000, "next_sync_at": now + 660_000}
    states: dict[str, tuple[str, str, dict[str, Any]]] = {
        "sales": (ana, "shared", {"state": "auth_failed", "provider": "gmail.com", "error": "it refuses the password"}),
        "priya": (ana, "personal", {"state": "importing", "done": 213, "total": 500, "created_at": now - 90_000}),
        "ana": (ana, "personal", ready | {"holder": "x", "proposals": '["ap@acme.example"]'}),
        "slow": (ana, "personal", ready | {"error": "imap.acme.example can't be reached at port 993"}),
        "dimas": (dimas.id, "personal", ready),
        "rest": (ana, "personal", {"state": "paused"}),
    }
    ids = {}
    for name, (owner, kind, changed) in states.items():
        ids[name] = await boxes.connect(site, f"{name}@acme.example", owner, kind=kind)
        await change_box(site, ids[name], **changed)
    ids["gone"] = await boxes.connect(site, "gone@acme.example", ana, state="disconnected")
    await bring(site, ids["ana"], letter())
    return ids


async def test_everybody_can_use_the_pages_of_mailboxes(visit: Visit) -> None:
    ids = await furnish(visit.site)
    paths = [f"/mailboxes/{ids[name]}" for name in ("sales", "priya", "ana", "dimas", "gone")]
    paths += ["/mailboxes", f"/mailboxes/{ids['ana']}/disconnect", "/mailboxes/add?address=x@acme.example", "/egress"]
    paths += [f"/mailboxes/add?address={one}" for one in ("x@gmail.com", "x@outlook.com", "x@guessed.example", "none")]
    async for look in looks(visit.page):
        for path in paths:
            assert await faults(await visit.open(path)) == [], f"{path} {look}"
    assert visit.foreign == []


async def test_a_mailbox_is_added_and_paused_by_keyboard_alone(visit: Visit) -> None:
    site = visit.site
    site.servers.passwords[ANA] = PASSWORD
    page = await visit.open("/mailboxes")
    keys = page.keyboard
    await page.get_by_label("Address of the mailbox").focus()
    await keys.type("ana@münchen.example")
    await keys.press("Enter")
    field = page.get_by_label("Address of the mailbox")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_value("ana@münchen.example")
    await expect(page.get_by_text("is at an internationalised domain")).to_be_visible()
    await field.fill(ANA)
    await keys.press("Enter")
    await expect(page.get_by_text(f"hosts {ANA}.")).to_be_visible()
    await page.get_by_label("Password", exact=True).focus()
    await keys.type(PASSWORD)
    await keys.press("Tab")
    await keys.press("ArrowDown")
    await expect(page.get_by_role("radio", name="Shared")).to_be_checked()
    await keys.press("Enter")
    await expect(page.get_by_text(f"{ANA} is connected.")).to_be_visible()
    [made] = (await site.api.get("/v1/mailboxes")).json()["data"]
    assert made["kind"] == "shared"
    await page.get_by_role("button", name=f"Pause {ANA}").focus()
    await keys.press("Space")
    await expect(page.get_by_role("button", name=f"Continue {ANA}")).to_be_visible()


async def test_an_import_moves_on_without_reload(visit: Visit) -> None:
    ids = await furnish(visit.site)
    page = await visit.open("/mailboxes")
    bar = page.get_by_role("progressbar", name="213 of 500 mails")
    await expect(bar).to_have_attribute("value", "213")
    await followed(page)
    await change_box(visit.site, ids["priya"], done=400)
    await expect(page.get_by_role("progressbar", name="400 of 500 mails")).to_have_attribute("value", "400")
    await expect(page.locator("#said")).to_have_text("Import of priya@acme.example: 400 of 500 mails")
    await change_box(visit.site, ids["priya"], state="ready", done=500)
    await expect(page.locator("#said")).to_have_text("priya@acme.example is up to date")


async def test_e1_google_asks_its_user_itself_and_leads_back(visit: Visit) -> None:
    """What stands at Google's address here consents at once; what it is asked comes from a real browser."""
    site, asked = visit.site, []

    async def consent(route: Route) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        asked.append(query)
        code = site.servers.consent(query["state"], query["redirect_uri"])
        back = f"{visit.url}{query['redirect_uri'].removeprefix(URL)}?code={code}&state={query['state']}"
        await route.fulfill(status=303, headers={"Location": back})

    await visit.context.route("https://google.example/**", consent)
    page = await visit.open("/mailboxes/add?address=ana@gmail.com")
    await page.get_by_role("link", name="Sign in at Google").first.press("Enter")
    await expect(page.get_by_text("ana@gmail.com is connected.")).to_be_visible()
    assert asked[0]["login_hint"] == "ana@gmail.com"
    await expect(page.get_by_role("heading", name="ana@gmail.com")).to_be_visible()
