"""Webhooks as an admin sets them up, and what the events of a mail carry."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from crm_adapter.factory import Adapters, Means
from gateway.jobs.deliveries import Carrier
from gateway.sealing import Keyring
from gateway.store.blobs import BlobStore
from gateway.usecases.deliver_events import Courier
from gateway.usecases.event_data import Telling
from gateway.usecases.ledger import Library
from gateway.web.api.told import SENT
from tests.crm.receiver import Receiver
from tests.docs.blocks import events
from tests.web.site import DOMAINS, KEYRING, URL, Site, letter

HOOK = {"url": "https://1.1.1.1/hook"}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def carried(site: Site, tmp_path: Path) -> AsyncIterator[Site]:
    """The site, with somebody who carries its events; receivers of this machine are allowed."""
    telling = Telling(BlobStore(tmp_path / "blobs"), lambda: KEYRING, lambda: URL, DOMAINS[0])
    library = Library(site.store, telling.blobs, KEYRING)
    carrier = Carrier(Courier(site.store, telling, Adapters(Means(allow_private=True)), library.book))
    site.store.wrote = carrier.stir
    carrier.start()
    yield site
    await carrier.stop(5)


async def subscribe(site: Site, receiver: Receiver, *types: str) -> dict[str, Any]:
    object.__setattr__(site.app.state.services, "webhooks_private", True)
    made = await site.api.post("/v1/endpoints", json={"url": receiver.url, "types": list(types)})
    assert made.status_code == 201
    receiver.secrets.append(made.json()["secret"])
    answer: dict[str, Any] = made.json()
    return answer


async def test_an_endpoint_is_made_shown_without_its_secret_changed_and_removed(site: Site) -> None:
    made = await site.api.post("/v1/endpoints", json={**HOOK, "types": ["message.filed"]})
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    at = f"/v1/endpoints/{made.json()['id']}"
    shown = (await site.api.get(at)).json()
    assert shown == {name: value for name, value in made.json().items() if name != "secret"}
    assert (shown["url"], shown["types"], shown["state"]) == (HOOK["url"], ["message.filed"], "active")
    changed = await site.api.patch(at, json={"types": [], "state": "disabled"})
    assert (changed.json()["types"], changed.json()["state"]) == ([], "disabled")
    rotated = await site.api.post(f"{at}/rotate")
    assert rotated.status_code == 200
    assert rotated.json()["secret"] not in ("", secret)
    assert secret not in (await site.api.get("/v1/endpoints")).text
    assert (await site.api.delete(at)).status_code == 204
    assert (await site.api.get(at)).status_code == 404


async def test_where_no_secret_can_be_kept_the_answer_says_what_has_to_be_set(site: Site) -> None:
    """As on PostgreSQL without SMARTGATE_SECRET_KEY."""
    made = (await site.api.post("/v1/endpoints", json=HOOK)).json()
    object.__setattr__(site.app.state.services, "keyring", lambda: Keyring([]))
    for answer in (
        await site.api.post("/v1/endpoints", json=HOOK),
        await site.api.post(f"/v1/endpoints/{made['id']}/rotate"),
    ):
        assert answer.status_code == 503
        assert "set SMARTGATE_SECRET_KEY" in answer.json()["detail"]


async def test_a_type_of_event_that_is_none_is_told_and_not_an_empty_list(site: Site) -> None:
    answer = await site.api.get("/v1/events", params={"type": ["lead.created", "lead.made"]})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/type/1")
    assert "allowed: account.renamed, contact.created" in answer.json()["detail"]


WRONG = {
    "loopback": ({"url": "http://127.0.0.1:9/"}, "#/url", "not on the public internet"),
    "metadata": ({"url": "http://169.254.169.254/latest"}, "#/url", "not on the public internet"),
    "another scheme": (
        {"url": "ftp://1.1.1.1/"},
        "#/url",
        "'ftp://1.1.1.1/' begins with 'ftp'; allowed: https and http",
    ),
    "no URL": ({"url": "hook"}, "#/url", "'hook' is no URL; allowed: https://HOST/PATH"),
    "an unknown type": ({**HOOK, "types": ["mail.filed"]}, "#/types/0", "is no type of event"),
    "an unknown state": ({**HOOK, "state": "asleep"}, "#/state", "allowed: active, disabled"),
    "an unknown field": ({**HOOK, "colour": "red"}, "#/colour", "extra"),
}


@pytest.mark.parametrize(("body", "pointer", "says"), WRONG.values(), ids=WRONG)
async def test_what_can_not_be_so_is_told_by_its_field(site: Site, body: Any, pointer: str, says: str) -> None:
    answer = await site.api.post("/v1/endpoints", json=body)
    assert answer.status_code == 422
    [wrong] = answer.json()["errors"]
    assert wrong["pointer"] == pointer
    assert says in wrong["detail"]


async def test_what_was_on_its_way_to_an_endpoint_that_is_removed_is_given_up(site: Site) -> None:
    made = (await site.api.post("/v1/endpoints", json=HOOK)).json()
    await site.api.post("/v1/contacts", json={"emails": ["zoe@example.net"]})
    assert (await site.api.delete(f"/v1/endpoints/{made['id']}")).status_code == 204
    [left] = (await site.api.get("/v1/deliveries")).json()["data"]
    assert (left["state"], left["error"]) == ("dead", "the endpoint was removed")
    assert (await site.api.post(f"/v1/deliveries/{left['id']}/retry")).status_code == 409


async def test_endpoints_and_deliveries_are_the_admins_own(site: Site) -> None:
    user = site.client(await site.add_user("tari@acme.example", "Tari"))
    for path in ("endpoints", "deliveries", "endpoints/x", "deliveries/x"):
        assert (await user.get(f"/v1/{path}")).status_code == 403, path
    assert (await user.post("/v1/endpoints", json=HOOK)).status_code == 403


async def test_a_mail_is_told_after_its_people_and_its_lead_as_an_admin_sees_them(
    carried: Site, receiver: Receiver
) -> None:
    await subscribe(carried, receiver)
    await carried.hand(letter("Offer", text="Hello Bob", files=[("a.txt", "text/plain", b"the price")]))
    await receiver.hear(3)
    assert receiver.types == ["contact.created", "lead.created", "message.filed"]
    contact, lead, message = (one.body["data"] for one in receiver.heard)
    assert contact == (await carried.api.get(f"/v1/contacts/{contact['id']}")).json()
    assert lead == (await carried.api.get(f"/v1/leads/{lead['id']}")).json()
    links = [file.pop("url") for file in message["attachments"]]
    assert message.pop("truncated") == []
    assert message == (await carried.api.get(f"/v1/messages/{message['id']}")).json()
    file = await carried.client().get(links[0].removeprefix(URL))
    assert file.content == b"the price"
    assert links[0].startswith(f"{URL}/files/")
    assert message["id"] not in links[0]


async def test_what_is_sent_has_the_shape_that_the_openapi_document_tells(carried: Site, receiver: Receiver) -> None:
    endpoint = await subscribe(carried, receiver)
    await carried.hand(letter("Offer", files=[("a.txt", "text/plain", b"the price")]))
    await carried.hand(letter(cc="", text="hidden"))
    [filed, *_] = (await carried.api.get("/v1/messages")).json()["data"]
    await carried.api.delete(f"/v1/messages/{filed['id']}")
    await carried.api.post(f"/v1/messages/{filed['id']}/restore")
    await carried.api.post("/v1/customers", json={"name": "Bluefin"})
    carried.servers.passwords["ana@acme.example"] = "secret"
    await carried.api.post("/v1/mailboxes", json={"address": "ana@acme.example", "password": "secret"})
    await carried.api.post(f"/v1/endpoints/{endpoint['id']}/test")
    heard = await receiver.hear(9)
    assert "mailbox.connected" in {one.type for one in heard}
    told = (await carried.client().get("/v1/openapi.json")).json()["webhooks"]
    assert set(told) == events()
    for one in heard:
        shape = SENT[one.type]
        assert shape.model_validate(one.body).model_dump(mode="json", by_alias=True) == one.body
        sent = told[one.type]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert sent == {"$ref": f"#/components/schemas/{shape.__name__}"}


async def test_a_link_to_a_file_ends_and_can_not_be_made_up(
    carried: Site, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(carried, receiver, "message.filed")
    await carried.hand(letter(files=[("a.txt", "text/plain", b"x")]))
    [heard] = await receiver.hear(1)
    link = heard.body["data"]["attachments"][0]["url"].removeprefix(URL)
    other = link[:-6] + ("AAAAAA" if link[-6:] != "AAAAAA" else "BBBBBB")
    for wrong in (other, "/files/x", "/files/" + "A" * 400):
        assert (await carried.client().get(wrong)).status_code == 404, wrong
    late = time.time_ns() + 8 * 86_400 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: late)
    assert (await carried.client().get(link)).status_code == 404


async def test_a_refusal_tells_its_receipt_and_what_was_erased_holds_nobody_up(
    carried: Site, receiver: Receiver
) -> None:
    receiver.answers = [500]
    made = (await carried.api.post("/v1/contacts", json={"emails": ["zoe@example.net"]})).json()
    await subscribe(carried, receiver, "contact.created", "message.refused")
    again = (await carried.api.post("/v1/contacts", json={"emails": ["ann@example.net"]})).json()
    await receiver.hear(1)
    await carried.api.delete(f"/v1/contacts/{again['id']}")
    await carried.hand(letter(cc="", text="hidden"))
    await receiver.hear(3)
    by_type = {one.type: one.body["data"] for one in receiver.heard}
    assert by_type["contact.created"] == {"id": again["id"], "gone": True}
    assert by_type["message.refused"]["decision"]["rule"] == "B1"
    assert made["id"] not in str(receiver.heard)


async def test_a_test_event_goes_to_its_endpoint_alone_and_its_delivery_tells_what_became_of_it(
    carried: Site, receiver: Receiver
) -> None:
    endpoint = await subscribe(carried, receiver, "message.filed")
    sent = await carried.api.post(f"/v1/endpoints/{endpoint['id']}/test")
    assert sent.status_code == 202
    assert sent.json()["state"] == "waiting"
    [heard] = await receiver.hear(1)
    assert (heard.type, heard.body["data"]["id"]) == ("endpoint.test", endpoint["id"])
    delivery = await _settled(carried.api, sent.json()["id"])
    assert (delivery["state"], delivery["status"], delivery["attempts"]) == ("delivered", 204, 1)
    again = await carried.api.post(f"/v1/deliveries/{delivery['id']}/retry")
    assert (again.status_code, again.json()["state"]) == (202, "waiting")
    await receiver.hear(2)
    assert receiver.ids == [heard.id, heard.id]


async def _settled(api: httpx2.AsyncClient, id: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = (await api.get(f"/v1/deliveries/{id}")).json()
        if found["state"] != "waiting":
            return found


async def test_dead_letters_are_listed_and_go_again_all_at_once(carried: Site, receiver: Receiver) -> None:
    receiver.answers = [410]
    endpoint = await subscribe(carried, receiver, "contact.created")
    await carried.api.post("/v1/contacts", json={"emails": ["zoe@example.net"]})
    await receiver.hear(1)
    dead: list[Any] = []
    while not dead:
        dead = (await carried.api.get(f"/v1/deliveries?state=dead&endpoint={endpoint['id']}")).json()["data"]
    assert dead[0]["error"] == "answered 410"
    retry = f"/v1/deliveries/retry?endpoint={endpoint['id']}"
    assert (await carried.api.post(retry)).status_code == 409
    await carried.api.patch(f"/v1/endpoints/{endpoint['id']}", json={"state": "active"})
    answer = await carried.api.post(retry)
    assert (answer.status_code, answer.json()) == (202, {"count": 1})
    await receiver.hear(2)
    assert receiver.ids[0] == receiver.ids[1]
