"""What is compared when somebody searches, and that nothing typed or written is too odd for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.terms import (
    MOST_ASKED,
    MOST_OCTETS,
    MOST_TERMS,
    Phrase,
    ask,
    ask_part,
    fold,
    holds_part,
    parts,
    terms,
)

FOLDED = {
    # written      compared
    "Offer": "offer",
    "MÜLLER": "muller",
    "Straße": "strasse",
    "Łódź": "lodz",
    "Smørrebrød": "smorrebrod",
    "İstanbul": "istanbul",
    "ﬁnance": "finance",
    "Ｆｕｌｌ": "full",
    "Ёлка": "елка",
    "ΣΊΣΥΦΟΣ": "σισυφοσ",
    "ガス": "ガス",
    "ｶﾞｽ": "ガス",
    "한국어": "한국어",
    "שָׁלוֹם": "שלום",
    "مُحَمَّد": "محمد",
    "हिन्दी": "हिन्दी",
    "Rech\u00adnung": "rechnung",
    "of\u200bf\u2060er\ufeff": "offer",
}


@pytest.mark.parametrize(("written", "compared"), FOLDED.items())
def test_letters_are_folded(written: str, compared: str) -> None:
    assert fold(written) == compared
    assert fold(compared) == compared


def test_terms_are_words_with_borders_between_texts_and_pairs_where_there_are_no_spaces() -> None:
    assert terms(["Re: Offer_2", "東京都", ""]) == ["re", "offer", "2", "_", "東京", "京都", "都", "_"]


def test_the_longest_words_of_any_script_take_no_more_room_than_there_is() -> None:
    kept = terms([f"{n:04}" + "\U00010428" * 200 for n in range(MOST_TERMS)])
    assert 3_000 < len(kept) < MOST_TERMS
    assert sum(len(term.encode()) for term in kept if term != "_") <= MOST_OCTETS


ASKED = {
    # typed                  asked for
    "": (),
    "  !? ": (),
    "new off": (Phrase(("new",)), Phrase(("off",), open=True)),
    "new new": (Phrase(("new",)), Phrase(("new",), open=True)),
    '"new off"': (Phrase(("new", "off")),),
    '"new off': (Phrase(("new", "off")),),
    '"new" off': (Phrase(("new",)), Phrase(("off",), open=True)),
    "bob@x.example": (Phrase(("bob", "x", "example"), open=True),),
    "京": (Phrase(("京",), open=True),),
    "東京都": (Phrase(("東京", "京都")),),
    "東京offer": (Phrase(("東京", "京", "offer"), open=True),),
}


@pytest.mark.parametrize(("typed", "asked"), ASKED.items())
def test_what_is_typed_becomes_phrases(typed: str, asked: tuple[Phrase, ...]) -> None:
    assert ask(typed) == asked


def test_parts_are_found_wherever_they_stand_and_never_across_two_texts() -> None:
    assert parts(["Bo", "x"]) == ["_bo", "bo_", "o_", "_", "_x_", "x_"]
    assert ask_part("b.M") == (Phrase(("b_m",)),)
    assert ask_part("ob") == (Phrase(("ob",), open=True),)
    assert ask_part("@") == ()


@given(st.lists(st.text(), max_size=5))
def test_no_text_is_too_odd_and_none_makes_more_terms_than_are_kept(texts: list[str]) -> None:
    for found in (terms(texts), parts(texts)):
        assert len(found) <= MOST_TERMS
        assert all(term and not term.isspace() and " " not in term and "'" not in term for term in found)


@given(st.text())
def test_no_question_is_too_odd(text: str) -> None:
    asked = ask(text)
    assert len(asked) <= MOST_ASKED
    assert all(phrase.terms for phrase in (*asked, *ask_part(text)))


@given(st.text(), st.text(), st.text())
def test_a_part_of_a_text_is_found_in_it(before: str, part: str, behind: str) -> None:
    whole = f"{before} {part} {behind}"
    [*asked] = ask_part(part)
    assert all(set(phrase.terms) <= set(parts([whole])) for phrase in asked if not phrase.open)
    assert holds_part([whole], part) == bool(asked)


@given(st.text(min_size=1))
def test_every_word_of_a_text_finds_it(text: str) -> None:
    kept = terms([text])
    for phrase in ask(f'"{text.replace(chr(34), " ")}"'):
        size = len(phrase.terms)
        assert any(tuple(kept[at : at + size]) == phrase.terms for at in range(len(kept))) or len(kept) == MOST_TERMS
