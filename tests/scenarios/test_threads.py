"""Section D: how messages of one client and one subject make a thread."""

from __future__ import annotations

import pytest

from tests.scenarios.house import House, mail

ATTACH = "acme@mail.kommo.com"
THREADS = "SELECT client, subject, count FROM threads ORDER BY id"


async def test_d_the_four_letters_of_the_seed_make_three_threads(house: House) -> None:
    await house.set(own_domains="company.com")
    manager, greeting, question = "manager@company.com", "Salam dari tim perusahaan", "Pertanyaan tentang produk"
    letters = (
        (manager, "client1@gmail.com", greeting),
        (manager, "client2@mail.com", greeting),
        ("client2@mail.com", manager, question),
        ("client2@mail.com", manager, question),
    )

    for sender, to, subject in letters:
        assert (await house.hand(mail(sender=sender, to=to, cc=ATTACH, subject=subject), ATTACH)).code == 250

    assert await house.rows(THREADS) == [
        ("client1@gmail.com", greeting, 1),
        ("client2@mail.com", greeting, 1),
        ("client2@mail.com", question, 2),
    ]


SAME_THREAD = {
    "reply and forward marks of many languages": ["Offer", "Re: Offer", "AW: WG: Offer", "Ответ: Offer", "回复：Offer"],
    "counters and tags": ["Offer", "RE[2]: Offer", "[EXTERNAL] Re(3): Offer"],
    "case and white space": ["Offer  for you", "OFFER FOR YOU", "offer for you"],
}


@pytest.mark.parametrize("subjects", SAME_THREAD.values(), ids=SAME_THREAD)
async def test_d_subjects_that_mean_the_same_are_one_thread(house: House, subjects: list[str]) -> None:
    for subject in subjects:
        await house.hand(mail(cc=ATTACH, subject=subject), ATTACH)

    assert await house.rows(THREADS) == [("carol@example.net", subjects[0].replace("  ", " "), len(subjects))]


async def test_d_without_a_client_the_subject_alone_makes_the_thread(house: House) -> None:
    for _ in range(2):
        await house.hand(mail(to="ana@acme.example", cc=ATTACH), ATTACH)

    assert await house.rows(THREADS) == [("", "Offer", 2)]


async def test_d_an_empty_subject_threads_by_what_it_answers_else_alone(house: House) -> None:
    await house.hand(mail(cc=ATTACH, message_id="<root@acme.example>"), ATTACH)
    await house.hand(mail(cc=ATTACH, subject="", extra="In-Reply-To: <root@acme.example>"), ATTACH)
    await house.hand(mail(cc=ATTACH, subject="Re:"), ATTACH)
    await house.hand(mail(cc=ATTACH, subject=""), ATTACH)

    assert [count for _, _, count in await house.rows(THREADS)] == [2, 1, 1]


async def test_d_an_answer_under_a_new_subject_starts_its_own_thread_with_a_link_to_the_other(house: House) -> None:
    await house.hand(mail(cc=ATTACH, message_id="<root@acme.example>"), ATTACH)
    await house.hand(mail(cc=ATTACH, subject="Invoice", extra="In-Reply-To: <root@acme.example>"), ATTACH)

    (first, none), (_, answers) = await house.rows("SELECT id, answers FROM threads ORDER BY id")
    assert (none, answers) == (None, first)


async def test_several_clients_share_the_primarys_thread(house: House) -> None:
    await house.hand(mail(to="carol@example.net, lee@example.net", cc=ATTACH), ATTACH)

    assert await house.rows(THREADS) == [("carol@example.net", "Offer", 1)]
