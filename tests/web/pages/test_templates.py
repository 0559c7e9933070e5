"""Templates in a real Chromium: fields by click, a live preview with a real contact, and no wrong field is kept."""

from __future__ import annotations

import pytest
from playwright.async_api import FrameLocator, Page, expect

from tests.web.browser import Visit, faults, looks
from tests.web.site import letter

pytestmark = pytest.mark.e2e
BODY = "Hello {{ contact.first_name }},\n\nyour offer is ready.\n\n{{ user.name }}"


def shown(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[data-preview]:not(.vh)")


async def test_a_template_is_written_with_fields_by_click_and_previewed_with_a_real_contact(visit: Visit) -> None:
    await visit.site.hand(letter("Two machines"))
    await visit.site.hand(letter("Beans", to="Carla Rossi <carla@rossi.example>", text="beans"))
    page = await visit.open("/")
    await page.get_by_role("link", name="Templates").click()
    await expect(page.get_by_text("No templates.")).to_be_visible()
    await page.get_by_role("link", name="New template").last.click()
    await page.get_by_label("Name", exact=True).fill("Offer")
    await page.get_by_label("Subject").fill("About ")
    await page.get_by_role("button", name="Insert lead.name").click()
    assert await page.get_by_label("Subject").input_value() == "About {{ lead.name }}"
    await page.get_by_label("Mail", exact=True).fill("Hello , yours")
    await page.get_by_label("Mail", exact=True).evaluate("area => area.setSelectionRange(6, 6)")
    await page.get_by_role("button", name="Insert contact.first_name").press("Enter")
    assert await page.get_by_label("Mail", exact=True).input_value() == "Hello {{ contact.first_name }}, yours"
    await expect(page.locator("#said")).to_have_text("Inserted {{ contact.first_name }}")
    await expect(shown(page).locator("h1")).to_have_text("About Beans")
    await expect(shown(page).locator("pre")).to_have_text("Hello Carla, yours")
    await page.get_by_label("With the contact").fill("bluefin")
    await expect(shown(page).locator("h1")).to_have_text("About Two machines")
    await expect(shown(page).locator("pre")).to_have_text("Hello Bob, yours")
    assert await page.locator("#people option").first.get_attribute("value") == "Bob Miller <bob@bluefin.example>"
    await page.get_by_role("button", name="Save template").click()
    await expect(page.get_by_text("Saved. Everybody of your account can use it.")).to_be_visible()
    [kept] = (await visit.site.api.get("/v1/templates")).json()["data"]
    assert (kept["name"], kept["body"]) == ("Offer", "Hello {{ contact.first_name }}, yours")
    before = await page.evaluate("history.length")
    await page.get_by_label("Mail", exact=True).fill("Dear {{ contact.name }}")
    await expect(shown(page).locator("pre")).to_have_text("Dear Carla Rossi")
    assert await page.evaluate("history.length") == before, "the way back leads through previews"
    await page.get_by_text("Remove this template").click()
    await page.get_by_role("button", name="Remove template").click()
    await expect(page.get_by_text("The template is removed.")).to_be_visible()
    assert (await visit.site.api.get("/v1/templates")).json()["data"] == []
    assert visit.foreign == []


async def test_saving_a_wrong_field_is_blocked_with_its_line_and_column(visit: Visit) -> None:
    page = await visit.open("/templates/new")
    await page.get_by_label("Name", exact=True).fill("Offer")
    await page.get_by_label("Mail", exact=True).fill("Hello,\n\ndear {{ contact.nme }}")
    await expect(shown(page).locator(".wrong")).to_have_text("contact.nme")
    await expect(page.locator("#said")).to_have_text("1 mistake")
    await page.get_by_role("button", name="Save template").click()
    area = page.get_by_label("Mail", exact=True)
    assert await area.get_attribute("aria-invalid") == "true"
    assert await area.get_attribute("aria-describedby") == "body-wrong"
    told = page.locator("#body-wrong")
    await expect(told).to_contain_text("Line 3, column 9: contact.nme is no field, but contact.name is")
    underlined = told.locator("mark")
    await expect(underlined).to_have_text("contact.nme")
    await page.wait_for_load_state("load")
    assert "underline" in await underlined.evaluate("mark => getComputedStyle(mark).textDecorationLine")
    assert await area.input_value() == "Hello,\n\ndear {{ contact.nme }}"
    assert (await visit.site.api.get("/v1/templates")).json()["data"] == []
    await area.fill("Hello {{ contact.name }}")
    await page.get_by_role("button", name="Save template").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()


async def test_without_script_everything_but_the_click_works(visit: Visit) -> None:
    await visit.site.hand(letter("Two machines"))
    page = await visit.plain()
    await page.goto(f"{visit.url}/templates/new")
    assert await page.get_by_role("button", name="Insert").count() == 0
    await expect(page.get_by_text("{{ contact.email }}", exact=True)).to_be_visible()
    await page.get_by_label("Name", exact=True).fill("Offer")
    await page.get_by_label("Mail", exact=True).fill(BODY)
    await page.get_by_role("button", name="Show preview").click()
    await expect(page.frame_locator("iframe").locator("pre")).to_contain_text("Hello Bob,")
    assert await page.get_by_label("Name", exact=True).input_value() == "Offer"
    await page.get_by_role("button", name="Save template").click()
    await expect(page.get_by_text("Saved.")).to_be_visible()


async def test_html_is_shown_as_it_would_be_sent_and_nothing_in_it_acts(visit: Visit) -> None:
    evil = (
        "<b>Hi {{ contact.name }}</b><script>alert(1)</script><img src=x onerror=alert(2)>"
        "<form action=/x><button>x</button></form>"
    )
    await visit.site.api.post("/v1/contacts", json={"emails": ["eve@x.example"], "name": "<script>alert(3)</script>"})
    page = await visit.open("/templates/new")
    await page.get_by_label("Mail", exact=True).fill(evil)
    await page.get_by_label("Send email with HTML markup").check()
    await expect(shown(page).locator("b")).to_have_text("Hi <script>alert(3)</script>")
    assert await shown(page).locator("script, form, button").count() == 0
    assert visit.dialogs == []


async def test_everybody_can_use_the_pages_of_templates(visit: Visit) -> None:
    site = visit.site
    assert await faults(await visit.open("/templates")) == [], "with no template"
    await site.hand(letter("Two machines"))
    made = await site.api.post("/v1/templates", json={"name": "Offer", "subject": "{{ lead.name }}", "body": BODY})
    async for look in looks(visit.page):
        for path in ("/templates", "/templates/new", f"/templates/{made.json()['id']}"):
            page = await visit.open(path)
            if path.endswith(made.json()["id"]):
                await expect(shown(page).locator("pre")).to_contain_text("Hello Bob")
            assert await faults(page) == [], f"{path} {look}"
        await page.get_by_label("Mail", exact=True).fill("{{ contact.nme }}")
        await page.get_by_role("button", name="Save template").click()
        await page.locator("#body-wrong").wait_for()
        assert await faults(page) == [], f"with a mistake {look}"
