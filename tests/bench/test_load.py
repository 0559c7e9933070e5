"""The load generator says truthfully what happened to each mail, and its mails are what they claim to be."""

from __future__ import annotations

import asyncio
import email
import email.policy

import pytest

from bench.letters import SMART_ADDRESS, Letters
from bench.load import Burst, Crowd, Outcome
from tests.bench.responder import Responder

SECONDS = 0.3


async def load(responder: Responder, *, sessions: int = 3, mails_a_connection: int = 0, size: int = 3072) -> Outcome:
    async with responder.listening():
        burst = Burst(responder.port, sessions, size, SECONDS, "run", mails_a_connection)
        return await asyncio.to_thread(Crowd(burst).run)


async def test_every_mail_answered_250_is_counted_once_with_its_wait() -> None:
    responder = Responder()
    outcome = await load(responder)
    assert outcome.accepted == len(responder.mails) > 0
    assert len(outcome.waits) == outcome.accepted
    assert outcome.refused == {}
    assert responder.connections == 3


async def test_refusals_after_the_data_are_counted_by_their_reply_and_never_as_accepted() -> None:
    responder = Responder(verdict=lambda number: "550 5.7.1 no" if number % 3 == 1 else "250 2.6.0 fine")
    outcome = await load(responder)
    refused = sum(1 for number in range(1, len(responder.mails) + 1) if number % 3 == 1)
    assert outcome.refused == {"end of data: 550 5.7.1 no": refused}
    assert outcome.accepted == len(responder.mails) - refused


@pytest.mark.parametrize("pipelining", [True, False])
async def test_a_refused_recipient_is_counted_once_and_no_content_is_sent(pipelining: bool) -> None:
    responder = Responder(pipelining=pipelining, rcpt="550 5.1.1 no such account")
    outcome = await load(responder)
    assert outcome.accepted == 0
    assert outcome.refused == {"RCPT: 550 5.1.1 no such account": len(responder.envelopes)}
    assert responder.mails == []


async def test_a_connection_lost_before_the_reply_is_no_acceptance_and_a_new_one_is_opened() -> None:
    responder = Responder(verdict=lambda number: None if number == 2 else "250 2.6.0 fine")
    outcome = await load(responder, sessions=1)
    assert outcome.refused == {"connection: closed by the server": 1}
    assert outcome.accepted == len(responder.mails) - 1
    assert responder.connections == 2


async def test_a_server_that_always_hangs_up_is_given_up_after_some_tries() -> None:
    responder = Responder(verdict=lambda _: None)
    outcome = await load(responder, sessions=2)
    assert outcome.accepted == 0
    assert sum(outcome.refused.values()) == len(responder.mails) <= 10


async def test_421_ends_the_connection_and_counts_once() -> None:
    responder = Responder(verdict=lambda number: "421 4.3.2 later" if number == 1 else "250 2.6.0 fine")
    outcome = await load(responder, sessions=1)
    assert outcome.refused == {"end of data: 421 4.3.2 later": 1}
    assert responder.connections == 2


async def test_a_connection_a_mail_means_what_it_says() -> None:
    responder = Responder()
    outcome = await load(responder, mails_a_connection=1)
    assert outcome.accepted == len(responder.mails)
    assert outcome.accepted <= responder.connections <= outcome.accepted + 3


async def test_commands_go_in_one_write_only_where_pipelining_is_announced() -> None:
    announced, silent = Responder(pipelining=True), Responder(pipelining=False)
    await load(announced, sessions=1)
    await load(silent, sessions=1)
    assert max(announced.commands_a_read) == 3
    assert set(silent.commands_a_read) == {1}


async def test_nobody_there_is_a_refusal_not_a_crash() -> None:
    async with (responder := Responder()).listening():
        pass
    burst = Burst(responder.port, 2, 3072, SECONDS, "run")
    outcome = await asyncio.to_thread(Crowd(burst).run)
    assert outcome.accepted == 0
    assert sum(outcome.refused.values()) > 0


async def test_a_large_mail_arrives_whole() -> None:
    responder = Responder()
    outcome = await load(responder, sessions=2, size=1024 * 1024)
    assert outcome.accepted == len(responder.mails) > 0
    assert all(abs(len(mail) - 1024 * 1024) < 200 for mail in responder.mails)


@pytest.mark.parametrize("size", [3072, 51200, 1048576])
def test_mails_are_of_the_size_asked_for_and_tell_it(size: int) -> None:
    letters = Letters(size, "run")
    letter = letters.letter(7)
    assert abs(letter.size - size) < size * 0.01 + 100
    assert len(b"".join(letter.pieces)) == letter.size + len(b".\r\n")


@pytest.mark.parametrize("size", [3072, 51200])
def test_mails_are_ordinary_well_formed_mail_to_a_client_with_a_visible_smart_copy(size: int) -> None:
    letter = Letters(size, "run").letter(3)
    content = b"".join(letter.pieces)
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert len(message.keys()) == 12
    assert message["Cc"].addresses[0].addr_spec.encode() == SMART_ADDRESS
    assert message["From"].addresses[0].addr_spec.encode() == letter.sender
    assert message["To"].addresses[0].domain.startswith("client")
    assert [part.defects for part in message.walk() if part.defects] == []
    assert len(list(message.iter_parts())) == 2
    assert not any(line.startswith(b".") for line in content.split(b"\r\n")[:-2])
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"\n" not in content.replace(b"\r\n", b"")


def test_no_two_mails_share_message_id_author_client_subject_or_content() -> None:
    mails = [b"".join(Letters(3072, run).letter(n).pieces) for run in ("one", "two") for n in range(300)]
    parsed = [email.message_from_bytes(mail) for mail in mails]
    for header in ("Message-ID", "From", "To", "Subject"):
        assert len({message[header] for message in parsed}) == len(mails)
    assert len({mail.partition(b"\r\n\r\n")[2] for mail in mails}) == len(mails)
