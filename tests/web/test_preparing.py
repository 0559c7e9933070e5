"""An answer or a forward begins as people expect, and mail of the program itself goes out unseen (E11)."""

from __future__ import annotations

from typing import Any, cast

import pytest
from sqlalchemy import select

from gateway.core.address import parse_address
from gateway.core.outgoing import Prepared
from gateway.core.refusals import Denied
from gateway.store import tables
from gateway.store.access import Principal
from gateway.store.engine import Tx
from gateway.store.ids import shared_time
from gateway.store.outgoing import forget_recipients
from gateway.usecases.mail_servers import Trouble
from gateway.usecases.posting import send_link
from gateway.usecases.prepare_draft import How, prepare
from gateway.usecases.send_mail import list_senders
from tests.web.boxes import add_reader, bring, number
from tests.web.post import BOX, HOUR, MINUTE, Post
from tests.web.site import DOMAINS, KEYRING, Site, letter

BOB = "Bob Miller <bob@bluefin.example>"


@pytest.fixture
async def post(site: Site) -> Post:
    return await Post(site).open()


async def reader_of(post: Post, user: str = "", *, role: str = "admin", shared: bool = True) -> Principal:
    owner = post.site.acme.owner
    account = await post.site.store.read(number)
    return Principal(account, "acme", user or owner.id, "ana@acme.example", "Ana", role, shared, "T")


async def prepared(post: Post, how: str, id: str, reader: Principal | None = None) -> Prepared | Denied | None:
    services = post.site.app.state.services
    asks = reader or await reader_of(post)
    return await prepare(services.store, services.blobs, asks, cast("How", how), id, DOMAINS)


def mail(**more: Any) -> bytes:
    given = {"author": BOB, "to": f"{BOX}, zoe@else.example", "cc": "acme+lead@mail.kommo.com", "id": "<1@x.example>"}
    return letter("Offer", **{**given, **more})


async def test_a_reply_to_all_keeps_the_smart_address_and_leaves_out_who_answers(post: Post) -> None:
    id = await bring(post.site, post.box, mail())
    found = await prepared(post, "reply_all", id)
    assert isinstance(found, Prepared)
    draft = found.draft
    assert (draft.mailbox, draft.to) == (post.box, (BOB,))
    assert draft.cc == ("zoe@else.example", "acme+lead@mail.kommo.com")
    assert (draft.subject, draft.answers, draft.forwards) == ("Re: Offer", id, None)
    assert draft.body.endswith("Bob Miller <bob@bluefin.example> wrote:\n> Hello Bob\n")
    assert (found.files, found.senders) == ((), (post.box,))


async def test_a_reply_goes_where_its_author_wants_it(post: Post) -> None:
    raw = mail().replace(b"Subject:", b'Reply-To: "Sales, Bluefin" <sales@bluefin.example>\r\nSubject:', 1)
    found = await prepared(post, "reply", await bring(post.site, post.box, raw))
    assert isinstance(found, Prepared)
    assert (found.draft.to, found.draft.cc) == (('"Sales, Bluefin" <sales@bluefin.example>',), ())


async def test_a_forward_names_the_files_that_go_along(post: Post) -> None:
    id = await bring(post.site, post.box, mail(files=[("plan.pdf", "application/pdf", b"plan")]))
    found = await prepared(post, "forward", id)
    assert isinstance(found, Prepared)
    assert (found.draft.to, found.draft.forwards, found.draft.answers) == ((), id, None)
    assert (found.draft.subject, found.files) == ("Fwd: Offer", ("plan.pdf",))
    assert "Forwarded message" in found.draft.body


async def test_the_mailbox_that_a_mail_names_comes_first(post: Post) -> None:
    other = await post.connect("info@acme.example")
    for to, first in ((BOX, post.box), ("info@acme.example", other)):
        id = await bring(post.site, None, letter(f"To {to}", author=BOB, to=to, id=f"<{to}>"))
        found = await prepared(post, "reply", id)
        assert isinstance(found, Prepared)
        assert found.draft.mailbox == first


async def test_who_has_no_mailbox_to_send_from_is_told_of_none(post: Post) -> None:
    id = await bring(post.site, None, mail())
    found = await prepared(post, "reply", id, await reader_of(post, "U9", role="user", shared=False))
    assert isinstance(found, Prepared)
    assert (found.draft.mailbox, found.senders) == ("", ())


async def test_what_one_may_not_open_one_may_not_answer(post: Post) -> None:
    await post.site.api.post("/v1/contacts", json={"emails": ["bob@bluefin.example"]})
    id = await bring(post.site, post.box, mail())
    closed = await reader_of(post, "U9", role="user", shared=False)
    assert isinstance(await prepared(post, "reply", id, closed), Denied)
    assert await prepared(post, "reply", "01HZZZZZZZZZZZZZZZZZZZZZZZ") is None


async def test_one_s_own_mailboxes_come_before_shared_ones(post: Post) -> None:
    ann = await add_reader(post.site, "ann@acme.example", shared_mail=True)
    own = await post.connect("ann.box@acme.example", ann.id, kind="personal")
    reader = await reader_of(post, ann.id, role="user")
    assert [one.id for one in await list_senders(post.site.store, reader)] == [own, post.box]


def link(post: Post, account: int, until: int) -> Any:
    def queue(tx: Tx) -> bool:
        text = "https://crm.example/in/canary-link"
        return send_link(tx, KEYRING, account, post.box, "ana@acme.example", "Sign in", text, shared_time(), until)

    return queue


async def test_a_link_goes_out_sealed_and_leaves_nothing(post: Post) -> None:
    account = await post.site.store.read(number)
    assert await post.site.store.write(link(post, account, shared_time() + 15 * MINUTE))
    everything = select(tables.outgoing)
    [row] = await post.site.store.read(lambda tx: tx.execute(everything).all())
    assert b"canary-link" not in row.sealed
    assert await post.work() == 1
    [parcel] = post.servers.parcels
    assert b"canary-link" in parcel.message
    assert b"Auto-Submitted: auto-generated" in parcel.message
    [row] = await post.site.store.read(lambda tx: tx.execute(everything).all())
    assert (row.state, row.sealed, row.waiting) == ("sent", b"", "[]"), "its name alone, so that no copy of it is filed"
    assert await post.work(10 * MINUTE) == 0
    assert await post.work(HOUR) == 1
    assert await post.site.store.read(lambda tx: tx.execute(everything).all()) == []
    assert len(post.servers.parcels) == 1
    assert post.servers.sent == {}
    assert (await post.site.api.get("/v1/messages")).json()["data"] == []
    assert await post.events("message.sent") == []


async def test_a_link_that_is_worth_nothing_any_more_is_not_sent(post: Post) -> None:
    account = await post.site.store.read(number)
    post.servers.says = [Trouble("network", "smtp.acme.example can't be reached")] * 9
    assert await post.site.store.write(link(post, account, shared_time() + 15 * MINUTE))
    for _ in range(4):
        await post.work(10 * MINUTE)
    assert await post.site.store.read(lambda tx: tx.execute(select(tables.outgoing)).all()) == []
    assert post.servers.parcels == []


async def test_a_mailbox_that_can_t_send_mails_no_link(post: Post) -> None:
    account = await post.site.store.read(number)
    assert (await post.site.api.delete(f"/v1/mailboxes/{post.box}?emails=keep")).status_code == 204
    assert not await post.site.store.write(link(post, account, shared_time() + MINUTE))


@pytest.mark.parametrize("address", ["Jürgen@else.example", "GRÜN@else.example", '"two words"@else.example'])
async def test_a_person_is_erased_from_the_queue_however_their_address_is_written(post: Post, address: str) -> None:
    made = await post.write(bcc=[address])
    other = await post.write(bcc=["ärmel@else.example"])

    def erase(tx: Tx) -> int:
        parsed = parse_address(address)
        assert parsed is not None
        return forget_recipients(tx, number(tx), [parsed.key])

    assert await post.site.store.write(erase) == 1
    assert (await post.row(made["id"])).recipients == '["bob@bluefin.example"]'
    assert "rmel@else.example" in (await post.row(other["id"])).recipients


async def test_a_link_that_waits_goes_with_its_mailbox(post: Post) -> None:
    account = await post.site.store.read(number)
    assert await post.site.store.write(link(post, account, shared_time() + MINUTE))
    assert (await post.site.api.delete(f"/v1/mailboxes/{post.box}?emails=keep")).status_code == 204
    assert await post.site.store.read(lambda tx: tx.execute(select(tables.outgoing)).all()) == []
