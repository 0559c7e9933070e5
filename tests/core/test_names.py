"""Names: what stands on a contact's card, and what a template calls the person (rule C8)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.names import NAME_CHARACTERS, split_name, tidy_name

BOB = "bob@client.example"

TIDIED = {
    "plain": ("Bob Builder", "Bob Builder"),
    "white space": ("  Bob \t\r\n Builder ", "Bob Builder"),
    "double quotes": ('"Bob Builder"', "Bob Builder"),
    "single quotes": ("'Bob Builder'", "Bob Builder"),
    "nested quotes": ("\"'Bob Builder'\"", "Bob Builder"),
    "typographic quotes": ("“Bob Builder”", "Bob Builder"),
    "German quotes": ("„Bob Builder“", "Bob Builder"),
    "angle quotes": ("« Bob Builder »", "Bob Builder"),
    "a double quote without partner": ('"Bob Builder', "Bob Builder"),
    "a nickname in quotes stays": ('Bob "Bobby" Builder', 'Bob "Bobby" Builder'),
    "a nickname within quotes": ('"Bob "Bobby" Builder"', 'Bob "Bobby" Builder'),
    "two quoted names are not one": ("'Ann' or 'Bob'", "'Ann' or 'Bob'"),
    "an apostrophe inside quotes": ("'Pat O'Brien'", "Pat O'Brien"),
    "an apostrophe in front": ("'t Hooft", "'t Hooft"),
    "last, first": ("Builder, Bob", "Bob Builder"),
    "last, first in quotes": ('"Müller, Hans-Peter"', "Hans-Peter Müller"),
    "last, first with a particle behind": ("Santos, Maria dos", "Maria dos Santos"),
    "last of two words": ("Ortega y Gasset, José", "José Ortega y Gasset"),
    "last, initial": ("Builder, B.", "B. Builder"),
    "last, first with a directory's bracket": ("Builder, Bob (ACME/Berlin)", "Bob Builder (ACME/Berlin)"),
    "last, first with a square bracket": ("Builder, Bob [EXT]", "Bob Builder [EXT]"),
    "title before the first name": ("Builder, Dr. Bob", "Dr. Bob Builder"),
    "title before the last name": ("Dr. Builder, Bob", "Dr. Bob Builder"),
    "a family name like a short company form": ("Sa, Maria", "Maria Sa"),
    "company form behind the comma": ("Acme, Inc.", "Acme, Inc."),
    "company form before the comma": ("Müller GmbH, Vertrieb", "Müller GmbH, Vertrieb"),
    "company form with full stops": ("Acme S.A., Paris", "Acme S.A., Paris"),
    "department": ("Acme, Sales Team", "Acme, Sales Team"),
    "suffix behind the comma": ("Bob Builder, Jr.", "Bob Builder, Jr."),
    "degree behind the comma": ("Budi Santoso, S.Kom.", "Budi Santoso, S.Kom."),
    "more than one comma": ("Builder, Bob, Jr.", "Builder, Bob, Jr."),
    "two people": ("Bob, Ann & Kids", "Bob, Ann & Kids"),
    "a sentence": ("Hello, this is the best shop", "Hello, this is the best shop"),
    "a comma at the end": ("Builder,", "Builder"),
    "via": ("Bob Builder via LinkedIn", "Bob Builder"),
    "via in brackets": ("Bob Builder (via Google Docs)", "Bob Builder"),
    "via in square brackets": ("Bob Builder [Via Slack]", "Bob Builder"),
    "via behind a dash": ("Bob Builder - via Amazon", "Bob Builder"),
    "via a list": ("'Bob Builder' via Sales", "Bob Builder"),
    "an address via a list": (f"'{BOB}' via Sales", None),
    "via that is a name": ("Maria Via Lopez", "Maria Via Lopez"),
    "via in front": ("Via Varejo", "Via Varejo"),
    "on behalf of": ("Bob Builder On Behalf Of Ann", "Bob Builder"),
    "on behalf of, in German": ("Bob im Auftrag von Ann", "Bob"),
    "a tail that the turning makes": ("LinkedIn, Bob via", "Bob"),
    "an address": (BOB, None),
    "an address in quotes": (f"'{BOB}'", None),
    "an address in angle brackets": (f"<{BOB}>", None),
    "an address with mailto": (f"MAILTO:{BOB}", None),
    "somebody else's address": ("info@other.example", None),
    "several addresses": ("a@x.example, b@x.example", None),
    "a name and the address in brackets": (f"Bob Builder <{BOB}>", "Bob Builder"),
    "a name and the bare address": (f"Bob Builder - {BOB.upper()}", "Bob Builder"),
    "a name with an at sign": ("Bob @ Acme", "Bob @ Acme"),
    "the local part stays": ("bob", "bob"),
    "controls and direction marks": ("Bob\x00\u202e\u200b Buil\u2060der\u200f", "Bob Builder"),
    "a lone surrogate": ("Bob\ud800", "Bob"),
    "other scripts": ("山田 太郎", "山田 太郎"),
    "a joined emoji falls apart": ("👩\u200d🚀", "👩🚀"),
    "nothing": ("", None),
    "blanks": (" \u3000 ", None),
    "punctuation": ("'...'", None),
    "only a comma": (",", None),
}


@pytest.mark.parametrize(("display", "name"), TIDIED.values(), ids=TIDIED)
def test_a_card_carries_the_tidy_name(display: str, name: str | None) -> None:
    assert tidy_name(display, BOB) == name


def test_an_address_with_a_quoted_local_part_is_no_name() -> None:
    assert tidy_name('"bob b"@client.example', '"bob b"@client.example') is None


def test_a_long_name_is_cut_between_words() -> None:
    assert tidy_name("abcdefghi " * 40, BOB) == ("abcdefghi " * 20).strip()


def test_a_long_word_is_cut_where_it_must_be() -> None:
    assert tidy_name("a" * 300, BOB) == "a" * NAME_CHARACTERS


SPLIT = {
    "first and last": ("Bob Builder", ("Bob", "Builder")),
    "several last names": ("Ana Maria Lima", ("Ana", "Maria Lima")),
    "particle": ("Ludwig van Beethoven", ("Ludwig", "van Beethoven")),
    "patronymic": ("Ali bin Abu", ("Ali", "bin Abu")),
    "only a last name with its particle": ("van Beethoven", ("van Beethoven", "")),
    "one word": ("Bob", ("Bob", "")),
    "nothing": ("", ("", "")),
    "only a comma": (",", (",", "")),
    "honorific": ("Dr. Bob Builder", ("Bob", "Builder")),
    "several honorifics": ("Prof. Dr. h.c. Jan de Vries", ("Jan", "de Vries")),
    "Indonesian honorific": ("Pak Budi Santoso", ("Budi", "Santoso")),
    "Russian honorific": ("г-н Иван Петров", ("Иван", "Петров")),
    "honorific and last name": ("Frau Müller", ("Müller", "")),
    "only an honorific": ("Dr.", ("Dr.", "")),
    "a name like an abbreviation": ("Ing Tan", ("Ing", "Tan")),
    "suffix": ("Bob Builder Jr.", ("Bob", "Builder")),
    "degree": ("Bob Builder, Ph.D.", ("Bob", "Builder")),
    "several degrees": ("Budi Santoso, S.Kom., M.M.", ("Budi", "Santoso")),
    "only a suffix": ("Jr.", ("Jr.", "")),
    "a last name like a degree": ("Jack Ma", ("Jack", "Ma")),
    "initials behind": ("Иванов И.И.", ("Иванов", "И.И.")),
    "last, first": ("Builder, Bob", ("Bob", "Builder")),
    "last, first, suffix": ("Builder, Bob, Jr.", ("Bob", "Builder")),
    "a list of words": ("a, b, c", ("a", "b c")),
    "asides": ('Bob "Bobby" Builder (Sales) [EXT]', ("Bob", "Builder")),
    "only an aside": ("(Sales)", ("(Sales)", "")),
    "company": ("Acme, Inc.", ("Acme, Inc.", "")),
    "company and department": ("Müller GmbH, Vertrieb", ("Müller GmbH, Vertrieb", "")),
    "team": ("Acme Support", ("Acme Support", "")),
    "Japanese": ("山田 太郎", ("太郎", "山田")),
    "Korean": ("김 철수", ("철수", "김")),
    "Chinese without a blank": ("王小明", ("王小明", "")),
    "two scripts": ("Anna 王", ("Anna", "王")),
}


@pytest.mark.parametrize(("name", "parts"), SPLIT.values(), ids=SPLIT)
def test_a_template_calls_a_person_by_the_right_name(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


WORDS = st.sampled_from(
    [
        "Bob",
        "Dr.",
        "Jr.",
        "van",
        "GmbH",
        "via",
        "on behalf of",
        BOB,
        f"<{BOB}>",
        ",",
        '"',
        "'",
        "„",
        "(",
        ")",
        "[",
        "]",
        " ",
        "x" * 90,
        "王",
    ]
)
DISPLAYS = st.lists(WORDS | st.text(st.characters(codec=None), max_size=5), max_size=12).map("".join) | st.lists(
    WORDS, max_size=12
).map(" ".join)


@given(DISPLAYS)
@settings(max_examples=600)
def test_tidying_twice_changes_nothing_and_the_card_can_show_it(display: str) -> None:
    name = tidy_name(display, BOB)
    if name is not None:
        assert tidy_name(name, BOB) == name
        assert 0 < len(name) <= NAME_CHARACTERS
        assert name == " ".join(name.split())
        assert BOB not in name.split()
        name.encode()


@given(DISPLAYS)
@settings(max_examples=400)
def test_a_first_name_is_never_empty_where_there_is_a_name(display: str) -> None:
    name = tidy_name(display, BOB)
    if name is not None:
        first, last = split_name(name)
        assert first
        assert len(first) + len(last) <= len(name)


HOSTILE = {
    "quotes": "'" * 1_000_000,
    "commas": "a," * 500_000,
    "brackets": "(" * 1_000_000,
    "tails": "( via" * 200_000,
    "address starts": "<@" * 500_000,
    "addresses": "x@y " * 250_000,
    "apostrophes": "a' " * 300_000,
    "one word": "a" * 1_000_000,
    "invisible": "\u200b" * 1_000_000,
}


@pytest.mark.parametrize("display", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_made_to_stall_gives_a_short_name_or_none(display: str) -> None:
    assert len(tidy_name(display, BOB) or "") <= NAME_CHARACTERS
    first, last = split_name(display)
    assert len(first) + len(last) <= 2_000
