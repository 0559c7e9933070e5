"""Signing in with a provider in a real Chromium, with and without scripts, on both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.mailboxes.certificates import Authority
from tests.mailboxes.web_server import Said
from tests.web.browser import PATIENCE, Visit, faults, looks
from tests.web.elsewhere import Firm, open_firm

pytestmark = pytest.mark.e2e


@pytest.fixture
async def firm(stranger: Visit, certificates: Authority, tmp_path: Path) -> AsyncIterator[Firm]:
    """The provider of those who visit the site, which knows its own address."""
    site = stranger.site
    async with open_firm(site, certificates, tmp_path) as made:
        made.server.asks = True
        site.app.state.services = replace(site.app.state.services, public_url=lambda: stranger.url)
        yield made


async def page_of(visit: Visit, *, scripts: bool) -> Page:
    """A page of somebody whose browser trusts the provider's certificate."""
    assert visit.context.browser is not None
    context = await visit.context.browser.new_context(ignore_https_errors=True, java_script_enabled=scripts)
    context.set_default_timeout(PATIENCE)
    return await context.new_page()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_somebody_signs_in_with_the_firm_and_comes_to_the_page_they_wanted(
    stranger: Visit, firm: Firm, scripts: bool
) -> None:
    page = await page_of(stranger, scripts=scripts)
    await page.goto(f"{stranger.url}/settings/users")
    await page.get_by_role("link", name="Sign in with Firm ID").press("Enter")
    await expect(page.locator("h1")).to_have_text("The firm")
    await page.get_by_role("button", name="Continue as Ana").press("Enter")
    await expect(page).to_have_url(f"{stranger.url}/settings/users")
    await expect(page.get_by_role("heading", name="Users", exact=True).first).to_be_visible()


async def test_a_user_of_two_accounts_chooses_one_and_every_look_is_for_all(stranger: Visit, firm: Firm) -> None:
    await firm.seat("other", "ana@acme.example")
    page = await page_of(stranger, scripts=True)
    await page.goto(f"{stranger.url}/sign-in")
    found = {look: await faults(page) async for look in looks(page)}
    await page.get_by_role("link", name="Sign in with Firm ID").click()
    await page.get_by_role("button", name="Continue as Ana").click()
    await expect(page.locator("h1")).to_have_text("Choose an account")
    found |= {f"accounts {look}": await faults(page) async for look in looks(page)}
    await page.get_by_role("button", name="Other Inc").press("Enter")
    await expect(page).to_have_url(f"{stranger.url}/")
    await expect(page.get_by_text("Other Inc").first).to_be_visible()
    assert {look: wrong for look, wrong in found.items() if wrong} == {}


async def test_where_the_firm_is_away_a_password_still_signs_in(stranger: Visit, firm: Firm) -> None:
    firm.server.answers = {"/.well-known/openid-configuration": Said(503)}
    page = await page_of(stranger, scripts=True)
    await page.goto(f"{stranger.url}/sign-in")
    await page.get_by_role("link", name="Sign in with Firm ID").click()
    await expect(page.get_by_role("alert")).to_contain_text("The other sign-in page doesn’t answer at the moment.")
    found = {look: await faults(page) async for look in looks(page)}
    assert {look: wrong for look, wrong in found.items() if wrong} == {}
    await expect(page.get_by_label("Password", exact=True)).to_be_visible()
