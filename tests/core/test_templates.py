"""Templates: what is wrong with them by line and column, what comes of them, and that nothing in them runs away."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import templates
from gateway.core.templates import FIELDS, MAX_BODY, MAX_MISTAKES, Rendered, Value, check, render

KNOWN = [*FIELDS, "contact.size", "lead.kind"]
BOB: Mapping[str, Value] = {
    **dict.fromkeys(KNOWN),
    "contact.name": "Bob <Miller>",
    "contact.first_name": "Bob",
    "contact.email": "bob@bluefin.example",
    "lead.name": "Two\r\nmachines",
    "lead.price": 12_500,
    "user.name": "Ana & Co",
}

SOUND = {
    "a text without fields": "Hello,\n\n}} and { and } are only signs",
    "a field": "{{ contact.name }}, {{contact.email}}, {{- contact.name -}}",
    "in brackets": "{{ contact['name'] }}",
    "one of the account's own": "{{ lead.kind }}",
    "one that is called as something that lists have": "{{ contact.size }}",
    "filters": "{{ contact.first_name | default: contact.name | upcase | downcase | capitalize }}",
    "a condition": "{% if lead.price > 9 and user.name %}a{% elsif lead.status == 'won' %}b{% else %}c{% endif %}",
    "its opposite": "{% unless contact.name contains 'x' %}a{% else %}b{% endunless %}",
    "a condition within one": "{% if contact.name %}{% if lead.name %}a{% else %}b{% endif %}{% else %}c{% endif %}",
    "a range of tabs and lines": "a\tb\r\nc\rd",
}


@pytest.mark.parametrize("body", SOUND.values(), ids=SOUND)
def test_what_is_sound_has_no_mistake(body: str) -> None:
    assert check("", body, KNOWN) == ()


WRONG = {
    # story                              body                               line column length  says
    "a field that isn't there": ("Hi\n {{ contact.nme }}", (2, 5, 11), "contact.nme is no field, but contact.name is"),
    "far from any": ("{{ x }}", (1, 4, 1), "x is no field; allowed: contact.name, "),
    "in a filter": ("{{ contact.name | default: me }}", (1, 28, 2), "me is no field"),
    "in a condition": ("{% if  contact.nme %}{% endif %}", (1, 8, 11), "contact.nme is no field"),
    "in an elsif": ("{% if lead.name %}{% elsif who %}{% endif %}", (1, 28, 3), "who is no field"),
    "a field of a field": ("{{ contact[lead.name] }}", (1, 4, 18), "contact[lead.name] is no field"),
    "the clock": ("{{ now }}", (1, 4, 3), "now is no field"),
    "an unknown filter": ("{{ contact.name | size }}", (1, 19, 4), "size is no filter; allowed: default, "),
    "a date": ("{{ lead.name | date: '%9999d' }}", (1, 16, 4), "date is no filter"),
    "too much for a filter": ("{{ contact.name | upcase: 3 }}", (1, 19, 6), "takes 1 positional"),
    "a tag of another language": ("{% for a in b %}", (1, 1, 16), "for is no word of templates; allowed: if, "),
    "a file": ("{% include 'x' %}", (1, 1, 17), "include is no word"),
    "a tag without a name": ("{% %}", (1, 1, 5), "nothing is no word"),
    "never closed": ("Hi {{ contact.name\nYours", (1, 4, 2), "{{ is never closed by }}"),
    "never closed before the next": ("{{ contact.name\n{{ lead.name }}", (1, 1, 16), "{{ is never closed by }}"),
    "a condition never closed": ("{% if contact.name", (1, 1, 2), "{% is never closed by %}"),
    "a condition never ended": ("{% if contact.name %}x", (1, 1, 21), "if is never ended; endif is missing"),
    "an end without a beginning": ("x{% endif %}", (1, 2, 11), "endif ends no if"),
    "the wrong end": ("{% if lead.name %}{% endunless %}", (1, 19, 15), "endunless ends no unless"),
    "else without if": ("{% else %}", (1, 1, 10), "else belongs to no if"),
    "two elses": ("{% if lead.name %}{% else %}{% else %}{% endif %}", (1, 29, 10), "one else, at its end"),
    "nothing": ("{{ }}", (1, 1, 5), "no field stands here"),
    "a condition of nothing": ("{% if %}{% endif %}", (1, 1, 8), "no field stands here"),
    "half a name": ("{{ contact. }}", (1, 1, 14), "this can't be read"),
    "two names": ("{{ contact.name contact.name }}", (1, 17, 7), "this can't be read"),
    "a sign": ("{{ contact.name&nbsp;}}", (1, 16, 1), "this can't be read"),
    "half a comparison": ("{% if lead.name == %}{% endif %}", (1, 1, 21), "this can't be read"),
    "a name against a number": ("{% if contact.name > 3 %}{% endif %}", (1, 20, 1), "this can't be read"),
    "a range": ("{% if (1..99999999999) contains 'x' %}{% endif %}", (1, 1, 38), "a range can't stand here"),
    "brackets without end": ("{{ " + "[" * 290 + " }}", (1, 1, 296), "this can't be read"),
    "a sign that no mail carries": ("a\nb\0", (2, 2, 1), "U+0000 can't stand in a mail"),
    "half a character": ("\ud800", (1, 1, 1), "U+D800 can't stand in a mail"),
    "too long": ("x" * (MAX_BODY + 1), (1, MAX_BODY + 1, 1), "100,001 characters are too many; allowed: 100,000"),
    "too many fields": ("{{lead.name}}" * 201, (1, 2_601, 13), "more than 200 fields"),
    "too deep": ("{% if lead.name %}" * 11 + "{% endif %}" * 11, (1, 181, 18), "10 conditions stand around this one"),
}


@pytest.mark.parametrize(("body", "place", "says"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_told_with_its_line_and_column(body: str, place: tuple[int, int, int], says: str) -> None:
    first = check("", body, KNOWN)[0]
    assert (first.field, first.line, first.column, first.length) == ("body", *place)
    assert says in first.detail


def test_all_mistakes_are_told_in_the_order_in_which_one_reads() -> None:
    found = check("{{ a }}", "{{ b }}\r\n{{ c | d }} {{ }}", KNOWN)
    assert [(one.field, one.line, one.column) for one in found] == [
        ("subject", 1, 4),
        ("body", 1, 4),
        ("body", 2, 4),
        ("body", 2, 8),
        ("body", 2, 13),
    ]
    assert len(check("", "{{ a }}" * 100, KNOWN)) == MAX_MISTAKES
    assert len(check("", "{{" * 100, KNOWN)) == MAX_MISTAKES


def filled(body: str, *, subject: str = "", html: bool = False, marked: bool = False) -> Rendered:
    return render(subject, body, html=html, values=BOB, marked=marked)


FILLED = {
    "a name": ("Hello {{ contact.first_name }},\r\nyours", "Hello Bob,\nyours"),
    "text stays as it is": ("{{ contact.name }} & {{ user.name }}", "Bob <Miller> & Ana & Co"),
    "a number": ("{{ lead.price }}", "12500"),
    "empty": ("a{{ lead.kind }}b{{ contact.size }}c", "abc"),
    "something else where it is empty": ("{{ contact.last_name | default: 'there' }}", "there"),
    "a condition": ("{% if lead.price > 1000 %}big{% else %}small{% endif %}", "big"),
    "one without a value": ("{% if lead.kind %}a{% else %}b{% endif %}", "b"),
    "a field that was given up since": ("a{{ contact.gone }}b", "ab"),
    "capitals": ("{{ contact.first_name | upcase }}{{ contact.first_name | downcase }}", "BOBbob"),
}


@pytest.mark.parametrize(("body", "comes"), FILLED.values(), ids=FILLED)
def test_fields_are_filled_in(body: str, comes: str) -> None:
    assert filled(body).body == comes


def test_fields_without_a_value_are_told_and_a_preview_shows_them() -> None:
    found = filled(
        "{{ lead.kind }}{{ contact.last_name | default: 'x' }}{{ contact.name }}", subject="{{ lead.status }}"
    )
    assert found.empty == ("lead.status", "lead.kind")
    shown = filled("Hi {{ lead.kind }}", subject="{{ lead.status }}", marked=True)
    assert (shown.subject, shown.body) == ("⟨lead.status⟩", "Hi ⟨lead.kind⟩")
    assert filled("Hi {{ lead.kind }}", html=True, marked=True).body == "Hi <mark>⟨lead.kind⟩</mark>"
    assert filled("{{ '' }}").empty == ()


def test_a_subject_is_one_line_whatever_a_field_holds() -> None:
    assert (
        filled("x", subject="{{ lead.name }}\nBcc: {{ contact.email }}").subject
        == "Two machines Bcc: bob@bluefin.example"
    )


HOSTILE = {
    "as it is": "{{ contact.name }}",
    "in capitals": "{{ contact.name | upcase }}",
    "in place of another": "{{ lead.kind | default: contact.name }}",
    "in an attribute": "<a title='{{ contact.name }}'>x</a>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("value", ["<img src=x onerror=alert(1)>", "' onclick='alert(1)", "<script>alert(1)</script>"])
def test_in_html_a_value_is_text_and_nothing_acts(body: str, value: str) -> None:
    found = render("{{ contact.name }}", body, html=True, values={**BOB, "contact.name": value})
    assert found.subject == value
    tree = Tags()
    tree.feed(found.body)
    assert tree.seen <= {"a", "title", "target", "rel"}


class Tags(HTMLParser):
    """The names of all elements and attributes of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen |= {tag, *(name for name, _ in attrs)}


def test_html_of_whoever_wrote_the_template_is_kept_and_made_safe() -> None:
    found = filled(
        "<p style='color:red'>{{ contact.name }}</p><script>x</script><img src='https://a.example/1.png'>", html=True
    )
    assert found.body.startswith('<p style="color:red">Bob &lt;Miller&gt;</p>')
    assert 'src="https://a.example/1.png"' in found.body
    assert "<script" not in found.body


@pytest.mark.parametrize(("subject", "body"), [("{{", "Hello"), ("Hello", "{{ ")])
def test_what_can_not_be_filled_in_stays_as_it_was_written_and_says_why(subject: str, body: str) -> None:
    found = filled(body, subject=subject)
    assert (found.subject, found.body, len(found.mistakes)) == (subject, body.strip() if subject == "{{" else body, 1)
    assert filled(f"<script></script>{body}", subject=subject, html=True).body.strip() == body.strip()


def test_what_would_be_endless_is_not_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "_MAX_OUTPUT", 1_000)
    long = render("", "{{ contact.name }}" * 3, html=False, values={"contact.name": "x" * 100_000})
    assert "limit reached" in long.mistakes[0].detail
    monkeypatch.undo()
    most = render("", "{{ contact.name }}" * 200, html=False, values={"contact.name": "x" * 100_000})
    assert len(most.body) == 200 * templates.MAX_VALUE


def test_a_fault_of_the_library_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(templates._PLAIN, "from_string", deep)
    assert "nested too deeply" in check("", "{{ contact.name }}", KNOWN)[0].detail


PIECES = [
    *("{{", "}}", "{%", "%}", "{%-", "-}}", "if ", "endif", "else", "elsif ", "unless ", "endunless", "for x in y"),
    *("contact.name", "lead.price", ".", "|", "upcase", "default: ", "'", '"', "(1..9)", "[", "]", " ", "\n", "\r"),
    *("raw", "comment", "liquid", "==", ">", "and ", "contains ", "1", "-1", "1e9", "<b>", "\0", "\u2028", "é"),
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join), st.booleans())
def test_whatever_the_text_it_is_judged_and_filled_in(text: str, html: bool) -> None:
    mistakes = check(text, text, KNOWN)
    for one in mistakes:
        assert one.line >= 1
        assert one.column >= 1
        assert one.length >= 1
    found = render(text, text, html=html, values=BOB)
    assert found == render(text, text, html=html, values=BOB)
    assert "\n" not in found.subject
    if not mistakes:
        assert found.mistakes == ()


BOMBS = {
    "openings": "{{" * (MAX_BODY // 2),
    "tags": "{%" * (MAX_BODY // 2),
    "blanks": "{{" + " " * (MAX_BODY - 4) + "}}",
    "blanks in each": ("{{" + " " * 296 + "}}") * 300,
    "conditions": "{% if a %}" * 5_000,
    "raw": "{% raw %}" * 5_000,
    "quotes": "{{ '" * 20_000,
    "filters": ("{{ contact.name" + "|upcase" * 40 + "}}") * 250,
    "chains": ("{% if " + "lead.name or " * 20 + "lead.name %}{% endif %}") * 200,
    "numbers": "{{ " + "9" * 290 + " }}",
}


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_a_hostile_text_costs_no_more_than_its_length(body: str) -> None:
    """Each was seconds to hours for the library alone, or could be; the runner's own limit is what fails here."""
    check("", body[:MAX_BODY], KNOWN)
    render("", body[:MAX_BODY], html=True, values=BOB)
