"""Files that were left on a mail server come from there when somebody opens them (E7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from gateway.core.mailboxes import GOOGLE, Credential, about_credential
from gateway.core.remote import RemoteFile
from gateway.sealing import Keyring
from gateway.store import tables
from gateway.usecases.mail_servers import Trouble
from tests.web.boxes import FakeServers, add_reader, also, bring, change_box, connect, leave, number
from tests.web.site import KEYRING, Site, check_page, letter

PLAN = b"the plan, as it stands on the server"
FILES = (RemoteFile(1, "2", "base64", 48, len(PLAN)), RemoteFile(2, "3", "7bit", 12, 9))


async def left(site: Site, **more: Any) -> tuple[str, str]:
    """A mail in a shared mailbox, of whose three files two stayed on the server; its id and the mailbox's."""
    box = await connect(site, "sales@acme.example", site.acme.owner.id, kind="shared", **more)
    kept = ("kept.txt", "text/plain", b"kept here")
    empty = [(f"{name}.pdf", "application/pdf", b"") for name in ("plan", "map")]
    id = await bring(site, box, letter(text="turquoise", files=[*empty, kept]))
    await leave(site, id, box, FILES, uid=5)
    return id, box


def serve(site: Site, **there: bytes) -> FakeServers:
    """Lets the site speak to a server that has these parts of the message."""
    servers = FakeServers({("Sent", 5, name.lstrip("p")): data for name, data in there.items()})
    site.app.state.services = replace(site.app.state.services, mail_servers=servers)
    return servers


async def available(site: Site) -> list[bool]:
    [row] = (await site.api.get("/v1/messages")).json()["data"]
    return [file["available"] for file in row["attachments"]]


async def test_e7_a_file_comes_from_the_server_and_what_is_kept_from_here(site: Site) -> None:
    id, _ = await left(site)
    servers = serve(site, p2=PLAN)
    assert await available(site) == [True, True, True]
    answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
    assert (answer.status_code, answer.content) == (200, PLAN)
    assert answer.headers["content-type"] == "application/pdf"
    assert "plan.pdf" in answer.headers["content-disposition"]
    [place] = servers.asked
    assert (place.folder, place.uid, place.part, place.encoding) == ("Sent", 5, "2", "base64")
    assert place.most >= 48
    assert place.message_id is not None
    assert (await site.api.get(f"/v1/messages/{id}/attachments/3")).content == b"kept here"
    assert (await site.api.get(f"/v1/messages/{id}/attachments/4")).status_code == 404
    assert len(servers.asked) == 1, "what is here is not asked for elsewhere"


async def test_e7_all_of_the_message_comes_from_the_server(site: Site) -> None:
    id, _ = await left(site)
    serve(site, p=b"From: x\r\n\r\nall of it")
    assert (await site.api.get(f"/v1/messages/{id}/raw")).content == b"From: x\r\n\r\nall of it"
    browser = await site.console()
    assert (await browser.get(f"/mail/{id}/raw")).content == b"From: x\r\n\r\nall of it"
    assert "turquoise" in (await site.api.get(f"/v1/messages/{id}")).json()["text"]


async def test_e7_once_it_is_gone_nobody_is_asked_again(site: Site) -> None:
    id, _ = await left(site)
    servers = serve(site)
    for tries in (1, 1):
        answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
        assert answer.status_code == 410
        assert answer.json()["detail"] == "This is no longer on the mail server of sales@acme.example."
        assert answer.json()["type"] == "/v1/docs#no-longer-there"
        assert len(servers.asked) == tries
    assert await available(site) == [False, False, True]
    assert (await site.api.get(f"/v1/messages/{id}/raw")).status_code == 410
    assert (await site.api.get(f"/v1/messages/{id}/attachments/3")).status_code == 200
    browser = await site.console()
    page = check_page(await browser.get(f"/mail/{id}"))
    assert "No longer available on the mail server" in page.text
    assert f"/mail/{id}/attachments/1" not in page.links
    assert f"/mail/{id}/attachments/3" in page.links
    gone = check_page(await browser.get(f"/mail/{id}/attachments/1"))
    assert "no longer on the mail server" in gone.text


async def test_e7_the_newest_place_is_asked_first_and_then_the_others(site: Site) -> None:
    id, box = await left(site)
    await leave(site, id, box, FILES, uid=9)
    servers = serve(site, p2=PLAN)
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == PLAN
    assert [place.uid for place in servers.asked] == [9, 5]
    assert await available(site) == [True, True, True]


TROUBLES = {
    "the network": (Trouble("network", "The server is away."), "60"),
    "a server that asks to wait": (Trouble("busy", "Too many connections.", 2_500), "3"),
    "a certificate": (Trouble("tls", "Its certificate is not trusted."), "60"),
}


@pytest.mark.parametrize(("trouble", "wait"), TROUBLES.values(), ids=TROUBLES)
async def test_e7_what_passes_is_told_with_when_to_come_again(site: Site, trouble: Trouble, wait: str) -> None:
    id, _ = await left(site)
    servers = serve(site, p2=PLAN)
    servers.trouble = trouble
    answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
    assert (answer.status_code, answer.json()["detail"]) == (503, trouble.says)
    assert answer.headers["retry-after"] == wait
    assert await available(site) == [True, True, True]
    servers.trouble = None
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == PLAN


async def test_e10_a_password_that_is_refused_is_not_tried_again_by_who_opens_a_file(site: Site) -> None:
    id, box = await left(site)
    servers = serve(site, p2=PLAN)
    servers.trouble = Trouble("auth", "The server refuses the password.")
    for says in ("The server refuses the password.", *["refused the log-in"] * 2):
        answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
        assert (answer.status_code, len(servers.asked)) == (503, 1)
        assert says in answer.json()["detail"]
    servers.trouble = None
    await change_box(site, box, tries=0, state="auth_failed")
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).status_code == 503
    assert len(servers.asked) == 1
    await change_box(site, box, state="ready")
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == PLAN


async def test_e7_two_files_of_a_mailbox_are_fetched_one_after_the_other(site: Site) -> None:
    id, _ = await left(site, credential=Credential(GOOGLE, "refresh 0", "access 0", 1))
    servers = serve(site, p2=PLAN, p3=b"the map")
    fetch, now, most = servers.fetch, 0, 0

    async def counted(*asked: Any) -> Any:
        nonlocal now, most
        now, most = now + 1, max(most, now + 1)
        await asyncio.sleep(0)
        now -= 1
        return await fetch(*asked)

    servers.fetch = counted  # type: ignore[assignment, method-assign]
    both = [site.api.get(f"/v1/messages/{id}/attachments/{n}") for n in (1, 2)]
    assert [answer.content for answer in await asyncio.gather(*both)] == [PLAN, b"the map"]
    assert (most, servers.renewals) == (1, 1)


async def test_e7_a_token_is_not_renewed_while_a_poller_may_do_so(site: Site) -> None:
    id, box = await left(site, credential=Credential(GOOGLE, "refresh 0", "access 0", 1))
    servers = serve(site, p2=PLAN)
    await change_box(site, box, holder="a poller", lease_until=2**52)
    answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert (servers.renewals, servers.asked) == (0, [])
    await change_box(site, box, lease_until=None)
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == PLAN

    def held(tx: Any) -> Any:
        columns = tables.mailboxes.c
        return tx.execute(select(columns.holder, columns.lease_until).where(columns.id == box)).one()

    assert tuple(await site.store.read(held)) == ("a poller", None)


async def test_e7_without_a_door_to_mailboxes_it_is_told_so(site: Site) -> None:
    id, _ = await left(site)
    site.app.state.services = replace(site.app.state.services, mail_servers=None)
    answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


async def test_e7_a_mailbox_that_is_disconnected_has_no_files(site: Site) -> None:
    id, box = await left(site)
    servers = serve(site, p2=PLAN)
    await change_box(site, box, state="disconnected", credential=None)
    assert await available(site) == [False, False, True]
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).status_code == 410
    assert servers.asked == []


async def test_e7_a_credential_that_our_keys_do_not_open_is_trouble_of_ours(site: Site) -> None:
    id, box = await left(site)
    servers = serve(site, p2=PLAN)
    foreign = Keyring(["another key of thirty-two characters"]).seal(b"{}", "x")
    await change_box(site, box, credential=foreign)
    answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
    assert (answer.status_code, servers.asked) == (503, [])


async def test_e7_a_file_is_fetched_for_nobody_who_may_not_open_it(site: Site) -> None:
    id, _ = await left(site)
    servers = serve(site, p2=PLAN, p=b"x")
    stranger = site.client((await add_reader(site, "umar@acme.example")).token)
    for path in ("attachments/1", "raw"):
        assert (await stranger.get(f"/v1/messages/{id}/{path}")).status_code == 403
    assert servers.asked == []


async def test_e7_an_access_token_that_ran_out_is_renewed_and_kept_before_it_is_used(site: Site) -> None:
    id, box = await left(site, credential=Credential(GOOGLE, "refresh 0", "access 0", 1))
    servers = serve(site, p2=PLAN)
    for _ in range(2):
        assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == PLAN
    assert servers.renewals == 1, "one that still works is used again"

    def sealed(tx: Any) -> bytes:
        row = tx.execute(select(tables.mailboxes.c.credential).where(tables.mailboxes.c.id == box)).scalar_one()
        return KEYRING.open(row, about_credential(number(tx), box))

    assert b"refresh 1" in await site.store.read(sealed)
    servers.renewals = 7  # somebody else renewed it, and didn't tell
    await change_box(site, box, credential=await site.store.read(lambda tx: expired(tx, box)))
    answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
    assert (answer.status_code, answer.json()["detail"]) == (503, "Sign in again: your consent was withdrawn.")


def expired(tx: Any, box: str) -> bytes:
    plain = b'{"kind": "google", "secret": "refresh 1", "access": "access 1", "expires_at": 1}'
    return KEYRING.seal(plain, about_credential(number(tx), box))


async def test_e7_a_credential_that_somebody_else_renewed_meanwhile_is_used_instead(site: Site) -> None:
    id, box = await left(site, credential=Credential(GOOGLE, "refresh 0", "access 0", 1))
    servers = serve(site, p2=PLAN)
    renew = servers.renew

    async def slower(credential: Credential) -> Credential | Trouble:
        """While we ask, the poller renews it as well, and keeps the newer one."""
        first = await renew(credential)
        assert isinstance(first, Credential)
        second = await renew(first)
        assert isinstance(second, Credential)
        plain = f'{{"kind": "google", "secret": "{second.secret}", "access": "{second.access}", "expires_at": 1}}'
        kept = await site.store.read(lambda tx: KEYRING.seal(plain.encode(), about_credential(number(tx), box)))
        await change_box(site, box, credential=kept)
        return first

    servers.renew = slower  # type: ignore[method-assign]
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == PLAN


async def test_e13_the_files_of_a_copy_in_the_other_folder_are_that_copys(site: Site) -> None:
    """Mail that somebody sent himself, or that passes for what he sent, stands in his inbox as another source."""
    id, box = await left(site)
    await leave(site, id, box, FILES, uid=9, role="inbox")
    servers = serve(site, p2=PLAN)
    servers.there["INBOX", 9, "2"] = b"another plan"
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == PLAN
    servers.there.pop(("Sent", 5, "2"))
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).status_code == 410
    assert await available(site) == [False, False, True]


@pytest.mark.parametrize(("text", "name", "had"), [("turquoise", "plan", True), ("forged", "plan", False)])
async def test_e13_a_file_that_is_gone_is_had_from_a_smart_addresss_copy_that_says_the_same(
    site: Site, text: str, name: str, had: bool
) -> None:
    id, box = await left(site)
    files = [(f"{one}.pdf", "application/pdf", one.encode()) for one in (name, "another map")]
    await also(site, id, None, letter(text=text, files=files))
    servers = serve(site, p2=PLAN)
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == PLAN
    servers.there.clear()
    answer = await site.api.get(f"/v1/messages/{id}/attachments/1")
    assert (answer.status_code, answer.content == b"plan") == ((200, True) if had else (410, False))
    assert await available(site) == [True, False, True]
    await change_box(site, box, state="disconnected", credential=None)
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).status_code == (200 if had else 410)
    assert (await site.api.get(f"/v1/messages/{id}/attachments/2")).status_code == 410, "it is called otherwise there"
