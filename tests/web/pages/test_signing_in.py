"""Signing in and the account's settings in a real Chromium, on both stores: what spec 7 wants seen of these pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po
from playwright.async_api import Page, expect

from gateway.usecases import tokens
from gateway.web import tongues
from tests.web.browser import Visit, faults, looks, serious
from tests.web.test_walls import new_link

pytestmark = pytest.mark.e2e
PASSWORD = "correct horse battery staple"


def here(link: str) -> str:
    """The path of a link that a command or a mail gave."""
    return link.removeprefix("http://crm.example")


async def sign_in(page: Page, password: str = PASSWORD, email: str = "ana@acme.example") -> None:
    await page.get_by_label("Account", exact=True).fill("acme")
    await page.get_by_label("Your e-mail address", exact=True).fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_label("Password", exact=True).press("Enter")


async def test_a_used_or_old_link_does_not_work_and_a_look_burns_nothing(stranger: Visit) -> None:
    link = here(await new_link(stranger.site))
    assert (await stranger.site.client().head(link)).status_code == 200
    page = await stranger.open(link)
    assert page.url == f"{stranger.url}/"
    await stranger.context.clear_cookies()
    page = await stranger.open(link)
    await expect(page.locator("h1")).to_have_text("This link doesn’t work any more.")
    old = here(await new_link(stranger.site))
    ended = "UPDATE tokens SET expires_at = 1 WHERE kind = 'sign_in'"
    await stranger.site.store.write(lambda tx: tx.exec_driver_sql(ended).rowcount)
    page = await stranger.open(old)
    await expect(page.locator("h1")).to_have_text("This link doesn’t work any more.")
    assert await serious(page) == []


async def test_ten_wrong_passwords_slow_down(stranger: Visit) -> None:
    page = await stranger.open("/sign-in")
    for n in range(10):
        await sign_in(page, f"guess {n}")
        await page.get_by_text("These don’t fit together.").wait_for()
    await sign_in(page)
    await page.get_by_text("Too many wrong passwords.").wait_for()
    assert await serious(page) == []
    page = await stranger.open(here(await new_link(stranger.site)))
    await expect(page.locator("h1")).to_contain_text("Ana")


async def test_a_password_is_set_and_leads_back_to_the_page_that_was_asked_for(visit: Visit) -> None:
    page = await visit.open("/me")
    await page.get_by_label("New password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Set a password").press("Enter")
    await page.get_by_text("Your password is set.").wait_for()
    await page.get_by_role("button", name="Sign out", exact=True).first.click()
    page = await visit.open("/settings/users")
    await expect(page.locator("h1")).to_have_text("Sign in")
    await sign_in(page)
    await expect(page).to_have_url(f"{visit.url}/settings/users")


async def test_another_accounts_page_is_not_there(visit: Visit) -> None:
    for path in (f"/settings/users/{visit.site.other.owner.id}", "/contacts/01M8Q000000000000000000000"):
        page = await visit.open(path)
        await expect(page.locator("h1")).to_have_text("There is nothing here")


async def test_a_user_sees_none_of_the_admin_pages(stranger: Visit) -> None:
    secret = await stranger.site.add_user("dimas@acme.example", "Dimas", kind="sign_in")
    page = await stranger.open(f"/sign-in/{secret}")
    await expect(page.get_by_role("link", name="Contacts")).to_be_visible()
    assert await page.locator('a[href^="/settings"], a[href^="/setup"]').count() == 0
    for path in ("/settings", "/settings/rename", "/settings/users", "/settings/tokens", "/settings/audit"):
        page = await stranger.open(path)
        await expect(page.locator("h1")).to_have_text("You may not do this")


async def test_the_present_tab_is_in_sight_on_a_narrow_screen(visit: Visit) -> None:
    page = await visit.open("/")
    await page.set_viewport_size({"width": 320, "height": 640})
    page = await visit.open("/settings/audit")
    await expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=1)
    page = await visit.open("/settings")
    await expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=1)


async def test_an_account_is_renamed(visit: Visit) -> None:
    page = await visit.open("/settings")
    await page.get_by_role("link", name="Rename").click()
    await page.get_by_text("These stop working at once:").wait_for()
    await page.get_by_label("New name", exact=True).fill("apex")
    await page.get_by_label("Type it again, to be sure", exact=True).fill("apexx")
    await page.get_by_role("button", name="Rename acme").press("Enter")
    again = page.get_by_label("Type it again, to be sure", exact=True)
    await expect(again).to_have_attribute("aria-invalid", "true")
    assert await serious(page) == []
    await again.fill("apex")
    await page.get_by_role("button", name="Rename acme").press("Enter")
    await page.get_by_text("The account is apex now.").wait_for()
    await expect(page.get_by_text("apex+lead@mail.kommo.com")).to_be_visible()


async def test_a_user_is_added_and_comes_in_by_the_copied_link(visit: Visit) -> None:
    page = await visit.open("/settings/users")
    await page.get_by_label("E-mail address", exact=True).fill("dimas@acme.example")
    await page.get_by_label("Name", exact=True).fill("Dimas Wijaya")
    await page.get_by_role("button", name="Add the user").press("Enter")
    await page.get_by_text("Dimas Wijaya is a user now.").wait_for()
    await page.get_by_role("button", name="Copy").press("Space")
    await expect(page.locator("#said")).to_contain_text("Copied")
    link = await page.evaluate("navigator.clipboard.readText()")
    assert await serious(page) == []
    assert visit.context.browser is not None
    theirs = await (await visit.context.browser.new_context()).new_page()
    await theirs.goto(visit.url + here(link))
    await expect(theirs.locator("h1")).to_contain_text("Dimas")
    page = await visit.open("/settings/users")
    await page.get_by_role("link", name="Dimas Wijaya").press("Enter")
    await page.get_by_role("button", name="Remove Dimas Wijaya").press("Enter")
    await page.get_by_text("The user is removed.").wait_for()
    await theirs.reload()
    await expect(theirs.locator("h1")).to_have_text("Sign in")


async def test_a_token_is_made_and_revoked(visit: Visit) -> None:
    page = await visit.open("/settings/tokens")
    await page.get_by_label("What it is for", exact=True).fill("Reports")
    await page.get_by_role("button", name="Make the token").press("Enter")
    await page.get_by_text("Copy it now: it is shown this once.").wait_for()
    secret = await page.locator(".said pre").inner_text()
    assert (await visit.site.client(secret).get("/v1/contacts")).status_code == 200
    assert await serious(page) == []
    await page.get_by_role("button", name="Revoke Reports").press("Enter")
    await page.get_by_text("The token is revoked.").wait_for()
    assert (await visit.site.client(secret).get("/v1/contacts")).status_code == 401


async def test_a_session_elsewhere_is_ended(visit: Visit) -> None:
    secret = await visit.site.store.write(lambda tx: tokens.create_token(tx, "acme", "ana@acme.example")[1])
    elsewhere = visit.site.client(Accept="text/html", **{"User-Agent": "curl/8"})
    await elsewhere.get(f"/sign-in/{secret}")
    page = await visit.open("/me")
    await expect(page.get_by_text("This one")).to_have_count(1)
    await page.get_by_role("button", name="Sign out curl").press("Enter")
    await page.get_by_text("The session is ended.").wait_for()
    assert (await elsewhere.get("/")).status_code == 303


async def test_the_language_is_switched(visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalog(locale="id")
    catalogue.add("Home", "Beranda")
    with (tmp_path / "id.po").open("wb") as file:
        write_po(file, catalogue)
    monkeypatch.setattr(tongues, "LOCALE", tmp_path)
    tongues._catalogue.cache_clear()
    page = await visit.open("/me")
    await page.get_by_label("Language", exact=True).select_option("id")
    await page.get_by_role("button", name="Save").press("Enter")
    await expect(page.get_by_role("link", name="Beranda")).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "id"
    tongues._catalogue.cache_clear()


async def test_everybody_can_use_the_pages(visit: Visit) -> None:
    await visit.site.add_user("a-rather-long-address.of-somebody@a-long-domain.acme.example", "Bartholomäus Überlang")
    own = visit.site.acme.owner.id
    paths = ["/me", "/settings", "/settings/rename", "/settings/users", f"/settings/users/{own}"]
    paths += ["/settings/tokens", "/settings/audit", "/sign-in", "/sign-in?asked=1", "/sign-in/old"]
    async for look in looks(visit.page):
        for path in paths:
            assert await faults(await visit.open(path)) == [], f"{path} {look}"
