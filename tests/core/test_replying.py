"""To whom an answer goes, what it is called, and what it quotes (E11)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.recipients import Person
from gateway.core.replying import (
    FORWARD,
    REPLY_ALL,
    Answered,
    quoted_text,
    recipients_of,
    references_of,
    subject_of,
)

ANN, BOB, ZOE, EVE = (Person(f"{name}@x.example", name.title()) for name in ("ann", "bob", "zoe", "eve"))
SMART = Person("acme+lead@mail.kommo.com")
DOMAINS = frozenset({"mail.kommo.com"})
OWN = frozenset({"ann@x.example"})
MAIL = Answered(BOB, (), (ANN, ZOE), (SMART, EVE), False, "Offer", "Hello\n> before\n\nBye\n", 1_796_000_000_000)

REPLY = "reply"

STORIES = {
    "a reply goes to the author": (MAIL, REPLY, (BOB,), ()),
    "or where the author wants it": (replace(MAIL, reply_to=(EVE,)), REPLY, (EVE,), ()),
    "to all: nobody writes to themselves": (MAIL, REPLY_ALL, (BOB,), (ZOE, EVE, SMART)),
    "a smart address in To comes into Cc": (replace(MAIL, to=(ANN, SMART), cc=()), REPLY_ALL, (BOB,), (SMART,)),
    "one's own mail is answered to whom it went": (
        replace(MAIL, author=ANN, to=(BOB,), cc=(ZOE, SMART), outgoing=True),
        REPLY_ALL,
        (BOB,),
        (ZOE, SMART),
    ),
    "one's own mail to oneself": (replace(MAIL, author=ANN, to=(ANN,), cc=(), outgoing=True), REPLY, (ANN,), ()),
    "from oneself, to others": (replace(MAIL, author=ANN), REPLY_ALL, (ZOE,), (EVE, SMART)),
    "nobody can be read": (replace(MAIL, author=None, to=(), cc=()), REPLY, (), ()),
    "a forward goes to whom one likes": (MAIL, FORWARD, (), ()),
}


@pytest.mark.parametrize(("mail", "how", "to", "cc"), STORIES.values(), ids=STORIES)
def test_to_whom_it_goes(mail: Answered, how: str, to: tuple[Person, ...], cc: tuple[Person, ...]) -> None:
    assert recipients_of(mail, how, OWN, DOMAINS) == (to, cc)


SUBJECTS = {
    ("Offer", REPLY): "Re: Offer",
    ("Re: Offer", REPLY): "Re: Offer",
    ("RE[2]: Offer", REPLY_ALL): "RE[2]: Offer",
    ("Fwd: Offer", REPLY): "Re: Fwd: Offer",
    ("Offer", FORWARD): "Fwd: Offer",
    ("FW: Offer", FORWARD): "FW: Offer",
    ("Re: Offer", FORWARD): "Fwd: Re: Offer",
    ("Report", REPLY): "Re: Report",
    ("", REPLY): "Re:",
}


@pytest.mark.parametrize(("given", "made"), SUBJECTS.items(), ids=map(str, SUBJECTS))
def test_what_it_is_called(given: tuple[str, str], made: str) -> None:
    assert subject_of(*given) == made


def test_what_an_answer_quotes() -> None:
    assert quoted_text(MAIL, REPLY) == (
        "\n\nOn 2026-11-30 00:53 UTC, Bob <bob@x.example> wrote:\n> Hello\n>> before\n>\n> Bye\n"
    )
    nobody = replace(MAIL, author=None, at=None, text="x")
    assert quoted_text(nobody, REPLY) == "\n\nsomebody wrote:\n> x\n"


def test_what_a_forward_holds() -> None:
    assert quoted_text(MAIL, FORWARD) == (
        "\n\n---------- Forwarded message ----------\nFrom: Bob <bob@x.example>\nDate: 2026-11-30 00:53 UTC\n"
        "Subject: Offer\nTo: Ann <ann@x.example>, Zoe <zoe@x.example>\n"
        "Cc: acme+lead@mail.kommo.com, Eve <eve@x.example>\n\nHello\n> before\n\nBye\n"
    )
    bare = quoted_text(replace(MAIL, author=None, at=None, cc=()), FORWARD)
    assert "From:" not in bare
    assert "Date:" not in bare
    assert "Cc:" not in bare


def test_the_references_of_an_answer() -> None:
    assert references_of("<b>", ("<a>", "<b>")) == ("<a>", "<b>")
    assert references_of(None, ("<a>",)) == ("<a>",)
