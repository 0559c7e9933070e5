"""People's own mailboxes over the API: connected, changed, synced, disconnected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import pytest

from gateway.store.tables import mailboxes
from gateway.usecases import connect_mailbox
from gateway.usecases import mailboxes as mailboxes_of
from tests.mailboxes.fake_servers import FakeServers
from tests.web.site import URL, Site, check_page

ANA, PASSWORD = "ana@acme.example", "correct horse"
FIELDS = {
    "id", "address", "provider", "kind", "owner", "share_with_admins", "aliases", "proposals", "can_send", "state",
    "progress", "last_sync_at", "next_sync_at", "error", "threads", "auto_create", "keep_attachments", "sent", "unread",
    "imap", "smtp", "created_at",
}  # fmt: skip


async def connect(api: httpx2.AsyncClient, servers: FakeServers, address: str = ANA, **wish: Any) -> dict[str, Any]:
    """Connects a mailbox that is there; what the API answers."""
    servers.passwords[address.lower()] = PASSWORD
    answer = await api.post("/v1/mailboxes", json={"address": address, "password": PASSWORD, **wish})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def events(site: Site) -> list[str]:
    return [one["type"] for one in (await site.api.get("/v1/events")).json()["data"]]


async def row_of(site: Site, id: str) -> Any:
    """A mailbox as the store has it."""
    return await site.store.read(lambda tx: tx.execute(mailboxes.select().where(mailboxes.c.id == id)).one())


async def note(site: Site, id: str, **changed: Any) -> None:
    """What a poller notes of a mailbox."""
    await site.store.write(lambda tx: tx.execute(mailboxes.update().where(mailboxes.c.id == id).values(changed)))


async def test_e1_a_mailbox_is_connected_by_address_and_password_alone(site: Site) -> None:
    made = await connect(site.api, site.servers, "Ana@ACME.Example")
    assert set(made) == FIELDS
    assert (made["address"], made["kind"], made["state"], made["can_send"]) == (ANA, "personal", "importing", True)
    assert (made["provider"], made["imap"]["host"], made["smtp"]["port"]) == ("acme.example", "imap.acme.example", 465)
    assert made["next_sync_at"] is not None
    assert site.servers.logins == [(ANA, PASSWORD)]
    assert (await site.api.get(f"/v1/mailboxes/{made['id']}")).json() == made
    assert (await site.api.get("/v1/mailboxes")).json()["data"] == [made]
    [event] = [one for one in (await site.api.get("/v1/events")).json()["data"] if one["type"] == "mailbox.connected"]
    assert event["subject"] == made["id"]


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a wrong password": ({"password": "wrong"}, "password", "refuses this password"),
    "no password": ({"password": ""}, "password", "a password is needed"),
    "a password of two lines": ({"password": "a\nb"}, "password", "on one line"),
    "an IDN domain": ({"address": "ana@bücher.example"}, "address", "internationalised"),
    "an IDN domain in ASCII": ({"address": "ana@xn--bcher-kva.example"}, "address", "internationalised"),
    "an address at a number": ({"address": "ana@[192.0.2.7]"}, "address", "by its number"),
    "no address": ({"address": "ana"}, "address", "no e-mail address"),
    "a smart address": ({"address": "acme+lead@mail.kommo.com"}, "address", "gateway domain"),
    "a domain without mail": ({"address": "ana@nowhere.example"}, "address", "was found"),
    "port 25": ({"imap": {"host": "imap.acme.example", "port": 25}}, "imap/port", "port 25"),
    "a number as server": ({"imap": {"host": "192.0.2.7", "port": 993}}, "imap/host", "proves nothing"),
    "a server that is down": ({"imap": {"host": "down.example", "port": 993}}, "imap/host", "can't be reached"),
    "sending that is refused": (
        {"imap": {"host": "a.example", "port": 993}, "smtp": {"host": "no.example", "port": 465}},
        "password",
        "sending is refused",
    ),
    "a server for sending alone": ({"smtp": {"host": "a.example", "port": 465}}, "imap", "alone is not enough"),
    "a kind there isn't": ({"kind": "public"}, "kind", "personal"),
    "servers that were guessed": ({"address": "ana@guessed.example"}, "imap", "imap.guessed.example:993"),
}


@pytest.mark.parametrize(("wish", "field", "words"), REFUSED.values(), ids=REFUSED)
async def test_e1_what_stands_in_the_way_is_named_and_nothing_is_connected(
    site: Site, wish: dict[str, Any], field: str, words: str
) -> None:
    site.servers.passwords[ANA] = PASSWORD
    site.servers.down, site.servers.no_smtp = frozenset(("down.example",)), frozenset(("no.example",))
    answer = await site.api.post("/v1/mailboxes", json={"address": ANA, "password": PASSWORD, **wish})
    problem = answer.json()
    assert answer.status_code == 422
    assert problem["errors"][0]["pointer"] == f"#/{field}"
    assert words in problem["errors"][0]["detail"]
    assert problem["errors"][0]["detail"] != "wrong"
    assert (await site.api.get("/v1/mailboxes")).json()["data"] == []
    assert "mailbox.connected" not in await events(site)


async def test_e1_servers_that_were_guessed_are_told_and_sent_along(site: Site) -> None:
    address = "ana@guessed.example"
    site.servers.passwords[address] = PASSWORD
    halted = (await site.api.post("/v1/mailboxes", json={"address": address, "password": PASSWORD})).json()
    assert site.servers.logins == []
    found = halted["found"]
    made = await connect(site.api, site.servers, address, imap=found["imap"], smtp=found["smtp"])
    assert made["imap"] == found["imap"]


async def test_imap_alone_is_enough_and_sends_where_a_server_for_that_is_found(site: Site) -> None:
    given = {"host": "imap.in-house.example", "port": 143, "security": "starttls"}
    made = await connect(site.api, site.servers, "ana@guessed.example", imap=given)
    assert (made["can_send"], made["smtp"], made["provider"]) == (False, None, "in-house.example")
    assert made["imap"] == {**given, "user": ""}
    found = await connect(site.api, site.servers, ANA, imap=given)
    assert (found["can_send"], found["smtp"]["host"]) == (True, "smtp.acme.example")


async def test_a_server_for_sending_that_was_found_and_refuses_keeps_nobody_from_reading(site: Site) -> None:
    site.servers.no_smtp = frozenset(("smtp.acme.example",))
    assert (await connect(site.api, site.servers))["can_send"] is False


async def test_where_the_folder_of_sent_mail_is_not_known_it_is_asked_for(site: Site) -> None:
    site.servers.folders = ("Verzonden", "Outbox")
    made = await connect(site.api, site.servers)
    assert "Verzonden, Outbox" in made["error"]
    chosen = await site.api.patch(f"/v1/mailboxes/{made['id']}", json={"sent": "Verzonden"})
    assert (chosen.status_code, chosen.json()["sent"]) == (200, "Verzonden")
    named = await connect(site.api, site.servers, "sales@acme.example", sent="Outbox")
    assert (named["sent"], named["error"]) == ("Outbox", "")


async def test_e1_google_and_microsoft_ask_their_users_themselves(site: Site) -> None:
    for address in ("ana@gmail.com", "ana@outlook.com"):
        answer = await site.api.post("/v1/mailboxes", json={"address": address})
        assert answer.status_code == 422
        problem = answer.json()
        assert problem["consent"] == f"{URL}/mailboxes/consent?address={address.replace('@', '%40')}&kind=personal"
        assert "consent" in problem["detail"]
    refused = await site.api.post("/v1/mailboxes", json={"address": "ana@outlook.com", "password": PASSWORD})
    assert "no program in by a password" in refused.json()["detail"]
    assert site.servers.logins == []
    wrong = await site.api.post("/v1/mailboxes", json={"address": "ana@gmail.com", "password": "wrong"})
    assert "https://passwords.example/make" in wrong.json()["detail"]
    assert wrong.json()["consent"]
    assert (await connect(site.api, site.servers, "ana@gmail.com"))["provider"] == "gmail.com"


async def test_an_address_is_connected_once_an_account_and_others_learn_nothing_of_whose_it_is(site: Site) -> None:
    made = await connect(site.api, site.servers)
    again = await site.api.post("/v1/mailboxes", json={"address": "ANA@acme.example", "password": PASSWORD})
    assert (again.status_code, again.json()["holder"]) == (409, made["id"])
    colleague = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    taken = await colleague.post("/v1/mailboxes", json={"address": ANA, "password": PASSWORD})
    assert (taken.status_code, taken.json()["holder"]) == (409, "")
    assert "is connected already" in taken.json()["detail"]
    assert len(site.servers.logins) == 1
    other = site.client(site.other.token)
    assert (await connect(other, site.servers))["id"] != made["id"]


async def test_e2_a_mailbox_is_there_for_admins_its_owner_and_who_may_read_shared_mail(site: Site) -> None:
    owner = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    plain = site.client(await site.add_user("rita@acme.example", "Rita"))
    own = (await connect(owner, site.servers, "dimas@acme.example"))["id"]
    shared = (await connect(site.api, site.servers, "sales@acme.example", kind="shared"))["id"]
    people = {one["email"]: one["id"] for one in (await site.api.get("/v1/users")).json()["data"]}

    async def seen(api: httpx2.AsyncClient) -> set[str]:
        listed = {one["id"] for one in (await api.get("/v1/mailboxes")).json()["data"]}
        for id in (own, shared):
            assert (await api.get(f"/v1/mailboxes/{id}")).status_code == (200 if id in listed else 404)
        return listed

    assert await seen(site.api) == {own, shared}
    assert await seen(owner) == {own}
    assert await seen(plain) == set()
    await site.api.patch(f"/v1/users/{people['rita@acme.example']}", json={"shared_mail": True})
    assert await seen(plain) == {shared}


async def test_e2_rights_hold_for_every_change(site: Site) -> None:
    owner = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    own = f"/v1/mailboxes/{(await connect(owner, site.servers, 'dimas@acme.example'))['id']}"
    shared = f"/v1/mailboxes/{(await connect(site.api, site.servers, 'sales@acme.example', kind='shared'))['id']}"
    people = {one["email"]: one["id"] for one in (await site.api.get("/v1/users")).json()["data"]}
    await site.api.patch(f"/v1/users/{people['dimas@acme.example']}", json={"shared_mail": True})
    refused = await owner.post(
        "/v1/mailboxes", json={"address": "info@acme.example", "kind": "shared", "password": PASSWORD}
    )
    assert refused.status_code == 403
    tries: list[tuple[httpx2.AsyncClient, str, dict[str, Any], int]] = [
        (owner, own, {"threads": False}, 200),
        (owner, own, {"share_with_admins": True}, 200),
        (owner, own, {"kind": "shared"}, 403),
        (owner, shared, {"threads": False}, 403),
        (owner, shared, {"share_with_admins": True}, 403),
        (site.api, own, {"threads": True}, 403),
        (site.api, own, {"share_with_admins": True}, 403),
        (site.api, shared, {"auto_create": "lead"}, 200),
        (site.api, shared, {"kind": "personal"}, 422),
        (site.api, shared, {"kind": "personal", "owner": "nobody"}, 422),
        (site.api, shared, {"owner": people["dimas@acme.example"]}, 200),
        (owner, shared, {"owner": people["dimas@acme.example"]}, 403),
        (owner, shared, {"owner": people["ana@acme.example"]}, 403),
        (site.api, own, {"owner": people["ana@acme.example"]}, 422),
        (site.api, shared, {"kind": "personal", "owner": people["dimas@acme.example"]}, 200),
        (site.api, own, {"kind": "shared"}, 200),
    ]
    for api, path, change, status in tries:
        answer = await api.patch(path, json=change)
        assert answer.status_code == status, (path, change, answer.text)
    assert (await owner.post(f"{own}/sync")).status_code == 403  # it is shared by now
    assert (await site.api.post(f"{shared}/sync")).status_code == 403  # and this one personal
    assert (await owner.delete(own)).status_code == 403
    assert (await site.api.delete(shared)).status_code == 204  # an admin disconnects anybody's
    now = (await owner.get(shared)).json()
    assert (now["kind"], now["owner"], now["state"]) == ("personal", people["dimas@acme.example"], "disconnected")


async def test_e14_aliases_are_all_that_is_sent_and_proposals_are_confirmed_among_them(site: Site) -> None:
    made = await connect(site.api, site.servers)
    path = f"/v1/mailboxes/{made['id']}"
    await note(site, made["id"], proposals='["ana.putri@acme.example", "hello@acme.example"]')
    changed = (await site.api.patch(path, json={"aliases": ["Ana.Putri@acme.example", "ap@old.example"]})).json()
    assert changed["aliases"] == ["ana.putri@acme.example", "ap@old.example"]
    assert changed["proposals"] == ["hello@acme.example"]
    for wrong in ("ana", ANA, "acme@mail.kommo.com", "a@[192.0.2.1]"):
        answer = await site.api.patch(path, json={"aliases": ["ok@acme.example", wrong]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/aliases/1"), wrong
    assert (await site.api.patch(path, json={"aliases": []})).json()["aliases"] == []


async def test_a_mailbox_is_paused_and_goes_on(site: Site) -> None:
    made = await connect(site.api, site.servers)
    path = f"/v1/mailboxes/{made['id']}"
    paused = (await site.api.patch(path, json={"state": "paused"})).json()
    assert (paused["state"], paused["next_sync_at"]) == ("paused", None)
    assert (await site.api.post(f"{path}/sync")).status_code == 409
    resumed = (await site.api.patch(path, json={"state": "ready"})).json()
    assert resumed["state"] == "importing"  # its import was not over
    assert resumed["next_sync_at"] is not None


async def test_e10_a_new_password_is_tried_at_once_and_lets_a_mailbox_go_on(site: Site) -> None:
    made = await connect(site.api, site.servers)
    path = f"/v1/mailboxes/{made['id']}"
    await note(site, made["id"], state="auth_failed", error="refused", tries=2, next_sync_at=None, epoch=7, holder="x")
    assert (await site.api.post(f"{path}/sync")).status_code == 409
    assert (await site.api.patch(path, json={"state": "ready"})).status_code == 422
    assert (await site.api.patch(path, json={"state": "paused"})).status_code == 422
    before = await row_of(site, made["id"])
    wrong = await site.api.patch(path, json={"password": "wrong"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/password")
    site.servers.down = frozenset(("imap.acme.example",))
    away = await site.api.patch(path, json={"password": "new one"})
    assert (away.status_code, "can't be reached" in away.json()["detail"]) == (422, True)
    site.servers.down = frozenset()
    assert await row_of(site, made["id"]) == before
    site.servers.passwords[ANA] = "new one"
    renewed = (await site.api.patch(path, json={"password": "new one"})).json()
    assert (renewed["state"], renewed["error"]) == ("importing", "")
    row = await row_of(site, made["id"])
    assert (row.tries, row.epoch, row.holder) == (0, 8, None)  # whoever synced it by the old one is fenced
    assert row.wanted_at == row.next_sync_at


async def test_e10_nobody_guesses_the_passwords_of_a_mailbox_through_us(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for usecase in (connect_mailbox, mailboxes_of):
        monkeypatch.setattr(usecase, "now", lambda: 1_800_000_000_000)
    made = await connect(site.api, site.servers)
    other = {"address": "sales@acme.example"}
    for n in range(12):
        answer = await site.api.post("/v1/mailboxes", json={**other, "password": f"guess {n}"})
        changed = await site.api.patch(f"/v1/mailboxes/{made['id']}", json={"password": f"guess {n}"})
        for refused in (answer, changed):
            assert refused.status_code == 422
            assert ("too many" in refused.json()["detail"]) == (n >= 10)
    assert len(site.servers.logins) == 1 + 2 * 10
    assert (await connect(site.api, site.servers, "info@acme.example"))["state"] == "importing"


async def test_e10_a_mailbox_whose_log_in_failed_is_connected_again_with_one_call(site: Site) -> None:
    made = await connect(site.api, site.servers, auto_create="lead")
    await site.api.patch(f"/v1/mailboxes/{made['id']}", json={"aliases": ["ap@acme.example"]})
    await note(site, made["id"], state="auth_failed", tries=2, next_sync_at=None)
    again = await connect(site.api, site.servers)
    assert (again["id"], again["state"], again["auto_create"]) == (made["id"], "importing", "lead")
    assert again["aliases"] == ["ap@acme.example"]


async def test_e5_a_mailbox_is_synced_at_once_where_somebody_asks(site: Site) -> None:
    made = await connect(site.api, site.servers)
    await note(site, made["id"], state="ready", next_sync_at=9_999_999_999_999, wanted_at=None)
    answer = await site.api.post(f"/v1/mailboxes/{made['id']}/sync")
    assert (answer.status_code, answer.json()["state"]) == (202, "ready")
    row = await row_of(site, made["id"])
    assert row.wanted_at == row.next_sync_at != 9_999_999_999_999


async def test_what_a_poller_writes_meanwhile_is_not_lost_by_a_change(site: Site) -> None:
    made = await connect(site.api, site.servers)
    await note(site, made["id"], done=213, total=500, holder="poller", epoch=3, lease_until=5)
    changed = (await site.api.patch(f"/v1/mailboxes/{made['id']}", json={"threads": False})).json()
    assert (changed["progress"], changed["threads"]) == ({"done": 213, "total": 500}, False)
    row = await row_of(site, made["id"])
    assert (row.holder, row.epoch) == ("poller", 3)


async def test_e9_a_disconnected_mailbox_is_shown_and_connected_again_under_its_id(site: Site) -> None:
    made = await connect(site.api, site.servers)
    path = f"/v1/mailboxes/{made['id']}"
    await site.api.patch(path, json={"aliases": ["ap@acme.example"]})
    assert (await site.api.delete(path)).status_code == 204
    gone = (await site.api.get(path)).json()
    assert (gone["state"], gone["can_send"], gone["next_sync_at"], gone["aliases"]) == ("disconnected", False, None, [])
    assert gone["proposals"] == ["ap@acme.example"]
    assert (await site.api.delete(f"{path}?emails=delete")).status_code == 204
    for change in ({"state": "ready"}, {"password": PASSWORD}, {"sent": "Sent"}):
        assert (await site.api.patch(path, json=change)).status_code == 409
    assert (await site.api.post(f"{path}/sync")).status_code == 409
    colleague = site.client(await site.add_user("dimas@acme.example", "Dimas", "admin"))
    taken = await colleague.post("/v1/mailboxes", json={"address": ANA, "password": PASSWORD, "kind": "shared"})
    assert taken.status_code == 409
    again = await connect(site.api, site.servers, kind="shared")
    assert (again["id"], again["state"], again["kind"]) == (made["id"], "importing", "shared")
    told = [one for one in await events(site) if one.startswith("mailbox.")]
    assert told == ["mailbox.connected", "mailbox.disconnected", "mailbox.connected"]


async def test_a_request_that_comes_twice_connects_once(site: Site) -> None:
    site.servers.passwords[ANA] = PASSWORD
    key = {"Idempotency-Key": "once"}
    wish = {"address": ANA, "password": PASSWORD}
    first = await site.api.post("/v1/mailboxes", json=wish, headers=key)
    second = await site.api.post("/v1/mailboxes", json=wish, headers=key)
    assert (second.status_code, second.json()) == (201, first.json())
    path = f"/v1/mailboxes/{first.json()['id']}"
    for _ in range(2):
        assert (await site.api.delete(path, headers={"Idempotency-Key": "gone"})).status_code == 204


async def test_who_changes_what_has_changed_is_stopped(site: Site) -> None:
    made = await connect(site.api, site.servers)
    path = f"/v1/mailboxes/{made['id']}"
    tag = (await site.api.get(path)).headers["etag"]
    assert (await site.api.patch(path, json={"threads": False}, headers={"If-Match": tag})).status_code == 200
    for change in ({"threads": True}, {"password": PASSWORD}):
        assert (await site.api.patch(path, json=change, headers={"If-Match": tag})).status_code == 412
    assert len(site.servers.logins) == 1


async def test_what_is_found_of_a_provider_is_told_before_anything_is_connected(site: Site) -> None:
    found = (await site.api.get("/v1/mailboxes/discover", params={"address": "Ana@gmail.com"})).json()
    assert (found["address"], found["auth"], found["page"]) == (
        "ana@gmail.com",
        "google",
        "https://passwords.example/make",
    )
    assert found["consent"].startswith(f"{URL}/mailboxes/consent?")
    assert (await site.api.get("/v1/mailboxes/discover", params={"address": "x@mail.kommo.com"})).status_code == 422
    assert (await site.api.get("/v1/mailboxes")).json()["data"] == []


async def test_a_server_without_a_door_says_so(site: Site) -> None:
    site.app.state.services = replace(site.app.state.services, mail_servers=None)
    answer = await site.api.post("/v1/mailboxes", json={"address": ANA, "password": PASSWORD})
    assert (answer.status_code, answer.json()["type"]) == (503, "/v1/docs#not-ready")


async def test_e12_the_addresses_we_connect_from_stand_on_a_page(site: Site) -> None:
    browser = await site.console()
    assert "Ask them" in check_page(await browser.get("/egress")).text
    site.app.state.services = replace(site.app.state.services, egress=("192.0.2.10", "2001:db8::/64"))
    assert "192.0.2.10 2001:db8::/64" in check_page(await browser.get("/egress")).text
