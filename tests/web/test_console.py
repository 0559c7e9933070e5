"""The console as a browser without script meets it: signing in, home, trace, cards, and what every page keeps to."""

from __future__ import annotations

import json
import re
from urllib.parse import urljoin, urlsplit

import pytest

from gateway.web.console.chart import draw, round_up
from tests.web.site import CLIENT, URL, Site, check_page, letter


async def test_a_link_signs_in_once(site: Site) -> None:
    browser = site.client(Accept="text/html")
    opened = await browser.get(site.acme.sign_in_url)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert (await browser.get("/")).status_code == 200
    again = await site.client(Accept="text/html").get(site.acme.sign_in_url)
    assert again.status_code == 410
    assert "set-cookie" not in again.headers
    assert check_page(again).h1 == "This link doesn’t work any more."


async def test_a_look_at_the_link_burns_nothing(site: Site) -> None:
    looked = await site.client().head(site.acme.sign_in_url)
    assert (looked.status_code, looked.content, "set-cookie" in looked.headers) == (200, b"", False)
    await site.console()


@pytest.mark.parametrize("token", ["x", "sgi_1_" + "x" * 43, "%00", "a" * 5000])
async def test_a_wrong_link_leads_to_how_to_get_one(site: Site, token: str) -> None:
    page = check_page(await site.client(Accept="text/html").get(f"/sign-in/{token}"))
    assert "smartgate token create" in page.text


async def test_signing_out_ends_the_session(site: Site) -> None:
    browser = await site.console()
    session = browser.cookies["smartgate_session"]
    assert (await browser.get("/sign-out")).status_code == 405
    answer = await browser.post("/sign-out", headers={"Origin": URL})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    stolen = site.client(Cookie=f"smartgate_session={session}")
    assert (await stolen.get("/")).headers["location"] == "/sign-in"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://crm.example.evil.example", "http://crm.example:81", "http://[evil"],
)
async def test_another_site_cannot_write(site: Site, origin: str) -> None:
    browser = await site.console()
    answer = await browser.post("/sign-out", headers={"Origin": origin})
    assert answer.status_code == 403
    check_page(answer)
    assert (await browser.get("/")).status_code == 200


async def test_home_shows_the_three_addresses_as_unbroken_text(site: Site) -> None:
    answer = await (await site.console()).get("/")
    page = check_page(answer)
    for suffix in ("", "+contact", "+lead"):
        address = f"acme{suffix}@mail.kommo.com"
        assert f'data-copy="{address}"' in answer.text
        assert f"mailto:?cc={address.replace('+', '%2B')}" in page.links
        assert address in page.text
    assert "Nothing yet. Send a mail with acme@mail.kommo.com in Cc" in page.text
    assert "Send your first mail." in page.text
    assert "Needs you" not in page.text


async def test_a_vcard_holds_the_address(site: Site) -> None:
    browser = await site.console()
    for action, address in {"attach": "acme@", "contact": "acme+contact@", "lead": "acme+lead@"}.items():
        answer = await browser.get(f"/addresses/{action}.vcf")
        assert answer.headers["content-type"].startswith("text/vcard")
        assert f"\r\nEMAIL;TYPE=INTERNET:{address}mail.kommo.com\r\n" in answer.text
    assert (await browser.get("/addresses/none.vcf")).status_code == 422


async def story_mails(site: Site) -> None:
    """A filed, a refused and an automatic mail, one to a wrong ending, and one a stranger's that is held."""
    await site.hand(letter("Offer for the <espresso> machine"))
    await site.hand(letter("Hidden", cc=""))
    await site.hand(letter("In To", to="acme+lead@mail.kommo.com", cc=""))
    await site.hand(letter("Ending"), "acme+leads@mail.kommo.com")
    await site.hand(letter("Offer for the <espresso> machine"))
    await site.hand(letter("Re: Offer for the <espresso> machine", author=CLIENT, to="ana@acme.example", text="Yes"))
    await site.api.patch("/v1/account", json={"strangers": "hold"})
    await site.hand(letter("Partnership", author="Growth <growth@reachly.example>", to="ana@acme.example"))


async def test_home_and_trace_tell_what_became_of_each_mail(site: Site) -> None:
    await story_mails(site)
    browser = await site.console()
    for path in ("/", "/trace"):
        text = check_page(await browser.get(path)).text
        assert "Filed new lead, new contact Bob Miller · Ana Putri" in text
        assert "Refused hidden copy: the address was in Bcc · Ana Putri" in text
        assert "Refused the address was in To, not in Cc · Ana Putri" in text
        assert "Mail to acme+leads@mail.kommo.com" in text
        assert "Filed already filed; nothing doubled" in text
        assert "Filed on Bob Miller, lead Offer for the <espresso> machine · Bob Miller" in text
        assert "Held a stranger wrote to you · Growth" in text
    home = check_page(await browser.get("/"))
    assert "3 mails filed today, 3 refused, 1 held. 1 thing needs you." in home.text
    assert "Release or refuse 1 held mail" in home.text
    assert "/held" in home.links


async def test_the_chart_counts_and_scales(site: Site) -> None:
    await story_mails(site)
    text = (await (await site.console()).get("/")).text
    assert re.search(r"<title>\d+ \w+: 3 filed, 3 refused, 1 held</title>", text)
    assert text.count('<rect class="c-') == 3
    assert [round_up(most) for most in (0, 1, 3, 7, 61, 101, 1999)] == [2, 2, 4, 10, 80, 200, 2000]
    day = draw({(30, "file"): 30, (30, "refuse"): 15, (30, "hold"): 1}, 30, 30).days[-1]
    assert [(bar.css, bar.y, bar.height) for bar in day.bars] == [
        ("c-ok", 34.0, 30.0),
        ("c-bad", 18.0, 15.0),
        ("c-wait", 16.0, 1.0),
    ]


async def test_a_reply_on_a_closed_lead_asks_for_attention(site: Site) -> None:
    await site.hand(letter("Two grinders"))
    lead = (await site.api.get("/v1/leads")).json()["data"][0]
    await site.api.patch(f"/v1/leads/{lead['id']}", json={"status": "won"})
    reply = letter("Re: Two grinders", author=CLIENT, to="ana@acme.example", cc="acme@mail.kommo.com", text="One more")
    await site.hand(reply, "acme@mail.kommo.com")
    browser = await site.console()
    page = check_page(await browser.get("/"))
    assert "Somebody wrote on “Two grinders”" in page.text
    assert f"/leads/{lead['id']}" in page.links
    await site.api.patch(f"/v1/leads/{lead['id']}", json={"status": "open"})
    assert "Needs you" not in check_page(await browser.get("/")).text


async def receipts(site: Site) -> dict[str, str]:
    """Ids of receipts by rule and subject's first word."""
    await story_mails(site)
    rows = (await site.api.get("/v1/receipts?limit=200")).json()["data"]
    return {f"{row['decision']['rule']} {row['decision']['base_subject'].partition(' ')[0]}": row["id"] for row in rows}


async def test_an_opened_refusal_says_what_happened_and_what_to_do(site: Site) -> None:
    ids = await receipts(site)
    answer = await (await site.console()).get(f"/trace/{ids['B1 Hidden']}")
    page = check_page(answer)
    assert "“Hidden” was sent with a hidden copy" in page.text
    assert "Ana Putri put acme+lead@mail.kommo.com in Bcc." in page.text
    assert "As it was sent To Bob Miller Cc nobody Bcc acme+lead@mail.kommo.com" in page.text
    assert "The right way To Bob Miller Cc acme+lead@mail.kommo.com Bcc nobody" in page.text
    assert "The address isn’t in Cc stopped here" in page.text
    assert "Not asked any more" in page.text
    assert "No message, no card, no lead." in page.text
    reply = "550 5.7.1 acme+lead@mail.kommo.com works only as a visible Cc, not Bcc. Move it to Cc and send again:"
    assert f'data-copy="{reply} {URL}/why/{ids["B1 Hidden"]}"' in answer.text
    assert f"{URL}/why/{ids['B1 Hidden']}" in page.links


async def test_an_opened_filed_mail_leads_to_its_message_and_cards(site: Site) -> None:
    ids = await receipts(site)
    browser = await site.console()
    page = check_page(await browser.get(f"/trace/{ids['B11 Offer']}"))
    for kind in ("mail", "contacts", "leads"):
        link = next(link for link in page.links if re.fullmatch(f"/{kind}/[0-9A-Z]{{26}}", link))
        assert "Offer for the <espresso> machine" in check_page(await browser.get(link)).text
    assert "Where it went" in page.text
    assert "192.0.2.7" in page.text


SEARCHES = {
    "q=espresso": 3,
    "q=reachly": 1,
    "q=acme%2Bleads": 1,
    "q=%25": 0,
    "verdict=refuse": 3,
    "verdict=hold": 1,
    "verdict=file&q=espresso": 3,
    "since=2020-01-01&until=2020-12-31": 0,
    "since=2020-01-01": 7,
    "since=nonsense": 7,
}


@pytest.mark.parametrize(("query", "found"), SEARCHES.items(), ids=SEARCHES)
async def test_attempts_are_searched(site: Site, query: str, found: int) -> None:
    await story_mails(site)
    page = check_page(await (await site.console()).get(f"/trace?{query}"))
    opened = [link for link in page.links if link.startswith("/trace/")]
    assert len(opened) == found
    assert ("No attempt matches." in page.text) == (found == 0)


async def test_older_attempts_are_a_link_away(site: Site) -> None:
    for n in range(30):
        await site.hand(letter(f"Mail {n:02}", text=str(n)))
    browser = await site.console()
    first = check_page(await browser.get("/trace?q=Mail"))
    older = next(link for link in first.links if "after=" in link)
    second = check_page(await browser.get(older))
    opened = [link for page in (first, second) for link in page.links if link.startswith("/trace/")]
    assert len(set(opened)) == len(opened) == 30


async def test_every_page_is_reached_from_home_by_plain_links_and_keeps_to_the_rules(site: Site) -> None:
    await story_mails(site)
    browser = await site.console()
    waiting, seen, kinds = ["/"], set(), set()
    while waiting:
        path = waiting.pop()
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        page = check_page(answer)
        kinds.add(re.sub(r"[0-9A-Z]{26}", "ID", path.partition("?")[0]))
        for link in page.links:
            where = urljoin(f"{URL}{path}", link)
            if where.startswith(URL) and (target := urlsplit(where)._replace(fragment="")).path not in ("/sign-out",):
                local = target._replace(scheme="", netloc="").geturl()
                if local not in seen:
                    seen.add(local)
                    waiting.append(local)
    assert kinds >= {
        "/",
        "/trace",
        "/trace/ID",
        "/held",
        "/contacts",
        "/contacts/ID",
        "/leads",
        "/leads/ID",
        "/mail",
        "/mail/ID",
        "/why/ID",
    }


async def test_a_mails_text_cannot_act_in_the_page(site: Site) -> None:
    evil = '"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}'
    await site.hand(
        letter(evil, to=f'"{evil[2:20]}" <bob@bluefin.example>', text=evil, files=[(evil, "text/plain", b"x")])
    )
    browser = await site.console()
    await site.hand(letter(evil, cc="", text=evil))
    ids = [row["id"] for row in (await site.api.get("/v1/messages")).json()["data"]]
    attempts = [row["id"] for row in (await site.api.get("/v1/receipts")).json()["data"]]
    paths = [
        "/",
        "/trace",
        "/mail",
        "/contacts",
        "/leads",
        *(f"/mail/{id}" for id in ids),
        *(f"/trace/{id}" for id in attempts),
    ]
    for path in paths:
        answer = await browser.get(path)
        check_page(answer)
        assert "<img" not in answer.text, path
        assert "49" not in re.sub(r"[0-9A-Z]{26}|datetime=\S+", "", answer.text).partition("{{7*7}}")[0][-5:], path


@pytest.mark.parametrize(
    "path", ["/nothing", "/mail/none", "/trace/none", "/contacts/none", "/leads/none", "/static/none"]
)
async def test_a_missing_page_is_a_page(site: Site, path: str) -> None:
    browser = await site.console()
    answer = await browser.get(path)
    assert answer.status_code == 404
    check_page(answer)
    program = await browser.get(path, headers={"Accept": "application/json"})
    assert program.headers["content-type"] == "application/problem+json"


async def test_every_answer_carries_its_headers_and_head_has_no_body(site: Site) -> None:
    browser = await site.console()
    for path in ("/", "/trace", "/v1/docs", "/static/console.css", "/why/B1", "/healthz"):
        got, looked = await browser.get(path), await browser.head(path)
        assert (looked.status_code, looked.content) == (got.status_code, b""), path
        for answer in (got, looked):
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["referrer-policy"] == "same-origin"


async def test_pages_are_small(site: Site) -> None:
    await story_mails(site)
    browser = await site.console()
    ids = await receipts(site)
    for path in ("/", "/trace", f"/trace/{ids['B1 Hidden']}", "/v1/docs"):
        answer = await browser.get(path)
        assert len(answer.content) < 100_000
    assert json.dumps(ids)
