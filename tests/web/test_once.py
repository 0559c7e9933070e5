"""A write that is sent again with its Idempotency-Key is carried out once and answered alike."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from gateway.store import answers, postgresql_writer, schema, tables, writer
from gateway.usecases.keep_answers import Once, forget_answers
from tests.web.site import Site, letter
from tests.web.test_held import hold

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


async def again(api: httpx2.AsyncClient, method: str, path: str, body: Any = None) -> httpx2.Response:
    """Sends a request twice; the second answer has to be the first one, and say so."""
    first = await api.request(method, path, json=body, headers=KEY)
    second = await api.request(method, path, json=body, headers=KEY)
    assert first.is_success, first.text
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers.get("content-type") == first.headers.get("content-type")
    assert second.headers.get("etag") == first.headers.get("etag")
    return first


MADE = {
    "contacts": {"emails": ["bob@bluefin.example"]},
    "leads": {"name": "Offer"},
    "customers": {"name": "Bluefin"},
    "users": {"email": "dimas@acme.example"},
    "tokens": {"name": "sync"},
}


@pytest.mark.parametrize("kind", MADE)
async def test_what_was_made_is_made_once(site: Site, kind: str) -> None:
    before = len((await site.api.get(f"/v1/{kind}")).json()["data"])
    answer = await again(site.api, "POST", f"/v1/{kind}", MADE[kind])
    assert answer.status_code == 201
    assert len((await site.api.get(f"/v1/{kind}")).json()["data"]) == before + 1


async def test_changes_and_deletions_are_answered_alike(site: Site) -> None:
    lead = (await site.api.post("/v1/leads", json={"name": "Offer"})).json()["id"]
    await again(site.api, "PATCH", f"/v1/leads/{lead}", {"price": 100})
    other = {"Idempotency-Key": "delete"}
    for replayed in (None, "true"):
        answer = await site.api.delete(f"/v1/leads/{lead}", headers=other)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers.get("idempotency-replayed") == replayed
    assert (await site.api.delete(f"/v1/leads/{lead}")).status_code == 404


async def test_a_released_mail_and_options_are_answered_alike(site: Site) -> None:
    held = await hold(site)
    await again(site.api, "POST", f"/v1/messages/{held}/release")
    other = {"Idempotency-Key": "options"}
    answers = [await site.api.patch("/v1/account", json={"name": "Acme"}, headers=other) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"


async def test_requests_at_the_same_moment_make_one_thing(site: Site) -> None:
    async def post() -> httpx2.Response:
        return await site.api.post("/v1/leads", json={"name": "Offer"}, headers=KEY)

    answers = await asyncio.gather(*(post() for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7


async def test_who_heard_no_answer_asks_again_and_nothing_is_doubled(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends right after the commit, before the answer: what was done and its answer were one commit."""
    commit = Once.write

    async def end(self: Once, function: Any, **more: Any) -> Any:
        await commit(self, function, **more)
        raise ConnectionError("the process ended")

    with monkeypatch.context() as patch:
        patch.setattr(Once, "write", end)
        lost = await site.api.post("/v1/contacts", json=MADE["contacts"], headers=KEY)
    assert lost.status_code == 500
    retried = await site.api.post("/v1/contacts", json=MADE["contacts"], headers=KEY)
    assert (retried.status_code, retried.headers["idempotency-replayed"]) == (201, "true")
    assert [retried.json()] == (await site.api.get("/v1/contacts")).json()["data"]


OTHERS = {
    # story                     method   path            body
    "another body": ("POST", "/v1/leads", {"name": "Other"}),
    "another query": ("POST", "/v1/leads?x=1", {"name": "Offer"}),
    "another call": ("POST", "/v1/customers", {"name": "Offer"}),
}


@pytest.mark.parametrize(("method", "path", "body"), OTHERS.values(), ids=OTHERS)
async def test_a_key_belongs_to_its_request(site: Site, method: str, path: str, body: Any) -> None:
    await site.api.post("/v1/leads", json={"name": "Offer"}, headers=KEY)
    answer = await site.api.request(method, path, json=body, headers=KEY)
    assert (answer.status_code, answer.json()["type"]) == (422, "/v1/docs#bad-field")
    assert "Idempotency-Key" in answer.json()["detail"]


async def test_a_key_says_nothing_to_others(site: Site) -> None:
    """Another account has keys of its own; a colleague's request is another one; who may no longer is told so first."""
    made = await again(site.api, "POST", "/v1/leads", {"name": "Offer"})
    stranger = await site.client(site.other.token).post("/v1/leads", json={"name": "Offer"}, headers=KEY)
    assert stranger.status_code == 201
    assert stranger.json()["id"] != made.json()["id"]
    colleague = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    assert (await colleague.post("/v1/leads", json={"name": "Offer"}, headers=KEY)).status_code == 422
    token = await site.add_user("eko@acme.example", "Eko", "admin")
    headers = {"Idempotency-Key": "as an admin"}
    assert (await site.client(token).patch("/v1/account", json={"name": "A"}, headers=headers)).status_code == 200
    await site.store.write(lambda tx: tx.execute(update(tables.users).values(role="user")))
    assert (await site.client(token).patch("/v1/account", json={"name": "A"}, headers=headers)).status_code == 403


async def test_a_refusal_is_decided_anew(site: Site) -> None:
    contact = (await site.api.post("/v1/contacts", json=MADE["contacts"])).json()["id"]
    assert (await site.api.post("/v1/contacts", json=MADE["contacts"], headers=KEY)).status_code == 409
    await site.api.delete(f"/v1/contacts/{contact}")
    assert (await site.api.post("/v1/contacts", json=MADE["contacts"], headers=KEY)).status_code == 201


async def test_an_answer_is_kept_for_a_day(site: Site) -> None:
    first = await site.api.post("/v1/leads", json={"name": "Offer"}, headers=KEY)
    assert await forget_answers(site.store) == 0
    await site.store.write(
        lambda tx: tx.execute(update(tables.answers).values(at=tables.answers.c.at - answers.KEPT_MS))
    )
    second = await site.api.post("/v1/leads", json={"name": "Offer"}, headers=KEY)
    assert second.json()["id"] != first.json()["id"]
    await site.store.write(lambda tx: tx.execute(update(tables.answers).values(at=0)))
    assert await forget_answers(site.store) == 1
    assert await forget_answers(site.store) == 0


async def test_a_secret_that_is_shown_once_is_not_kept_in_clear(site: Site) -> None:
    secret = (await again(site.api, "POST", "/v1/tokens", {"name": "sync"})).json()["secret"]

    def everything(tx: Any) -> bytes:
        return b"".join(bytes(row.body) + bytes(row.key) for row in tx.execute(select(tables.answers)))

    kept = await site.store.read(everything)
    assert kept
    assert secret.encode() not in kept
    assert KEY["Idempotency-Key"].encode() not in kept


async def test_where_the_secret_key_was_changed_it_is_not_carried_out_again(site: Site) -> None:
    await site.api.post("/v1/leads", json={"name": "Offer"}, headers=KEY)
    await site.store.write(lambda tx: tx.execute(update(tables.answers).values(body=b"of another key")))
    answer = await site.api.post("/v1/leads", json={"name": "Offer"}, headers=KEY)
    assert (answer.status_code, "carried out before" in answer.json()["detail"]) == (409, True)
    assert len((await site.api.get("/v1/leads")).json()["data"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ".encode().decode("latin-1")])
async def test_a_key_is_a_short_printable_text(site: Site, key: str) -> None:
    answer = await site.api.post(
        "/v1/leads", json={"name": "Offer"}, headers={b"Idempotency-Key": key.encode("latin-1")}
    )
    assert answer.status_code == 422
    assert "255 printable ASCII" in answer.json()["detail"]


async def test_explaining_changes_nothing_and_keeps_nothing(site: Site) -> None:
    for _ in range(2):
        path = "/v1/explain?rcpt=acme@mail.kommo.com"
        answer = await site.api.post(path, content=letter(), headers=KEY)
        assert answer.status_code == 200
        assert "idempotency-replayed" not in answer.headers
    assert await site.store.read(lambda tx: tx.execute(select(tables.answers)).first()) is None


async def test_a_write_that_meets_a_locked_store_is_put_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command holds the store for longer than a write waits: 503 with the time to wait, and nothing was done."""
    for module in (writer, postgresql_writer):
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    url = site.store.url
    place = site.store.path if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=False)
    with schema.transaction(place):
        answer = await site.api.post("/v1/leads", json={"name": "Offer"}, headers=KEY)
    assert (answer.status_code, answer.json()["type"]) == (503, "/v1/docs#not-ready")
    assert int(answer.headers["retry-after"]) > 0
    retried = await site.api.post("/v1/leads", json={"name": "Offer"}, headers=KEY)
    assert retried.status_code == 201
    assert "idempotency-replayed" not in retried.headers


async def test_nobody_can_tell_from_the_store_with_which_password_a_mailbox_was_connected(site: Site) -> None:
    """What is kept of the same request differs with its key, of which the store has a hash only."""
    site.servers.passwords["ana@acme.example"] = "sesame"
    wish = {"address": "ana@acme.example", "password": "sesame"}
    kept = set()
    for n in range(2):
        answer = await site.api.post("/v1/mailboxes", json=wish, headers={"Idempotency-Key": f"once-{n}"})
        assert answer.status_code == 201
        assert (await site.api.delete(f"/v1/mailboxes/{answer.json()['id']}")).status_code == 204
        kept = set(await site.store.read(lambda tx: list(tx.execute(select(tables.answers.c.request)).scalars())))
    assert len(kept) == 2
