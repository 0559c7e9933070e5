"""Rules B1 to B11: what becomes of a mail, told through the port."""

from __future__ import annotations

import pytest

from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from gateway.store import postgresql_writer, writer
from gateway.store.schema import transaction
from tests.scenarios.house import House, mail, wire
from tests.smtp.front_desk import Peer

LEAD = "acme+lead@mail.kommo.com"
ATTACH = "acme@mail.kommo.com"
CONTACT = "acme+contact@mail.kommo.com"

VERDICTS = {
    # story: (rcpt, mail, sender, reply, rule)
    "B1 a hidden copy": (LEAD, mail(cc=""), None, "550 5.7.1", "B1"),
    "B1 another ending is visible, not this one": (LEAD, mail(cc=ATTACH), None, "550 5.7.1", "B1"),
    "B1 in To only": (LEAD, mail(to=f"carol@example.net, {LEAD}", cc=""), None, "550 5.7.1", "B1"),
    "B1 visible at another gateway domain": (LEAD, mail(cc="acme+lead@mail.second.example"), None, "250 2.6.0", "B11"),
    "B2 a bounce": (LEAD, mail(), "", "550 5.7.1", "B2"),
    "B3 fifty servers are enough": (LEAD, mail(extra="\n".join(["Received: by x"] * 50)), None, "250 2.6.0", "B11"),
    "B3 fifty-one are a loop": (LEAD, mail(extra="\n".join(["Received: by x"] * 51)), None, "554 5.4.6", "B3"),
    "B4 two authors": (LEAD, mail(sender="a@acme.example, b@acme.example"), None, "550 5.6.0", "B4"),
    "B4 two From headers": (LEAD, mail(extra="From: eve@evil.example"), None, "550 5.6.0", "B4"),
    "B4 text after the address": (LEAD, mail(sender="<dimas@acme.example> eve@evil.example"), None, "550 5.6.0", "B4"),
    "B4b too many header lines": (LEAD, mail(extra="\n".join(["X-A: b"] * 1001)), None, "554 5.6.0", "B4b"),
    "B4c from a smart address": (LEAD, mail(sender="acme+lead@mail.kommo.com"), None, "550 5.7.1", "B4c"),
    "B8 nobody to add a lead for": (LEAD, mail(to="ana@acme.example"), None, "550 5.7.1", "B8"),
    "B8 nobody to add": (CONTACT, mail(to="", cc=CONTACT), None, "550 5.7.1", "B8"),
    "B8 attach is filed without a card": (ATTACH, mail(to="ana@acme.example", cc=ATTACH), None, "250 2.6.0", "B11"),
    "B11 all is well": (LEAD, mail(), None, "250 2.6.0", "B11"),
}


@pytest.mark.parametrize(("rcpt", "letter", "sender", "reply", "rule"), VERDICTS.values(), ids=VERDICTS)
async def test_a_mail_is_answered_by_the_rules(
    house: House, rcpt: str, letter: str, sender: str | None, reply: str, rule: str
) -> None:
    handed = await house.hand(letter, rcpt, sender="dimas@acme.example" if sender is None else sender)

    assert handed.reply.startswith(reply)
    [receipt] = await house.receipts()
    assert receipt["rule"] == rule
    assert receipt["reply"] == handed.reply
    filed = rule == "B11"
    assert await house.count("messages") == filed
    if filed:
        assert handed.id == receipt["message"]
    else:
        assert handed.reply.rpartition("/why/")[2] in await house.column("SELECT id FROM receipts")
        assert await house.column("SELECT type FROM events") == ["message.refused"]


async def test_b1_a_hidden_copy_is_told_what_to_do(house: House) -> None:
    handed = await house.hand(mail(cc=""), LEAD)

    assert f"{LEAD} works only as a visible Cc, not Bcc" in handed.reply


async def test_b1_an_address_in_to_is_told_to_move_to_cc_forwards_too(house: House) -> None:
    handed = await house.hand(mail(to=LEAD, cc=""), LEAD)

    assert "Move it to Cc, forwards too" in handed.reply


async def test_b1_an_account_may_let_to_count_as_visible_but_never_a_hidden_copy(house: House) -> None:
    await house.set(copy_policy="cc_or_to")

    in_to = await house.hand(mail(to=f"carol@example.net, {LEAD}", cc=""), LEAD)
    hidden = await house.hand(mail(cc=""), LEAD)

    assert in_to.code == 250
    assert hidden.reply.startswith("550 5.7.1")


async def test_b1_a_hidden_address_beside_a_visible_one_is_ignored_and_the_trace_says_so(house: House) -> None:
    handed = await house.hand(mail(cc=ATTACH), ATTACH, LEAD)

    assert handed.code == 250
    assert await house.count("leads") == 0
    [receipt] = await house.receipts()
    notes = [step["detail"] for step in receipt["decision"]["steps"] if step["rule"] == "B1"]
    assert any("hidden and is ignored" in note for note in notes)


async def test_b4a_line_ends_are_normalised_for_reading_and_kept_as_they_came(house: House) -> None:
    raw = mail().encode().replace(b"\n\nGood", b"\n\r\nGood")

    handed = await house.hand(raw, LEAD)

    assert handed.code == 250
    assert (await house.raw(handed.id))[1] == raw + b"\r\n"
    assert await house.column("SELECT name FROM leads") == ["Offer"]


NEVER_LOGGED = {
    "B8a no-reply alone: filed without a contact": ("no-reply@shop.example", 1, 0),
    "B8a mailer-daemon alone": ("MAILER-DAEMON@shop.example", 1, 0),
    "B8a a list's owner alone": ("makers-owner@lists.example", 1, 0),
    "B8a the others are added": ("noreply@shop.example, Carol <carol@example.net>", 2, 1),
}


@pytest.mark.parametrize(("to", "contacts", "leads"), NEVER_LOGGED.values(), ids=NEVER_LOGGED)
async def test_addresses_that_answer_nobody_become_no_contact(house: House, to: str, contacts: int, leads: int) -> None:
    handed = await house.hand(mail(to=to), LEAD)

    assert handed.code == 250
    assert await house.counts("messages", "contacts", "leads") == {"messages": 1, "contacts": contacts, "leads": leads}


LISTED = {
    "B8a an address of the account's list": ("news@shop.example", "News@Shop.example", 1, 0),
    "B8a with other addresses of its domain as before": ("news@shop.example", "sales@shop.example", 2, 1),
    "B8a a domain of the list": ("shop.example", "sales@shop.example", 1, 0),
    "B8a a sub-domain of it": ("shop.example", "sales@mail.eu.shop.example", 1, 0),
    "B8a a domain that only ends alike": ("shop.example", "sales@workshop.example", 2, 1),
    "B8a a domain in another script": ("bücher.example", "sales@xn--bcher-kva.example", 1, 0),
    "B8a the others are logged": ("shop.example", "sales@shop.example, Carol <carol@example.net>", 2, 1),
}


@pytest.mark.parametrize(("entry", "to", "contacts", "leads"), LISTED.values(), ids=LISTED)
async def test_whom_an_account_never_logs_becomes_no_contact(
    house: House, entry: str, to: str, contacts: int, leads: int
) -> None:
    await house.set(never_log=f"unused.example, {entry}")
    await house.set("beta", never_log="example.net, workshop.example, shop.example")

    handed = await house.hand(mail(to=to), LEAD)

    assert handed.code == 250
    assert await house.counts("messages", "contacts", "leads") == {"messages": 1, "contacts": contacts, "leads": leads}


async def test_b8a_a_known_contact_who_is_never_logged_keeps_his_mail_but_gets_no_lead(house: House) -> None:
    await house.set(never_log="bluefin.example")

    handed = await house.hand(mail(to="bob@bluefin.example"), LEAD)

    assert await house.cards_of(handed.id) == {"contacts": ["Bob Miller"], "leads": []}


async def test_b9_the_same_mail_twice_is_filed_once(house: House) -> None:
    letter = mail(message_id="<once@acme.example>")

    first, second = await house.hand(letter, LEAD), await house.hand(letter, LEAD)

    assert "lready filed" in second.reply
    assert second.id == first.id
    counts = await house.counts("messages", "leads", "contacts", "sources", "receipts")
    assert counts == {"messages": 1, "leads": 1, "contacts": 2, "sources": 1, "receipts": 2}
    assert (await house.receipts())[1]["decision"]["duplicate_of"] == first.id


DIFFERENT = {
    "another author": mail(message_id="<x@y.example>", sender="Ana <ana@acme.example>"),
    "another date": mail(message_id="<x@y.example>").replace("10:00:00 +0000", "10:00:01 +0000"),
    "another subject": mail(message_id="<x@y.example>", subject="Invoice"),
}


@pytest.mark.parametrize("other", DIFFERENT.values(), ids=DIFFERENT)
async def test_b9_the_same_message_id_on_another_mail_is_another_message(house: House, other: str) -> None:
    await house.hand(mail(message_id="<x@y.example>"), LEAD)

    await house.hand(other, LEAD)

    assert await house.count("messages") == 2


SAME = {
    "the same instant written in another zone": ("10:00:00 +0000", "17:00:00 +0700"),
    "a reply mark added on the way": ("Subject: Offer", "Subject: RE: Offer"),
    "another body under the same Message-ID": ("Good morning.", "Good evening."),
}


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
async def test_b9_the_same_mail_with_a_small_difference_is_still_the_same(house: House, old: str, new: str) -> None:
    letter = mail(message_id="<x@y.example>")

    await house.hand(letter, LEAD)
    await house.hand(letter.replace(old, new), LEAD)

    assert await house.count("messages") == 1


async def test_b9_without_a_message_id_the_content_decides_and_trace_headers_do_not_count(house: House) -> None:
    letter = "\n".join(line for line in mail().split("\n") if not line.startswith("Message-ID"))

    await house.hand(letter, LEAD)
    await house.hand(f"Received: from a by b;\n\tMon, 23 Nov 2026 10:00:00 +0000\n{letter}", LEAD)
    await house.hand(letter.replace("Good morning", "Good night"), LEAD)

    assert await house.count("messages") == 2


async def test_b9_a_stronger_action_is_applied_to_a_mail_that_is_already_filed(house: House) -> None:
    letter = mail(cc=f"{ATTACH}, {CONTACT}, {LEAD}")

    replies = [(await house.hand(letter, rcpt)).reply for rcpt in (ATTACH, CONTACT, LEAD, CONTACT)]

    assert "Already filed; now 1 new contact" in replies[1]
    assert "Already filed; now new lead" in replies[2]
    assert "nothing doubled" in replies[3]
    counts = await house.counts("messages", "contacts", "leads", "threads")
    assert counts == {"messages": 1, "contacts": 2, "leads": 1, "threads": 1}
    message = (await house.column("SELECT id FROM messages"))[0]
    assert await house.cards_of(message) == {"contacts": ["Carol Jones"], "leads": ["Offer"]}


AUTOMATIC = {
    "an out-of-office reply": "Auto-Submitted: auto-replied",
    "a bulk mail": "Precedence: bulk",
    "a list": "List-Id: <makers.example>",
    "a report": "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
}


@pytest.mark.parametrize("mark", AUTOMATIC.values(), ids=AUTOMATIC)
async def test_b6_automatic_mail_is_filed_on_known_cards_but_creates_nothing(house: House, mark: str) -> None:
    letter = mail(sender="Bob <bob@bluefin.example>", to="carol@example.net", extra=mark)

    handed = await house.hand(letter, LEAD, sender="bob@bluefin.example")

    assert "automatic mail creates nothing" in handed.reply
    assert await house.counts("messages", "contacts", "leads") == {"messages": 1, "contacts": 1, "leads": 0}
    assert await house.cards_of(handed.id) == {"contacts": ["Bob Miller"], "leads": []}


async def test_b6_a_colleagues_deliberate_cc_wins_over_the_list_it_went_through(house: House) -> None:
    await house.hand(mail(extra="List-Id: <sales.acme.example>\nPrecedence: list"), LEAD)

    assert await house.count("leads") == 1


STRANGERS = {
    "accept": ("250 2.6.0", {"messages": 1, "contacts": 2, "leads": 1}),
    "hold": ("250 2.6.0", {"messages": 1, "contacts": 1, "leads": 0}),
    "refuse": ("550 5.7.1", {"messages": 0, "contacts": 1, "leads": 0}),
}


@pytest.mark.parametrize("policy", STRANGERS)
async def test_b7_a_stranger_is_treated_as_the_account_wishes(house: House, policy: str) -> None:
    await house.set(strangers=policy)
    reply, counts = STRANGERS[policy]

    handed = await house.hand(mail(sender="eve@stranger.example", to="ana@acme.example"), LEAD, sender="e@x.example")

    assert handed.reply.startswith(reply)
    assert await house.counts("messages", "contacts", "leads") == counts


async def test_b7_a_held_mail_stays_held_when_it_comes_again(house: House) -> None:
    await house.set(strangers="hold")
    letter = mail(sender="eve@stranger.example", to="ana@acme.example")

    first, second = await house.hand(letter, LEAD), await house.hand(letter, LEAD)

    assert "Held for review" in first.reply
    assert "Already held" in second.reply
    assert await house.column("SELECT type FROM events") == ["message.held"]


async def test_b7_a_stranger_who_answers_one_of_our_mails_is_no_stranger(house: House) -> None:
    await house.set(strangers="refuse")
    await house.hand(mail(message_id="<ours@acme.example>"), LEAD)

    reply = mail(sender="assistant@example.net", to="dimas@acme.example", extra="In-Reply-To: <ours@acme.example>")
    handed = await house.hand(reply, LEAD, sender="assistant@example.net")

    assert handed.code == 250


async def test_a8_a_mail_that_is_too_large_leaves_a_receipt_and_its_refusal_links_to_it(house: House) -> None:
    door = SmtpServer(house.desk, SmtpLimits(max_message_bytes=5_000), "mx.example", public_url="http://gate.example")
    house.address = await door.start("127.0.0.1", 0)

    handed = await house.hand(mail(body="A long line of text.\n" * 500), "acme+leads@mail.kommo.com", LEAD)
    await door.stop(0)

    assert handed.reply.startswith("552 5.3.4")
    [receipt] = await house.receipts()
    assert (receipt["verdict"], receipt["rule"], receipt["reply"]) == ("refuse", "A8", handed.reply)
    assert handed.reply.rpartition("/why/")[2] in await house.column("SELECT id FROM receipts")
    assert [(step["rule"], step["outcome"]) for step in receipt["decision"]["steps"]][-1] == ("A8", "refuse")
    assert await house.column("SELECT type FROM events") == ["message.refused"]


async def test_b11_a_large_mail_comes_back_byte_for_byte_and_one_that_is_refused_leaves_no_file(house: House) -> None:
    body = "A long line of text that repeats itself.\n" * 20_000
    kept, refused, again = mail(body=body), mail(body=body, cc=""), mail(body=body, message_id="<twice@acme.example>")

    filed = await house.hand(kept, LEAD)
    replies = [(await house.hand(one, LEAD)).code for one in (refused, again, again)]

    assert replies == [550, 250, 250]
    assert (await house.raw(filed.id))[1] == wire(kept)
    assert sum(1 for path in house.folder.rglob("*") if path.is_file()) == 2


async def test_b10_a_store_that_is_locked_too_long_is_a_451_and_nothing_is_half_written(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(postgresql_writer, "PATIENCE_SECONDS", 0.05)
    letter = mail()

    with transaction(house.place):
        locked = await house.hand(letter, LEAD)
    again = await house.hand(letter, LEAD)

    assert locked.reply.startswith("451 4.3.0")
    assert again.code == 250
    assert await house.counts("messages", "receipts", "leads") == {"messages": 1, "receipts": 1, "leads": 1}


async def test_a_client_that_hangs_up_before_the_answer_and_comes_again_finds_its_mail_filed_once(house: House) -> None:
    letter = wire(mail())
    peer = await Peer.connect(house.address)
    await peer.hear()
    await peer.begin(LEAD)
    await peer.send(letter + b".\r\n")
    peer.writer.write_eof()
    await peer.hear()
    peer.leave()
    again = await house.hand(letter, LEAD)

    assert "Already filed" in again.reply
    assert await house.count("messages") == 1


async def test_characters_that_a_store_may_not_know_keep_no_mail_out_and_make_no_second_thread(house: House) -> None:
    """U+0000, half a character, a key that begins with it: the thread of a mail without a subject."""
    odd = mail(to="=?utf-8?q?C=00arol=ED=A0=80?= <carol@example.net>", subject="=?utf-8?q?Of=00fer=ED=A0=80_=5Cu0000?=")
    again = odd.replace("Subject: ", "Subject: Re: ").replace("Message-ID: <", "Message-ID: <re.")
    bare = [mail(subject="", body="a\0b") for _ in range(2)]

    replies = [await house.hand(one, LEAD) for one in (odd, again, *bare)]

    assert [one.code for one in replies] == [250] * 4
    assert await house.rows("SELECT count FROM threads ORDER BY count") == [(1,), (1,), (2,)]
    texts = await house.column("SELECT subject FROM messages UNION ALL SELECT name FROM participants")
    assert "\0" not in "".join(texts)
