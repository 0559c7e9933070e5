"""What is left in Kommo of a mail that somebody deleted, and what comes back with it."""

from __future__ import annotations

from crm_adapter.events import Event
from crm_adapter.kommo import TYPES
from crm_adapter.port import Delivered, Retry
from tests.crm.kommo_rig import Rig
from tests.crm.wire import AFTER


async def test_of_a_deleted_mail_no_text_is_left_and_a_restored_one_has_it_again(kommo: Rig) -> None:
    await kommo.hand(text="A secret")
    await kommo.tell()
    message = (await kommo.site.api.get("/v1/messages")).json()["data"][0]
    deleted = Event("E9", "message.deleted", "", "acme", message["id"], message)
    for _ in range(2):
        assert isinstance(await kommo.crm.deliver(deleted, kommo.book), Delivered)
    assert "A secret" not in str(kommo.notes)
    whole = (await kommo.site.api.get(f"/v1/messages/{message['id']}")).json()
    restored = Event("E10", "message.filed", "", "acme", message["id"], whole)
    assert isinstance(await kommo.crm.deliver(restored, kommo.book), Delivered)
    assert "A secret" in str(kommo.notes)
    assert len(kommo.notes) == 1


async def test_a_mail_that_was_deleted_and_restored_has_its_text_again(kommo: Rig) -> None:
    await kommo.hand(text="A secret")
    await kommo.tell()
    [message] = (await kommo.site.api.get("/v1/messages")).json()["data"]
    await kommo.site.api.delete(f"/v1/messages/{message['id']}")
    await kommo.tell()
    assert "A secret" not in str(kommo.notes)
    await kommo.site.api.post(f"/v1/messages/{message['id']}/restore")
    assert [event.type for event in await kommo.events()] == ["message.restored"]
    await kommo.tell()
    assert "A secret" in str(kommo.notes)
    assert "message.restored" in TYPES


async def test_of_a_mail_that_was_deleted_before_anybody_knew_of_its_note_no_text_is_left(kommo: Rig) -> None:
    await kommo.hand(text="A secret")
    await kommo.tell("contact.created", "lead.created")
    kommo.server.fail(AFTER, "POST", "/api/v4/leads/notes")
    assert isinstance(await kommo.try_once("message.filed"), Retry)
    assert "A secret" in str(kommo.notes)
    [filed] = await kommo.events(["message.filed"])
    kommo.told.add(filed.id)  # it is a dead letter
    await kommo.site.api.delete(f"/v1/messages/{filed.subject}")
    await kommo.tell()
    assert "A secret" not in str(kommo.notes)
