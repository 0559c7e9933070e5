"""Webhooks, deliveries and the CRM in a real Chromium, with a receiver that checks signatures and a Kommo."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from crm_adapter.factory import Adapters, Means
from gateway.jobs.deliveries import Carrier
from gateway.store.blobs import BlobStore
from gateway.usecases.deliver_events import Courier
from gateway.usecases.event_data import Telling
from gateway.usecases.ledger import Library
from tests.crm.kommo_server import Kommo
from tests.crm.receiver import Receiver
from tests.web.browser import Visit, faults, followed, looks
from tests.web.site import DOMAINS, KEYRING, URL, letter

pytestmark = pytest.mark.e2e


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def carried(visit: Visit, tmp_path: Path) -> AsyncIterator[Visit]:
    """The site with somebody who carries its events; receivers of this machine are allowed."""
    store = visit.site.store
    object.__setattr__(visit.site.app.state.services, "webhooks_private", True)
    telling = Telling(BlobStore(tmp_path / "blobs"), lambda: KEYRING, lambda: URL, DOMAINS[0])
    library = Library(store, telling.blobs, KEYRING)
    carrier = Carrier(Courier(store, telling, Adapters(Means(allow_private=True)), library.book))
    store.wrote = carrier.stir
    carrier.start()
    yield visit
    await carrier.stop(5)


async def add(page: Page, receiver: Receiver) -> str:
    """Adds a webhook by hand; its secret, as the page shows it."""
    await page.get_by_label("Address of your server").fill(receiver.url)
    await page.get_by_role("button", name="Add webhook").press("Enter")
    await expect(page.get_by_text("It is shown this once.")).to_be_visible()
    return await page.locator(".said pre").first.inner_text()


async def test_a_webhook_is_added_tried_out_and_gets_a_new_secret(carried: Visit, receiver: Receiver) -> None:
    page = await carried.open("/")
    await page.get_by_role("link", name="Settings").click()
    await carried.open("/settings/endpoints")
    secret = await add(page, receiver)
    await page.get_by_role("button", name="Copy the secret").click()
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    receiver.secrets.append(secret)
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_text("It answered 204.")).to_be_visible()
    assert [(one.type, one.genuine) for one in receiver.heard] == [("endpoint.test", (True,))]
    await page.get_by_role("link", name="Webhooks", exact=True).click()
    await expect(page.get_by_text(secret)).to_have_count(0)
    await page.get_by_role("link", name=receiver.url).click()
    await page.get_by_role("button", name="Make a new secret").click()
    renewed = await page.locator(".said pre").first.inner_text()
    assert renewed.startswith("whsec_")
    assert renewed != secret
    receiver.secrets.append(renewed)
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_text("It answered 204.")).to_be_visible()
    assert receiver.heard[-1].genuine == (True, True), "both sign for a day"
    receiver.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nHello there"]
    await page.get_by_role("button", name="Send again").click()
    await expect(page.locator(".said pre").first).to_have_text("200 Hello there")


async def test_what_comes_back_shows_without_reload_and_a_delivery_is_sent_again(
    carried: Visit, receiver: Receiver
) -> None:
    receiver.answers = [500]
    page = await carried.open("/settings/endpoints")
    receiver.secrets.append(await add(page, receiver))
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_text("It didn’t arrive yet.")).to_be_visible()
    await expect(page.locator(".said pre").first).to_contain_text("answered 500")
    await followed(page)
    await expect(page.get_by_text("It answered 204.")).to_be_visible()
    await expect(page.locator("#said")).to_contain_text("Delivered")
    await page.get_by_role("link", name="All deliveries").click()
    await expect(page.locator(".rows .word")).to_have_text("Delivered")
    await page.get_by_role("link", name="A test of a webhook").click()
    await page.get_by_role("button", name="Send again").click()
    await receiver.hear(3)
    assert len(set(receiver.ids)) == 1, "the same id on every try"


async def test_after_a_410_it_is_turned_on_again_and_gets_what_was_given_up(carried: Visit, receiver: Receiver) -> None:
    receiver.answers = [410]
    page = await carried.open("/settings/endpoints")
    receiver.secrets.append(await add(page, receiver))
    await page.get_by_role("button", name="Send a test").click()
    await expect(page.get_by_text("Given up", exact=True)).to_be_visible()
    await page.get_by_role("link", name="Webhooks", exact=True).click()
    await page.get_by_role("link", name=receiver.url).click()
    await expect(page.get_by_text("answered 410").first).to_be_visible()
    await page.get_by_role("button", name="Turn on again").click()
    await page.get_by_role("button", name="Send again what was given up").click()
    await expect(page.get_by_text("1 event is on its way again.")).to_be_visible()
    await receiver.hear(2)


async def test_kommo_is_connected_and_disconnected_with_the_consequence_told(carried: Visit) -> None:
    kommo = Kommo()
    await kommo.open()
    page = await carried.open("/settings/crm")
    await page.get_by_label("Address of your account").fill(kommo.url)
    await page.get_by_label("Long-lived token").fill("wrong")
    await page.get_by_role("button", name="Check and connect").click()
    await expect(page.locator("#token-wrong")).to_contain_text("does not know the token")
    await page.get_by_label("Long-lived token").fill("long-lived")
    await page.get_by_role("button", name="Check and connect").click()
    await expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    await page.locator("summary").filter(has_text="Disconnect").press("Enter")
    await expect(page.get_by_text("What was made there stays, and your cards here stay")).to_be_visible()
    await page.get_by_role("button", name="Disconnect Kommo").click()
    await expect(page.get_by_text("No CRM is connected.")).to_be_visible()
    await kommo.close()


async def test_a_user_sees_none_of_these_pages(visit: Visit) -> None:
    link = await visit.site.add_user("tari@acme.example", "Tari", kind="sign_in")
    page = await visit.open(f"/sign-in/{link}")
    assert await page.get_by_role("link", name="Settings").count() == 0
    for path in ("endpoints", "deliveries", "crm"):
        await visit.open(f"/settings/{path}")
        await expect(page.get_by_text("This page is for the admins of your account.")).to_be_visible()


async def test_everybody_can_use_the_pages_of_webhooks(visit: Visit) -> None:
    site = visit.site
    empty = ["/settings/endpoints", "/settings/deliveries", "/settings/crm"]
    made = await site.api.post("/v1/endpoints", json={"url": "https://1.1.1.1/" + "a-long-path/" * 10, "types": []})
    await site.hand(letter("Two machines"))
    [row, *_] = (await site.api.get("/v1/deliveries")).json()["data"]
    at = f"/settings/endpoints/{made.json()['id']}"
    async for look in looks(visit.page):
        for path in (*empty, at, f"/settings/deliveries/{row['id']}"):
            assert await faults(await visit.open(path)) == [], f"{path} {look}"
        page = await visit.open(at)
        await page.get_by_role("button", name="Make a new secret").click()
        await page.get_by_text("It is shown this once.").wait_for()
        assert await faults(page) == [], f"the secret {look}"
        page = await visit.open("/settings/endpoints")
        await page.get_by_label("Address of your server").fill("http://127.0.0.1/x")
        await page.get_by_role("button", name="Add webhook").click()
        await page.locator("#url-wrong").wait_for()
        assert await faults(page) == [], f"with a mistake {look}"
