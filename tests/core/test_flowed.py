"""format=flowed: a paragraph is one line again, and everything else stays where it was (RFC 3676)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.flowed import unflow

FLOWED = {
    # story: as it was sent, DelSp, as it is read
    "a paragraph of two lines": ("One \ntwo.\nThree.", False, "One two.\nThree."),
    "DelSp takes the blank away": ("サン \nプル", True, "サンプル"),
    "a stuffed line": (" From here\n  two blanks", False, "From here\n two blanks"),
    "a stuffed sign that is no quote": (" > 5 is more", False, " > 5 is more"),
    "a quote flows in itself": (">> one \n>> two\n> three", False, ">> one two\n> three"),
    "a quote never flows into another depth": ("> one \nmine \n>> two", False, "> one\nmine\n>> two"),
    "an empty quoted line": ("> \n>\n> a", False, ">\n>\n> a"),
    "the line of a signature is never joined": ("Bye \n-- \nCarol", False, "Bye\n-- \nCarol"),
    "nor in a quote": ("> Bye \n> -- \n> Bob", False, "> Bye\n> -- \n> Bob"),
    "an empty line ends what went on": ("One \n\ntwo", False, "One\n\ntwo"),
    "the end ends it too": ("One ", False, "One"),
    "nothing": ("", False, ""),
}


@pytest.mark.parametrize(("sent", "delsp", "read"), FLOWED.values(), ids=FLOWED)
def test_a_flowed_text_is_put_together(sent: str, delsp: bool, read: str) -> None:
    assert unflow(sent, delsp=delsp) == read


@given(st.text(alphabet="> -\na\t", max_size=200), st.booleans())
def test_no_letter_is_lost_whatever_flows(text: str, delsp: bool) -> None:
    assert unflow(text, delsp=delsp).count("a") == text.count("a")


def test_a_megabyte_of_quote_signs_is_read() -> None:
    assert unflow(">" * 1_000_000, delsp=False) == ">" * 1_000_000
    assert unflow("> a \n" * 200_000, delsp=True).count("a") == 200_000
