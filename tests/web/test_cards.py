"""People make and change contacts, leads, customers and the account's options over the API."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from gateway.store import tables
from tests.web.site import Site, letter

Json = dict[str, Any]


async def post(site: Site, path: str, body: Json, status: int = 201) -> Json:
    answer = await site.api.post(f"/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    made: Json = answer.json()
    return made


async def patch(site: Site, path: str, body: Json, status: int = 200) -> Json:
    answer = await site.api.patch(f"/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    changed: Json = answer.json()
    return changed


async def test_a_contact_is_made_from_addresses_alone(site: Site) -> None:
    made = await post(site, "contacts", {"emails": ["Bob@BÜRO.example", "b.miller@bluefin.example"]})
    assert made["emails"] == ["bob@xn--bro-hoa.example", "b.miller@bluefin.example"]
    assert (made["name"], made["first_name"], made["last_name"]) == (made["emails"][0], "", "")
    assert (made["source"], made["leads"]) == ("api", [])
    assert (await site.api.get(f"/v1/contacts/{made['id']}")).json() == made
    assert [event["type"] for event in (await site.api.get("/v1/events")).json()["data"]] == ["contact.created"]


async def test_names_are_split_or_joined(site: Site) -> None:
    split = await post(site, "contacts", {"emails": ["a@x.example"], "name": "Elif  Kaya"})
    assert (split["name"], split["first_name"], split["last_name"]) == ("Elif Kaya", "Elif", "Kaya")
    joined = await post(site, "contacts", {"emails": ["b@x.example"], "first_name": "Sven", "last_name": "Lund"})
    assert (joined["name"], joined["first_name"], joined["last_name"]) == ("Sven Lund", "Sven", "Lund")


async def test_an_address_belongs_to_one_contact(site: Site) -> None:
    made = await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    problem = await post(site, "contacts", {"emails": ["BOB@bluefin.example"]}, 409)
    assert made["id"] in problem["detail"]
    assert problem["holder"] == made["id"]
    other = await post(site, "contacts", {"emails": ["x@bluefin.example"]})
    await patch(site, f"contacts/{other['id']}", {"emails": ["bob@bluefin.example"]}, 409)
    assert (await site.api.get("/v1/contacts?email=Bob@Bluefin.Example")).json()["data"] == [made]
    assert (await site.api.get("/v1/contacts?email=nobody")).json()["data"] == []


async def test_mail_without_a_card_comes_onto_a_contact_made_later(site: Site) -> None:
    await site.hand(letter(cc="acme@mail.kommo.com"), "acme@mail.kommo.com")
    message = (await site.api.get("/v1/messages")).json()["data"][0]
    assert message["contacts"] == []
    made = await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    on_card = (await site.api.get(f"/v1/contacts/{made['id']}/messages")).json()["data"]
    assert [row["id"] for row in on_card] == [message["id"]]
    assert on_card[0]["contacts"] == [made["id"]]
    await patch(site, f"contacts/{made['id']}", {"emails": ["new@bluefin.example"]})
    assert (await site.api.get(f"/v1/contacts/{made['id']}/messages")).json()["data"] == []
    await patch(site, f"contacts/{made['id']}", {"emails": ["new@bluefin.example", "bob@bluefin.example"]})
    assert len((await site.api.get(f"/v1/contacts/{made['id']}/messages")).json()["data"]) == 1


async def test_the_mail_of_a_contact_that_a_mail_made_comes_onto_the_next_card_of_its_address(site: Site) -> None:
    await site.hand(letter(cc="acme+contact@mail.kommo.com"), "acme+contact@mail.kommo.com")
    first = (await site.api.get("/v1/contacts")).json()["data"][0]
    assert (await site.api.delete(f"/v1/contacts/{first['id']}")).status_code == 204
    second = await post(site, "contacts", {"emails": first["emails"]})
    on_card = (await site.api.get(f"/v1/contacts/{second['id']}/messages")).json()["data"]
    assert [row["contacts"] for row in on_card] == [[second["id"]]]
    await patch(site, f"contacts/{second['id']}", {"emails": ["new@bluefin.example"]})
    third = await post(site, "contacts", {"emails": first["emails"]})
    assert len((await site.api.get(f"/v1/contacts/{third['id']}/messages")).json()["data"]) == 1


async def test_a_patch_leaves_what_it_does_not_name(site: Site) -> None:
    made = await post(site, "contacts", {"emails": ["bob@bluefin.example"], "name": "Bob Miller"})
    changed = await patch(site, f"contacts/{made['id']}", {"name": "Robert Miller"})
    assert changed == {**made, "name": "Robert Miller"}
    assert await patch(site, f"contacts/{made['id']}", {}) == changed
    assert (await patch(site, f"contacts/{made['id']}", {"last_name": ""}))["last_name"] == ""


async def test_a_contact_that_is_removed_leaves_its_mail(site: Site) -> None:
    await site.hand(letter())
    contact = (await site.api.get("/v1/contacts")).json()["data"][0]["id"]
    assert (await site.api.delete(f"/v1/contacts/{contact}")).status_code == 204
    assert (await site.api.get(f"/v1/contacts/{contact}")).status_code == 404
    assert (await site.api.delete(f"/v1/contacts/{contact}")).status_code == 404
    message = (await site.api.get("/v1/messages")).json()["data"][0]
    lead = (await site.api.get("/v1/leads")).json()["data"][0]
    assert (message["contacts"], lead["contacts"], lead["main_contact"]) == ([], [], None)


async def test_contacts_are_found_by_part_of_a_name_or_address(site: Site) -> None:
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"], "name": "Bob 100% Miller"})
    elif_ = await post(site, "contacts", {"emails": ["elif@kaya.example"], "name": "Elif Kaya"})
    for q, rows in {"miller": [bob], "KAYA": [elif_], "0%": [bob], "_": [], "": [elif_, bob]}.items():
        assert (await site.api.get("/v1/contacts", params={"q": q})).json()["data"] == rows, q


async def test_a_lead_is_made_changed_and_removed(site: Site) -> None:
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    ann = await post(site, "contacts", {"emails": ["ann@bluefin.example"]})
    lead = await post(site, "leads", {"name": "Grinders", "price": 620, "contacts": [bob["id"]]})
    assert (lead["status"], lead["price"], lead["main_contact"]) == ("open", 620, bob["id"])
    won = await patch(site, f"leads/{lead['id']}", {"status": "won"})
    assert won == {**lead, "status": "won"}
    both = await patch(site, f"leads/{lead['id']}", {"main_contact": ann["id"]})
    assert both["contacts"] == [ann["id"], bob["id"]]
    none = await patch(site, f"leads/{lead['id']}", {"main_contact": None})
    assert (none["main_contact"], sorted(none["contacts"])) == (None, sorted([ann["id"], bob["id"]]))
    assert [row["id"] for row in (await site.api.get(f"/v1/leads?contact={ann['id']}")).json()["data"]] == [lead["id"]]
    assert (await site.api.get(f"/v1/contacts/{ann['id']}")).json()["leads"] == [lead["id"]]
    types = [event["type"] for event in (await site.api.get("/v1/events")).json()["data"]]
    assert types == ["contact.created", "contact.created", "lead.created"]
    assert (await site.api.delete(f"/v1/leads/{lead['id']}")).status_code == 204
    assert (await site.api.get("/v1/leads")).json()["data"] == []


ODD_NAMES = {"a long one": "o" * 300, "one with invisible signs": "Of\u200bfer\u2060", "none": ""}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
async def test_a_name_that_nobody_could_type_stays_while_the_rest_changes(site: Site, name: str) -> None:
    await site.hand(letter())
    await site.store.write(lambda tx: tx.execute(update(tables.leads).values(name=name)))
    lead = (await site.api.get("/v1/leads")).json()["data"][0]
    assert lead["name"] == name
    assert await patch(site, f"leads/{lead['id']}", {"status": "won"}) == {**lead, "status": "won"}
    assert (await patch(site, f"leads/{lead['id']}", {"name": "Offer"}))["name"] == "Offer"
    await patch(site, f"leads/{lead['id']}", {"name": ""}, 422)


async def test_the_next_mail_of_a_conversation_whose_lead_was_won_opens_a_new_one(site: Site) -> None:
    await site.hand(letter())
    first = (await site.api.get("/v1/leads")).json()["data"][0]
    await patch(site, f"leads/{first['id']}", {"status": "won"})
    await site.hand(letter("Re: Offer", text="once more"))
    leads = (await site.api.get("/v1/leads")).json()["data"]
    assert [(lead["status"], lead["name"]) for lead in leads] == [("open", "Offer"), ("won", "Offer")]


async def test_leads_and_customers_are_found_by_part_of_their_name(site: Site) -> None:
    for path in ("leads", "customers"):
        grinders = await post(site, path, {"name": "Grinders 100%"})
        beans = await post(site, path, {"name": "Beans"})
        for q, rows in {"GRIND": [grinders], "0%": [grinders], "_": [], "": [beans, grinders]}.items():
            assert (await site.api.get(f"/v1/{path}", params={"q": q})).json()["data"] == rows, q


async def test_the_mail_of_a_lead_and_of_a_customer_is_listed(site: Site) -> None:
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    customer = await post(site, "customers", {"name": "Bluefin Hotels", "contacts": [bob["id"]]})
    for n in range(3):
        await site.hand(letter("Re: Offer", text=str(n)))
    lead = (await site.api.get("/v1/leads")).json()["data"][0]
    mails = (await site.api.get("/v1/messages")).json()["data"]
    assert len(mails) == 3
    for path in (f"leads/{lead['id']}", f"customers/{customer['id']}"):
        assert (await site.api.get(f"/v1/{path}/messages")).json() == {"data": mails, "next": None}
        first = (await site.api.get(f"/v1/{path}/messages?limit=2")).json()
        rest = (await site.api.get(f"/v1/{path}/messages?limit=2&after={first['next']}")).json()
        assert first["data"] + rest["data"] == mails
    assert (await site.api.get(f"/v1/leads/{customer['id']}/messages")).status_code == 404
    assert (await site.api.get(f"/v1/customers/{lead['id']}/messages")).status_code == 404


async def test_a_customer_is_made_changed_and_removed(site: Site) -> None:
    bob = await post(site, "contacts", {"emails": ["bob@bluefin.example"]})
    made = await post(site, "customers", {"name": "Bluefin Hotels", "contacts": [bob["id"]]})
    assert set(made) == {"id", "name", "contacts", "main_contact", "created_at", "custom"}
    assert (await patch(site, f"customers/{made['id']}", {"name": "Bluefin"}))["name"] == "Bluefin"
    await site.hand(letter())
    message = (await site.api.get("/v1/messages")).json()["data"][0]
    assert message["customers"] == [made["id"]]
    assert (await site.api.delete(f"/v1/customers/{made['id']}")).status_code == 204
    assert (await site.api.get("/v1/customers")).json() == {"data": [], "next": None}


WRONG = {
    # what was sent                         where                    the field that is pointed at
    "no address": ("contacts", {"emails": []}, "#/emails"),
    "no emails at all": ("contacts", {"name": "Bob"}, "#/emails"),
    "a word for an address": ("contacts", {"emails": ["a@x.example", "bob"]}, "#/emails/1"),
    "a name beside the address": ("contacts", {"emails": ["Bob <bob@x.example>"]}, "#/emails/0"),
    "an address literal": ("contacts", {"emails": ["bob@[192.0.2.1]"]}, "#/emails/0"),
    "a smart address": ("contacts", {"emails": ["acme@mail.kommo.com"]}, "#/emails/0"),
    "a number for a name": ("contacts", {"emails": ["a@x.example"], "name": 7}, "#/name"),
    "a name of two lines": ("contacts", {"emails": ["a@x.example"], "name": "\x07"}, "#/name"),
    "an unknown field": ("contacts", {"emails": ["a@x.example"], "phone": "1"}, "#/phone"),
    "a lead without a name": ("leads", {"price": 1}, "#/name"),
    "a blank name": ("leads", {"name": "  "}, "#/name"),
    "a price below nothing": ("leads", {"name": "x", "price": -1}, "#/price"),
    "a price in words": ("leads", {"name": "x", "price": "1"}, "#/price"),
    "a status of its own": ("leads", {"name": "x", "status": "done"}, "#/status"),
    "an unknown contact": ("leads", {"name": "x", "contacts": ["none"]}, "#/contacts/0"),
    "an unknown main contact": ("customers", {"name": "x", "main_contact": "none"}, "#/main_contact"),
}


@pytest.mark.parametrize(("path", "body", "pointer"), WRONG.values(), ids=WRONG)
async def test_a_wrong_field_is_pointed_at(site: Site, path: str, body: Json, pointer: str) -> None:
    answer = await site.api.post(f"/v1/{path}", json=body)
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert problem["type"] == "/v1/docs#bad-field"
    assert (await site.api.get(f"/v1/{path}")).json()["data"] == []


async def test_the_account_shows_its_addresses_and_takes_options(site: Site) -> None:
    shown = (await site.api.get("/v1/account")).json()
    assert (shown["slug"], shown["name"], shown["own_domains"]) == ("acme", "Acme Coffee", ["acme.example"])
    assert shown["addresses"] == {
        "attach": "acme@mail.kommo.com",
        "contact": "acme+contact@mail.kommo.com",
        "lead": "acme+lead@mail.kommo.com",
    }
    wanted = {
        "copy_policy": "cc_or_to",
        "strangers": "refuse",
        "name": "Acme",
        "own_domains": ["a.example", ".b.example"],
        "never_log": ["shop.example", "news@c.example"],
    }
    changed = await patch(site, "account", wanted)
    assert {name: changed[name] for name in wanted} == {
        **wanted,
        "own_domains": [".b.example", "a.example"],
        "never_log": ["news@c.example", "shop.example"],
    }
    assert (await site.api.get("/v1/account")).json() == changed


OPTIONS: dict[str, Json] = {
    "copy_policy": {"copy_policy": "bcc"},
    "strangers": {"strangers": ""},
    "own_domains": {"own_domains": ["gmail.com"]},
    "own_domains ": {"own_domains": ["mail.kommo.com"]},
    "never_log": {"never_log": ["shop"]},
    "name": {"name": ""},
    "rename_grace_days": {"rename_grace_days": -1},
}


@pytest.mark.parametrize(("field", "body"), OPTIONS.items(), ids=OPTIONS)
async def test_a_wrong_option_changes_nothing(site: Site, field: str, body: Json) -> None:
    before = (await site.api.get("/v1/account")).json()
    problem = await patch(site, "account", {"name": "Changed", **body}, 422)
    assert problem["errors"][0]["pointer"] == f"#/{field.strip()}"
    assert (await site.api.get("/v1/account")).json() == before


async def test_a_user_reads_and_writes_cards_but_options_and_people_are_the_admins(site: Site) -> None:
    priya = site.client(await site.add_user("priya@acme.example", "Priya"))
    assert (await priya.get("/v1/contacts")).status_code == 200
    for method, path in (("PATCH", "account"), ("GET", "users"), ("GET", "messages?folder=held")):
        answer = await priya.request(method, f"/v1/{path}", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["type"]) == (403, "/v1/docs#not-allowed"), path
    people = (await site.api.get("/v1/users")).json()["data"]
    assert [(one["email"], one["role"]) for one in people] == [
        ("priya@acme.example", "user"),
        ("ana@acme.example", "admin"),
    ]
    first = (await site.api.get("/v1/users?limit=1")).json()
    second = (await site.api.get(f"/v1/users?limit=1&after={first['next']}")).json()
    assert first["data"] + second["data"] == people
    assert second["next"] is None
