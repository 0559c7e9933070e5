"""The fields an account gives its cards: their keys, names and values; and who may change what is noted."""

from __future__ import annotations

import pytest

from gateway.core.custom import MAX_FIELDS, MAX_VALUE, check_field, check_values, key_of
from gateway.core.refusals import Wrong
from gateway.core.visibility import Eyes, may_drop_note, may_edit_note

MADE = {
    # story                            kind        name              key        taken        name and key of the field
    "a key from the name": ("contact", " Company  size ", "", (), ("Company size", "company_size")),
    "a key of one's own": ("lead", "Deal", "deal_1", (), ("Deal", "deal_1")),
    "accents are taken off": ("contact", "Café no. 2", "", (), ("Café no. 2", "cafe_no_2")),
    "what can't be a key": ("customer", "Телефон", "", (), ("Телефон", "field")),
    "a digit first": ("contact", "2nd phone", "", (), ("2nd phone", "nd_phone")),
    "a key that is taken gets a number": ("contact", "Company", "", ("company",), ("Company", "company_2")),
    "and a higher one": ("contact", "Company", "", ("company", "company_2"), ("Company", "company_3")),
    "our own names are taken": ("lead", "Price", "", (), ("Price", "price_2")),
    "a long name": ("lead", "a" * 60, "", (), ("a" * 60, "a" * 40)),
}


@pytest.mark.parametrize(("kind", "name", "key", "taken", "made"), MADE.values(), ids=MADE)
def test_a_field_gets_a_name_and_a_key(kind: str, name: str, key: str, taken: tuple[str, ...], made: object) -> None:
    assert check_field(kind, name, key, taken) == made


WRONG = {
    # story                   kind        name       key       taken               the field that is wrong
    "another kind": ("message", "Company", "", (), "kind"),
    "too many": ("contact", "Company", "", [f"f{n}" for n in range(MAX_FIELDS)], "kind"),
    "no name": ("contact", "  ", "", (), "name"),
    "a key with a capital": ("contact", "Company", "Company", (), "key"),
    "a key of ours": ("contact", "Company", "email", (), "key"),
    "a key that is there": ("contact", "Company", "company", ("company",), "key"),
}


@pytest.mark.parametrize(("kind", "name", "key", "taken", "field"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_is_refused(kind: str, name: str, key: str, taken: list[str], field: str) -> None:
    refused = check_field(kind, name, key, taken)
    assert isinstance(refused, Wrong)
    assert refused.field == field


def test_a_long_key_that_is_taken_stays_within_its_length() -> None:
    assert key_of("a" * 60, ("a" * 40,)) == "a" * 38 + "_2"


def test_values_are_one_line_each_and_may_be_empty() -> None:
    given = {"company": "  Bluefin \n Hotels ", "phone": None, "vat": ""}
    assert check_values(given, ("company", "phone", "vat")) == {"company": "Bluefin Hotels", "phone": "", "vat": ""}


@pytest.mark.parametrize(
    ("given", "known", "pointer"),
    [
        ({"a/b~": "x"}, ("company",), "custom/a~1b~0"),
        ({"company": "x"}, (), "custom/company"),
        ({"company": "x" * (MAX_VALUE + 1)}, ("company",), "custom/company"),
        ({"company": "a\0b"}, ("company",), "custom/company"),
    ],
    ids=["no such field", "no field at all", "too long", "not to be seen"],
)
def test_a_wrong_value_is_pointed_at(given: dict[str, str | None], known: tuple[str, ...], pointer: str) -> None:
    refused = check_values(given, known)
    assert isinstance(refused, Wrong)
    assert refused.field == pointer


NOTES = {
    # story                     role     reader  author  may change, may drop
    "one's own": ("user", "U1", "U1", (True, True)),
    "somebody else's": ("user", "U1", "U2", (False, False)),
    "an admin's eyes": ("admin", "U1", "U2", (False, True)),
    "a back end's": ("user", "", "", (False, False)),
}


@pytest.mark.parametrize(("role", "reader", "author", "may"), NOTES.values(), ids=NOTES)
def test_who_may_change_a_note(role: str, reader: str, author: str, may: tuple[bool, bool]) -> None:
    eyes = Eyes(reader, role, False)
    assert (may_edit_note(eyes, author), may_drop_note(eyes, author)) == may
