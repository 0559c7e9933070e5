"""Mail that is written here: on the card at once, in the queue, sent, and once among the sent mail (E11)."""

from __future__ import annotations

import email
from base64 import b64encode
from email import policy
from typing import Any

import pytest

from gateway.store.outgoing import LEASE_MS, doubt_queue, forget_recipients
from gateway.usecases.mail_servers import Passed, Trouble
from tests.web.boxes import add_reader, bring, change_box, number
from tests.web.post import BOX, HOUR, MINUTE, Post, finished
from tests.web.site import Site, letter

BOB = "bob@bluefin.example"


@pytest.fixture
async def post(site: Site) -> Post:
    return await Post(site).open()


async def card(post: Post, address: str = BOB) -> str:
    made = await post.site.api.post("/v1/contacts", json={"emails": [address]})
    return str(made.json()["id"])


async def test_e11_a_mail_is_on_the_card_at_once_and_goes_out_once(post: Post) -> None:
    bob = await card(post)
    made = await post.write(cc=["acme@mail.kommo.com"])
    assert made["sending"]["state"] == "queued"
    assert (made["contacts"], made["direction"], made["from"]["address"]) == ([bob], "outgoing", BOX)
    assert [(one["road"], one["mailbox"], one["folder"]) for one in made["sources"]] == [("api", post.box, "sent")]
    on_card = (await post.site.api.get(f"/v1/contacts/{bob}/messages")).json()["data"]
    assert [one["id"] for one in on_card] == [made["id"]]
    assert await post.work() == 1
    [parcel] = post.servers.parcels
    assert parcel.recipients == (BOB, "acme@mail.kommo.com")
    assert await post.sending(made["id"]) == ("sent", "")
    assert await post.events("message.sent") == [made["id"]]
    assert post.servers.looks == [], "its server has a moment to keep it by itself"
    assert await post.work(2_000) == 1
    assert post.servers.sent[BOX] == [parcel.message]
    assert await post.work(48 * HOUR) == 0


async def test_e11_the_message_is_what_its_writer_meant(post: Post) -> None:
    data = b64encode(b"%PDF the plan").decode()
    file = {"filename": "Plän.pdf", "content_type": "application/pdf", "data": data}
    made = await post.write(
        cc=["Ann <ann@bluefin.example>"],
        bcc=["boss@else.example"],
        text=None,
        html="<p>Hello <b>Bob</b></p>",
        attachments=[file],
        subject="Grüße",
    )
    await post.work()
    [parcel] = post.servers.parcels
    assert parcel.recipients == (BOB, "ann@bluefin.example", "boss@else.example")
    assert b"boss" not in parcel.message, "who is in Bcc stands nowhere"
    mail = email.message_from_bytes(parcel.message, policy=policy.default)
    assert (mail["From"], mail["To"], mail["Subject"]) == (f"Ana <{BOX}>", f"Bob <{BOB}>", "Grüße")
    assert mail["Message-ID"] == made["message_id"]
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().strip() == "Hello Bob"
    assert "<b>Bob</b>" in html.get_content()
    [part] = mail.iter_attachments()
    assert (part.get_filename(), part.get_content()) == ("Plän.pdf", b"%PDF the plan")
    assert (await post.site.api.get(f"/v1/messages/{made['id']}/attachments/1")).content == b"%PDF the plan"


async def test_e11_an_answer_names_what_it_answers_and_joins_its_thread(post: Post) -> None:
    id = await bring(post.site, post.box, letter("Offer", id="<first@bluefin.example>", author=f"Bob <{BOB}>", to=BOX))
    first = (await post.site.api.get(f"/v1/messages/{id}")).json()
    made = await post.write(subject="Re: Offer", answers=id)
    assert made["thread"] == first["thread"]
    await post.work()
    mail = email.message_from_bytes(post.servers.parcels[0].message)
    assert (mail["In-Reply-To"], mail["References"]) == ("<first@bluefin.example>", "<first@bluefin.example>")
    again = await post.write(subject="Re: Offer", answers=made["id"])
    assert again["thread"] == first["thread"]
    await post.work()
    mail = email.message_from_bytes(post.servers.parcels[1].message)
    assert mail["References"].split() == ["<first@bluefin.example>", made["message_id"]]


async def test_e11_a_forward_takes_the_files_along(post: Post) -> None:
    id = await bring(post.site, post.box, letter("Plan", files=[("plan.pdf", "application/pdf", b"plan")]))
    made = await post.write(forwards=id, subject="Fwd: Plan", to=["zoe@else.example"])
    assert [one["filename"] for one in made["attachments"]] == ["plan.pdf"]
    assert (await post.site.api.get(f"/v1/messages/{made['id']}/attachments/1")).content == b"plan"


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "nobody": ({"to": []}, "to", "nobody is named"),
    "no address": ({"to": ["bob"]}, "to/0", "no e-mail address"),
    "a second header": ({"to": ["bob@x.example\r\nBcc: eve@x.example"]}, "to/0", "line end"),
    "a line end in the subject": ({"subject": "Offer\r\nX: y"}, "subject", "line end"),
    "a smart address in To": ({"to": ["acme@mail.kommo.com"]}, "to/0", "works only as a visible Cc"),
    "a smart address in Bcc": ({"bcc": ["acme@mail.kommo.com"]}, "bcc/0", "works only as a visible Cc"),
    "a smart address alone": ({"to": [], "cc": ["acme@mail.kommo.com"]}, "to", "only a smart address"),
    "a smart address as sender": ({"mailbox": "acme@mail.kommo.com"}, "mailbox", "no mailbox here"),
    "another mailbox": ({"mailbox": "01HZZZZZZZZZZZZZZZZZZZZZZZ"}, "mailbox", "no mailbox here"),
    "no such message": ({"answers": "01HZZZZZZZZZZZZZZZZZZZZZZZ"}, "answers", "no message of this account"),
    "text and HTML": ({"html": "<p>x</p>"}, "html", "one of the two"),
    "no base64": ({"attachments": [{"filename": "x", "data": "%%"}]}, "attachments/0/data", "no base64"),
    "too large": (
        {"attachments": [{"filename": "x", "data": b64encode(bytes(90_000)).decode()}]},
        "attachments",
        "allowed: files of",
    ),
}


@pytest.mark.parametrize(("wish", "field", "words"), WRONG.values(), ids=WRONG)
async def test_e11_what_can_t_be_sent_is_said_in_words(
    post: Post, wish: dict[str, Any], field: str, words: str
) -> None:
    answer = await post.write(422, **wish)
    assert [one["pointer"] for one in answer["errors"]] == [f"#/{field}"]
    assert words in answer["detail"]
    assert await post.work() == 0


async def test_e2_who_may_send_from_where(post: Post) -> None:
    ann = await add_reader(post.site, "ann@acme.example")
    eve = await add_reader(post.site, "eve@acme.example", shared_mail=True)
    boss = await add_reader(post.site, "boss@acme.example", "admin")
    own = await post.connect("ann.box@acme.example", ann.id, kind="personal", share=True)
    tried = {}
    for who in (ann, eve, boss):
        for name, box in (("shared", post.box), ("own", own)):
            wish = {"mailbox": box, "to": [BOB], "subject": "x", "text": "x"}
            answer = await post.site.client(who.token).post("/v1/messages", json=wish)
            tried[who.email.split("@")[0], name] = answer.status_code
    assert tried == {
        ("ann", "shared"): 422,
        ("ann", "own"): 201,
        ("eve", "shared"): 201,
        ("eve", "own"): 422,
        ("boss", "shared"): 201,
        ("boss", "own"): 403,
    }


async def test_an_idempotency_key_sends_once(post: Post) -> None:
    wish = {"mailbox": post.box, "to": [BOB], "subject": "x", "text": "x"}
    answers = [
        await post.site.api.post("/v1/messages", json=wish, headers={"Idempotency-Key": "one"}) for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    await post.work()
    assert len(post.servers.parcels) == 1


async def test_e11_it_is_tried_again_and_again_and_fails_after_two_days(post: Post) -> None:
    made = await post.write()
    post.servers.says = [Trouble("network", "smtp.acme.example can't be reached")] * 50
    waits = [0, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, 12 * HOUR]
    for wait in waits:
        assert await post.work(max(0, wait - 5_000)) == (1 if not wait else 0)
        if wait:
            assert await post.work(5_001) == 1
    assert await post.sending(made["id"]) == ("queued", "Smtp.acme.example can't be reached.")
    assert await post.work(12 * HOUR) == 1
    state, error = await post.sending(made["id"])
    assert (state, error) == ("failed", "It was tried for two days. The last time: smtp.acme.example can't be reached.")
    assert await post.events("message.failed") == [made["id"]]
    assert await post.work(48 * HOUR) == 0


async def test_e11_what_is_refused_for_good_fails_at_once_and_may_be_sent_again(post: Post) -> None:
    made = await post.write()
    post.servers.says = [Trouble("rejected", "smtp.acme.example says 554 5.7.1 no")]
    await post.work()
    assert await post.sending(made["id"]) == ("failed", "Smtp.acme.example says 554 5.7.1 no.")
    again = await post.site.api.post(f"/v1/messages/{made['id']}/retry")
    assert (again.status_code, again.json()["sending"]["state"]) == (202, "queued")
    await post.work()
    assert await post.sending(made["id"]) == ("sent", "")
    assert (await post.site.api.post(f"/v1/messages/{made['id']}/retry")).status_code == 409


async def test_e11_some_are_refused_and_the_others_have_it(post: Post) -> None:
    made = await post.write(to=[BOB, "nobody@bluefin.example", "full@bluefin.example"])
    no, full = ("nobody@bluefin.example", "550 no such user"), ("full@bluefin.example", "452 full")
    post.servers.says = [Passed((no,), (full,)), Passed((), (full,)), Passed()]
    await post.work()
    assert await post.sending(made["id"]) == (
        "queued",
        "nobody@bluefin.example: 550 no such user.\nfull@bluefin.example: 452 full.",
    )
    await post.work(2_000)
    assert len(post.servers.sent[BOX]) == 1, "those who have it are reason enough for a copy"
    await post.work(5 * MINUTE)
    await post.work(15 * MINUTE)
    assert post.servers.parcels[-1].recipients == ("full@bluefin.example",)
    assert await post.sending(made["id"]) == ("sent", "nobody@bluefin.example: 550 no such user.")
    assert await post.events("message.sent") == [made["id"]]
    assert len(post.servers.sent[BOX]) == 1


async def test_e11_nobody_of_them_is_reached(post: Post) -> None:
    made = await post.write()
    post.servers.says = [Passed(((BOB, "550 5.1.1 no such user"),))]
    await post.work()
    assert await post.sending(made["id"]) == ("failed", f"{BOB}: 550 5.1.1 no such user.")
    assert await post.work(48 * HOUR) == 0
    assert post.servers.sent == {}


async def test_e10_a_refused_log_in_counts_and_the_mail_waits_until_the_mailbox_is_connected_again(post: Post) -> None:
    made = await post.write()
    post.servers.passwords[BOX] = "another"
    await post.work()
    assert (await post.sending(made["id"]))[0] == "queued"
    await post.work(MINUTE)
    box = (await post.site.api.get(f"/v1/mailboxes/{post.box}")).json()
    assert (box["state"], await post.events("mailbox.auth_failed")) == ("auth_failed", [post.box])
    for _ in range(5):
        await post.work(5 * MINUTE)
    assert "connect the mailbox again" in (await post.sending(made["id"]))[1]
    changed = await post.site.api.patch(f"/v1/mailboxes/{post.box}", json={"password": "another"})
    assert changed.status_code == 200, changed.text
    await post.work(MINUTE)
    assert await post.sending(made["id"]) == ("sent", "")


CRASHES: dict[str, tuple[bool, int]] = {
    "before it was handed over": (False, 1),
    "after, where the server keeps it by itself": (True, 1),
}


@pytest.mark.parametrize(("taken", "parcels"), CRASHES.values(), ids=CRASHES)
async def test_e11_who_comes_after_a_crash_looks_among_the_sent_mail_first(
    post: Post, taken: bool, parcels: int
) -> None:
    made = await post.write()
    post.servers.keeper = True
    if taken:
        post.servers.says = [Trouble("unknown", "the connection broke")]
        await post.work()
        assert (await post.sending(made["id"]))[0] == "sending"
        await post.work(MINUTE)
    else:
        await post.crash(made["id"])
        await post.work()
    await post.work(HOUR)
    assert await post.sending(made["id"]) == ("sent", "")
    assert len(post.servers.parcels) == parcels
    assert len(post.servers.sent[BOX]) == 1
    assert post.servers.looks[0].message is None, "it only looked"


async def test_e11_where_nobody_knows_it_is_sent_again_under_its_message_id(post: Post) -> None:
    made = await post.write()
    post.servers.says = [Trouble("unknown", "the connection broke")]
    await post.work()
    await post.work(MINUTE)
    await post.work(MINUTE)
    assert [made["message_id"].encode() in one.message for one in post.servers.parcels] == [True, True]
    assert len(post.servers.sent[BOX]) == 1


async def test_e11_a_server_that_keeps_copies_has_its_time_before_we_put_one_there(post: Post) -> None:
    made = await post.write()
    post.servers.keeper, post.servers.lags = True, 3
    await post.work()
    for _ in range(20):
        await post.work(30_000)
    assert len(post.servers.sent[BOX]) == 1
    assert all(one.message is None for one in post.servers.looks)
    assert (await post.row(made["id"])).kept == "kept"


async def test_e11_a_mailbox_without_a_folder_of_sent_mail_keeps_none(post: Post) -> None:
    made = await post.write()
    post.servers.no_sent = True
    await post.work()
    await post.work(MINUTE)
    row = await post.row(made["id"])
    assert (row.state, row.kept, row.next_at) == ("sent", "none", None)


async def test_e11_a_copy_that_can_t_be_kept_now_is_kept_later_and_the_mail_stays_sent(post: Post) -> None:
    made = await post.write()
    post.servers.look_trouble = [Trouble("busy", "imap.acme.example asks us to come back later")] * 2
    await post.work()
    await post.work(MINUTE)
    assert await post.sending(made["id"]) == ("sent", "")
    await post.work(HOUR)
    await post.work(HOUR)
    assert len(post.servers.sent[BOX]) == 1
    assert len(post.servers.parcels) == 1


async def test_e11_a_mail_is_taken_back_while_it_waits(post: Post) -> None:
    made = await post.write()
    answer = await post.site.api.post(f"/v1/messages/{made['id']}/cancel")
    assert answer.json()["sending"] == {
        "state": "failed",
        "error": "It was taken back before it was sent.",
        "next_at": None,
    }
    assert await post.work(HOUR) == 0
    assert (await post.site.api.post(f"/v1/messages/{made['id']}/cancel")).status_code == 409


async def test_e11_what_is_deleted_before_it_was_sent_is_not_sent(post: Post) -> None:
    made = await post.write()
    assert (await post.site.api.delete(f"/v1/messages/{made['id']}")).status_code == 204
    await post.work()
    assert post.servers.parcels == []
    assert (await post.row(made["id"])).error == "It was deleted before it was sent."


async def test_e9_what_waits_for_a_disconnected_mailbox_is_cancelled_in_words(post: Post) -> None:
    made = await post.write()
    assert (await post.site.api.delete(f"/v1/mailboxes/{post.box}?emails=keep")).status_code == 204
    assert await post.sending(made["id"]) == ("failed", "The mailbox was disconnected before this mail was sent.")
    assert await post.events("message.failed") == [made["id"]]
    assert await post.work() == 0
    answer = await post.site.api.post(f"/v1/messages/{made['id']}/retry")
    assert (answer.status_code, "connect it again" in answer.json()["detail"]) == (409, True)


async def test_what_a_removed_user_wrote_is_not_sent_any_more(post: Post) -> None:
    eve = await add_reader(post.site, "eve@acme.example", shared_mail=True)
    wish = {"mailbox": post.box, "to": [BOB], "subject": "x", "text": "x"}
    made = (await post.site.client(eve.token).post("/v1/messages", json=wish)).json()
    assert (await post.site.api.delete(f"/v1/users/{eve.id}")).status_code == 204
    assert (await post.sending(made["id"]))[0] == "failed"
    assert await post.work() == 0


async def test_two_workers_send_a_mail_once_and_one_mail_of_a_mailbox_at_a_time(post: Post) -> None:
    made = [(await post.write(subject=f"Offer {n}"))["id"] for n in range(4)]
    workers = [post.worker(), post.worker()]
    assert sorted([await one.look() for one in workers]) == [0, 1]
    for one in workers:
        await finished(one)
    while sum([await one.look() for one in workers]):
        for one in workers:
            await finished(one)
    assert len(post.servers.parcels) == 4
    assert [await post.sending(id) for id in made] == [("sent", "")] * 4


async def test_a_claim_that_ran_out_writes_nothing_any_more(post: Post) -> None:
    made = await post.write()
    first = post.worker()
    claimed = await first._sending.claim(1)
    post.ahead += LEASE_MS + 1
    await post.work()
    await first._sending.send(claimed[0])
    assert await post.events("message.sent") == [made["id"]]


async def test_what_waits_in_a_backup_may_have_been_sent_since(post: Post) -> None:
    made = await post.write()
    post.servers.sent[BOX] = [f"Message-ID: {made['message_id']}".encode()]
    await post.site.store.write(doubt_queue)
    await post.work()
    assert await post.sending(made["id"]) == ("sent", "")
    assert post.servers.parcels == []


async def test_who_sees_how_far_a_mail_is_sees_the_mailbox_it_is_sent_from(post: Post) -> None:
    bob = await card(post)
    made = await post.write(to=[BOB], bcc=["secret@else.example"])
    ann = await add_reader(post.site, "ann@acme.example")
    [row] = (await post.site.client(ann.token).get(f"/v1/contacts/{bob}/messages")).json()["data"]
    assert (row["id"], row["locked"], row["sending"]) == (made["id"], True, None)
    await change_box(post.site, post.box, state="paused")
    assert await post.work() == 1, "a pause is of looking into it"


async def test_a_person_who_is_erased_is_in_no_queue_any_more(post: Post) -> None:
    alone = await post.write(to=["zoe@else.example"])
    both = await post.write(to=[BOB], bcc=["zoe@else.example"])
    later = await post.write(to=[BOB], bcc=["zoe@else.example"])
    claimed = await post.worker()._sending.claim(1)
    assert [one.message for one in claimed] == [alone["id"]]
    assert await post.site.store.write(lambda tx: forget_recipients(tx, number(tx), ["zoe@else.example"])) == 3
    assert await post.row(alone["id"]) is None
    await post.work(LEASE_MS + 1)
    rows = [await post.row(one["id"]) for one in (both, later)]
    assert not any("zoe" in str(value) for row in rows for value in row)
    assert [one.recipients for one in post.servers.parcels] == [(BOB,), (BOB,)]
