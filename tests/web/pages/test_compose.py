"""Mail is written in a real Chromium: people and templates are offered, nothing typed is lost, its state shows live."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.web.boxes import bring
from tests.web.browser import Visit, faults, followed, looks, serious
from tests.web.post import BOX, Post
from tests.web.site import CLIENT, Site, letter

pytestmark = pytest.mark.e2e
BOB = "bob@bluefin.example"
SMART = "acme+lead@mail.kommo.com"


@pytest.fixture
async def post(site: Site) -> Post:
    return await Post(site).open()


async def test_a_mail_is_written_with_a_template_and_files_and_its_state_follows(
    visit: Visit, post: Post, tmp_path: Path
) -> None:
    api = post.site.api
    contact = (await api.post("/v1/contacts", json={"name": "Bob Miller", "emails": [BOB]})).json()["id"]
    text = {
        "name": "Offer",
        "subject": "For {{ contact.name }}",
        "body": "Dear {{ contact.first_name }}, {{ lead.name }}",
    }
    await api.post("/v1/templates", json=text)
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"%PDF" + b"x" * 4_000)
    page = await visit.open("/")
    await page.get_by_role("link", name="Mail", exact=True).click()
    page = await visit.open("/compose")
    assert [await one.inner_text() for one in await page.locator("#mailbox option").all()] == [BOX]
    await page.get_by_label("To", exact=True).press_sequentially("Ann <ann@x.example>, mill")
    offered = page.locator("#people option").first
    await expect(offered).to_have_attribute("value", f"Ann <ann@x.example>, Bob Miller <{BOB}>")
    await page.get_by_label("To", exact=True).fill(f"Bob Miller <{BOB}>")
    await page.get_by_label("+lead").check()
    await page.get_by_label("Text", exact=True).fill("Kind regards")
    await page.locator("#template").select_option(label="Offer")
    await expect(page.locator("[data-filled]")).to_contain_text("Dear Bob,")
    await expect(page.locator("[data-filled]")).to_contain_text("Nothing stands in: lead.name")
    await page.get_by_role("button", name="Put it into the mail").press("Enter")
    await expect(page.locator("#said")).to_have_text("The template stands in the mail")
    assert await page.get_by_label("Subject").input_value() == "For Bob Miller"
    assert await page.get_by_label("Text", exact=True).input_value() == "Dear Bob, \n\nKind regards"
    await page.get_by_label("Attachments").set_input_files(plan)
    await expect(page.locator("[data-files]")).to_contain_text("4 kB")
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url("**/mail/*")
    await expect(page.locator("section.msg")).to_contain_text("Waiting to be sent")
    await expect(page.locator("section.msg .file")).to_contain_text("plan.pdf")
    await followed(page)
    await post.work()
    await expect(page.locator("section.msg")).to_contain_text("The mail server took it.")
    await expect(page.locator("#said")).to_have_text("Sent")
    [parcel] = post.servers.parcels
    assert set(parcel.recipients) == {BOB, SMART}
    assert b"plan.pdf" in parcel.message
    on_card = await visit.open(f"/contacts/{contact}")
    await expect(on_card.get_by_text("For Bob Miller").first).to_be_visible()


async def test_a_wrong_address_is_told_beside_its_field_and_files_stay(
    visit: Visit, post: Post, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.pdf"
    plan.write_bytes(b"%PDF")
    page = await visit.open("/compose")
    await page.get_by_label("To", exact=True).fill("nobody at all")
    await page.get_by_label("Subject").fill("Offer")
    await page.get_by_label("Text", exact=True).fill("A long text")
    await page.get_by_label("Attachments").set_input_files(plan)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#wrong-to")).to_contain_text("is no e-mail address")
    assert await page.get_by_label("To", exact=True).get_attribute("aria-invalid") == "true"
    assert await page.get_by_label("To", exact=True).get_attribute("aria-describedby") == "wrong-to"
    assert await page.evaluate("document.activeElement.id") == "to"
    assert await page.get_by_label("Text", exact=True).input_value() == "A long text"
    assert await serious(page) == []
    await page.get_by_label("To", exact=True).fill(BOB)
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url("**/mail/*")
    await post.work()
    assert b"plan.pdf" in post.servers.parcels[0].message, "the file was still chosen"


async def test_nobody_can_write_from_a_smart_address(visit: Visit, post: Post) -> None:
    page = await visit.open("/compose")
    assert "kommo.com" not in await page.locator("#mailbox").inner_text()
    await page.locator("#mailbox").evaluate("(box, to) => { box.options[0].value = to; }", SMART)
    await page.get_by_label("To", exact=True).fill(BOB)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("#wrong-mailbox")).to_contain_text("is no mailbox here")
    assert post.servers.parcels == []


async def test_a_session_that_ended_takes_nothing_that_was_typed(visit: Visit, post: Post) -> None:
    page = await visit.open("/compose")
    await page.get_by_label("To", exact=True).fill(BOB)
    await page.get_by_label("Text", exact=True).fill("A long text")
    kept = await visit.context.cookies()
    await visit.context.clear_cookies()
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Nothing is lost")).to_be_visible()
    assert await page.get_by_label("Text", exact=True).input_value() == "A long text"
    assert await page.get_by_role("link", name="Sign in, in a new tab").get_attribute("href") == "/sign-in"
    await visit.context.add_cookies(kept)  # type: ignore[arg-type]
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url("**/mail/*")
    await expect(page.locator("section.msg")).to_contain_text("A long text")


async def test_it_all_works_without_the_script(visit: Visit, post: Post) -> None:
    id = await bring(post.site, post.box, letter("Offer", author=CLIENT, to=BOX, text="How much?"))
    await post.site.api.post(
        "/v1/templates", json={"name": "Thanks", "subject": "x", "body": "Thanks, {{ contact.email }}"}
    )
    page = await visit.plain()
    await page.goto(f"{visit.url}/mail/{id}")
    await page.get_by_role("link", name="Reply", exact=True).click()
    assert await page.get_by_label("To", exact=True).input_value() == "Bob Miller <bob@bluefin.example>"
    await page.get_by_text("··· the original, quoted").click()
    assert "> How much?" in await page.locator("#quoted").input_value()
    await page.locator("#template").select_option(label="Thanks")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("[data-filled]")).to_contain_text(f"Thanks, {BOB}")
    await page.get_by_role("button", name="Put it into the mail").click()
    assert await page.get_by_label("Text", exact=True).input_value() == f"Thanks, {BOB}"
    assert await page.get_by_label("Subject").input_value() == "Re: Offer"
    await page.get_by_role("button", name="Send").click()
    await page.wait_for_url("**/mail/*")
    await post.work()
    assert b"> How much?" in post.servers.parcels[0].message


async def test_everybody_can_write(visit: Visit, post: Post) -> None:
    await post.site.api.post("/v1/templates", json={"name": "Thanks", "subject": "x", "body": "Thanks"})
    id = await bring(post.site, post.box, letter("Offer", author=CLIENT, to=BOX, text="How much?"))
    async for look in looks(visit.page):
        for path in ("/compose", f"/compose?reply_all={id}", f"/compose?forward={id}"):
            page = await visit.open(path)
            for summary in await page.locator("details > summary").all():
                await summary.click()
            assert await faults(page) == [], f"{path} {look}"
