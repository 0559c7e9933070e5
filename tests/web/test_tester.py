"""The mail tester: it agrees with SMTP, says all that would come of a mail, and stores nothing."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from gateway.store.tables import metadata
from tests.web.doors import send, smtp_door
from tests.web.site import ANA, CLIENT, URL, Page, Site, check_page, letter

LEAD, ATTACH = "acme+lead@mail.kommo.com", "acme@mail.kommo.com"
BULK = letter("News", author=CLIENT, to=ANA).replace(b"Subject:", b"Auto-Submitted: auto-generated\r\nSubject:", 1)
STRANGER = letter("Partnership", author="Growth <growth@reachly.example>", to=ANA)
MAILS = {
    # story                       mail                                              action    envelope sender
    "a new client": (letter("Offer"), "lead", "ana@acme.example"),
    "on known cards": (letter("Offer", cc=ATTACH), "attach", "ana@acme.example"),
    "a new contact": (letter("Offer", cc="acme+contact@mail.kommo.com"), "contact", "ana@acme.example"),
    "a hidden copy": (letter("Hidden", cc=""), "lead", "ana@acme.example"),
    "in To only": (letter("In To", to=LEAD, cc=""), "lead", "ana@acme.example"),
    "nobody to add": (letter("Alone", to="dimas@acme.example"), "lead", "ana@acme.example"),
    "a bounce": (letter("Undeliverable", author=CLIENT), "lead", "<>"),
    "a loop": (b"Received: by x\r\n" * 51 + letter("Loop"), "lead", "ana@acme.example"),
    "two authors": (letter("Two", author="a@x.example, b@x.example"), "lead", "ana@acme.example"),
    "from us": (letter("Us", author="other@mail.kommo.com"), "lead", "ana@acme.example"),
    "automatic mail": (BULK, "lead", "bob@bluefin.example"),
    "a stranger": (STRANGER, "lead", "growth@reachly.example"),
    "bare line feeds": (letter("Lines").replace(b"\r\n", b"\n"), "lead", "ana@acme.example"),
    "hostile marks": (letter('"><script>alert(1)</script>'), "lead", "ana@acme.example"),
}
VERDICTS = {"2": "Would be filed", "5": "Would be refused"}


async def tried(browser: httpx2.AsyncClient, mail: bytes, **fields: str) -> tuple[int, Page]:
    answer = await browser.post("/tester", data=fields, files={"mail": ("mail.eml", mail, "message/rfc822")})
    return answer.status_code, check_page(answer)


def plain(reply: str) -> str:
    """A reply without the id or link that only a receipt can have."""
    return re.sub(r" id=\w+|/why/\w+(-\w+)?", "", reply)


@pytest.mark.parametrize("strangers", ["accept", "hold", "refuse"])
async def test_it_says_what_smtp_says(site: Site, strangers: str) -> None:
    await site.api.patch("/v1/account", json={"strangers": strangers})
    browser = await site.console()
    async with smtp_door(site) as door:
        for story, (mail, action, sender) in MAILS.items():
            status, page = await tried(browser, mail, action=action, sender=sender, peer="127.0.0.1")
            rcpt = ATTACH if action == "attach" else f"acme+{action}@mail.kommo.com"
            reply = await send(door, mail, rcpt, sender=sender.strip("<>"))
            held = "Held for review" in reply
            assert status == 200, story
            assert ("Would be held" if held else VERDICTS[reply[0]]) in page.text, story
            assert plain(reply) in plain(page.text), story


async def test_nothing_is_stored(site: Site) -> None:
    browser = await site.console()

    def rows(tx: Any) -> dict[str, int]:
        return {name: len(tx.execute(table.select()).all()) for name, table in metadata.tables.items()}

    before = await site.store.read(rows)
    for mail, action, sender in MAILS.values():
        await tried(browser, mail, action=action, sender=sender)
    assert await site.store.read(rows) == before


async def test_it_tells_who_would_be_made_and_which_thread_it_would_join(site: Site) -> None:
    browser = await site.console()
    _, page = await tried(browser, letter("Re: Offer"), action="lead")
    for told in ("New contacts Bob Miller bob@bluefin.example", "New lead Offer", "It begins a new thread.", "B11"):
        assert told in page.text, told
    assert "The smart addresses, with bob@bluefin.example, about “Offer”" in page.text
    await site.hand(letter("Offer"))
    thread = (await site.api.get("/v1/threads")).json()["data"][0]["id"]
    message = (await site.api.get("/v1/messages")).json()["data"][0]["id"]
    _, page = await tried(browser, letter("AW: Offer", text="More"), action="lead")
    assert f"/threads/{thread}" in page.links
    assert "New contacts none" in page.text
    _, page = await tried(browser, letter("Offer"), action="lead")
    assert "Your account has this mail already." in page.text
    assert f"/mail/{message}" in page.links
    _, page = await tried(browser, letter("", text="No subject", cc=ATTACH), action="attach")
    assert "Without a subject it joins the mail it answers." in page.text


async def test_a_pasted_mail_does_as_well(site: Site) -> None:
    browser = await site.console()
    text = letter("Hidden", cc="").decode()
    answer = await browser.post("/tester", data={"pasted": text, "action": "lead"})
    page = check_page(answer)
    assert "Would be refused" in page.text
    assert "Ask for it to be sent again with the address in Cc." in page.text
    assert "Subject: Hidden" in page.text


FORMS = {
    # story                  fields                                                      says
    "no mail": ({"action": "lead"}, "Choose a mail’s file, or paste its source."),
    "no address": ({"action": "all", "pasted": "From: a@x.example"}, "Choose one of the three addresses."),
    "no sender": ({"action": "lead", "pasted": "x", "sender": "ana"}, "Write one address"),
    "no peer": ({"action": "lead", "pasted": "x", "peer": "mx.x.example"}, "Write an IP address"),
}


@pytest.mark.parametrize(("fields", "says"), FORMS.values(), ids=FORMS)
async def test_a_wrong_field_is_told_with_its_fix(site: Site, fields: dict[str, str], says: str) -> None:
    answer = await (await site.console()).post("/tester", data=fields)
    page = check_page(answer)
    assert answer.status_code == 422
    assert says in page.text
    assert 'aria-invalid="true"' in answer.text
    assert fields.get("sender", "") in answer.text


@pytest.mark.parametrize("size", [100_001, 149_000, 400_000])
async def test_a_mail_that_is_too_large_is_told_so(site: Site, size: int) -> None:
    browser = await site.console()
    for how in ({"files": {"mail": ("x.eml", b"x" * size)}}, {"data": {"pasted": "x" * size}}):
        answer = await browser.post("/tester", **how)
        page = check_page(answer)
        assert answer.status_code == 413
        assert "This mail is too large: a mail may have at most 0.1 MB." in page.text


async def test_nobody_tries_mails_without_a_session(site: Site) -> None:
    stranger = site.client(Accept="text/html")
    answer = await stranger.post("/tester", data={"pasted": "x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    browser = await site.console()
    assert (await browser.post("/tester", data={}, headers={"Origin": "https://evil.example"})).status_code == 403
    assert URL not in check_page(await browser.get("/tester")).text
