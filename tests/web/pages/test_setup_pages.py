"""Set-up, home, trace, the mail tester and the public page in a real Chromium, on either store."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from playwright.async_api import FilePayload, expect

from tests.web.browser import Visit, faults, followed, looks, serious
from tests.web.doors import send, smtp_door
from tests.web.site import ANA, CLIENT, letter
from tests.web.test_console import story_mails
from tests.web.test_setup import DOMAIN, HOST, RIGHT, known

pytestmark = pytest.mark.e2e
LEAD = "acme+lead@mail.kommo.com"


def eml(data: bytes) -> FilePayload:
    """A mail's file, as somebody chooses it."""
    return {"name": "mail.eml", "mimeType": "message/rfc822", "buffer": data}


async def test_a_mail_sent_over_smtp_appears_within_two_seconds_without_a_reload(visit: Visit) -> None:
    page = await visit.open("/")
    await expect(page.locator("#live")).to_be_visible()
    await page.evaluate("window.loaded = 'once'")
    async with smtp_door(visit.site) as door:
        assert (await send(door, letter("Over the wire"), LEAD)).startswith("250")
        await expect(page.get_by_role("link", name="Over the wire")).to_be_visible(timeout=2_000)
        await expect(page.locator("#said")).to_have_text("Filed: Over the wire, new lead, new contact Bob Miller")
    assert await page.evaluate("window.loaded") == "once"
    assert visit.foreign == []


@pytest.mark.parametrize("key", ["click", "Enter", "Space"])
async def test_copy_puts_the_exact_text_on_the_clipboard_and_says_so(visit: Visit, key: str) -> None:
    page = await visit.open("/")
    button = page.get_by_role("button", name=f"Copy {LEAD}")
    await (button.click() if key == "click" else button.press(key))
    await expect(page.locator("#said")).to_have_text(f"Copied {LEAD}")
    await expect(page.get_by_role("button", name=f"Copied {LEAD}")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == LEAD


async def test_a_hidden_copy_is_traced_with_its_fix_and_a_filed_mail_to_its_cards(visit: Visit) -> None:
    async with smtp_door(visit.site) as door:
        await send(door, letter("Offer for the machine"), LEAD)
        await send(door, letter("In secret", cc=""), LEAD)
    page = await visit.open("/trace")
    await page.get_by_label("Search", exact=True).fill("secret")
    await page.get_by_role("button", name="Search").press("Enter")
    row = page.get_by_role("listitem").filter(has_text="In secret")
    await expect(row).to_contain_text("Refused hidden copy: the address was in Bcc")
    await row.get_by_role("link").press("Enter")
    await expect(page.get_by_role("heading", name="“In secret” was sent with a hidden copy")).to_be_visible()
    await expect(page.get_by_text("Ask for it to be sent again with the address in Cc.")).to_be_visible()
    await expect(page.locator(".said")).to_contain_text("550 5.7.1 acme+lead@mail.kommo.com works only as a visible Cc")
    await page.goto(f"{visit.url}/trace?q=machine")
    await page.get_by_role("link", name="Offer for the machine").first.click()
    went = page.get_by_role("region", name="Where it went")
    await expect(went.get_by_text("On the card of this contact")).to_be_visible()
    await went.get_by_role("link", name="Bob Miller").click()
    await expect(page.locator("h1")).to_have_text("Bob Miller")


async def test_red_turns_green_without_a_reload(visit: Visit) -> None:
    zones = {**RIGHT, DOMAIN: [("MX", (10, HOST)), ("TXT", "v=spf1 include:_spf.example ~all")]}
    async with known(visit.site, zones) as server:
        page = await visit.open("/setup")
        await page.get_by_role("button", name="Continue with DNS").press("Enter")
        row = page.get_by_role("row").filter(has_text="says who may send for it")
        await expect(row.get_by_text("different")).to_be_visible()
        await followed(page)
        await page.evaluate("window.loaded = 'once'")
        copy = row.get_by_role("button", name="Copy v=spf1 -all")
        await copy.press("Enter")
        assert await page.evaluate("navigator.clipboard.readText()") == "v=spf1 -all"
        server.publish({DOMAIN: [("MX", (10, HOST)), ("TXT", "v=spf1 -all")]})
        await expect(row.get_by_text("right")).to_be_visible(timeout=25_000)
        await expect(page.get_by_text("All records are right.")).to_be_visible()
        await expect(page.locator("#said")).to_have_text("8 records are right")
        assert await page.evaluate("window.loaded") == "once"
        await page.get_by_role("link", name="Check now").press("Enter")
        await expect(page.get_by_text("All records are right.")).to_be_visible()


async def test_the_whole_way_is_walked_by_keyboard_left_and_taken_up_again(visit: Visit) -> None:
    async with known(visit.site, RIGHT), smtp_door(visit.site) as door:
        page = await visit.open("/")
        await page.get_by_role("link", name="Set-up").press("Enter")
        await page.get_by_role("button", name="Continue with DNS").press("Enter")
        await page.get_by_role("button", name="Continue", exact=True).press("Enter")
        await expect(page.get_by_text("Our own door for mail can’t be looked at from here")).to_be_visible()
        await page.get_by_role("button", name="Continue with a test mail").press("Enter")
        await page.get_by_role("link", name="Go on later").press("Enter")
        await page.get_by_role("link", name="Set-up").press("Enter")
        await expect(page.get_by_text("Waiting for your mail")).to_be_visible()
        await send(door, letter("The first one"), LEAD)
        await expect(page.get_by_text("Your mail came in and was filed.")).to_be_visible()
        await expect(page.get_by_role("link", name="The first one")).to_be_visible()
        await page.get_by_role("button", name="Continue with your CRM").press("Enter")
        await page.get_by_role("button", name="Finish").press("Enter")
        await expect(page.get_by_text(f"{DOMAIN} is set up")).to_be_visible()


async def test_an_upload_is_tried_stores_nothing_and_agrees_with_smtp(visit: Visit) -> None:
    site, mails = visit.site, {"Would be refused": letter("Hidden", cc=""), "Would be filed": letter("Offer")}
    page = await visit.open("/tester")
    async with smtp_door(site) as door:
        for verdict, mail in mails.items():
            await page.get_by_label("A mail’s file").set_input_files(files=[eml(mail)])
            await page.get_by_role("button", name="Test it").press("Enter")
            await expect(page.get_by_text(verdict, exact=True)).to_be_visible()
            assert len((await site.api.get("/v1/receipts")).json()["data"]) == 0 + list(mails).index(verdict)
            assert (await site.api.get("/v1/messages")).json()["data"] == []
            said = await page.locator(".said pre").inner_text()
            told = await send(door, mail, LEAD)
            assert told.startswith(said.partition(" http")[0].rstrip())


async def test_a_file_that_is_too_large_is_told_before_it_leaves(visit: Visit) -> None:
    page = await visit.open("/tester")
    await page.get_by_label("A mail’s file").set_input_files(files=[eml(b"x" * 100_001)])
    assert await page.get_by_label("A mail’s file").evaluate("field => field.validationMessage") == (
        "This mail is too large: a mail may have at most 0.1 MB."
    )
    await page.get_by_label("Or its source, pasted").fill("y" * 100_001)
    await page.get_by_label("A mail’s file").set_input_files(files=[])
    await page.get_by_role("button", name="Test it").click()
    await expect(page.locator("#wrong-mail")).to_have_text("This mail is too large: a mail may have at most 0.1 MB.")


async def test_the_public_page_changes_its_language_and_shows_nothing_private(visit: Visit) -> None:
    async with smtp_door(visit.site) as door:
        reply = await send(door, letter("Secret plans", cc=""), LEAD)
    page = await visit.open("/why/" + reply.rpartition("/why/")[2])
    for name, code in (
        ("Русский", "ru"),
        ("Español", "es"),
        ("Bahasa Indonesia", "id"),
        ("Português (Brasil)", "pt-BR"),
    ):
        await page.get_by_role("link", name=name).press("Enter")
        await expect(page.locator(f"html[lang='{code}']")).to_be_attached()
        source = (await page.content()).lower()
        assert "cc" in (await page.locator("h1").inner_text()).lower()
        for private in ("secret plans", "bob", "bluefin", "putri", "acme.example", "192.0.2.7"):
            assert private not in source
        assert await serious(page) == []


@dataclass(frozen=True)
class Look:
    """A page as it is looked at. file: tried in the mail tester first."""

    path: str
    file: bytes = b""


async def tour(visit: Visit, pages: list[Look]) -> None:
    """Looks at pages as everybody has them."""
    async for name in looks(visit.page):
        for look in pages:
            page = await visit.open(look.path)
            if look.file:
                await page.get_by_label("A mail’s file").set_input_files(files=[eml(look.file)])
                await page.get_by_role("button", name="Test it").click()
                await page.locator("#result").wait_for()
            assert await faults(page) == [], f"{look.path} {name}"


async def test_everybody_can_use_home_trace_and_the_tester(visit: Visit) -> None:
    site = visit.site
    await story_mails(site)
    await site.api.post("/v1/endpoints", json={"url": "https://1.1.1.1/hook"})
    await site.hand(letter("Told", author=CLIENT, to=ANA, cc="acme@mail.kommo.com"), "acme@mail.kommo.com")
    newest = (await site.api.get("/v1/receipts?limit=1")).json()["data"][0]["id"]
    looks = [Look("/"), Look(f"/trace/{newest}"), Look("/trace?q=nothing"), Look("/tester")]
    looks += [Look("/tester", letter("Hidden", cc="")), Look("/tester", letter("Anew", to="Zoë <zoe@x.example>"))]
    await tour(visit, looks)


async def test_everybody_can_use_the_set_up(visit: Visit) -> None:
    zones = {**RIGHT, DOMAIN: [("MX", (10, "mx.elsewhere.example")), ("TXT", "v=spf1 ~all")], f"_dmarc.{DOMAIN}": []}
    page = visit.context.pages[0]
    async with known(visit.site, zones):
        for step in ("domain", "dns", "tls", "mail", "crm"):
            await visit.open("/setup")
            await page.locator("main form button.main").click()
            await page.wait_for_load_state()
            await tour(visit, [Look(f"/setup/{step}" + ("?check=now" if step == "dns" else ""))])
        await tour(visit, [Look("/setup")])
