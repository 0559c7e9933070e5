"""RCPT TO taken apart and answered: rules A1 to A6 as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.admission import (
    OPERATORS,
    RESERVED_SLUGS,
    Directory,
    Wanted,
    admit,
    read_recipient,
    valid_slug,
)
from gateway.core.envelope import Action, Admission
from tests.core.world import ACME, BOB, DOMAINS, LEAD, admitted

RECIPIENTS = {
    # story: address, slug, suffix, action, ours, operator
    "plain": ("acme@mail.kommo.com", "acme", None, Action.ATTACH, True, False),
    "contact": ("acme+contact@mail.kommo.com", "acme", "contact", Action.CONTACT, True, False),
    "lead": ("acme+lead@mail.kommo.com", "acme", "lead", Action.LEAD, True, False),
    "A1 any case, trailing dot": ("ACME+Lead@Mail.Kommo.Com.", "acme", "lead", Action.LEAD, True, False),
    "A1 another domain": ("acme@else.example", "acme", None, Action.ATTACH, False, False),
    "A1 a domain below ours": ("acme@x.mail.kommo.com", "acme", None, Action.ATTACH, False, False),
    "A1 an address literal": ("acme@[192.0.2.1]", "acme", None, Action.ATTACH, False, False),
    "A1 no domain": ("acme", "acme", None, Action.ATTACH, False, False),
    "A1 rubbish behind the at sign": ("acme@..", "acme", None, Action.ATTACH, False, False),
    "A2 quoted": ('"acme+lead"@mail.kommo.com', "acme", "lead", Action.LEAD, True, False),
    "A2 quoted with escapes": ('"\\ac\\me"@mail.kommo.com', "acme", None, Action.ATTACH, True, False),
    "A2 a source route": ("@a.example,@b.example:acme@mail.kommo.com", "acme", None, Action.ATTACH, True, False),
    "A2 a route without an end": ("@mail.kommo.com", "", None, Action.ATTACH, True, False),
    "A2 no slug": ("a_b@mail.kommo.com", "", None, Action.ATTACH, True, False),
    "A2 a letter that only lower case makes ASCII": ("roc\u212a@mail.kommo.com", "", None, Action.ATTACH, True, False),
    "A3 a wrong suffix": ("acme+leads@mail.kommo.com", "acme", "leads", None, True, False),
    "A3 an empty suffix": ("acme+@mail.kommo.com", "acme", "", None, True, False),
    "A3 two suffixes": ("acme+lead+x@mail.kommo.com", "acme", "lead+x", None, True, False),
    "A5 postmaster": ("Postmaster@mail.kommo.com", "postmaster", None, Action.ATTACH, True, True),
    "A5 postmaster alone": ("postmaster", "postmaster", None, Action.ATTACH, True, True),
    "A5 abuse": ("abuse@in.gate.example", "abuse", None, Action.ATTACH, True, True),
    "A5 somebody else's postmaster": ("postmaster@else.example", "postmaster", None, Action.ATTACH, False, False),
}


@pytest.mark.parametrize(
    ("address", "slug", "suffix", "action", "ours", "operator"), RECIPIENTS.values(), ids=RECIPIENTS
)
def test_a_recipient_is_taken_apart(
    address: str, slug: str, suffix: str | None, action: Action | None, ours: bool, operator: bool
) -> None:
    wanted = read_recipient(address, DOMAINS)

    assert (wanted.slug, wanted.suffix, wanted.action) == (slug, suffix, action)
    assert (wanted.ours, wanted.operator) == (ours, operator)


@given(st.text(max_size=60) | st.lists(st.sampled_from(["@", ":", '"', "\\", "+", "acme", "lead", "."])).map("".join))
def test_any_text_can_be_asked_for(address: str) -> None:
    assert isinstance(read_recipient(address, DOMAINS), Wanted)


HERE, GRACE, FORMER = (Directory(1, state) for state in ("current", "grace", "former"))
ANSWERS = {
    # story: address, directory, earlier recipients, reply, rules asked, account
    "A1 relaying is denied": (BOB, None, (), "550 5.7.1", "A1", None),
    "A2 an account that is not there": ("acme@mail.kommo.com", None, (), "550 5.1.1", "A1 A3 A2", None),
    "A2 an account that is": (ACME, HERE, (), "250 2.1.5", "A1 A3 A2", 1),
    "A3 a wrong suffix of an account": ("acme+x@mail.kommo.com", HERE, (), "550 5.1.1", "A1 A3", 1),
    "A3 a wrong suffix of nobody": ("nobody+x@mail.kommo.com", None, (), "550 5.1.1", "A1 A3", None),
    "A4 a former name": (ACME, FORMER, (), "550 5.1.6", "A1 A3 A4", 1),
    "A4 a former name in its grace time": (ACME, GRACE, (), "250 2.1.5", "A1 A3 A2 A4", 1),
    "A5 postmaster": ("postmaster", None, (), "250 2.1.5", "A1 A5", OPERATORS),
    "A5 abuse beside an account waits": ("abuse@mail.kommo.com", None, (LEAD,), "452 4.5.3", "A1 A5 A6", OPERATORS),
    "A6 another account waits": (ACME, HERE, ("beta@mail.kommo.com",), "452 4.5.3", "A1 A3 A2 A6", 1),
    "A6 an account beside postmaster waits": (ACME, HERE, ("postmaster",), "452 4.5.3", "A1 A3 A2 A6", 1),
    "A6 the same account does not": (ACME, HERE, (LEAD,), "250 2.1.5", "A1 A3 A2", 1),
    "A6 one that was refused does not count": (ACME, HERE, ("beta+x@mail.kommo.com",), "250 2.1.5", "A1 A3 A2", 1),
}


@pytest.mark.parametrize(("address", "found", "before", "reply", "rules", "account"), ANSWERS.values(), ids=ANSWERS)
def test_each_recipient_gets_its_answer(
    address: str, found: Directory | None, before: tuple[str, ...], reply: str, rules: str, account: int | None
) -> None:
    answer = admit(read_recipient(address, DOMAINS), found, admitted(*before))

    assert str(answer.reply).startswith(reply)
    assert [step.rule for step in answer.steps] == rules.split()
    assert answer.account == account
    assert answer.accepted == reply.startswith("250")


def test_a3_a_wrong_suffix_tells_the_same_whether_the_account_exists_or_not() -> None:
    wanted = read_recipient("acme+x@mail.kommo.com", DOMAINS)
    assert admit(wanted, HERE, ()).reply == admit(wanted, None, ()).reply


def test_a3_the_refusal_names_the_three_that_exist_and_shows_nothing_that_acts() -> None:
    answer = _answer("acme+\x1b[31m\u00e9@mail.kommo.com")

    for address in ("acme@mail.kommo.com", "acme+contact@mail.kommo.com", "acme+lead@mail.kommo.com"):
        assert address in answer.reply.text
    assert "+?[31m? does not exist" in answer.steps[-1].detail
    assert "name+lead@mail.kommo.com" in _answer("a_b+x@mail.kommo.com").reply.text


def test_a4_a_former_name_tells_strangers_nothing_but_that_it_changed() -> None:
    renamed = admit(read_recipient(ACME, DOMAINS), GRACE, ())

    assert renamed.recipient
    assert renamed.recipient.renamed
    assert "has changed" in renamed.reply.text


def _answer(address: str) -> Admission:
    return admit(read_recipient(address, DOMAINS), None, ())


SLUGS = {
    "letters": ("acme", True), "digits and hyphens": ("a-1", True), "two": ("ab", True), "forty": ("a" * 40, True),
    "one": ("a", False), "forty-one": ("a" * 41, False), "upper case": ("Acme", False), "a dot": ("a.b", False),
    "a plus": ("a+b", False), "a line end": ("acme\n", False), "nothing": ("", False), "reserved": ("abuse", False),
}  # fmt: skip


@pytest.mark.parametrize(("slug", "valid"), SLUGS.values(), ids=SLUGS)
def test_what_may_be_the_name_of_an_account(slug: str, valid: bool) -> None:
    assert valid_slug(slug) is valid


def test_names_with_a_meaning_in_mail_are_reserved() -> None:
    assert not any(valid_slug(slug) for slug in RESERVED_SLUGS)
