"""What a mail becomes in Kommo: its contact, its lead, its note and its files, each once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crm_adapter import kommo_wire
from crm_adapter.events import Event
from crm_adapter.kommo_auth import LongLived
from crm_adapter.port import Dead, Delivered, Retry
from tests.crm.kommo_rig import Rig, adapter
from tests.crm.wire import AFTER, BEFORE, SILENT, SLOW, Late, Reply

CARA = "Cara Diaz <cara@corp.example>"
PDF = ("offer.pdf", "application/pdf", b"%PDF-1.7 and forty more octets than one part")


async def test_a_lead_mail_becomes_a_contact_a_lead_and_a_note_with_its_file(kommo: Rig) -> None:
    await kommo.hand(subject="Offer", text="Hello Bob", files=[PDF])
    outcomes = await kommo.tell()
    assert all(isinstance(one, Delivered) for one in outcomes)
    assert kommo.names == ["Bob Miller"]
    (lead,) = kommo.leads
    assert (lead["name"], lead["linked"]) == ("Offer", list(kommo.server.account.contacts))
    (note,) = kommo.notes
    assert (note["kind"], note["entity_id"], note["note_type"]) == ("leads", lead["id"], "extended_service_message")
    text = note["params"]["text"]
    assert text.startswith("✉ Offer\nFrom: Ana Putri <ana@acme.example>\nTo: Bob Miller <bob@bluefin.example>")
    assert "\n\nHello Bob\n\n" in text
    (uuid,) = kommo.server.account.attached[f"leads/{lead['id']}"]
    assert kommo.server.account.files[uuid] == PDF[2]


async def test_the_note_leads_to_the_whole_mail_and_carries_its_mark(kommo: Rig) -> None:
    await kommo.hand()
    await kommo.tell()
    message = (await kommo.site.api.get("/v1/messages")).json()["data"][0]["id"]
    assert kommo.notes[0]["params"]["text"].endswith(f"Full mail: https://crm.example/mail/{message}\n[sg:{message}]")


async def test_what_was_told_once_is_not_done_again(kommo: Rig) -> None:
    await kommo.hand(files=[PDF])
    events = await kommo.events()
    for event in (*events, *events, *reversed(events)):
        assert isinstance(await kommo.crm.deliver(event, kommo.book), Delivered)
    account = kommo.server.account
    assert [len(one) for one in (account.contacts, account.leads, account.notes, account.files)] == [1, 1, 1, 1]


async def test_a_contact_that_is_there_is_found_whatever_its_case_and_none_that_only_looks_alike(kommo: Rig) -> None:
    for name, email in (("Bobby", "bob@bluefin.example.com"), ("Rob", "rob.bob@bluefin.example")):
        kommo.server.add_contact(name, email)
    there = kommo.server.add_contact("Robert", "other@x.example", "Bob@BlueFin.example")
    await kommo.hand()
    await kommo.tell()
    assert kommo.names == ["Bobby", "Rob", "Robert"]
    assert kommo.leads[0]["linked"] == [there]


async def test_of_two_contacts_with_the_address_the_older_one_is_taken(kommo: Rig) -> None:
    first, _ = (kommo.server.add_contact(name, "bob@bluefin.example") for name in ("Bob", "Bob again"))
    await kommo.hand()
    await kommo.tell()
    assert kommo.leads[0]["linked"] == [first]


async def test_an_international_domain_is_found_in_its_other_spelling(kommo: Rig) -> None:
    there = kommo.server.add_contact("Jörg", "joerg@bücher.example")
    await kommo.hand(to="Jörg <joerg@xn--bcher-kva.example>")
    await kommo.tell()
    assert kommo.leads[0]["linked"] == [there]


async def test_a_contact_on_a_later_page_is_found(kommo: Rig) -> None:
    kommo.server.account.page = 2
    for n in range(5):
        kommo.server.add_contact(f"{n}", f"{n}bob@bluefin.example")
    there = kommo.server.add_contact("Bob", "bob@bluefin.example")
    await kommo.hand()
    await kommo.tell()
    assert kommo.leads[0]["linked"] == [there]


async def test_all_participants_are_linked_and_the_primary_is_the_main_contact(kommo: Rig) -> None:
    await kommo.hand(cc=f"{CARA}, acme+lead@mail.kommo.com")
    await kommo.tell()
    bob, cara = kommo.server.account.contacts
    assert kommo.names == ["Bob Miller", "Cara Diaz"]
    assert kommo.leads[0]["linked"] == [bob, cara]


async def test_the_lead_and_its_unknown_main_contact_are_made_in_one_call(kommo: Rig) -> None:
    await kommo.hand(cc=f"{CARA}, acme+lead@mail.kommo.com")
    await kommo.tell("lead.created")
    assert kommo.calls("POST", "/api/v4/leads/complex") == 1
    assert kommo.calls("POST", "/api/v4/contacts") == 1
    assert kommo.names == ["Bob Miller", "Cara Diaz"]
    await kommo.tell()
    assert len(kommo.names) == 2


async def test_a_lead_that_kommo_files_on_one_that_is_there_is_told(kommo: Rig) -> None:
    kommo.server.account.duplicates = True
    there = kommo.server._add_lead(
        {"name": "Last year", "_embedded": {"contacts": [{"id": kommo.server.add_contact("B", "bob@bluefin.example")}]}}
    )
    kommo.server.account.hidden = set(kommo.server.account.contacts)
    await kommo.hand()
    (outcome,) = await kommo.tell("lead.created")
    assert outcome == Delivered(200, f"lead {there} that was there: Kommo's control of duplicates")
    outcomes = await kommo.tell("message.filed")
    assert f"lead {there} was there" in str(outcomes[0])
    assert kommo.notes[0]["entity_id"] == there


async def test_a_mail_on_known_contacts_alone_becomes_a_note_on_each_of_them(kommo: Rig) -> None:
    await kommo.hand("acme+contact@mail.kommo.com", cc=f"{CARA}, acme+contact@mail.kommo.com")
    await kommo.tell()
    assert kommo.leads == []
    assert [(note["kind"], note["entity_id"]) for note in kommo.notes] == [
        ("contacts", id) for id in kommo.server.account.contacts
    ]
    assert kommo.calls("POST", "/api/v4/contacts/notes") == 1, "one call for all"


async def test_many_people_are_linked_and_told_in_batches(kommo: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_adapter.kommo_cards.BATCH", 2)
    monkeypatch.setattr("crm_adapter.kommo_notes.BATCH", 2)
    people = ", ".join(f"P{n} <p{n}@x.example>" for n in range(5))
    for suffix in ("contact", "lead"):
        address = f"acme+{suffix}@mail.kommo.com"
        await kommo.hand(address, subject=suffix, cc=f"{people}, {address}")
        await kommo.tell()
    assert len(kommo.names) == 6
    assert kommo.calls("POST", "/api/v4/contacts/notes") == 3
    assert [note["kind"] for note in kommo.notes] == ["contacts"] * 6 + ["leads"]
    assert len(kommo.leads[0]["linked"]) == 6
    assert kommo.calls("POST", f"/api/v4/leads/{kommo.leads[0]['id']}/link") == 3


async def test_a_mail_of_the_conversation_comes_on_the_same_lead_with_who_joined(kommo: Rig) -> None:
    await kommo.hand(id="<1@acme.example>")
    await kommo.tell()
    await kommo.hand(subject="Re: Offer", cc=f"{CARA}, acme+lead@mail.kommo.com")
    await kommo.tell()
    (lead,) = kommo.leads
    assert lead["linked"] == list(kommo.server.account.contacts)
    assert len(lead["linked"]) == 2
    assert len(kommo.notes) == 2


async def test_a_mail_without_a_card_is_nothing_for_kommo(kommo: Rig) -> None:
    await kommo.hand("acme@mail.kommo.com", cc="acme@mail.kommo.com")
    assert await kommo.tell() == [Delivered(200, "on no card of Kommo")]
    assert kommo.server.seen == []


async def test_contacts_and_leads_from_before_the_connection_are_made_when_mail_comes_on_them(kommo: Rig) -> None:
    api = kommo.site.api
    bob = (await api.post("/v1/contacts", json={"emails": ["bob@bluefin.example"], "name": "Bob"})).json()["id"]
    await api.post("/v1/leads", json={"name": "Old lead", "contacts": [bob]})
    await kommo.hand("acme@mail.kommo.com", cc="acme@mail.kommo.com")
    await kommo.tell("message.filed")
    assert [lead["name"] for lead in kommo.leads] == ["Old lead"]
    assert kommo.notes[0]["kind"] == "leads"


async def test_a_reply_to_a_closed_lead_is_told_on_that_lead_and_noted_on_the_contact(kommo: Rig) -> None:
    await kommo.hand()
    await kommo.tell()
    lead = (await kommo.site.api.get("/v1/leads")).json()["data"][0]["id"]
    await kommo.site.api.patch(f"/v1/leads/{lead}", json={"status": "won"})
    await kommo.hand("acme@mail.kommo.com", subject="Re: Offer", cc="acme@mail.kommo.com")
    await kommo.tell()
    on_lead = kommo.server.notes_on("leads", kommo.leads[0]["id"])
    assert len(on_lead) == 2
    assert "after it was closed" in on_lead[1]
    (contact,) = kommo.server.account.contacts
    assert len(kommo.server.notes_on("contacts", contact)) == 1


@pytest.mark.parametrize("type", ["message.held", "message.refused", "mailbox.connected", "account.renamed"])
async def test_what_kommo_has_no_place_for_is_not_told(kommo: Rig, type: str) -> None:
    assert isinstance(await kommo.crm.deliver(Event("E1", type, "", "acme", "X", {}), kommo.book), Delivered)
    assert kommo.server.seen == []


async def test_two_mails_of_one_new_client_told_by_two_processes_make_one_contact(kommo: Rig) -> None:
    await kommo.hand(subject="One")
    await kommo.hand(subject="Two")
    other = adapter(kommo.server, LongLived("long-lived"))
    leads = await kommo.events(["lead.created"])
    told = [crm.deliver(lead, kommo.book) for crm in (kommo.crm, other) for lead in leads]
    assert all(isinstance(one, Delivered) for one in await asyncio.gather(*told))
    assert kommo.names == ["Bob Miller"]
    assert sorted(lead["name"] for lead in kommo.leads) == ["One", "Two"]
    await other.close()


WRITES = {
    "the contact": ("POST", "/api/v4/contacts", "contact.created"),
    "the lead": ("POST", "/api/v4/leads", "lead.created"),
    "the lead with a new contact": ("POST", "/api/v4/leads/complex", "lead.created"),
    "the link": ("POST", "/api/v4/leads/9", "lead.created"),
    "the note": ("POST", "/api/v4/leads/notes", ""),
    "the file's session": ("POST", "/v1.0/sessions", ""),
    "the file's second part": ("POST", "/v1.0/upload/s1/2", ""),
    "the file on the card": ("PUT", "/api/v4/leads/", ""),
}
HOWS = {
    "lost before": BEFORE,
    "lost after": AFTER,
    "answered with 500": Reply(500, {"title": "Internal Server Error"}),
    "answered with 504": Reply(504),
    "answered with 429": Reply(429, {"title": "Too Many Requests"}),
    "done and answered with 502": Late(Reply(502)),
    "done and answered with no object": Late(Reply(200, [])),
}


@pytest.mark.parametrize("how", HOWS.values(), ids=HOWS)
@pytest.mark.parametrize(("method", "path", "first"), WRITES.values(), ids=WRITES)
async def test_whatever_becomes_of_an_answer_all_is_there_once(
    kommo: Rig, monkeypatch: pytest.MonkeyPatch, how: Any, method: str, path: str, first: str
) -> None:
    monkeypatch.setattr("crm_adapter.kommo_pause._SLOW", 0.0)
    await kommo.hand(cc=f"{CARA}, acme+lead@mail.kommo.com", files=[PDF])
    kommo.server.fail(how, method, path)
    if path.endswith("complex"):
        await kommo.tell(first)
    await kommo.tell()
    if kommo.server.faults:
        raise AssertionError("the fault was never met")
    account = kommo.server.account
    assert sorted(kommo.names) == ["Bob Miller", "Cara Diaz"]
    assert [len(one) for one in (account.leads, account.notes)] == [1, 1]
    assert kommo.leads[0]["linked"] == sorted(account.contacts, key=lambda one: str(account.contacts[one]["name"]))
    (attached,) = account.attached.values()
    assert [account.files[uuid] for uuid in attached] == [PDF[2]]


@pytest.mark.parametrize("how", [SILENT, SLOW])
@pytest.mark.parametrize("path", ["/api/v4/contacts", "/api/v4/leads", "/api/v4/leads/notes"])
async def test_an_answer_that_does_not_come_in_time_is_looked_for(
    kommo: Rig, monkeypatch: pytest.MonkeyPatch, how: str, path: str
) -> None:
    monkeypatch.setattr(kommo_wire, "SECONDS", 0.3)
    await kommo.hand()
    kommo.server.fail(how, "POST", path)
    outcomes = await kommo.tell()
    assert any(isinstance(one, Retry) for one in outcomes)
    account = kommo.server.account
    assert [len(one) for one in (account.contacts, account.leads, account.notes)] == [1, 1, 1]


async def test_a_search_that_lags_behind_makes_no_second_contact(kommo: Rig) -> None:
    slow = adapter(kommo.server, LongLived("long-lived"), settle=30)
    await kommo.hand()
    kommo.server.fail(AFTER, "POST", "/api/v4/contacts")
    (event,) = await kommo.events(["contact.created"])
    first = await slow.deliver(event, kommo.book)
    kommo.server.account.hidden = set(kommo.server.account.contacts)
    second = await slow.deliver(event, kommo.book)
    assert isinstance(first, Retry)
    assert isinstance(second, Retry)
    assert second.after is not None
    assert 0 < second.after <= 30
    kommo.server.account.hidden = set()
    assert isinstance(await slow.deliver(event, kommo.book), Delivered)
    assert kommo.names == ["Bob Miller"]
    await slow.close()


async def test_two_leads_of_one_name_whose_answers_were_both_lost_are_two(kommo: Rig) -> None:
    api = kommo.site.api
    bob = (await api.post("/v1/contacts", json={"emails": ["bob@bluefin.example"]})).json()["id"]
    for _ in range(2):
        await api.post("/v1/leads", json={"name": "Offer", "contacts": [bob]})
    kommo.server.fail(AFTER, "POST", "/api/v4/leads", times=2)
    first, second = await kommo.events(["lead.created"])
    await kommo.tell("contact.created")
    for event in (first, second, first, second):
        await kommo.crm.deliver(event, kommo.book)
    assert len(kommo.leads) == 2


async def test_a_participant_that_kommo_refuses_is_left_out_and_the_rest_goes_on(kommo: Rig) -> None:
    kommo.server.account.refused["cara@corp.example"] = "custom_fields_values.0: invalid"
    await kommo.hand(cc=f"{CARA}, acme+lead@mail.kommo.com")
    outcomes = {event.type: await kommo.crm.deliver(event, kommo.book) for event in await kommo.events()}
    assert kommo.names == ["Bob Miller"]
    assert len(kommo.leads) == 1
    assert len(kommo.notes) == 1
    assert "a contact is left out: Kommo refused it: 400 Bad Request" in str(outcomes["lead.created"])


async def test_a_contact_that_kommo_refuses_is_given_up_with_its_reason(kommo: Rig) -> None:
    kommo.server.account.refused["bob@bluefin.example"] = "custom_fields_values.0: invalid"
    await kommo.hand()
    outcome = await kommo.try_once("contact.created")
    assert isinstance(outcome, Dead)
    assert "custom_fields_values.0: invalid" in outcome.why
    assert isinstance(await kommo.try_once("lead.created"), Delivered)
    assert kommo.leads[0]["linked"] == []


async def test_a_card_that_refuses_the_note_is_left_out_of_the_batch_and_the_others_get_it(kommo: Rig) -> None:
    await kommo.hand("acme+contact@mail.kommo.com", cc=f"{CARA}, acme+contact@mail.kommo.com")
    await kommo.tell("contact.created")
    bob, cara = kommo.server.account.contacts
    kommo.server.account.refused[f"contacts/{bob}"] = "entity_id: locked"
    (outcome,) = await kommo.tell("message.filed")
    assert [note["entity_id"] for note in kommo.notes] == [cara]
    assert f"no note on contacts/{bob}" in str(outcome)


async def test_a_lead_that_was_deleted_in_kommo_is_not_made_again_its_mail_goes_to_the_contact(kommo: Rig) -> None:
    await kommo.hand()
    await kommo.tell("contact.created", "lead.created")
    kommo.server.account.leads.clear()
    await kommo.tell()
    assert kommo.leads == []
    assert [note["kind"] for note in kommo.notes] == ["contacts"]


async def test_a_contact_that_was_deleted_in_kommo_is_made_again_for_the_next_mail(kommo: Rig) -> None:
    await kommo.hand("acme+contact@mail.kommo.com", cc="acme+contact@mail.kommo.com")
    await kommo.tell("contact.created")
    kommo.server.account.contacts.clear()
    await kommo.tell()
    assert [note["entity_id"] for note in kommo.notes] == list(kommo.server.account.contacts)


async def test_an_account_that_keeps_no_files_has_the_note_all_the_same(kommo: Rig) -> None:
    kommo.server.account.files_allowed = False
    await kommo.hand(files=[PDF])
    outcomes = await kommo.tell()
    assert len(kommo.notes) == 1
    assert "file 1 is left out: Kommo does not let this token keep files" in str(outcomes[-1])


async def test_a_file_that_is_too_large_for_kommo_is_left_out(kommo: Rig) -> None:
    await kommo.hand(files=[("huge.bin", "application/octet-stream", bytes(1_000_001)), PDF])
    outcomes = await kommo.tell()
    assert list(kommo.server.account.files.values()) == [PDF[2]]
    assert "file 1 is left out: the file has 1000001 bytes, and Kommo takes 1000000" in str(outcomes[-1])


async def test_a_mail_of_any_length_makes_a_note_within_bounds_that_keeps_its_mark(kommo: Rig) -> None:
    await kommo.hand(text="word " * 10_000)
    await kommo.tell()
    text = kommo.notes[0]["params"]["text"]
    assert len(text) <= 20_000
    assert "(shortened)" in text
    assert "[sg:" in text.splitlines()[-1]


async def test_the_kinds_of_notes_that_cannot_be_written_are_refused_by_the_server_of_these_tests(kommo: Rig) -> None:
    there = kommo.server.add_contact("Bob", "bob@bluefin.example")
    wrong = [{"entity_id": there, "note_type": "amomail_message", "params": {"text": "x"}}]
    http = kommo.crm._http
    headers = {"authorization": "Bearer long-lived"}
    answer = await http.post(f"{kommo.server.url}/api/v4/contacts/notes", json=wrong, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["validation-errors"][0]["errors"][0]["path"] == "note_type"
