"""Held mail in the console: why it waits, letting it in or not, who may; and whether an author is who From says."""

from __future__ import annotations

import time

import httpx2
import pytest

from gateway.core.facts import Auth
from gateway.web.console.lists import days_left
from tests.web.site import ANA, CLIENT, URL, Site, check_page, letter

GROWTH = "Growth <growth@reachly.example>"
PROVEN = Auth("pass", "pass", "pass", evaluated=True)
UNPROVEN = Auth("fail", "none", "fail", trusted=False, evaluated=True)
SET_APART = Auth("fail", "none", "fail", trusted=False, evaluated=True, policy="quarantine", enforced=True)


async def hold(site: Site, subject: str = "Partnership", text: str = "Grow with us") -> str:
    """A stranger's mail that is held; its id."""
    await site.api.patch("/v1/account", json={"strangers": "hold"})
    reply = await site.hand(letter(subject, author=GROWTH, to="ana@acme.example", text=text))
    assert reply.startswith("250 2.6.0 Held"), reply
    held = (await site.api.get("/v1/messages?folder=held")).json()["data"]
    return str(next(one["id"] for one in held if one["subject"] == subject))


async def press(browser: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """Presses a button as a browser does, and goes where the answer leads."""
    answer = await browser.post(path, headers={"Origin": URL})
    return await browser.get(answer.headers["location"]) if answer.status_code == 303 else answer


async def test_a_held_mail_says_who_wrote_to_which_address_why_it_waits_and_how_long(site: Site) -> None:
    id = await hold(site)
    browser = await site.console()
    page = check_page(await browser.get("/held"))
    assert "Partnership Growth growth@reachly.example wrote to acme+lead@mail.kommo.com Grow with us" in page.text
    assert "Held Its author is a stranger, and your account holds strangers’ mail for review." in page.text
    assert "29 days left." in page.text
    assert f"/mail/{id}?from=/held" in page.links
    assert "/held" in check_page(await browser.get("/")).links
    opened = check_page(await browser.get(f"/mail/{id}"))
    assert "It waits for you Its author is a stranger" in opened.text
    assert "Grow with us" in opened.text


async def test_nothing_held_is_told_in_a_sentence(site: Site) -> None:
    browser = await site.console()
    assert "Nothing is held." in check_page(await browser.get("/held")).text
    assert "/held" in check_page(await browser.get("/mail")).links


async def test_a_released_mail_is_filed_and_the_page_says_where(site: Site) -> None:
    id = await hold(site)
    browser = await site.console()
    page = check_page(await press(browser, f"/held/{id}/release"))
    assert "Released “Partnership” is filed on the cards of Growth and Partnership." in page.text
    assert "Nothing is held." in page.text
    assert f"/mail/{id}" in page.links
    assert [one["id"] for one in (await site.api.get("/v1/messages")).json()["data"]] == [id]
    assert "It waits for you" not in check_page(await browser.get(f"/mail/{id}")).text
    held = (await site.api.get("/v1/receipts?verdict=hold")).json()["data"][0]["id"]
    trace = check_page(await browser.get(f"/trace/{held}"))
    assert "It was held Its author is a stranger, and your account holds strangers’ mail for review." in trace.text
    assert "An admin released it." in trace.text
    assert f"/mail/{id}" in trace.links
    again = await browser.post(f"/held/{id}/release", headers={"Origin": URL})
    assert again.status_code == 404
    assert "isn’t held any more" in check_page(again).text


async def test_a_refused_mail_is_gone_and_the_page_says_so(site: Site) -> None:
    id = await hold(site)
    browser = await site.console()
    page = check_page(await press(browser, f"/held/{id}/refuse"))
    assert "Refused “Partnership” is gone" in page.text
    assert (await browser.get(f"/mail/{id}")).status_code == 404
    record = next(link for link in page.links if link.startswith("/trace/"))
    trace = check_page(await browser.get(record))
    assert "It was refused, and its content is gone." in trace.text
    assert "No card, no lead." in trace.text
    assert (await browser.post(f"/held/{id}/refuse", headers={"Origin": URL})).status_code == 404


async def test_a_mail_that_todays_rules_refuse_stays_held_and_the_page_says_why(site: Site) -> None:
    id = await hold(site)
    await site.api.patch("/v1/account", json={"strangers": "accept", "own_domains": ["reachly.example"]})
    answer = await (await site.console()).post(f"/held/{id}/release", headers={"Origin": URL})
    page = check_page(answer)
    assert answer.status_code == 409
    assert "Today’s rules don’t let this mail in It stays held. Rule B8 says:" in page.text
    assert "Partnership" in page.text


async def test_a_trace_of_what_waits_has_the_buttons(site: Site) -> None:
    id = await hold(site)
    receipt = (await site.api.get("/v1/receipts?verdict=hold")).json()["data"][0]["id"]
    answer = await (await site.console()).get(f"/trace/{receipt}")
    assert "It waits for an admin" in check_page(answer).text
    assert f'action="/held/{id}/release"' in answer.text


async def test_older_held_mail_is_a_link_away(site: Site) -> None:
    for n in range(27):
        await hold(site, f"Mail {n}")
    browser = await site.console()
    first = check_page(await browser.get("/held"))
    second = check_page(await browser.get(next(link for link in first.links if "after=" in link)))
    opened = [link for page in (first, second) for link in page.links if link.startswith("/mail/")]
    assert len(set(opened)) == len(opened) == 27


async def test_who_is_no_admin_sees_no_held_mail(site: Site) -> None:
    id = await hold(site)
    receipt = (await site.api.get("/v1/receipts?verdict=hold")).json()["data"][0]["id"]
    link = await site.add_user("priya@acme.example", "Priya Nair", kind="sign_in")
    browser = await site.console(f"{URL}/sign-in/{link}")
    for method, path in (("GET", "/held"), ("POST", f"/held/{id}/release"), ("POST", f"/held/{id}/refuse")):
        answer = await browser.request(method, path)
        assert answer.status_code == 403, path
        assert "This page is for the admins of your account." in check_page(answer).text
    home = check_page(await browser.get("/"))
    assert "/held" not in home.links
    assert "Needs you" not in home.text
    assert (await browser.get(f"/mail/{id}")).status_code == 404
    trace = await browser.get(f"/trace/{receipt}")
    assert "It waits for an admin" in check_page(trace).text
    assert "/held/" not in trace.text
    assert len((await site.api.get("/v1/messages?folder=held")).json()["data"]) == 1


async def test_another_site_or_nobody_decides_on_nothing(site: Site) -> None:
    id = await hold(site)
    browser = await site.console()
    for path in (f"/held/{id}/release", f"/held/{id}/refuse"):
        assert (await browser.post(path, headers={"Origin": "https://evil.example"})).status_code == 403
        assert (await browser.get(path)).status_code == 405
        nobody = await site.client(Accept="text/html").post(path, headers={"Origin": URL})
        assert (nobody.status_code, nobody.headers["location"]) == (303, "/sign-in")
    assert len((await site.api.get("/v1/messages?folder=held")).json()["data"]) == 1


async def test_an_answer_that_is_not_about_held_mail_says_nothing(site: Site) -> None:
    await site.hand(letter())
    filed = (await site.api.get("/v1/messages")).json()["data"][0]["id"]
    browser = await site.console()
    for done in (filed, await hold(site), "nonsense"):
        text = check_page(await browser.get(f"/held?done={done}")).text
        assert "Released" not in text
        assert "is gone" not in text


@pytest.mark.parametrize(("age", "left"), [(0, 30), (1, 29), (29, 1), (29.5, 0), (40, 0)])
def test_days_left_are_whole_days(age: float, left: int) -> None:
    now = time.time_ns() // 1_000_000
    assert days_left(now - int(age * 86_400_000), now, 30) == left


AUTHORS = {
    # story: what is known, who wrote, what is said, what isn't
    "a colleague who is none": (UNPROVEN, ANA, "Says acme.example, but isn’t", "eally from"),
    "a stranger who isn't proven": (UNPROVEN, CLIENT, "Not proven to be from bluefin.example", "but isn’t"),
    "a proven colleague": (PROVEN, ANA, "eally from acme.example", "but isn’t"),
    "a proven client": (PROVEN, CLIENT, "eally from bluefin.example", "but isn’t"),
}


@pytest.mark.parametrize(("found", "author", "said", "unsaid"), AUTHORS.values(), ids=AUTHORS)
async def test_b5_wherever_an_author_is_opened_it_is_said_who_that_is(
    site: Site, found: Auth, author: str, said: str, unsaid: str
) -> None:
    site.looker.found = found
    await site.hand(letter(author=author, to=f"{CLIENT}, Ana <ana@acme.example>"))
    message = (await site.api.get("/v1/messages")).json()["data"][0]["id"]
    receipt = (await site.api.get("/v1/receipts")).json()["data"][0]["id"]
    browser = await site.console()
    for path in (f"/trace/{receipt}", f"/mail/{message}"):
        text = check_page(await browser.get(path)).text
        assert said in text, path
        assert unsaid not in text, path
    home = check_page(await browser.get("/")).text
    assert (said in home) == ("Not proven" not in said)


async def test_b5_a_colleague_who_is_none_is_explained(site: Site) -> None:
    site.looker.found = UNPROVEN
    await site.hand(letter())
    receipt = (await site.api.get("/v1/receipts")).json()["data"][0]["id"]
    text = check_page(await (await site.console()).get(f"/trace/{receipt}")).text
    assert "nothing proves that acme.example sent it." in text
    assert "Ask your colleague another way before you act on it." in text


async def test_b5_of_what_nobody_looked_into_nothing_is_said(site: Site) -> None:
    await site.hand(letter())
    browser = await site.console()
    for path in ("/", "/trace"):
        text = check_page(await browser.get(path)).text
        assert "Offer" in text
        for words in ("eally from", "but isn’t", "Not proven"):
            assert words not in text


async def test_b5_a_mail_that_its_domain_sets_apart_says_so_where_it_waits(site: Site) -> None:
    site.looker.found = SET_APART
    await site.hand(letter("Invoice", author=CLIENT, to="ana@acme.example"))
    await site.hand(letter("Urgent", author=ANA))
    page = check_page(await (await site.console()).get("/held"))
    why = "Nothing proves that bluefin.example sent it, and bluefin.example asks to set such mail apart."
    assert why in page.text
    assert "Not proven to be from bluefin.example" in page.text
    assert "Says acme.example, but isn’t It names a colleague as its author" in page.text
