"""Who is in a message and what they are to the account: rules C1, C2, C8 and B8a."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.people import Cast, Kind, Participant, cast_people, in_domains, never_logged
from tests.core.world import ACME, BOB, CAROL, DIMAS, LEAD, TEAM, mail_of

TEAM_WITH_SUBDOMAINS = replace(TEAM, own_domains=frozenset((".acme.example", "apex.example")))


def cast(author: str, to: str, cc: str = "", *, trusted: bool = True) -> Cast:
    return cast_people(mail_of(author, to, cc), TEAM, author_trusted=trusted)


def names(people: tuple[Participant, ...]) -> list[str]:
    return [person.key for person in people]


DIRECTIONS = {
    # story: From, To, Cc, author trusted, direction, primary
    "C2 a client writes": (CAROL, f"{BOB}, {DIMAS}", LEAD, True, "incoming", "carol@example.net"),
    "C2 a colleague writes": (DIMAS, BOB, f"{CAROL}, {LEAD}", True, "outgoing", "bob@bluefin.example"),
    "C2 first in To, else in Cc": (
        DIMAS,
        "ana@acme.example",
        f"{LEAD}, {CAROL}",
        True,
        "outgoing",
        "carol@example.net",
    ),
    "C2 one who only says he is a colleague": (DIMAS, BOB, LEAD, False, "incoming", "bob@bluefin.example"),
    "C2 a client who is distrusted as well": (CAROL, BOB, LEAD, False, "incoming", "carol@example.net"),
    "C2 colleagues among themselves": (DIMAS, "ana@acme.example", LEAD, True, "outgoing", None),
    "C2 no author that can be read": ("", BOB, LEAD, True, "incoming", "bob@bluefin.example"),
    "C2 nobody at all": ("", "", "", True, "incoming", None),
}


@pytest.mark.parametrize(("author", "to", "cc", "trusted", "direction", "primary"), DIRECTIONS.values(), ids=DIRECTIONS)
def test_direction_and_primary_client(
    author: str, to: str, cc: str, trusted: bool, direction: str, primary: str | None
) -> None:
    found = cast(author, to, cc, trusted=trusted)

    assert found.direction == direction
    assert (found.primary.key if found.primary else None) == primary


KINDS = {
    "Dimas is a user": ("Dimas@ACME.example", Kind.TEAM),
    "anyone at an own domain": ("x@acme.example", Kind.TEAM),
    "a sub-domain of an own domain": ("x@eu.acme.example", Kind.CLIENT),
    "a domain that only ends like one": ("x@notacme.example", Kind.CLIENT),
    "a gateway domain, whatever the local part": ("nobody+x@in.gate.example", Kind.SMART),
    "anyone else": ("x@example.net", Kind.CLIENT),
    "an address literal": ("x@[192.0.2.1]", Kind.CLIENT),
}


@pytest.mark.parametrize(("address", "kind"), KINDS.values(), ids=KINDS)
def test_what_an_address_is_to_the_account(address: str, kind: Kind) -> None:
    assert cast(address, DIMAS).author_kind is kind


OWN = {
    "listed": ("apex.example", True),
    "below a listed one": ("eu.apex.example", False),
    "below one with a dot": ("eu.acme.example", True),
    "far below it": ("a.b.acme.example", True),
    "the one with a dot itself": ("acme.example", False),
    "another": ("acme.example.net", False),
}


@pytest.mark.parametrize(("domain", "own"), OWN.values(), ids=OWN)
def test_own_domains_take_in_sub_domains_only_when_written_with_a_dot(domain: str, own: bool) -> None:
    assert in_domains(domain, TEAM_WITH_SUBDOMAINS.own_domains) is own


def test_c1_an_address_stands_once_a_role_and_the_writing_with_a_name_wins() -> None:
    found = cast(
        CAROL, "bob@bluefin.example, BOB@bluefin.example, Bob <bob@bluefin.example>, B <bob@bluefin.example>", BOB
    )

    assert [(one.role, one.key, one.name) for one in found.participants] == [
        ("from", "carol@example.net", "Carol Jones"),
        ("to", "bob@bluefin.example", "Bob"),
        ("cc", "bob@bluefin.example", "Bob Miller"),
    ]


def test_a_client_is_one_person_in_all_roles_and_takes_the_first_name_there_is() -> None:
    found = cast("carol@example.net", f"carol@example.net, {BOB}", f"{CAROL}, bob@bluefin.example")

    assert [(one.key, one.name) for one in found.clients] == [
        ("carol@example.net", "Carol Jones"),
        ("bob@bluefin.example", "Bob Miller"),
    ]
    assert found.primary == found.clients[0]


def test_clients_stand_in_the_order_from_to_cc() -> None:
    assert names(cast(CAROL, f"{DIMAS}, {BOB}", f"x@y.example, {ACME}").clients) == [
        "carol@example.net",
        "bob@bluefin.example",
        "x@y.example",
    ]


CONTACT_NAMES = {
    "a name": (CAROL, "Carol Jones"),
    "last, first": ('"Jones, Carol" <carol@example.net>', "Carol Jones"),
    "encoded": ("=?utf-8?q?J=C3=B6rg?= <carol@example.net>", "Jörg"),
    "the address as name": ('"carol@example.net" <carol@example.net>', "carol@example.net"),
    "none": ("Carol@Example.net", "carol@example.net"),
}


@pytest.mark.parametrize(("author", "name"), CONTACT_NAMES.values(), ids=CONTACT_NAMES)
def test_c8_a_contacts_name_is_the_tidy_display_name_else_the_address(author: str, name: str) -> None:
    primary = cast(author, DIMAS).primary
    assert primary
    assert primary.contact_name == name


NEVER = {
    # story: address, never-log list, never logged
    "a person": ("carol@example.net", set(), False),
    "no-reply": ("No-Reply@example.net", set(), True),
    "noreply": ("noreply@example.net", set(), True),
    "do_not_reply": ("do_not.reply@example.net", set(), True),
    "mailer-daemon": ("MAILER-DAEMON@example.net", set(), True),
    "no-reply with a tag": ("no-reply+x@example.net", set(), True),
    "a list's request address": ("boats-request@example.net", set(), True),
    "a list's bounces": ("boats-bounces+carol=example.net@example.net", set(), True),
    "a list's owner": ("boats-owner@example.net", set(), True),
    "a list's own address": ("boats@lists.example", set(), True),
    "a name that ends in request": ("prerequest@example.net", set(), False),
    "a name that begins with noreply": ("noreplying@example.net", set(), False),
    "an address on the list": ("carol@example.net", {"carol@example.net"}, True),
    "a domain on the list": ("carol@example.net", {"example.net"}, True),
    "below a domain on the list": ("carol@a.b.example.net", {"example.net"}, True),
    "beside a domain on the list": ("carol@anexample.net", {"example.net"}, False),
}


@pytest.mark.parametrize(("address", "listed", "never"), NEVER.values(), ids=NEVER)
def test_b8a_who_is_never_logged(address: str, listed: set[str], never: bool) -> None:
    mail = mail_of(to=address, extra=["List-Post: <mailto:boats@lists.example>"])
    (box,) = mail.to

    assert never_logged(box, box.key, mail, frozenset(listed)) is never


def test_b8a_a_colleague_is_logged_whatever_he_is_called() -> None:
    assert not cast("no-reply@acme.example", CAROL).participants[0].never_log


def test_c8_a_display_name_is_read_no_further_than_anybody_would() -> None:
    (author, *_) = cast_people(mail_of('"' + "x" * 200_000 + '" <carol@example.net>'), TEAM).participants
    assert 2_000 < len(author.name) < 5_000
