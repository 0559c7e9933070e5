"""What stays of two contacts that are one person."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.merging import MAX_EMAILS, merge
from gateway.core.refusals import Wrong
from gateway.core.resources import Contact

BOB = Contact("C1", "Bob Miller", "Bob", "", ("bob@x.example",), ("L1",), "mail", 1, {"vat": "7"}, ("C0",))
ROB = Contact(
    "C2", "Robert", "Robert", "Miller", ("rob@x.example",), ("L2", "L1"), "mail", 2, {"vat": "8", "city": "Bonn"}, ()
)


def test_the_one_that_stays_keeps_what_it_has_and_gets_the_rest() -> None:
    assert merge(BOB, ROB) == Contact(
        "C1",
        "Bob Miller",
        "Bob",
        "Miller",
        ("bob@x.example", "rob@x.example"),
        ("L2", "L1"),
        "mail",
        1,
        {"vat": "7", "city": "Bonn"},
        ("C0", "C2"),
    )


def test_one_that_is_called_by_its_address_gets_the_others_name() -> None:
    nameless = replace(BOB, name="bob@x.example", first_name="")
    merged = merge(nameless, ROB)
    assert isinstance(merged, Contact)
    assert (merged.name, merged.first_name, merged.last_name) == ("Robert", "Robert", "Miller")
    both = merge(nameless, replace(ROB, name="rob@x.example"))
    assert isinstance(both, Contact)
    assert both.name == "bob@x.example"


def test_neither_itself_nor_too_many_addresses() -> None:
    many = replace(ROB, emails=tuple(f"rob{n}@x.example" for n in range(MAX_EMAILS)))
    for other in (BOB, many):
        refused = merge(BOB, other)
        assert isinstance(refused, Wrong)
        assert refused.field == "other"
