"""A mailbox's password and tokens are nowhere in clear, and nowhere at all once it is disconnected."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
import zstandard

from gateway import logs
from gateway.core.mailboxes import PASSWORD, Credential, about_credential, credential_of
from gateway.sealing import SealError
from gateway.store import mailboxes as store_of
from gateway.store import schema
from gateway.store.engine import Place, Tx
from gateway.store.ids import new_id
from gateway.store.tables import mailbox_addresses, mailbox_folders, mailboxes, metadata, remote_messages
from gateway.usecases import mailboxes as usecase
from gateway.usecases.back_up import back_up
from gateway.usecases.connect_mailbox import Wish
from gateway.usecases.disconnect_mailbox import purge_mailboxes
from tests.mailboxes.fake_servers import ACCESS, REFRESH
from tests.web.site import KEYRING, Site, make_store, open_site
from tests.web.test_consent import consent
from tests.web.test_mailboxes import ANA, connect, note, row_of

CANARY = "canary-password-7f31"
SECRETS = (CANARY.encode(), ACCESS.encode(), REFRESH.encode())


@pytest.fixture
async def site(place: Place, tmp_path: Path) -> AsyncIterator[Site]:
    opened = open_site(make_store(place), place, tmp_path)
    yield opened
    await opened.close()


def everything(place: Place, folder: Path, also: bytes = b"") -> bytes:
    """All rows of all tables and, of a SQLite store, every byte of its files."""
    found = [also]
    with schema.transaction(place, reading=True) as tx:
        for table in metadata.sorted_tables:
            for row in tx.execute(table.select()):
                found += [value if isinstance(value, bytes) else repr(value).encode() for value in row]
    kept = [path for path in folder.rglob("*") if path.is_file()] if isinstance(place, Path) else []
    return b"\n".join([*found, *(path.read_bytes() for path in kept)])


async def test_e10_no_secret_of_a_mailbox_is_anywhere_in_clear_and_none_is_left_once_it_is_disconnected(
    site: Site, place: Place, tmp_path: Path
) -> None:
    log = io.StringIO()
    logs.configure("debug", stream=log)
    site.servers.passwords[ANA] = CANARY
    key = {"Idempotency-Key": "canary"}
    made = await site.api.post("/v1/mailboxes", json={"address": ANA, "password": CANARY}, headers=key)
    wrong = await site.api.post("/v1/mailboxes", json={"address": "x@acme.example", "password": CANARY})
    assert (made.status_code, wrong.status_code) == (201, 422)
    browser = await site.console()
    page = await browser.get(await consent(site, browser))
    ids = [one["id"] for one in (await site.api.get("/v1/mailboxes")).json()["data"]]
    credentials = [(await row_of(site, id)).credential for id in ids]
    said = "\n".join((log.getvalue(), made.text, wrong.text, page.text, (await site.api.get("/v1/events")).text))
    back_up(place, site.app.state.services.blobs, kept := tmp_path / "kept.backup", "0")
    copied = zstandard.ZstdDecompressor().stream_reader(kept.read_bytes()).read()
    held = everything(place, tmp_path, said.encode() + copied)
    assert [secret for secret in SECRETS if secret in held] == []
    assert all(credential in held for credential in credentials)
    kept.unlink()
    for id in ids:
        await note(site, id, done=17)  # a row that moves in its page leaves nothing behind
        assert (await site.api.delete(f"/v1/mailboxes/{id}")).status_code == 204
    left = everything(place, tmp_path)
    assert [id for id, credential in zip(ids, credentials, strict=True) if credential in left] == []
    structlog.reset_defaults()


async def test_a_credential_opens_for_its_row_alone(site: Site) -> None:
    made = await connect(site.api, site.servers)
    row = await row_of(site, made["id"])
    plain = KEYRING.open(row.credential, about_credential(row.account, row.id))
    assert credential_of(json.loads(plain)) == Credential(PASSWORD, "correct horse")
    with pytest.raises(SealError):
        KEYRING.open(row.credential, about_credential(row.account + 1, row.id))


def test_what_holds_a_secret_does_not_show_it() -> None:
    for holder in (Credential(PASSWORD, CANARY, CANARY), Wish(ANA, password=CANARY), usecase.Change(password=CANARY)):
        assert CANARY not in repr(holder)


async def test_e14_addresses_and_aliases_are_team_as_long_as_a_mailbox_is_connected(site: Site) -> None:
    made = await connect(site.api, site.servers)
    await site.api.patch(f"/v1/mailboxes/{made['id']}", json={"aliases": ["ap@old.example", "AP@old.example"]})

    def team(tx: Tx) -> set[str]:
        return set(tx.execute(mailbox_addresses.select()).scalars("email"))

    assert await site.store.read(team) == {ANA, "ap@old.example"}
    await site.api.patch(f"/v1/mailboxes/{made['id']}", json={"state": "paused"})
    assert await site.store.read(team) == {ANA, "ap@old.example"}
    await site.api.delete(f"/v1/mailboxes/{made['id']}")
    assert await site.store.read(team) == set()


async def test_e9_a_mailbox_goes_on_ready_where_its_import_was_over(site: Site) -> None:
    made = await connect(site.api, site.servers)
    await imported(site, made["id"])
    await note(site, made["id"], state="ready", done=2, total=2)
    await site.api.delete(f"/v1/mailboxes/{made['id']}")
    again = await connect(site.api, site.servers)
    assert (again["id"], again["state"], again["progress"]) == (made["id"], "ready", {"done": 2, "total": 2})
    assert again["sent"] == "Gesendet"


async def imported(site: Site, id: str) -> None:
    """What a poller has noted of a mailbox whose import is over, one message of which it could not read."""
    account = (await row_of(site, id)).account
    folder = {"account": account, "mailbox": id, "uidvalidity": 1, "last_uid": 2, "floor": 1, "imported": True}
    folders = [{**folder, "role": "inbox", "path": "INBOX"}, {**folder, "role": "sent", "path": "Gesendet"}]
    message = {"account": account, "mailbox": id, "role": "inbox", "uidvalidity": 1, "parts": "[]", "tries": 0}
    remote = [
        {**message, "uid": 1, "message": "M1", "error": ""},
        {**message, "uid": 2, "message": None, "error": "broken"},
    ]

    def write(tx: Tx) -> None:
        tx.execute(mailbox_folders.insert(), folders)
        tx.execute(remote_messages.insert(), remote)

    await site.store.write(write)


async def test_messages_that_could_not_be_read_are_counted(site: Site) -> None:
    made = await connect(site.api, site.servers)
    await imported(site, made["id"])
    other = await connect(site.api, site.servers, "sales@acme.example")
    listed = (await site.api.get("/v1/mailboxes")).json()["data"]
    assert {one["id"]: one["unread"] for one in listed} == {made["id"]: 1, other["id"]: 0}


async def test_e9_disconnecting_with_its_mail_purges_it_to_the_end_and_forgets_how_far_it_was_synced(
    site: Site,
) -> None:
    made = await connect(site.api, site.servers)
    await imported(site, made["id"])
    await note(site, made["id"], state="ready", done=2, total=2, last_sync_at=5)
    assert (await site.api.delete(f"/v1/mailboxes/{made['id']}?emails=delete")).status_code == 204
    assert (await site.store.read(lambda tx: tx.execute(mailbox_folders.select()).all())) == []
    assert (await site.store.read(lambda tx: tx.execute(remote_messages.select()).all())) == []
    again = await connect(site.api, site.servers)
    assert (again["state"], again["progress"], again["last_sync_at"]) == ("importing", None, None)


async def test_e9_a_purge_that_was_broken_off_is_gone_on_with_before_the_address_is_connected_again(site: Site) -> None:
    made = await connect(site.api, site.servers)
    await imported(site, made["id"])
    await note(site, made["id"], state="disconnected", purging=True)
    refused = await site.api.post("/v1/mailboxes", json={"address": ANA, "password": site.servers.passwords[ANA]})
    assert (refused.status_code, "still being removed" in refused.json()["detail"]) == (409, True)
    while await purge_mailboxes(site.store):
        pass
    assert (await site.store.read(lambda tx: tx.execute(remote_messages.select()).all())) == []
    assert (await connect(site.api, site.servers))["id"] == made["id"]


async def test_a_user_goes_once_nothing_of_theirs_is_connected(site: Site) -> None:
    owner = site.client(await site.add_user("dimas@acme.example", "Dimas"))
    own = await connect(owner, site.servers, "dimas@acme.example")
    await connect(site.api, site.servers, "sales@acme.example", kind="shared")
    refused = await site.api.delete(f"/v1/users/{own['owner']}")
    assert refused.status_code == 409
    assert "dimas@acme.example" in refused.json()["detail"]
    assert (await site.api.delete(f"/v1/mailboxes/{own['id']}")).status_code == 204
    assert (await site.api.delete(f"/v1/users/{own['owner']}")).status_code == 204


async def test_two_who_connect_one_address_at_once_connect_it_once(site: Site) -> None:
    """The second one is told so in its own transaction, though neither saw the other before its log-in."""
    made = await connect(site.api, site.servers)

    def add(tx: Tx) -> Any:
        row = store_of.get_mailbox(tx, account, made["id"])
        assert row is not None
        with pytest.raises(Exception, match=r"(?i)unique|duplicate"), tx.begin_nested():
            store_of.add_mailbox(tx, replace(row, id=new_id()))
        return tx.execute(mailboxes.select()).all()

    account = (await row_of(site, made["id"])).account
    assert len(await site.store.write(add)) == 1
