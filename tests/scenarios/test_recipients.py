"""Rules A1 to A7: what RCPT may name, told through the port."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from gateway.usecases.drop_receipts import drop_receipts
from tests.scenarios.house import House, mail
from tests.smtp.front_desk import Peer

RECIPIENTS = {
    # story: (address, reply, rule)
    "A1 a foreign domain is no business of ours": ("acme@elsewhere.example", "550 5.7.1", "A1"),
    "A1 an address literal is never ours": ("acme@[127.0.0.1]", "550 5.7.1", "A1"),
    "A1 case and a trailing dot don't matter": ("acme@MAIL.Kommo.Com.", "250 2.1.5", None),
    "A1 every gateway domain is ours": ("acme+lead@mail.second.example", "250 2.1.5", None),
    "A2 nobody has this name": ("nobody@mail.kommo.com", "550 5.1.1", "A2"),
    "A2 case doesn't matter": ("ACME+Lead@mail.kommo.com", "250 2.1.5", None),
    "A2 a quoted local part equals its unquoted form": ('"acme+lead"@mail.kommo.com', "250 2.1.5", None),
    "A2 a source route is ignored": ("@relay.example,@b.example:acme@mail.kommo.com", "250 2.1.5", None),
    "A3 an unknown ending": ("acme+asdjhdfsd@mail.kommo.com", "550 5.1.1", "A3"),
    "A3 one ending too many": ("acme+lead+x@mail.kommo.com", "550 5.1.1", "A3"),
    "A3 an empty ending": ("acme+@mail.kommo.com", "550 5.1.1", "A3"),
    "A3 nearly right": ("acme+leads@mail.kommo.com", "550 5.1.1", "A3"),
    "A3 is judged before A2, so it tells nothing of accounts": ("nobody+leads@mail.kommo.com", "550 5.1.1", "A3"),
    "A5 postmaster is always there": ("postmaster@mail.kommo.com", "250 2.1.5", None),
    "A5 abuse too, in any case": ("Abuse@mail.kommo.com", "250 2.1.5", None),
    "A5 postmaster needs no domain": ("Postmaster", "250 2.1.5", None),
}


@pytest.mark.parametrize(("address", "reply", "rule"), RECIPIENTS.values(), ids=RECIPIENTS)
async def test_a_recipient_is_answered_by_the_rules(house: House, address: str, reply: str, rule: str | None) -> None:
    handed = await house.hand(mail(), address)

    assert handed.recipients[0].startswith(reply)
    if rule:
        assert handed.recipients[0].endswith(f"http://gate.example/why/{rule}")
        assert await house.count("messages") == 0


async def test_a3_a_wrong_ending_names_the_three_that_exist_and_leaves_a_receipt_only(house: House) -> None:
    handed = await house.hand(mail(), "acme+leads@mail.kommo.com")

    for address in ("acme@mail.kommo.com", "acme+contact@mail.kommo.com", "acme+lead@mail.kommo.com"):
        assert address in handed.reply
    assert await house.counts("messages", "contacts", "leads") == {"messages": 0, "contacts": 1, "leads": 0}
    [receipt] = await house.receipts()
    assert (receipt["verdict"], receipt["rule"], receipt["recipients"]) == (
        "refuse",
        "A3",
        ["acme+leads@mail.kommo.com"],
    )


@pytest.mark.parametrize(("address", "account"), [("acme+x@mail.kommo.com", "acme"), ("nobody@mail.kommo.com", None)])
async def test_the_log_names_the_account_of_a_refused_recipient_as_people_do(
    house: House, address: str, account: str | None
) -> None:
    with capture_logs() as logs:
        await house.hand(mail(), address)

    assert [one["account"] for one in logs if one["event"] == "recipient.refused"] == [account]


async def test_a3_an_ending_of_an_account_that_is_not_there_leaves_nothing(house: House) -> None:
    wrong = await house.hand(mail(), "acme+leads@mail.kommo.com")
    nobody = await house.hand(mail(), "nobody+leads@mail.kommo.com")

    assert nobody.reply.replace("nobody", "acme") == wrong.reply
    assert len(await house.receipts()) == 1


async def test_a_refused_recipient_beside_an_accepted_one_is_a_step_of_the_one_receipt(house: House) -> None:
    handed = await house.hand(mail(), "acme+leads@mail.kommo.com", "acme+lead@mail.kommo.com")

    assert handed.code == 250
    [receipt] = await house.receipts()
    assert receipt["verdict"] == "file"
    assert ("A3", "refuse") in [(step["rule"], step["outcome"]) for step in receipt["decision"]["steps"]]


async def test_a4_a_former_name_is_refused_without_telling_the_new_one(house: House) -> None:
    await house.rename("acme", "apex")

    old, new = (
        await house.hand(mail(), "acme+lead@mail.kommo.com"),
        await house.hand(mail(cc="apex+lead@mail.kommo.com"), "apex+lead@mail.kommo.com"),
    )

    assert old.reply.startswith("550 5.1.6")
    assert "apex" not in old.reply
    assert new.code == 250
    refused = next(one for one in await house.receipts() if one["verdict"] == "refuse")
    assert refused["rule"] == "A4"


async def test_a4_within_its_grace_time_a_former_name_works_like_the_new_one_and_says_that_it_has_changed(
    house: House,
) -> None:
    await house.set(rename_grace_days="30")
    await house.rename("acme", "apex")

    handed = await house.hand(mail(), "acme+lead@mail.kommo.com")

    assert "has changed" in handed.recipients[0]
    assert "apex" not in handed.recipients[0]
    assert handed.code == 250
    assert await house.count("leads") == 1


async def test_a5_mail_to_postmaster_is_kept_for_the_operators_even_from_the_null_sender(house: House) -> None:
    handed = await house.hand("Subject: undeliverable\n\nno From, no Cc\n", "postmaster@mail.kommo.com", sender="")

    assert handed.reply.startswith("250 2.6.0")
    assert (await house.rows("SELECT account, verdict, rule FROM receipts")) == [(0, "file", "A5")]
    assert (await house.raw(handed.id))[1] == b"Subject: undeliverable\r\n\r\nno From, no Cc\r\n"
    assert await house.counts("contacts", "leads", "events") == {"contacts": 1, "leads": 0, "events": 0}


SECOND_ACCOUNTS = {
    "A6 another account waits its turn": ("acme+lead@mail.kommo.com", "beta+lead@mail.kommo.com"),
    "A6 an account beside postmaster waits": ("postmaster@mail.kommo.com", "acme@mail.kommo.com"),
    "A6 postmaster beside an account waits": ("acme+lead@mail.kommo.com", "abuse@mail.kommo.com"),
}


@pytest.mark.parametrize(("first", "second"), SECOND_ACCOUNTS.values(), ids=SECOND_ACCOUNTS)
async def test_one_transaction_serves_one_account(house: House, first: str, second: str) -> None:
    handed = await house.hand(mail(), first, second)

    assert handed.recipients[0].startswith("250")
    assert handed.recipients[1].startswith("452 4.5.3")
    assert handed.code == 250


async def test_a_receipt_goes_when_its_time_is_over_and_its_mail_stays(house: House) -> None:
    await house.hand(mail(), "acme+lead@mail.kommo.com")

    kept = await drop_receipts(house.store, receipt_days=1)
    dropped = await drop_receipts(house.store, receipt_days=-1)

    assert (kept, dropped) == (0, 1)
    assert await house.receipts() == []
    assert await house.count("messages") == 1


async def test_a6_each_account_gives_its_own_verdict_on_its_own_copy(house: House) -> None:
    letter = mail(cc="acme+lead@mail.kommo.com")

    ours = await house.hand(letter, "acme+lead@mail.kommo.com", "beta+lead@mail.kommo.com")
    theirs = await house.hand(letter, "beta+lead@mail.kommo.com")

    assert ours.code == 250
    assert theirs.reply.startswith("550 5.7.1")
    receipts = await house.receipts()
    assert [(one["verdict"], one["rule"]) for one in receipts] == [("file", "B11"), ("refuse", "A6"), ("refuse", "B1")]
    assert all(len({address.split("+")[0] for address in one["recipients"]}) == 1 for one in receipts)


STRONGEST = {
    "A7 lead is stronger than attach": (("acme", "acme+lead"), "acme, acme+lead", "lead", 1),
    "A7 contact is stronger than attach": (("acme", "acme+contact"), "acme, acme+contact", "contact", 0),
    "A7 one that is only in the header counts for nothing": (("acme",), "acme, acme+lead", "attach", 0),
    "A7 one that is only in the envelope counts for nothing": (("acme", "acme+lead"), "acme", "attach", 0),
}


@pytest.mark.parametrize(("rcpt", "cc", "action", "leads"), STRONGEST.values(), ids=STRONGEST)
async def test_several_addresses_of_one_account_make_one_decision(
    house: House, rcpt: tuple[str, ...], cc: str, action: str, leads: int
) -> None:
    visible = ", ".join(f"{one}@mail.kommo.com" for one in cc.split(", "))

    handed = await house.hand(mail(cc=visible), *(f"{one}@mail.kommo.com" for one in rcpt))

    assert handed.code == 250
    [receipt] = await house.receipts()
    assert receipt["decision"]["action"] == action
    assert await house.count("leads") == leads


async def test_the_very_next_command_sees_an_account_that_was_just_made(house: House) -> None:
    peer = await Peer.connect(house.address)
    await peer.hear()
    await peer.ask("EHLO client.example")
    await peer.ask("MAIL FROM:<ana@acme.example>")
    before = await peer.ask("RCPT TO:<apex@mail.kommo.com>")
    await house.rename("acme", "apex")
    after = await peer.ask("RCPT TO:<apex@mail.kommo.com>")
    peer.leave()

    assert (before[:9], after[:9]) == ("550 5.1.1", "250 2.1.5")
