"""Settings, Webhooks, Deliveries and CRM as a browser without script meets them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import update

from crm_adapter.events import TYPES
from gateway.core.resources import Crm, Delivery, Endpoint
from gateway.sealing import Keyring, SealError
from gateway.store.audit import list_entries
from gateway.store.blobs import BlobError
from gateway.store.tables import deliveries, endpoints
from gateway.web import hook_words
from tests.crm.kommo_server import Kommo
from tests.web.site import URL, Page, Site, check_page, letter
from tests.web.test_templates import number_of

HOOK = "https://1.1.1.1/hook?key=canary"
ID = re.compile("[0-9A-Z]{26}")


async def add(browser: httpx2.AsyncClient, *types: str) -> str:
    """Adds a webhook by its form; its id."""
    answer = await browser.post("/settings/endpoints", data={"url": HOOK, "types": list(types)})
    assert answer.status_code == 201
    found = re.search(r"/settings/endpoints/([0-9A-Z]{26})", answer.text)
    assert found is not None
    return found[1]


async def noted(site: Site) -> list[str]:
    """What was done to webhooks and the CRM, the newest first."""
    rows = await site.store.read(lambda tx: list_entries(tx, number_of(tx), None, 50).rows)
    assert "canary" not in str(rows)
    return [one.what for one in rows if one.what.startswith(("endpoint.", "crm."))]


async def test_a_secret_is_shown_once_and_again_only_by_a_new_one(site: Site) -> None:
    browser = await site.console()
    assert "No webhook." in check_page(await browser.get("/settings/endpoints")).text
    made = await browser.post("/settings/endpoints", data={"url": HOOK, "types": ["message.filed", "lead.created"]})
    page = check_page(made)
    secret = re.search(r'data-copy="(whsec_[A-Za-z0-9+/=]+)"', made.text)
    assert secret is not None
    assert secret[1] in page.text
    [kept] = (await site.api.get("/v1/endpoints")).json()["data"]
    assert (kept["url"], kept["types"]) == (HOOK, ["message.filed", "lead.created"])
    at = f"/settings/endpoints/{kept['id']}"
    for path in ("/settings/endpoints", at):
        assert "whsec_" not in (await browser.get(path)).text
    renewed = await browser.post(f"{at}/rotate")
    assert secret[1] not in renewed.text
    assert "whsec_" in check_page(renewed).text
    assert "For 24 hours the former secret signs as well" in check_page(renewed).text
    assert await noted(site) == ["endpoint.rotated", "endpoint.added"]


async def test_what_is_wrong_is_told_at_its_field_which_keeps_what_was_typed(site: Site) -> None:
    browser = await site.console()
    at = f"/settings/endpoints/{await add(browser)}"
    for path in ("/settings/endpoints", at):
        answer = await browser.post(path, data={"url": "http://127.0.0.1:9/x", "types": ["message.filed"]})
        assert answer.status_code == 422
        page = check_page(answer)
        assert "not on the public internet" in page.text
        assert 'value="http://127.0.0.1:9/x" aria-invalid="true" aria-describedby="url-wrong"' in answer.text
        assert 'value="message.filed" checked' in answer.text
        nonsense = await browser.post(path, data={"url": HOOK, "types": ["mail.filed"]})
        assert (nonsense.status_code, "is no type of event" in nonsense.text) == (422, True)


async def test_a_webhook_is_changed_turned_off_and_on_and_removed(site: Site) -> None:
    browser = await site.console()
    id = await add(browser)
    at = f"/settings/endpoints/{id}"
    changed = await browser.post(at, data={"url": "https://1.1.1.1/other", "types": ["message.filed"]})
    assert (changed.status_code, changed.headers["location"]) == (303, f"{at}?saved=1")
    assert "Saved." in check_page(await browser.get(f"{at}?saved=1")).text
    assert "Told of 1 kind of event" in check_page(await browser.get("/settings/endpoints")).text
    await browser.post(f"{at}/disable")
    off = check_page(await browser.get(at))
    assert "It is off It was turned off." in off.text
    assert "Send a test" not in off.text
    tried = await browser.post(f"{at}/test")
    assert (tried.status_code, "The webhook is off. Turn it on first." in check_page(tried).text) == (409, True)
    await browser.post(f"{at}/enable")
    assert "Send a test" in check_page(await browser.get(at)).text
    gone = await browser.post(f"{at}/delete")
    assert "The webhook is removed." in check_page(await browser.get(gone.headers["location"])).text
    assert (await browser.get(at)).status_code == 404
    assert (await browser.post(f"{at}/delete")).status_code == 404
    wanted = ["endpoint.removed", "endpoint.changed", "endpoint.changed", "endpoint.changed", "endpoint.added"]
    assert await noted(site) == wanted


async def test_the_store_full_of_webhooks_and_no_key_are_told_in_words(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await site.console()
    id = await add(browser)
    monkeypatch.setattr("gateway.usecases.endpoints.MOST", 1)
    full = await browser.post("/settings/endpoints", data={"url": HOOK})
    assert (full.status_code, "remove one first" in check_page(full).text) == (409, True)
    monkeypatch.undo()
    object.__setattr__(site.app.state.services, "keyring", no_key)
    for path, data in (("endpoints", {"url": HOOK}), (f"endpoints/{id}/rotate", {}), ("crm", {"url": HOOK})):
        answer = await browser.post(f"/settings/{path}", data=data)
        assert (answer.status_code, "SMARTGATE_SECRET_KEY" in answer.text) == (503, True), path


def no_key() -> Keyring:
    raise SealError("set SMARTGATE_SECRET_KEY")


async def settle(site: Site, event: str, **values: Any) -> None:
    """What became of an event on its way."""
    await site.store.write(
        lambda tx: tx.execute(update(deliveries).where(deliveries.c.event == event).values(**values))
    )


async def told(site: Site, browser: httpx2.AsyncClient) -> tuple[str, dict[str, dict[str, Any]]]:
    """A webhook and what it is told of a mail, by the event's type."""
    id = await add(browser)
    await site.hand(letter("Two machines", text="Hello Bob"))
    return id, {one["type"]: one for one in (await site.api.get("/v1/deliveries")).json()["data"]}


async def test_a_delivery_shows_what_is_sent_and_what_came_back(site: Site) -> None:
    browser = await site.console()
    _, rows = await told(site, browser)
    filed = rows["message.filed"]
    await settle(
        site, filed["event"], state="dead", attempts=12, status=500, error="answered 500: broken", next_at=None
    )
    page = check_page(await browser.get(f"/settings/deliveries/{filed['id']}"))
    assert "Given up It isn’t tried any more." in page.text
    assert "What came back last answered 500: broken" in page.text
    assert f"POST {HOOK} content-type: application/json" in page.text
    assert f"webhook-id: {filed['event']}" in page.text
    assert '"type": "message.filed"' in page.text
    assert '"text": "Hello Bob' in page.text
    again = await browser.post(f"/settings/deliveries/{filed['id']}/retry")
    assert again.headers["location"] == f"/settings/deliveries/{filed['id']}"
    waiting = await browser.get(again.headers["location"])
    assert "It is on its way." in check_page(waiting).text
    assert f'data-live="/settings/deliveries/{filed["id"]}/live"' in waiting.text
    assert (await noted(site))[0] == "delivery.retried"


async def test_a_large_body_is_cut_and_one_that_can_not_be_read_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await site.console()
    await add(browser)
    await site.hand(letter("Long", text="long words " * 4_000))
    [filed] = [one for one in (await site.api.get("/v1/deliveries")).json()["data"] if one["type"] == "message.filed"]
    answer = await browser.get(f"/settings/deliveries/{filed['id']}")
    assert "The rest is left out here; all of it is sent." in check_page(answer).text
    assert len(answer.content) < 100_000

    async def away(*_: object) -> None:
        raise BlobError("away")

    monkeypatch.setattr("gateway.usecases.deliveries.data_of", away)
    page = check_page(await browser.get(f"/settings/deliveries/{filed['id']}"))
    assert "can’t be read at this moment" in page.text


async def test_deliveries_are_filtered_and_what_was_given_up_is_sent_again_at_once(site: Site) -> None:
    browser = await site.console()
    id, rows = await told(site, browser)
    for type in ("contact.created", "lead.created"):
        await settle(site, rows[type]["event"], state="dead", attempts=12, next_at=None, error="no answer within 15 s")
    await settle(site, rows["message.filed"]["event"], state="delivered", attempts=1, status=204, next_at=None)

    def listed(page: Page) -> list[str]:
        return [one for one in page.links if re.fullmatch(f"/settings/deliveries/{ID.pattern}-{ID.pattern}", one)]

    counts = {"": 3, "state=dead": 2, "state=delivered": 1, "state=waiting": 0, f"endpoint={id}": 3, "endpoint=none": 0}
    for query, count in counts.items():
        page = check_page(await browser.get(f"/settings/deliveries?{query}"))
        assert len(listed(page)) == count, query
        assert ("No delivery matches." in page.text) == (count == 0)
    assert "Send again what was given up" in check_page(await browser.get(f"/settings/endpoints/{id}")).text
    assert (
        "Send all of them again" in check_page(await browser.get(f"/settings/deliveries?state=dead&endpoint={id}")).text
    )
    sent = await browser.post("/settings/deliveries/retry", data={"endpoint": id})
    assert "2 events are on their way again." in check_page(await browser.get(sent.headers["location"])).text
    assert listed(check_page(await browser.get("/settings/deliveries?state=dead"))) == []
    assert (await noted(site))[0] == "deliveries.retried"
    await site.api.patch(f"/v1/endpoints/{id}", json={"state": "disabled"})
    for path, data in (("retry", {"endpoint": id}), (f"{rows['lead.created']['id']}/retry", {})):
        off = await browser.post(f"/settings/deliveries/{path}", data=data)
        assert (off.status_code, "Turn it on under Webhooks" in check_page(off).text) == (409, True)
    assert (await browser.post("/settings/deliveries/retry", data={"endpoint": "none"})).status_code == 404


async def test_older_deliveries_are_a_link_away(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.web.console.deliveries.ROWS", 2)
    browser = await site.console()
    await told(site, browser)
    first = check_page(await browser.get("/settings/deliveries"))
    [older] = [one for one in first.links if "after=" in one]
    assert "A contact is made" in check_page(await browser.get(older)).text
    assert (
        "Nothing was told yet." in check_page(await (await site.console(site.other.sign_in_url)).get(older[:20])).text
    )


@pytest.fixture
async def kommo(site: Site) -> AsyncIterator[Kommo]:
    object.__setattr__(site.app.state.services, "webhooks_private", True)
    opened = Kommo()
    await opened.open()
    yield opened
    await opened.close()


async def test_the_crm_is_connected_shown_in_words_and_disconnected(site: Site, kommo: Kommo) -> None:
    browser = await site.console()
    assert "No CRM is connected." in check_page(await browser.get("/settings/crm")).text
    made = await browser.post("/settings/crm", data={"url": kommo.url, "token": "long-lived"})
    assert (made.status_code, made.headers["location"]) == (303, "/settings/crm?done=connected")
    page = check_page(await browser.get(made.headers["location"]))
    assert "Kommo Connected" in page.text
    assert f"Account Acme Coffee Address {kommo.url} Let in by a long-lived token" in page.text
    broken = {"state": "unauthorised", "reason": "Kommo says 401"}
    await site.store.write(lambda tx: tx.execute(update(endpoints).values(broken)))
    page = check_page(await browser.get("/settings/crm"))
    assert "Doesn’t let us in Its token is no longer taken. Connect again with a new one. Kommo says 401" in page.text
    await browser.post("/settings/crm", data={"url": kommo.url, "token": "long-lived"})
    assert "Kommo Connected" in check_page(await browser.get("/settings/crm")).text
    await site.hand(letter("Two machines"))
    [filed] = [one for one in (await site.api.get("/v1/deliveries")).json()["data"] if one["type"] == "message.filed"]
    page = check_page(await browser.get(f"/settings/deliveries/{filed['id']}"))
    assert "To Acme Coffee" in page.text
    assert "The request" not in page.text
    gone = await browser.post("/settings/crm/disconnect")
    assert (
        "Disconnected. What was made there stays there." in check_page(await browser.get(gone.headers["location"])).text
    )
    assert await noted(site) == ["crm.disconnected", "crm.connected", "crm.connected"]


async def test_a_crm_that_does_not_let_us_in_is_told_at_its_field(site: Site, kommo: Kommo) -> None:
    browser = await site.console()
    answer = await browser.post("/settings/crm", data={"url": kommo.url, "token": "a-canary"})
    assert answer.status_code == 422
    assert "does not know the token" in check_page(answer).text
    assert f'value="{kommo.url}"' in answer.text
    assert "canary" not in answer.text
    oauth = {"client_id": "our-id", "client_secret": "s", "redirect_uri": "https://a.example", "code": "wrong"}
    answer = await browser.post("/settings/crm", data={"url": kommo.url, **oauth})
    assert (answer.status_code, 'id="code-wrong"' in answer.text, "our-id" in answer.text) == (422, True, True)
    assert '<details class="fold" open>' in answer.text


async def test_a_user_sees_none_of_it(site: Site) -> None:
    link = await site.add_user("tari@acme.example", "Tari", kind="sign_in")
    browser = await site.console(f"{URL}/sign-in/{link}")
    for path in ("endpoints", "endpoints/none", "deliveries", "deliveries/none", "deliveries/none/live", "crm"):
        answer = await browser.get(f"/settings/{path}")
        assert answer.status_code == 403, path
        assert "This page is for the admins" in check_page(answer).text
    for path in ("endpoints", "endpoints/none/rotate", "deliveries/retry", "crm", "crm/disconnect"):
        assert (await browser.post(f"/settings/{path}", data={"url": HOOK})).status_code == 403, path
    assert "/settings" not in " ".join(check_page(await browser.get("/templates")).links)


def test_each_state_has_its_words() -> None:
    def endpoint(state: str) -> Endpoint:
        return Endpoint("1", "webhook", HOOK, (), state, "", 1)

    def crm(state: str) -> Crm:
        return Crm("1", "kommo", HOOK, "Acme", "token", state, "", 1)

    def delivery(state: str, attempts: int) -> Delivery:
        return Delivery("1", "1", "1", "lead.created", 1, state, attempts, None, None, "", None)

    states = ("active", "disabled", "locked", "slow")
    assert [hook_words.endpoint_state(endpoint(one)).word for one in states] == ["On", "Off", "Secret locked", "Paused"]
    troubles = ("ready", "unpaid", "blocked", "locked", "odd")
    words = ["Connected", "Not paid", "Blocked", "Locked", "In trouble"]
    assert [hook_words.crm_state(crm(one)).word for one in troubles] == words
    seen = [hook_words.delivery_state(delivery(*one)).word for one in (("waiting", 0), ("waiting", 2), ("dead", 9))]
    assert seen == ["Waiting", "Tries again", "Given up"]
    assert hook_words.happens("something.new") == "something.new"
    assert "endpoint.test" not in hook_words.CHOICES


@pytest.mark.parametrize("type", TYPES)
def test_each_type_of_event_has_its_words(type: str) -> None:
    assert hook_words.happens(type) != type
