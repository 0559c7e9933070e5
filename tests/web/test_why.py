"""The public page a refusal links to: the reason, an example of the right way, and nobody's mail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gateway.core
from gateway.web.reasons import ENGLISH, LANGUAGES, Around, Reason, around, find_rule, reason_of
from gateway.web.tongues import LANGUAGES as NAMES
from gateway.web.tongues import speak
from tests.web.site import CLIENT, Page, Site, check_page, letter

CORE = Path(gateway.core.__path__[0])
PRIVATE = ("bob", "miller", "bluefin", "ana", "putri", "acme.example", "secret plans", "192.0.2.7", "acme coffee")


def rules_that_refuse() -> set[str]:
    """The ids with which the core refuses, read from its source."""
    code = "".join((CORE / name).read_text("utf-8") for name in ("rules.py", "admission.py"))
    found = re.findall(r'refuse\(\s*"(\w+)"|Step\("(\w+)", "refuse"', code)
    return {one or other for one, other in found}


def test_every_rule_that_refuses_has_its_text() -> None:
    assert rules_that_refuse() >= {"A1", "A2", "A3", "A4", "A6", "B1", "B2", "B3", "B4", "B4b", "B4c", "B7", "B8"}
    assert rules_that_refuse() - ENGLISH.keys() == set()


OTHERS = [language for language in NAMES if language != "en"]


def texts(one: Reason | Around) -> dict[str, str]:
    """Every sentence, by where it stands."""
    values = {name: getattr(one, name) for name in one.__slots__ if name not in ("envelope", "once")}
    steps = {f"how {n}": step for n, step in enumerate(values.pop("how", ()))}
    return values | steps


def marks(text: str) -> tuple[list[str], int, bool]:
    """What a translation may not lose: places, words to look for, endings of addresses, a colon before the address."""
    return sorted(re.findall(r"\{\w+\}|\+contact|\+lead", text)), text.count("*"), text.endswith(":")


@pytest.mark.parametrize("language", OTHERS)
def test_every_rule_has_its_whole_text_in_every_language(language: str) -> None:
    assert LANGUAGES.keys() == NAMES.keys()
    assert LANGUAGES[language].keys() == ENGLISH.keys()
    for rule in (*ENGLISH, "a rule that is new"):
        english, other = reason_of(rule, "en"), reason_of(rule, language)
        assert (other.envelope, other.once) == (english.envelope, english.once), rule
        said, told = texts(english), texts(other)
        assert said.keys() == told.keys(), rule
        for where, text in told.items():
            assert text.strip() == text != said[where], f"{rule} {where}"
            assert marks(text) == marks(said[where]), f"{rule} {where}"


@pytest.mark.parametrize("language", OTHERS)
def test_all_else_on_the_page_is_in_its_language(language: str) -> None:
    english = texts(around())
    speak(language)
    other = texts(around())
    speak("en")
    for where, text in other.items():
        assert text.strip() == text != english[where], where
        assert marks(text) == marks(english[where]), where


LANGUAGE_STORIES = {
    # story                           query          Accept-Language              is
    "nothing said": ("", "", "en"),
    "the browser's wish": ("", "ru-RU,ru;q=0.9,en;q=0.5", "ru"),
    "the first one we have": ("", "de-DE,es-MX;q=0.8,en;q=0.2", "es"),
    "Portuguese of wherever": ("", "pt-PT", "pt-BR"),
    "a link of the page wins": ("?lang=id", "ru", "id"),
    "a language we don't have": ("?lang=xx", "es", "es"),
    "one in other letters": ("?lang=pt-br", "", "en"),
}


@pytest.mark.parametrize(("query", "wish", "language"), LANGUAGE_STORIES.values(), ids=LANGUAGE_STORIES)
async def test_the_page_speaks_its_readers_language(site: Site, query: str, wish: str, language: str) -> None:
    receipt = await refuse(site, {})
    reader = site.client(Accept="text/html", **({"Accept-Language": wish} if wish else {}))
    for what, status in ((receipt, 200), ("B1", 200), ("0" * 26, 404)):
        answer = await reader.get(f"/why/{what}{query}")
        page = Page(answer.text)
        assert (answer.status_code, page.lang, page.faults) == (status, language, [])
        assert answer.headers["vary"] == "Accept-Language"
        if status == 200:
            assert page.h1 == reason_of("B1", language).title
        for code, name in NAMES.items():
            assert f"/why/{what}?lang={code}" in page.links
            assert name in page.text
        for word in PRIVATE:
            assert re.search(rf"\b{re.escape(word)}\b", page.text.lower()) is None, word


def test_a_rule_is_found_by_its_id_in_any_case() -> None:
    assert (find_rule("b1-TO"), find_rule("B99")) == ("B1-to", None)


@pytest.mark.parametrize("rule", ENGLISH)
async def test_the_page_of_a_rule_is_the_same_for_everybody(site: Site, rule: str) -> None:
    reader = site.client(Accept="text/html")
    answer = await reader.get(f"/why/{rule}")
    assert answer.status_code == 200
    page = check_page(answer)
    assert page.h1 == ENGLISH[rule].title
    assert "{address}" not in answer.text
    assert check_page(await reader.get(f"/why/{rule.lower()}")).text == page.text


async def refuse(site: Site, how: dict[str, str]) -> str:
    reply = await site.hand(
        letter("Secret plans", to=how.get("to", CLIENT), cc=""),
        *([how["to"]] if "mail.kommo.com" in how.get("to", "") else []),
    )
    assert reply.startswith("550")
    return reply.rpartition("/why/")[2]


@pytest.mark.parametrize(("how", "says"), [({}, "in Bcc"), ({"to": "acme@mail.kommo.com"}, "in To")])
async def test_a_receipts_page_shows_nothing_private(site: Site, how: dict[str, str], says: str) -> None:
    receipt = await refuse(site, how)
    answer = await site.client(Accept="text/html").get(f"/why/{receipt}")
    page = check_page(answer)
    assert answer.status_code == 200
    assert f"The address was {says}. It only works in Cc." == page.h1
    assert "How to do it right" in page.text
    assert receipt in page.text
    assert "acme" in page.text
    for word in PRIVATE:
        assert re.search(rf"\b{re.escape(word)}\b", page.text.lower()) is None, word


async def test_a_refused_mail_to_the_operators_has_its_page_too(site: Site) -> None:
    reply = await site.hand(b"Received: by x\r\n" * 51 + letter("Secret plans", cc=""), "postmaster@mail.kommo.com")
    assert reply.startswith("554 5.4.6")
    receipt = reply.rpartition("/why/")[2]
    answer = await site.client(Accept="text/html").get(f"/why/{receipt}")
    page = check_page(answer)
    assert (answer.status_code, page.h1) == (200, ENGLISH["B3"].title)
    assert receipt in page.text
    for word in PRIVATE:
        assert re.search(rf"\b{re.escape(word)}\b", page.text.lower()) is None, word


@pytest.mark.parametrize("what", ["01KAQ7M2", "0" * 26, "B99", "x'--", "%00", "..%2f..", "acme"])
async def test_an_unknown_receipt_is_no_longer_there(site: Site, what: str) -> None:
    answer = await site.client(Accept="text/html").get(f"/why/{what}")
    page = check_page(answer)
    assert answer.status_code == 404
    if "/" not in what.replace("%2f", "/"):
        assert page.h1 == "We no longer have this record."
        assert "Records are kept for 90 days." in page.text


async def test_the_receipt_of_a_filed_mail_explains_nothing(site: Site) -> None:
    await site.hand(letter())
    receipt = (await site.api.get("/v1/receipts")).json()["data"][0]["id"]
    assert (await site.client().get(f"/why/{receipt}")).status_code == 404
