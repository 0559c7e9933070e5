"""Cards in a real Chromium: a timeline, notes, fields, the board by keyboard, merging, a card made from a mail."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from tests.web.boxes import _turn_over, add_reader, connect
from tests.web.browser import Visit, faults, looks
from tests.web.site import CLIENT, Site, letter

pytestmark = pytest.mark.e2e
SECRET = "Salary of Bob"
ROB = "Robert Miller <r.miller@bluefin.example>"


async def rows(site: Site, path: str) -> list[dict[str, Any]]:
    return list((await site.api.get(f"/v1/{path}")).json()["data"])


async def locked(site: Site, subject: str = SECRET) -> None:
    """A mail with Bob that only Dimas may open."""
    dimas = await add_reader(site, "dimas@acme.example")
    box = await connect(site, "d.wijaya@acme.example", dimas.id)
    await site.hand(letter(subject, cc="acme@mail.kommo.com", text="nobody else may read"), "acme@mail.kommo.com")
    id = (await rows(site, "messages?limit=1"))[0]["id"]
    await site.store.write(lambda tx: _turn_over(tx, id, box, carded=True))


async def settle(page: Page) -> None:
    await page.wait_for_load_state("load")


async def test_a_leads_status_is_changed_by_keyboard(visit: Visit) -> None:
    await visit.site.hand(letter("Espresso machine"))
    await visit.site.hand(letter("Grinder", to="Ann <ann@x.example>"))
    page = await visit.open("/leads?view=board")
    name = page.get_by_role("link", name="Espresso machine")
    await name.focus()
    await page.keyboard.press("ArrowRight")
    await page.get_by_role("region", name="Won").get_by_role("link", name="Espresso machine").wait_for()
    assert await page.locator("#said").inner_text() == "Espresso machine is now in Won"
    assert await name.evaluate("link => link === document.activeElement")
    await page.keyboard.press("ArrowRight")
    await page.get_by_role("region", name="Lost").get_by_role("link", name="Espresso machine").wait_for()
    await page.keyboard.press("ArrowRight")
    assert {one["name"]: one["status"] for one in await rows(visit.site, "leads")} == {
        "Espresso machine": "lost",
        "Grinder": "open",
    }
    await page.get_by_label("Status of Grinder").select_option("won")
    await page.get_by_role("button", name="Move Grinder").press("Enter")
    await page.get_by_role("region", name="Won").get_by_role("link", name="Grinder").wait_for()
    assert [one["status"] for one in await rows(visit.site, "leads?q=Grinder")] == ["won"]


async def test_without_script_a_lead_is_moved_by_its_form(visit: Visit) -> None:
    await visit.site.hand(letter("Espresso machine"))
    page = await visit.plain()
    await page.goto(f"{visit.url}/leads")
    await page.get_by_role("link", name="Board").click()
    await page.get_by_label("Status of Espresso machine").select_option("won")
    await page.get_by_role("button", name="Move Espresso machine").press("Enter")
    await page.get_by_role("region", name="Won").get_by_role("link", name="Espresso machine").wait_for()
    assert not await page.locator("#board-keys").is_visible()


async def test_no_subject_of_a_locked_mail_is_anywhere_in_the_source(visit: Visit) -> None:
    await visit.site.api.post("/v1/contacts", json={"emails": ["bob@bluefin.example"], "name": "Bob"})
    await locked(visit.site)
    bob = (await rows(visit.site, "contacts"))[0]["id"]
    for path in (f"/contacts/{bob}", f"/contacts/{bob}?show=mails", f"/contacts/{bob}?edit=details"):
        page = await visit.open(path)
        assert await page.get_by_text("Sent mail that you can’t open").is_visible()
        assert await page.get_by_text("It is in the mailbox of dimas@acme.example.").is_visible()
        source = await (await visit.context.request.get(visit.url + path)).text()
        for word in (SECRET, "Salary", "nobody else"):
            assert word not in source
            assert word not in await page.content()


async def test_two_contacts_are_compared_and_merged(visit: Visit) -> None:
    site = visit.site
    await site.hand(letter("For both", to=f"{CLIENT}, {ROB}"))
    await site.hand(letter("For Robert", to=ROB))
    found = {one["name"]: one["id"] for one in await rows(site, "contacts")}
    page = await visit.open(f"/contacts/{found['Bob Miller']}")
    await page.get_by_role("link", name="Merge…").press("Enter")
    await page.get_by_role("link", name="Compare with Robert Miller").press("Enter")
    assert await page.get_by_text("The name Bob Miller stays.").is_visible()
    await page.get_by_role("button", name="Merge into Bob Miller").press("Enter")
    await page.get_by_text("r.miller@bluefin.example").wait_for()
    timeline = page.get_by_role("region", name="Timeline")
    assert await timeline.get_by_role("link", name="For both").count() == 1
    assert await timeline.get_by_role("link", name="For Robert").count() == 1
    await visit.open(f"/contacts/{found['Robert Miller']}")
    assert page.url == f"{visit.url}/contacts/{found['Bob Miller']}"


@pytest.mark.parametrize("kind", ["contact", "lead"])
async def test_a_card_is_made_from_an_unfiled_mail_in_one_step(visit: Visit, kind: str) -> None:
    await visit.site.hand(letter("Espresso machine", cc="acme@mail.kommo.com"), "acme@mail.kommo.com")
    id = (await rows(visit.site, "messages"))[0]["id"]
    page = await visit.open("/contacts")
    assert await page.get_by_text("No contacts.").is_visible()
    answer = await visit.context.request.post(
        f"{visit.url}/mail/{id}/card", form={"kind": kind}, headers={"Origin": visit.url}
    )
    await page.goto(answer.url)
    name = "Bob Miller" if kind == "contact" else "Espresso machine"
    assert await page.locator("h1").inner_text() == name
    assert await page.get_by_role("region", name="Timeline").get_by_role("link", name="Espresso machine").is_visible()


async def test_a_note_is_written_changed_and_deleted(visit: Visit) -> None:
    await visit.site.hand(letter())
    page = await visit.open(f"/contacts/{(await rows(visit.site, 'contacts'))[0]['id']}")
    await page.get_by_label("New note").fill("Decides alone\nup to 10,000")
    await page.get_by_role("button", name="Add note").press("Enter")
    note = page.get_by_role("listitem").filter(has_text="Decides alone")
    await note.get_by_role("link", name="Edit this note").press("Enter")
    await page.get_by_label("Your note").fill("Decides with Ann")
    await page.get_by_role("button", name="Save").press("Enter")
    await page.get_by_text("Decides with Ann").wait_for()
    await page.get_by_role("button", name="Delete this note for good").press("Enter")
    await page.get_by_text("Decides with Ann").wait_for(state="detached")
    assert await page.get_by_role("region", name="Timeline").get_by_role("link", name="Offer").is_visible()


async def test_a_field_is_added_and_filled_and_a_wrong_address_is_told_beside_it(visit: Visit) -> None:
    await visit.site.hand(letter())
    bob = (await rows(visit.site, "contacts"))[0]["id"]
    page = await visit.open("/settings/fields")
    await page.get_by_label("Name", exact=True).fill("Company")
    await page.get_by_role("button", name="Add field").press("Enter")
    await page.get_by_text("{{contact.company}}").first.wait_for()
    await visit.open(f"/contacts/{bob}")
    await page.get_by_role("link", name="Edit details").press("Enter")
    await page.get_by_label("Company").fill("Bluefin Hotels")
    await page.get_by_label("Addresses, one on a line").fill("bob")
    await page.get_by_role("button", name="Save").press("Enter")
    addresses = page.get_by_label("Addresses, one on a line")
    assert await addresses.get_attribute("aria-invalid") == "true"
    assert await page.get_by_label("Company").input_value() == "Bluefin Hotels"
    await addresses.fill("bob@bluefin.example")
    await page.get_by_role("button", name="Save").press("Enter")
    await page.get_by_role("definition").filter(has_text="Bluefin Hotels").wait_for()
    assert (await rows(visit.site, "contacts"))[0]["custom"] == {"company": "Bluefin Hotels"}


async def gallery(site: Site) -> list[str]:
    """Cards with everything on them; the pages to look at."""
    for kind in ("contact", "lead", "customer"):
        await site.api.post("/v1/fields", json={"kind": kind, "name": "Company"})
    await site.hand(
        letter("Espresso machine for the lobby", to=f"{CLIENT}, {ROB}", files=[("a.pdf", "application/pdf", b"x")])
    )
    await site.hand(
        letter(
            "Re: Espresso machine for the lobby", author=CLIENT, to="ana@acme.example", text="Tuesday at ten suits us."
        )
    )
    found = {one["name"]: one["id"] for one in await rows(site, "contacts")}
    bob, rob = found["Bob Miller"], found["Robert Miller"]
    await site.api.patch(f"/v1/contacts/{bob}", json={"custom": {"company": "Bluefin Hotels"}})
    lead = (await rows(site, "leads"))[0]["id"]
    await site.api.patch(f"/v1/leads/{lead}", json={"price": 8400})
    await site.api.post("/v1/leads", json={"name": "Trial grinder", "price": 620, "status": "won", "contacts": [bob]})
    customer = (await site.api.post("/v1/customers", json={"name": "Bluefin Hotels", "contacts": [bob]})).json()["id"]
    await locked(site)
    return [
        "/contacts", "/contacts/new", f"/contacts/{bob}", f"/contacts/{bob}?edit=details", f"/contacts/{bob}/delete",
        f"/contacts/{bob}/merge", f"/contacts/{bob}/merge?other={rob}", "/leads", "/leads?view=board", "/leads/new",
        f"/leads/{lead}", f"/leads/{lead}?who=bob", f"/leads/{lead}/delete", "/customers", f"/customers/{customer}",
        "/settings/fields",
    ]  # fmt: skip


async def test_everybody_can_use_the_pages_of_cards(visit: Visit) -> None:
    paths = await gallery(visit.site)
    bob = paths[2]
    await visit.context.request.post(
        f"{visit.url}{bob}/notes", form={"text": "Bob decides alone up to 10,000."}, headers={"Origin": visit.url}
    )
    async for look in looks(visit.page):
        for path in paths:
            page = await visit.open(path)
            assert await faults(page) == [], f"{path} {look}"
            assert await page.locator("h1").count() == 1
