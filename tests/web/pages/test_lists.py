"""The lists of mail in a real Chromium: keys, undo, Held and Deleted, and pages that everybody can use."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect

from tests.web.browser import Visit, faults, looks, serious
from tests.web.site import ANA, CLIENT, Site, letter
from tests.web.test_deleted import everywhere, rows
from tests.web.test_held import UNPROVEN, hold

pytestmark = pytest.mark.e2e


async def fill(site: Site) -> list[str]:
    """Three mails, each a thread; their ids, newest first."""
    for n in ("First", "Second", "Third"):
        await site.hand(letter(n, author=CLIENT, to=ANA, text=f"{n} text"))
    return [row["id"] for row in await rows(site, "messages")]


async def focused(page: Page) -> str:
    return str(await page.evaluate("document.activeElement.textContent.trim()"))


async def test_a_list_is_gone_through_by_keys(visit: Visit) -> None:
    third, second, _ = await fill(visit.site)
    page = await visit.open("/mail")
    seen = []
    for key in ("j", "j", "j", "j", "k"):
        await page.keyboard.press(key)
        seen.append(await focused(page))
    assert seen == ["Third", "Second", "First", "First", "Second"]
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(f"/mail/{second}"))
    await page.go_back()
    await page.keyboard.press("/")
    await page.keyboard.type("jek?")
    field = page.get_by_role("searchbox")
    assert await field.input_value() == "jek?"
    await page.keyboard.press("Escape")
    await expect(field).not_to_be_focused()
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("e")
    await page.keyboard.press("Escape")
    await expect(dialog).not_to_be_visible()
    await page.get_by_role("link", name="all keys").click()
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(page.locator("#said")).to_have_text("1 selected")
    await page.keyboard.press("Escape")
    assert await page.locator("[data-keys] :checked").count() == 0
    await page.keyboard.press("Control+e")
    await page.keyboard.press("j")
    await page.keyboard.press("e")
    await expect(page.get_by_text("1 mail deleted.").first).to_be_visible()
    assert {row["id"] for row in await rows(visit.site, "messages?folder=deleted")} <= {third, second}


async def test_letters_can_be_turned_off(visit: Visit) -> None:
    await fill(visit.site)
    page = await visit.open("/mail")
    await page.get_by_role("link", name="all keys").click()
    await page.get_by_role("button", name="Turn letter keys off").click()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await page.keyboard.press("e")
    await visit.open("/mail")
    await page.keyboard.press("j")
    assert await page.locator("[data-keys] a:focus").count() == 0
    assert len(await rows(visit.site, "messages")) == 3
    await page.get_by_role("link", name="all keys").click()
    await page.get_by_role("button", name="Turn letter keys on").click()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    assert await focused(page) == "Third"


async def test_undo_within_its_time_restores_all(visit: Visit) -> None:
    await fill(visit.site)
    before = await everywhere(visit.site)
    page = await visit.open("/mail")
    await page.keyboard.press("j")
    for _ in range(2):
        await page.keyboard.press("x")
        await page.keyboard.press("j")
    await page.keyboard.press("e")
    toast = page.locator(".toast")
    await expect(toast).to_contain_text("2 mails deleted.")
    await expect(page.locator("#said")).to_have_text("2 mails deleted.")
    assert "did=" not in page.url
    assert await serious(page) == []
    assert [row["subject"] for row in await rows(visit.site, "messages")] == ["First"]
    await toast.get_by_role("button", name="Undo").click()
    await expect(page.locator("#said")).to_have_text("2 mails are back where they were.")
    assert await everywhere(visit.site) == before
    await page.keyboard.press("j")
    await page.keyboard.press("e")
    await expect(toast).to_contain_text("1 mail deleted.")
    assert await focused(page) == "Second"
    await page.keyboard.press("z")
    await expect(page.locator("#said")).to_have_text("1 mail is back where it was.")
    assert await everywhere(visit.site) == before


async def test_the_offer_to_undo_ends_and_waits_for_who_is_at_it(visit: Visit) -> None:
    await fill(visit.site)
    page = await visit.open("/")
    await page.clock.install()
    await visit.open("/mail")
    await page.keyboard.press("j")
    await page.keyboard.press("e")
    toast = page.locator(".toast")
    button = toast.get_by_role("button", name="Undo")
    await button.focus()
    await page.clock.run_for(40_000)
    await expect(button).to_be_visible()
    await page.get_by_role("searchbox").focus()
    await page.clock.run_for(10_500)
    await expect(button).to_have_accessible_name(re.compile(r"Undo, (1\d|20) seconds left"))  # real time goes on too
    await page.clock.run_for(21_000)
    await expect(toast).to_have_count(0)


async def test_all_on_a_page_are_chosen_and_deleted_by_pointer(visit: Visit) -> None:
    await fill(visit.site)
    page = await visit.open("/mail")
    delete = page.get_by_role("button", name="Delete")
    await expect(delete).not_to_be_visible()
    await page.get_by_label("All on this page").check()
    await page.get_by_label("Select Second").uncheck()
    assert not await page.get_by_label("All on this page").is_checked()
    await delete.click()
    await expect(page.locator(".toast")).to_contain_text("2 mails deleted.")
    assert [row["subject"] for row in await rows(visit.site, "messages")] == ["Second"]


async def test_deleted_mail_is_restored_and_dropped_for_good(visit: Visit) -> None:
    for id in await fill(visit.site):
        await visit.site.api.delete(f"/v1/messages/{id}")
    page = await visit.open("/mail")
    await page.get_by_role("link", name="Deleted").click()
    assert await page.get_by_text("29 days left").count() == 3
    await page.get_by_label("Select First").check()
    await page.get_by_role("button", name="Restore").press("Enter")
    await expect(page.locator(".toast")).to_contain_text("1 mail is back where it was.")
    assert [row["subject"] for row in await rows(visit.site, "messages")] == ["First"]
    await page.get_by_label("Select Second").check()
    await page.get_by_role("button", name="Drop for good").click()
    await expect(page.get_by_role("heading", name="Drop 1 mail for good?")).to_be_visible()
    assert await serious(page) == []
    await page.get_by_role("link", name="Keep").click()
    assert len(await rows(visit.site, "messages?folder=deleted")) == 2
    await page.get_by_label("Select Second").check()
    await page.get_by_role("button", name="Drop for good").click()
    await page.get_by_role("button", name="Drop for good").click()
    await expect(page.get_by_text("1 mail dropped for good.").first).to_be_visible()
    assert await page.get_by_role("button", name="Undo").count() == 0
    assert [row["subject"] for row in await rows(visit.site, "messages?folder=deleted")] == ["Third"]


async def test_held_mails_are_released_and_refused_one_by_one_and_together(visit: Visit) -> None:
    for n in range(4):
        await hold(visit.site, f"Mail {n}", text=str(n))
    page = await visit.open("/")
    await page.get_by_role("link", name="Release or refuse 4 held mails").press("Enter")
    await expect(page.locator("h1")).to_have_text("Held")
    page = await visit.open("/mail")
    await page.get_by_role("link", name=re.compile("Held 4")).last.click()
    await page.get_by_role("button", name="Release Mail 0").press("Enter")
    await expect(page.get_by_text("Released", exact=True)).to_be_visible()
    await page.get_by_label("Select Mail 1").check()
    await page.get_by_role("button", name="Release selected").click()
    await expect(page.get_by_text("1 mail released and filed.").first).to_be_visible()
    await page.get_by_label("All on this page").check()
    await page.get_by_role("button", name="Refuse selected").click()
    await page.get_by_role("button", name="Refuse").click()
    await expect(page.get_by_text("2 mails refused; their content is gone.").first).to_be_visible()
    assert await page.get_by_text("Nothing is held.").is_visible()
    assert len(await rows(visit.site, "messages")) == 2


async def test_enter_on_a_tick_opens_its_row_and_deletes_nothing(visit: Visit) -> None:
    third, *_ = await fill(visit.site)
    page = await visit.open("/mail")
    await page.get_by_label("Select Third").check()
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(f"/mail/{third}"))
    assert len(await rows(visit.site, "messages")) == 3


async def test_without_a_script_it_works_by_forms(visit: Visit) -> None:
    await fill(visit.site)
    page = await visit.plain()
    await page.goto(f"{visit.url}/mail")
    await page.get_by_label("All on this page").check()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.locator(".note")).to_contain_text("3 mails deleted.")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator(".note")).to_contain_text("3 mails are back where they were.")
    assert len(await rows(visit.site, "messages")) == 3


async def test_everybody_can_use_the_lists(visit: Visit) -> None:
    await fill(visit.site)
    await visit.site.hand(
        letter("A long subject without end " * 5, author=CLIENT, to=ANA, text="and a long text " * 20)
    )
    visit.site.looker.found = UNPROVEN
    await visit.site.hand(letter("Pay this", files=[("a.txt", "text/plain", b"x")]))
    await visit.site.api.delete(f"/v1/messages/{(await rows(visit.site, 'messages'))[2]['id']}")
    await hold(visit.site)
    async for look in looks(visit.page):
        for path in ("/mail", "/mail?view=messages&folder=sent", "/mail?q=nothing", "/held", "/deleted", "/help"):
            page = await visit.open(path)
            if await page.locator("[data-keys]").count():
                await page.locator("[data-keys] input[type=checkbox]").first.check()
            assert await faults(page) == [], f"{path} {look}"
        page = await visit.open("/mail")
        await page.keyboard.press("?")
        await page.get_by_role("dialog").wait_for()
        assert await faults(page) == [], f"keys {look}"
