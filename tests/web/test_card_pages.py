"""Cards in the console without script, and what stands behind them: fields, notes, merging, a card made from a mail."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from gateway.store import tables
from gateway.store.endpoints import EndpointRow, add_endpoint
from gateway.usecases.ledger import Library
from tests.web.boxes import _turn_over, add_reader, connect, number
from tests.web.site import ANA, CLIENT, KEYRING, Site, check_page, letter
from tests.web.test_cards import patch, post

ROB = "Robert Miller <r.miller@bluefin.example>"
SECRET = "Salary of Bob"


async def only(site: Site, path: str) -> dict[str, Any]:
    [found] = (await site.api.get(f"/v1/{path}")).json()["data"]
    return dict(found)


async def sent(browser: httpx2.AsyncClient, path: str, expected: int = 303, /, **data: str) -> httpx2.Response:
    answer = await browser.post(path, data=data)
    assert answer.status_code == expected, answer.text
    return answer


async def audited(site: Site) -> list[tuple[str, dict[str, Any]]]:
    """What people did with cards."""
    rows = await site.store.read(lambda tx: tx.execute(select(tables.audit).order_by(tables.audit.c.id)).all())
    apart = ("account", "link", "session", "token", "user")
    return [(row.what, json.loads(row.about)) for row in rows if row.what.partition(".")[0] not in apart]


async def test_fields_are_added_filled_renamed_and_removed_over_the_api(site: Site) -> None:
    company = await post(site, "fields", {"kind": "contact", "name": "Company"})
    stage = await post(site, "fields", {"kind": "lead", "name": "Stage", "key": "stage"})
    assert (company["key"], company["kind"]) == ("company", "contact")
    assert (await site.api.get("/v1/fields?limit=1")).json()["data"] == [stage]
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"], "custom": {"company": " Bluefin  Hotels "}})
    assert bob["custom"] == {"company": "Bluefin Hotels"}
    assert await only(site, "contacts") == bob
    lead = await post(site, "leads", {"name": "Offer", "custom": {"stage": "demo"}})
    assert (await patch(site, f"leads/{lead['id']}", {"price": 5}))["custom"] == {"stage": "demo"}
    assert (await patch(site, f"leads/{lead['id']}", {"custom": {"stage": None}}))["custom"] == {}
    problem = await patch(site, f"contacts/{bob['id']}", {"custom": {"stage": "x"}}, 422)
    assert problem["errors"][0]["pointer"] == "#/custom/stage"
    assert (await patch(site, f"fields/{company['id']}", {"name": "Firm"}))["key"] == "company"
    assert (await patch(site, f"fields/{company['id']}", {}))["name"] == "Firm"
    assert (await site.api.delete(f"/v1/fields/{company['id']}")).status_code == 204
    assert (await only(site, "contacts"))["custom"] == {}
    done = ["added", "added", "renamed", "renamed", "removed"]
    assert [what for what, _ in await audited(site)] == [f"field.{one}" for one in done]
    priya = site.client(await site.add_user("priya@acme.example", "Priya"))
    assert (await priya.post("/v1/fields", json={"kind": "lead", "name": "x"})).status_code == 403


async def test_an_admin_minds_the_fields_in_the_settings(site: Site) -> None:
    browser = await site.console()
    await sent(browser, "/settings/fields", kind="contact", name="Company")
    field = await only(site, "fields")
    await post(site, "contacts", {"emails": ["bob@bluefin.example"], "custom": {"company": "Bluefin"}})
    page = check_page(await browser.get("/settings/fields"))
    assert "Removing it drops what stands in it on 1 card." in page.text
    assert "{{contact.company}}" in page.text
    wrong = check_page(await sent(browser, "/settings/fields", 422, kind="contact", name="X", key="email"))
    assert (
        "&#39;email&#39; is taken"
        in (await browser.post("/settings/fields", data={"key": "email", "name": "X", "kind": "contact"})).text
    )
    assert "is taken" in wrong.text
    check_page(await sent(browser, f"/settings/fields/{field['id']}", 422, name=""))
    await sent(browser, f"/settings/fields/{field['id']}", name="Firm")
    assert (await only(site, "fields"))["name"] == "Firm"
    await sent(browser, f"/settings/fields/{field['id']}/remove")
    assert (await site.api.get("/v1/fields")).json()["data"] == []
    link = await site.add_user("priya@acme.example", "Priya", kind="sign_in")
    priya = await site.console(f"http://crm.example/sign-in/{link}")
    assert (await priya.get("/settings/fields")).status_code == 403


async def test_a_contact_is_made_changed_and_deleted_by_plain_forms(site: Site) -> None:
    browser = await site.console()
    await post(site, "fields", {"kind": "contact", "name": "Company"})
    await site.hand(letter("Attached", cc="acme@mail.kommo.com"), "acme@mail.kommo.com")
    check_page(await browser.get("/contacts/new"))
    check_page(await sent(browser, "/contacts", 422, emails="bob", name="Bob"))
    made = await sent(
        browser, "/contacts", emails="bob@bluefin.example\nbm@bluefin.example", **{"custom/company": "BF"}
    )
    bob = await only(site, "contacts")
    assert made.headers["location"] == f"/contacts/{bob['id']}"
    assert (bob["emails"], bob["custom"]) == (["bob@bluefin.example", "bm@bluefin.example"], {"company": "BF"})
    taken = check_page(await sent(browser, "/contacts", 422, emails="bm@bluefin.example"))
    assert f"/contacts/{bob['id']}" in taken.links
    card = f"/contacts/{bob['id']}"
    page = check_page(await browser.get(card))
    assert "Attached" in page.text
    assert any(link.startswith("/compose?to=bob%40bluefin.example&contact=") for link in page.links)
    wrong = await sent(browser, card, 422, name="Bob M", emails="acme@mail.kommo.com", **{"custom/company": "Kept"})
    assert 'aria-invalid="true"' in wrong.text
    assert 'value="Kept"' in wrong.text
    await sent(browser, card, name="Bob Miller", first_name="Bob", last_name="", emails="bob@bluefin.example")
    assert (await only(site, "contacts"))["emails"] == ["bob@bluefin.example"]
    assert "1 mail stays in Mail" in check_page(await browser.get(f"{card}/delete")).text
    await sent(browser, f"{card}/delete")
    assert (await browser.get(card)).status_code == 404
    assert (await only(site, "messages"))["contacts"] == []
    assert ("contact.deleted", {"name": "Bob Miller"}) in await audited(site)


@pytest.mark.parametrize("room", ["leads", "customers"])
async def test_leads_and_customers_have_forms_and_people(site: Site, room: str) -> None:
    browser = await site.console()
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"], "name": "Bob"})
    rob = await post(site, "contacts", {"emails": ["rob@bluefin.example"], "name": "Rob"})
    assert "Bob" in check_page(await browser.get(f"/{room}/new?contact={bob['id']}")).text
    check_page(await sent(browser, f"/{room}", 422, name=""))
    await sent(browser, f"/{room}", name="Machines", main_contact=bob["id"], price="8,400")
    made = await only(site, room)
    assert made["main_contact"] == bob["id"]
    card = f"/{room}/{made['id']}"
    assert "Rob" in check_page(await browser.get(f"{card}?who=rob")).text
    await sent(browser, f"{card}/people", contact=rob["id"], link="add")
    await sent(browser, f"{card}/people", contact=rob["id"], link="main")
    assert (await only(site, room))["contacts"] == [rob["id"], bob["id"]]
    await sent(browser, f"{card}/people", contact=rob["id"], link="remove")
    assert (await only(site, room))["main_contact"] == bob["id"]
    for wrong in ({"contact": rob["id"], "link": "x"}, {"contact": "none", "link": "add"}):
        await sent(browser, f"{card}/people", 422, **wrong)
    check_page(await sent(browser, card, 422, name="", price="8400"))
    check_page(await browser.get(f"{card}?edit=details"))
    await sent(browser, card, name="Grinders")
    assert (await only(site, room))["name"] == "Grinders"
    if room == "leads":
        assert (await only(site, room))["price"] == 8400
        assert "many" in check_page(await sent(browser, card, 422, name="x", price="many")).text
        await sent(browser, f"{card}/status", status="won")
        assert ("lead.moved", {"name": "Grinders", "before": "open", "status": "won"}) in await audited(site)
        await sent(browser, f"{card}/status", 422, status="x")
    check_page(await browser.get(f"/{room}"))
    check_page(await browser.get(f"{card}/delete"))
    await sent(browser, f"{card}/delete")
    assert (await site.api.get(f"/v1/{room}")).json()["data"] == []


async def test_a_note_is_its_authors_to_change_and_an_admins_to_drop(site: Site) -> None:
    browser = await site.console()
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    card = f"/contacts/{bob['id']}"
    link = await site.add_user("priya@acme.example", "Priya", kind="sign_in")
    priya = await site.console(f"http://crm.example/sign-in/{link}")
    await sent(priya, f"{card}/notes", text="Decides alone\r\nup to 10,000\0")
    await sent(browser, f"{card}/notes", text="Mine")
    assert 'aria-invalid="true"' in (await sent(browser, f"{card}/notes", 422, text=" ")).text
    rows = await site.store.read(lambda tx: tx.execute(select(tables.notes).order_by(tables.notes.c.id)).all())
    hers, mine = (row.id for row in rows)
    assert rows[0].text == "Decides alone\nup to 10,000"
    page = check_page(await browser.get(f"{card}?show=notes"))
    assert "Priya noted Decides alone" in page.text
    await sent(browser, f"{card}/notes/{hers}", 403, text="Changed")
    await sent(priya, f"{card}/notes/{mine}", 403, do="delete")
    assert "Your note" in check_page(await browser.get(f"{card}?note={mine}")).text
    await sent(browser, f"{card}/notes/{mine}", 422, text="")
    await sent(browser, f"{card}/notes/{mine}", text="Changed")
    await sent(browser, f"{card}/notes/{hers}", do="delete")
    await sent(browser, f"{card}/notes/{hers}", 404, do="delete")
    page = check_page(await browser.get(card))
    assert "Changed" in page.text
    assert "Decides alone" not in page.text
    assert [what for what, _ in await audited(site)] == ["note.deleted"]
    await sent(browser, f"{card}/delete")
    assert await site.store.read(lambda tx: tx.execute(select(tables.notes)).all()) == []


async def test_a_timeline_has_mails_and_notes_by_time_each_once(site: Site) -> None:
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    browser = await site.console()
    card = f"/contacts/{bob['id']}"
    for n in range(60):
        await site.hand(letter(f"Mail {n:02}", text=str(n)))
        if n % 3 == 0:
            await sent(browser, f"{card}/notes", text=f"Note {n:02}")
    seen, path = "", card
    for _ in range(2):
        answer = await browser.get(path)
        seen += answer.text.partition('<ol class="rows">')[2]
        path = next((link for link in check_page(answer).links if "after=" in link), "")
        path = f"{card}{path}"
        assert len(answer.content) < 100_000
    for kind, written in (("Mail", range(60)), ("Note", range(0, 60, 3))):
        wanted = [f"{kind} {n:02}" for n in reversed(written)]
        assert re.findall(rf"\b{kind} \d\d", seen) == wanted
    assert seen.index("Mail 59") < seen.index("Note 30") < seen.index("Mail 00")
    assert path == card


async def bring(site: Site, box: str, mail: bytes) -> str:
    """A mail that attaches comes by a mailbox alone; its id."""
    await site.hand(mail, "acme@mail.kommo.com")
    id = (await only(site, "messages"))["id"]
    await site.store.write(lambda tx: _turn_over(tx, id, box, carded=True))
    return str(id)


async def test_no_subject_of_a_locked_mail_stands_in_the_page(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    box = await connect(site, "d.wijaya@acme.example", dimas.id)
    mail = letter(
        SECRET, cc="acme@mail.kommo.com", text="nobody else may read this", files=[("pay.txt", "text/plain", b"x")]
    )
    await bring(site, box, mail)
    answer = await (await site.console()).get(f"/contacts/{bob['id']}")
    page = check_page(answer)
    assert "Sent mail that you can’t open" in page.text
    assert "It is in the mailbox of dimas@acme.example." in page.text
    for word in (SECRET, "Salary", "nobody else", "pay.txt"):
        assert word not in answer.text


async def two_of_one(site: Site) -> tuple[dict[str, Any], dict[str, Any]]:
    """Bob, and Robert who is the same person: a mail with both, a lead and a note each."""
    await post(site, "fields", {"kind": "contact", "name": "Company"})
    await site.hand(letter("For both", to=f"{CLIENT}, {ROB}"))
    await site.hand(letter("For Robert", to=ROB))
    found = {one["name"]: one for one in (await site.api.get("/v1/contacts")).json()["data"]}
    bob, rob = found["Bob Miller"], found["Robert Miller"]
    await patch(site, f"contacts/{rob['id']}", {"custom": {"company": "Bluefin"}})
    await post(site, "customers", {"name": "Bluefin", "contacts": [rob["id"]]})
    browser = await site.console()
    await sent(browser, f"/contacts/{rob['id']}/notes", text="Pays early")
    return bob, rob


async def test_two_contacts_become_one_over_the_api(site: Site) -> None:
    bob, rob = await two_of_one(site)
    answer = await site.api.post(f"/v1/contacts/{bob['id']}/merge", json={"other": rob["id"]})
    merged = answer.json()
    assert answer.status_code == 200, answer.text
    assert merged["emails"] == ["bob@bluefin.example", "r.miller@bluefin.example"]
    assert (merged["custom"], merged["merged"], len(merged["leads"])) == ({"company": "Bluefin"}, [rob["id"]], 2)
    mails = (await site.api.get(f"/v1/contacts/{bob['id']}/messages")).json()["data"]
    assert sorted(one["subject"] for one in mails) == ["For Robert", "For both"]
    assert all(one["contacts"] == [bob["id"]] for one in mails)
    assert (await site.api.get(f"/v1/contacts/{rob['id']}")).status_code == 404
    for lead in (await site.api.get("/v1/leads")).json()["data"]:
        assert (lead["contacts"], lead["main_contact"]) == ([bob["id"]], bob["id"])
    assert (await only(site, "customers"))["main_contact"] == bob["id"]
    events = (await site.api.get("/v1/events")).json()["data"]
    assert (events[-1]["type"], events[-1]["subject"]) == ("contact.merged", bob["id"])
    assert (await audited(site))[-1][0] == "contact.merged"
    await site.hand(letter("Again", to=ROB))
    assert len((await site.api.get("/v1/contacts")).json()["data"]) == 1
    assert await only(site, "contacts?q=r.miller") == await only(site, "contacts?email=r.miller@bluefin.example")
    for other in (bob["id"], rob["id"], ""):
        wrong = await site.api.post(f"/v1/contacts/{bob['id']}/merge", json={"other": other})
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/other")


async def test_the_console_says_what_a_merge_does_and_the_old_address_leads_on(site: Site) -> None:
    bob, rob = await two_of_one(site)
    link = await site.add_user("priya@acme.example", "Priya", kind="sign_in")
    browser = await site.console(f"http://crm.example/sign-in/{link}")
    page = check_page(await browser.get(f"/contacts/{bob['id']}/merge"))
    target = f"/contacts/{bob['id']}/merge?other={rob['id']}"
    assert target in page.links
    assert "1 mail, 0 notes, 1 lead, 0 customers" in check_page(await browser.get(target)).text
    assert check_page(await browser.get(f"/contacts/{bob['id']}/merge?q=nobody")).text.count("No other contact") == 1
    check_page(await sent(browser, f"/contacts/{bob['id']}/merge", 422, other="x"))
    await sent(browser, f"/contacts/{bob['id']}/merge", other=rob["id"])
    old = await browser.get(f"/contacts/{rob['id']}")
    assert (old.status_code, old.headers["location"]) == (303, f"/contacts/{bob['id']}")
    text = check_page(await browser.get(f"/contacts/{bob['id']}")).text
    assert text.count("For both") == 2  # the mail, and the lead that is named after it
    assert "Pays early" in text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"contact/OTHER": "22"}, {"contact/ID": "22", "person/22": "ID"}),
        ({"contact/ID": "11", "contact/OTHER": "22"}, {"contact/ID": "11", "person/22": "ID"}),
        ({"contact/OTHER": "?17.5"}, {"contact/OTHER": "?17.5"}),
    ],
    ids=["only the other is there", "both are there", "the other is being made there"],
)
async def test_who_each_is_in_the_crm_is_known_after_a_merge(
    site: Site, before: dict[str, str], after: dict[str, str]
) -> None:
    bob, rob = await two_of_one(site)

    def real(text: str) -> str:
        return text.replace("OTHER", rob["id"]).replace("ID", bob["id"])

    account = await site.store.read(number)
    book = Library(site.store, site.app.state.services.blobs, KEYRING).book(account, "E1")
    row = EndpointRow(account, "E1", "kommo", "https://x.kommo.com", (), "active", 1, b"x")
    await site.store.write(lambda tx: add_endpoint(tx, row))
    for key, value in before.items():
        await book.save(real(key), real(value))
    await site.api.post(f"/v1/contacts/{bob['id']}/merge", json={"other": rob["id"]})
    keys = ("contact/ID", "contact/OTHER", "person/22")
    known = {key: await book.load(real(key)) for key in keys}
    assert {key: value for key, value in known.items() if value} == {key: real(value) for key, value in after.items()}


async def attached(site: Site, subject: str = "Offer", **more: Any) -> str:
    await site.hand(letter(subject, cc="acme@mail.kommo.com", **more), "acme@mail.kommo.com")
    return str((await site.api.get("/v1/messages?limit=1")).json()["data"][0]["id"])


async def test_a_contact_is_made_from_a_mail_and_gets_all_that_waited(site: Site) -> None:
    await attached(site, "First", text="1")
    mail = await attached(site, "Second", text="2")
    answer = await site.api.post(f"/v1/messages/{mail}/card", json={"kind": "contact"})
    bob = answer.json()
    assert answer.status_code == 201, answer.text
    assert (bob["name"], bob["emails"], bob["source"]) == ("Bob Miller", ["bob@bluefin.example"], "console")
    mails = (await site.api.get(f"/v1/contacts/{bob['id']}/messages")).json()["data"]
    assert [one["subject"] for one in mails] == ["Second", "First"]
    again = await site.api.post(f"/v1/messages/{mail}/card", json={"kind": "contact"})
    assert again.json()["id"] == bob["id"]
    assert [one["type"] for one in (await site.api.get("/v1/events")).json()["data"]].count("contact.created") == 1


async def test_a_lead_is_made_from_a_mail_and_is_its_conversations(site: Site) -> None:
    mail = await attached(site, id="<1@acme.example>")
    browser = await site.console()
    made = await sent(browser, f"/mail/{mail}/card", kind="lead")
    lead = await only(site, "leads")
    bob = await only(site, "contacts")
    assert made.headers["location"] == f"/leads/{lead['id']}"
    assert (lead["name"], lead["main_contact"]) == ("Offer", bob["id"])
    assert (await only(site, "messages"))["leads"] == [lead["id"]]
    reply = letter("Re: Offer", author=CLIENT, to=ANA, cc="acme@mail.kommo.com", text="Yes")
    await site.hand(reply, "acme@mail.kommo.com", sender="bob@bluefin.example")
    answer = (await site.api.get("/v1/messages?limit=1")).json()["data"][0]
    assert answer["leads"] == [lead["id"]]
    await sent(browser, f"/mail/{answer['id']}/card", kind="lead")
    assert len((await site.api.get("/v1/leads")).json()["data"]) == 1
    await patch(site, f"leads/{lead['id']}", {"status": "won"})
    await sent(browser, f"/mail/{answer['id']}/card", kind="lead")
    assert len((await site.api.get("/v1/leads")).json()["data"]) == 2


REFUSED = {
    # story                          to                            never-log           kind       says
    "one on the never-log list": (CLIENT, ["bluefin.example"], "contact", "B8a"),
    "one that answers nobody": ("No Reply <no-reply@x.example>", [], "lead", "B8a"),
    "no client at all": ("Dimas <dimas@acme.example>", [], "contact", "nobody can be added"),
    "another kind": (CLIENT, [], "customer", "is not allowed"),
}


@pytest.mark.parametrize(("to", "never", "kind", "says"), REFUSED.values(), ids=REFUSED)
async def test_no_card_is_made_of(site: Site, to: str, never: list[str], kind: str, says: str) -> None:
    mail = await attached(site, to=to)
    await patch(site, "account", {"never_log": never})
    answer = await (await site.console()).post(f"/mail/{mail}/card", data={"kind": kind})
    assert answer.status_code == 422
    assert says in check_page(answer).text
    assert (await site.api.get("/v1/contacts")).json()["data"] == []


async def test_only_who_may_open_a_mail_makes_a_card_of_it(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    box = await connect(site, "d.wijaya@acme.example", dimas.id)
    locked = await bring(site, box, letter(SECRET, cc="acme@mail.kommo.com"))
    refused = await site.api.post(f"/v1/messages/{locked}/card", json={"kind": "lead"})
    assert refused.status_code == 403
    assert (
        await site.client(dimas.token).post(f"/v1/messages/{locked}/card", json={"kind": "lead"})
    ).status_code == 201
    mail = await attached(site, "Other")
    await site.api.delete(f"/v1/messages/{mail}")
    assert (await site.api.post(f"/v1/messages/{mail}/card", json={"kind": "lead"})).status_code == 409
    assert (await site.api.post("/v1/messages/none/card", json={"kind": "lead"})).status_code == 404


async def test_the_board_shows_each_column_within_bounds(site: Site) -> None:
    for n in range(27):
        await post(site, "leads", {"name": f"Lead {n:02}"})
    await post(site, "leads", {"name": "Grinder", "status": "won"})
    browser = await site.console()
    answer = await browser.get("/leads?view=board")
    page = check_page(answer)
    assert "Lead 26" in page.text
    assert "Lead 01" not in page.text
    assert "25+" in page.text
    assert len(answer.content) < 100_000
    assert "Lead" not in check_page(await browser.get("/leads?view=board&q=grind")).text.replace("Leads", "")
