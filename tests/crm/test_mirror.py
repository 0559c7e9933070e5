"""Kommo's contacts in our own store: the rules know them, nobody is there twice, and Kommo isn't told of its own."""

from __future__ import annotations

from typing import Any

import pytest

from crm_adapter.port import Retry, TroubleError
from gateway.store.accounts import find_account
from gateway.usecases.mirror_contacts import Mirror, mirror_contacts
from tests.crm.kommo_rig import Rig
from tests.crm.wire import Reply
from tests.web.site import DOMAINS


async def mirror(kommo: Rig) -> int:
    account = await kommo.site.store.read(lambda tx: find_account(tx, "acme"))
    assert account is not None
    return await mirror_contacts(Mirror(kommo.site.store, account.number, kommo.book, "kommo", DOMAINS), kommo.crm)


async def contacts(kommo: Rig) -> dict[str, dict[str, Any]]:
    found = (await kommo.site.api.get("/v1/contacts", params={"limit": 200})).json()["data"]
    return {one["name"]: one for one in found}


async def test_contacts_of_kommo_are_known_here_and_their_mail_is_filed_on_them(kommo: Rig) -> None:
    kommo.server.add_contact("Bob Miller", "Bob@BlueFin.example", "robert@x.example")
    assert await mirror(kommo) == 1
    bob = (await contacts(kommo))["Bob Miller"]
    assert (bob["source"], bob["emails"]) == ("kommo", ["bob@bluefin.example", "robert@x.example"])
    assert (bob["first_name"], bob["last_name"]) == ("Bob", "Miller")
    await kommo.hand("acme@mail.kommo.com", cc="acme@mail.kommo.com")
    (message,) = (await kommo.site.api.get(f"/v1/contacts/{bob['id']}/messages")).json()["data"]
    assert message["contacts"] == [bob["id"]]


async def test_mail_that_came_before_its_contact_comes_onto_the_copys_card(kommo: Rig) -> None:
    await kommo.hand("acme@mail.kommo.com", cc="acme@mail.kommo.com")
    kommo.server.add_contact("Bob", "bob@bluefin.example")
    await mirror(kommo)
    bob = (await contacts(kommo))["Bob"]
    assert len((await kommo.site.api.get(f"/v1/contacts/{bob['id']}/messages")).json()["data"]) == 1


async def test_a_copy_is_told_to_nobody_and_is_never_made_in_kommo_again(kommo: Rig) -> None:
    there = kommo.server.add_contact("Bob", "bob@bluefin.example")
    await mirror(kommo)
    assert await kommo.events() == []
    kommo.server.account.hidden = {there}
    await kommo.hand()
    await kommo.tell()
    assert list(kommo.server.account.contacts) == [there]
    assert kommo.leads[0]["linked"] == [there]


async def test_who_is_here_already_stays_one_keeps_the_name_and_gets_the_other_addresses(kommo: Rig) -> None:
    await kommo.site.api.post("/v1/contacts", json={"emails": ["bob@bluefin.example"], "name": "Bobby"})
    there = kommo.server.add_contact("Robert", "robert@x.example", "bob@bluefin.example")
    await mirror(kommo)
    found = await contacts(kommo)
    assert list(found) == ["Bobby"]
    assert found["Bobby"]["source"] == "api"
    assert found["Bobby"]["emails"] == ["bob@bluefin.example", "robert@x.example"]
    await kommo.tell("contact.created")
    assert list(kommo.server.account.contacts) == [there]


async def test_a_contact_that_we_made_in_kommo_does_not_come_back_as_another(kommo: Rig) -> None:
    await kommo.hand()
    await kommo.tell()
    assert await mirror(kommo) == 0
    assert len(await contacts(kommo)) == 1


async def test_a_copy_follows_what_changes_in_kommo_and_nothing_else_is_written(kommo: Rig) -> None:
    there = kommo.server.add_contact("Bob", "bob@bluefin.example")
    kommo.server.add_contact("Cara", "cara@corp.example")
    await mirror(kommo)
    card = kommo.server.account.contacts[there]
    card["name"] = "Bob Miller"
    card["custom_fields_values"][0]["values"] = [{"value": "bob@new.example"}]
    assert await mirror(kommo) == 1
    bob = (await contacts(kommo))["Bob Miller"]
    assert bob["emails"] == ["bob@new.example"]
    assert await mirror(kommo) == 0


async def test_an_address_that_two_contacts_of_kommo_have_belongs_to_one_here(kommo: Rig) -> None:
    kommo.server.add_contact("Bob", "bob@bluefin.example")
    kommo.server.add_contact("Robert", "bob@bluefin.example", "robert@x.example")
    await mirror(kommo)
    found = await contacts(kommo)
    assert list(found) == ["Bob"]
    assert found["Bob"]["emails"] == ["bob@bluefin.example", "robert@x.example"]
    assert await mirror(kommo) == 0


@pytest.mark.parametrize(
    "email", ["", "no address", "acme+lead@mail.kommo.com", "x@[192.0.2.1]", "a b@x.example", f"{'a' * 400}@x.example"]
)
async def test_what_is_no_persons_address_makes_no_contact(kommo: Rig, email: str) -> None:
    kommo.server.add_contact("Odd", email)
    await mirror(kommo)
    assert await contacts(kommo) == {}


@pytest.mark.parametrize("name", ["", "A\nB", "\x00", "x" * 1000])
async def test_a_name_that_cannot_be_shown_is_made_one_that_can(kommo: Rig, name: str) -> None:
    kommo.server.add_contact(name, "bob@bluefin.example")
    await mirror(kommo)
    ((shown, bob),) = (await contacts(kommo)).items()
    assert bob["emails"] == ["bob@bluefin.example"]
    assert shown in {"bob@bluefin.example", "A B", "x" * 200}


async def test_pages_are_followed_and_a_look_that_broke_off_goes_on_where_it_was(kommo: Rig) -> None:
    kommo.server.account.page = 10
    for n in range(35):
        kommo.server.add_contact(f"Person {n}", f"p{n}@x.example")
    kommo.server.fail(Reply(500), "GET", "/api/v4/contacts")
    with pytest.raises(TroubleError) as told:
        await mirror(kommo)
    assert isinstance(told.value.outcome, Retry)

    pages = 0

    async def broken(*given: Any, **more: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages == 3:
            raise ZeroDivisionError
        return await write(*given, **more)

    write = kommo.site.store.write
    kommo.site.store.write = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await mirror(kommo)
    kommo.site.store.write = write  # type: ignore[method-assign]
    kommo.server.seen.clear()
    await mirror(kommo)
    assert len(await contacts(kommo)) == 35
    assert [one.asked("page") for one in kommo.server.seen] == ["3", "4"]


async def test_the_next_look_asks_only_for_what_changed_since_the_last_one_began(kommo: Rig) -> None:
    kommo.server.add_contact("Bob", "bob@bluefin.example")
    await mirror(kommo)
    await mirror(kommo)
    first, second = (int(one.asked("filter[updated_at][from]") or -1) for one in kommo.server.seen)
    assert first == 0
    assert second > 1_700_000_000
