"""The public page a refusal links to: the reason, an example of the right way, and nobody's mail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gateway.core
from gateway.web.reasons import ENGLISH, LANGUAGES, NAMES
from tests.web.site import CLIENT, Site, check_page, letter

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


def test_every_language_has_a_name_and_no_rule_of_its_own() -> None:
    assert LANGUAGES.keys() == NAMES.keys()
    assert [rule for table in LANGUAGES.values() for rule in table if rule not in ENGLISH] == []


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
