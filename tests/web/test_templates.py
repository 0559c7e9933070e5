"""Templates over the API: written, checked with line and column, filled in with what is known of a card."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.templates import FIELDS
from gateway.store.accounts import find_account
from gateway.store.audit import list_entries
from gateway.store.ids import new_id
from gateway.store.tables import field_values, fields
from gateway.usecases import templates as usecase
from gateway.web.console.templates import LABELS
from tests.web.site import Site, letter

HELLO = {
    "name": "Hello",
    "subject": "About {{ lead.name }}",
    "body": "Hello {{ contact.first_name }},\n\n{{ user.name }}",
}


async def test_a_template_is_written_shown_changed_and_removed(site: Site) -> None:
    made = await site.api.post("/v1/templates", json={**HELLO, "body": HELLO["body"].replace("\n", "\r\n")})
    assert made.status_code == 201
    shown = made.json()
    at = f"/v1/templates/{shown['id']}"
    assert {name: shown[name] for name in (*HELLO, "html")} == {**HELLO, "html": False}
    assert (await site.api.get(at)).json() == shown
    assert (await site.api.get("/v1/templates")).json() == {"data": [shown], "next": None}
    changed = (await site.api.patch(at, json={"subject": "", "html": True})).json()
    assert (changed["name"], changed["subject"], changed["body"], changed["html"]) == ("Hello", "", HELLO["body"], True)
    assert changed["changed_at"] >= shown["changed_at"]
    stale = await site.api.patch(at, json={"name": "Bye"}, headers={"If-Match": made.headers["etag"]})
    assert stale.status_code == 412
    assert (await site.api.delete(at)).status_code == 204
    assert (await site.api.get(at)).status_code == (await site.api.delete(at)).status_code == 404


async def test_everybody_of_the_account_may_write_them_and_who_did_is_noted(site: Site) -> None:
    user = site.client(await site.add_user("tari@acme.example", "Tari"))
    id = (await user.post("/v1/templates", json=HELLO)).json()["id"]
    await user.patch(f"/v1/templates/{id}", json={"name": "Bye"})
    await user.delete(f"/v1/templates/{id}")
    account = await site.store.read(lambda tx: list_entries(tx, number_of(tx), None, 50).rows)
    seen = [(one.what, one.who, one.subject, dict(one.about)) for one in account if one.what.startswith("template.")]
    assert seen == [
        ("template.removed", "tari@acme.example", id, {"name": "Bye"}),
        ("template.changed", "tari@acme.example", id, {"name": "Bye"}),
        ("template.added", "tari@acme.example", id, {"name": "Hello"}),
    ]


WRONG: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "an unknown field": (
        {"body": "Hello\n  {{ contact.nme }}"},
        {"pointer": "#/body", "line": 2, "column": 6},
        "contact.nme is no field, but contact.name is",
    ),
    "one in the subject": (
        {"subject": "{{ lead.nam"},
        {"pointer": "#/subject", "line": 1, "column": 1},
        "never closed",
    ),
    "no text": ({"body": " \n"}, {"pointer": "#/body"}, "an empty text is not allowed"),
    "no name": ({"name": ""}, {"pointer": "#/name"}, "allowed: 1 to 200 characters on one line"),
    "a name that is taken": ({"name": "Taken"}, {"pointer": "#/name"}, "'Taken' is the name of another template"),
    "a field that isn't one": ({"colour": "red"}, {"pointer": "#/colour"}, "extra"),
    "a byte that can't be kept": ({"body": "a\x00"}, {"pointer": "#/body", "line": 1, "column": 2}, "U+0000"),
}


@pytest.mark.parametrize(("sent", "place", "says"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_told_by_its_place(
    site: Site, sent: dict[str, Any], place: dict[str, Any], says: str
) -> None:
    await site.api.post("/v1/templates", json={**HELLO, "name": "Taken"})
    known = (await site.api.post("/v1/templates", json=HELLO)).json()
    for answer in (
        await site.api.post("/v1/templates", json={**HELLO, "name": "New", **sent}),
        await site.api.patch(f"/v1/templates/{known['id']}", json=sent),
    ):
        assert answer.status_code == 422
        [wrong] = answer.json()["errors"]
        assert {name: value for name, value in wrong.items() if name != "detail"} == place
        assert says in wrong["detail"]
        assert says in answer.json()["detail"]
    assert (await site.api.get(f"/v1/templates/{known['id']}")).json() == known


def number_of(tx: Any) -> int:
    account = find_account(tx, "acme")
    assert account is not None
    return account.number


async def add_own_fields(site: Site, card: str) -> None:
    """Two fields of the account's own; the contact's has a value."""

    def write(tx: Any) -> None:
        for kind, key, name in (
            ("contact", "city", "City"),
            ("lead", "machine", "Machine"),
            ("customer", "tax", "Tax"),
        ):
            row = {"account": number_of(tx), "id": new_id(), "kind": kind, "key": key, "name": name, "created_at": 1}
            tx.execute(fields.insert().values(row))
            if kind == "contact":
                tx.execute(
                    field_values.insert().values(account=row["account"], card=card, field=row["id"], value="Bandung")
                )

    await site.store.write(write)


async def test_it_is_filled_in_for_a_contact_or_a_lead(site: Site) -> None:
    await site.hand(letter("Two machines"))
    [bob] = (await site.api.get("/v1/contacts")).json()["data"]
    [lead] = (await site.api.get("/v1/leads")).json()["data"]
    await add_own_fields(site, bob["id"])
    body = "{{ contact.name }} {{ contact.email }} {{ contact.city }}{{ lead.machine }} {{ account.name }}"
    at = "/v1/templates/" + (await site.api.post("/v1/templates", json={**HELLO, "body": body})).json()["id"]
    wanted = {
        "subject": "About Two machines",
        "body": "Bob Miller bob@bluefin.example Bandung Acme Coffee",
        "html": False,
        "empty": ["lead.machine"],
    }
    for query in (f"contact={bob['id']}", f"lead={lead['id']}", f"contact={bob['id']}&lead={lead['id']}"):
        assert (await site.api.get(f"{at}/render?{query}")).json() == wanted, query
    await site.api.patch(f"/v1/leads/{lead['id']}", json={"status": "won"})
    assert (await site.api.get(f"{at}/render?contact={bob['id']}")).json()["subject"] == "About"
    nobody = (await site.api.get(f"{at}/render")).json()
    assert nobody["empty"] == ["lead.name", "contact.name", "contact.email", "contact.city", "lead.machine"]


async def test_a_card_of_another_account_fills_in_nothing(site: Site) -> None:
    theirs = (await site.client(site.other.token).post("/v1/contacts", json={"emails": ["zoe@x.example"]})).json()
    at = "/v1/templates/" + (await site.api.post("/v1/templates", json=HELLO)).json()["id"]
    for query in (f"contact={theirs['id']}", "lead=none"):
        answer = await site.api.get(f"{at}/render?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, f"#/{query.partition('=')[0]}")
    assert (await site.api.get("/v1/templates/none/render")).status_code == 404


async def test_the_fields_there_are_are_told_with_the_accounts_own(site: Site) -> None:
    await add_own_fields(site, "none")
    found = (await site.api.get("/v1/templates/fields")).json()["data"]
    assert [one["name"] for one in found] == [*FIELDS, "contact.city", "lead.machine"]
    assert found[-1] == {"name": "lead.machine", "label": "Machine", "own": True}


def test_the_page_has_a_name_for_each_field_and_the_api_the_same() -> None:
    assert LABELS == FIELDS


async def test_an_account_has_so_many_templates_and_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usecase, "MOST", 2)
    statuses = [(await site.api.post("/v1/templates", json={**HELLO, "name": str(n)})).status_code for n in range(3)]
    assert statuses == [201, 201, 409]


async def test_they_come_in_pages(site: Site) -> None:
    made = [(await site.api.post("/v1/templates", json={**HELLO, "name": str(n)})).json()["id"] for n in range(3)]
    first = (await site.api.get("/v1/templates?limit=2")).json()
    rest = (await site.api.get(f"/v1/templates?limit=2&after={first['next']}")).json()
    assert [one["id"] for one in first["data"] + rest["data"]] == made[::-1]
    assert rest["next"] is None
