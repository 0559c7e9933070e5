"""To whom a mail goes that is written here, and what it may not hold (E11)."""

from __future__ import annotations

import pytest

from gateway.core.outgoing import Draft, Upload
from gateway.core.recipients import MOST_RECIPIENTS, MOST_SUBJECT, Person, Recipients, read_recipients, wrong_words
from gateway.core.refusals import Wrong

DOMAINS = frozenset({"mail.kommo.com"})
SMART = "acme+lead@mail.kommo.com"


def test_each_address_stands_once_where_it_is_seen_best() -> None:
    draft = Draft(
        "box",
        ("Bob <bob@x.example>", "ann@x.example, zoe@x.example"),
        ("BOB@X.example", SMART),
        ("ann@x.example", "eve@x.example"),
    )
    found = read_recipients(draft, DOMAINS)
    assert found == Recipients(
        (Person("bob@x.example", "Bob"), Person("ann@x.example"), Person("zoe@x.example")),
        (Person(SMART),),
        (Person("eve@x.example"),),
    )
    assert found.envelope == ("bob@x.example", "ann@x.example", "zoe@x.example", SMART, "eve@x.example")


def test_a_domain_in_another_script_becomes_what_servers_know() -> None:
    found = read_recipients(Draft("box", ("jörg@bücher.example",)), DOMAINS)
    assert isinstance(found, Recipients)
    assert found.envelope == ("jörg@xn--bcher-kva.example",)


WRONG = {
    "nobody": (Draft("box", ()), "to", "nobody is named"),
    "no address": (Draft("box", ("bob",)), "to/0", "no e-mail address"),
    "a group": (Draft("box", ("all: bob@x.example;",)), "to/0", "no e-mail address"),
    "text behind": (Draft("box", ("<bob@x.example> x",)), "to/0", "no e-mail address"),
    "a line end": (Draft("box", ("bob@x.example",), ("a@x.example\nBcc: b@x.example",)), "cc/0", "line end"),
    "endless": (Draft("box", ("x" * 200_000,)), "to/0", "too long"),
    "a machine": (Draft("box", ("bob@[192.0.2.1]",)), "to/0", "names a machine"),
    "a smart address in To": (Draft("box", ("bob@x.example", SMART)), "to/1", "visible Cc"),
    "a smart address in Bcc": (Draft("box", ("bob@x.example",), (), (SMART,)), "bcc/0", "visible Cc"),
    "a smart address alone": (Draft("box", (), (SMART,)), "to", "only a smart address"),
    "too many": (Draft("box", tuple(f"p{n}@x.example" for n in range(MOST_RECIPIENTS + 1))), "to", "too many"),
}


@pytest.mark.parametrize(("draft", "field", "words"), WRONG.values(), ids=WRONG)
def test_who_can_t_be_written_to(draft: Draft, field: str, words: str) -> None:
    found = read_recipients(draft, DOMAINS)
    assert isinstance(found, Wrong)
    assert found.field == field
    assert words in found.detail


WORDS = {
    "a second header": (Draft("box", (), subject="Offer\r\nBcc: eve@x.example"), "subject"),
    "a separator of lines": (Draft("box", (), subject="Offer\u2028x"), "subject"),
    "a long subject": (Draft("box", (), subject="x" * (MOST_SUBJECT + 1)), "subject"),
    "half a character": (Draft("box", (), body="\ud800"), "body"),
    "a long text": (Draft("box", (), body="x" * 2_097_153), "body"),
    "many files": (Draft("box", (), uploads=(Upload("x", "text/plain", b""),) * 51), "attachments"),
    "nothing": (Draft("box", (), subject="Offer", body="a\nb"), ""),
}


@pytest.mark.parametrize(("draft", "field"), WORDS.values(), ids=WORDS)
def test_what_a_mail_may_not_hold(draft: Draft, field: str) -> None:
    found = wrong_words(draft)
    assert (found.field if found else "") == field
