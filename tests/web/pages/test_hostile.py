"""Hostile mail comes in by the real SMTP door and is read in Chromium: nothing in it acts, and it asks nobody.

Every payload stands in a part of its own, several parts in a mail, so each is read from its beginning.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from urllib.parse import quote

import pytest

from tests.core.payloads import EVIL, PAYLOADS
from tests.core.payloads_in_headers import WORDS
from tests.core.payloads_that_ask import ASKING
from tests.core.payloads_that_run import RUNNING
from tests.web.browser import Canary, Visit, in_html, newest
from tests.web.doors import Address, send, smtp_door

pytestmark = pytest.mark.e2e
CORPUS = {**PAYLOADS, **RUNNING, **ASKING}
A_MAIL = 32
PICTURE = "<p>A picture</p><img src='{0}/shown.png' srcset='{0}/never.png 2x' onload=alert(1)>"
NEVER = (
    "script link base iframe frame object embed applet form input button svg math template video audio source dialog "
    "portal style"
)
# What a browser built of a mail: elements that act or hold a page, handlers, and links that run.
ACTIVE = f"""body => {{
  const never = new Set("{NEVER}".split(" "));
  const all = [...body.ownerDocument.querySelectorAll("*")];
  const bad = all.filter((one) => never.has(one.localName) && one.parentElement.localName !== "head");
  const runs = /^\\s*(javascript|data:text|vbscript)/i;
  const led = new Set(["href", "src", "action", "formaction"]);
  const acting = all.flatMap((one) => [...one.attributes])
    .filter((each) => each.name.startsWith("on") || led.has(each.name) && runs.test(each.value));
  return [...bad.map((one) => one.outerHTML.slice(0, 90)), ...acting.map((each) => each.name)];
}}"""


def batched(corpus: dict[str, str], most: int) -> Iterator[dict[str, str]]:
    """The corpus in groups."""
    rest = iter(corpus.items())
    while group := dict(islice(rest, most)):
        yield group


def encoded(words: str) -> str:
    """Words in a header field, whatever they are made of (RFC 2047)."""
    return f"=?utf-8?b?{b64encode(words.encode()).decode()}?="


def hostile(parts: dict[str, str], word: str, n: int, canary: str) -> bytes:
    """A mail of HTML parts, with hostile words wherever a header has words."""
    lines = [
        f"From: {encoded(word)} <eve{n}@shop.example>",
        f"To: {encoded(word)} <ana@acme.example>",
        f"Cc: acme+lead@mail.kommo.com, {encoded(word)} <ann@shop.example>",
        f"Subject: {encoded(f'{n} {word}')}",
        f"Message-ID: <{n}{quote(word, safe='')[:60]}@shop.example>",
        "Date: Mon, 23 Nov 2026 09:42:17 +0700",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=limit",
        "",
    ]
    for text in parts.values():
        body = b64encode(text.replace(EVIL, canary).encode("utf-8", "surrogatepass")).decode()
        lines += ["--limit", "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: base64", ""]
        lines += [body[at : at + 76] for at in range(0, len(body), 76)]
    lines += [
        "--limit",
        f"Content-Type: application/pdf; name*=utf-8''{quote(word, safe='')}",
        f"Content-Disposition: attachment; filename*=utf-8''{quote(word, safe='')}",
        "",
        "x",
        "--limit--",
        "",
    ]
    return "\r\n".join(lines).encode()


@pytest.fixture
async def door(visit: Visit) -> AsyncIterator[Address]:
    async with smtp_door(visit.site) as address:
        yield address


async def come(visit: Visit, door: Address, mail: bytes) -> str:
    """A mail comes in by SMTP; the id of the message."""
    known = {row["id"] for row in await messages(visit)}
    assert (await send(door, mail, "acme+lead@mail.kommo.com", sender="eve@shop.example")).startswith("250")
    [id] = {row["id"] for row in await messages(visit)} - known
    return id


async def messages(visit: Visit) -> list[dict[str, str]]:
    data: list[dict[str, str]] = (await visit.site.api.get("/v1/messages?limit=200")).json()["data"]
    return data


async def test_no_payload_acts_or_asks_anybody_in_a_mail_or_its_thread(
    visit: Visit, door: Address, canary: Canary
) -> None:
    assert len(CORPUS) >= 250
    words = cycle(WORDS.items())
    for n, group in enumerate(batched(CORPUS, A_MAIL)):
        name, word = next(words)
        told = f"{n} {name}: {', '.join(group)}"
        parts = {"picture": PICTURE.format(canary.url), **group}
        id = await come(visit, door, hostile(parts, word, n, canary.url))
        await look(visit, canary, f"/mail/{id}", told)
        canary.heard.clear()
        visit.foreign.clear()
        await visit.page.get_by_role("link", name="Show images").click()
        await read(visit, f"/mail/{id}?images=show", told)
        assert visit.dialogs == [], told
        assert any(" /shown.png " in one for one in canary.heard), told
        assert {kind for _, kind in visit.foreign} == {"image"}, told
        assert all("sec-fetch-dest: image" in one.lower() for one in canary.heard), told
        assert not any("referer:" in one.lower() or "cookie:" in one.lower() for one in canary.heard), told
        canary.heard.clear()
        visit.foreign.clear()


async def test_no_payload_acts_or_asks_anybody_in_a_long_thread(visit: Visit, door: Address, canary: Canary) -> None:
    for n, group in enumerate(batched(CORPUS, 64)):
        mail = hostile(group, "Talk", n, canary.url).replace(encoded(f"{n} Talk").encode(), b"Talk")
        id = await come(visit, door, mail.replace(f"eve{n}@".encode(), b"eve@"))
    thread = (await visit.site.api.get(f"/v1/messages/{id}")).json()["thread"]
    page = await visit.open(f"/threads/{thread}")
    for summary in await page.locator("details.msg > summary").all():
        await summary.click()
    frames = page.locator("iframe.paper")
    assert await frames.count() == n + 1 > 5
    for at in range(n + 1):
        inside = page.frame_locator("iframe.paper").nth(at)
        await inside.locator("body > div").wait_for(state="attached")
        assert await inside.locator("body").evaluate(ACTIVE) == []
    assert (visit.dialogs, visit.foreign, canary.heard) == ([], [], [])


async def look(visit: Visit, canary: Canary, path: str, told: str) -> None:
    """Reads a page with a mail: nothing of it acts and nobody is asked."""
    await visit.open(path)
    await read(visit, path, told)
    assert (visit.dialogs, visit.foreign, canary.heard) == ([], [], []), told
    assert len(visit.context.pages) == 1, told


async def read(visit: Visit, path: str, told: str) -> None:
    await visit.page.wait_for_url(f"{visit.url}{path}")
    frame = visit.page.frame_locator("section iframe.paper")
    await frame.locator("img").first.wait_for(state="attached")
    assert await frame.locator("body").evaluate(ACTIVE) == [], told
    around = await visit.page.evaluate(
        "[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes]).map((one) => one.name)"
    )
    assert not [one for one in around if one.startswith("on")], told
    assert await visit.page.locator("script").count() == 1, told


REMOTE = """
<p style="background:url({0}/never.png)">Hi</p><img src="{0}/image.png" srcset="{0}/srcset.png 2x">
<table background="{0}/background.png"><tr><td style="background:url({0}/style.png)">x</td></tr></table>
<link rel=stylesheet href="{0}/link.css"><style>@import "{0}/import.css";</style>
<video poster="{0}/poster.png"></video><svg><image href="{0}/svg.png"></svg>
"""


async def test_remote_pictures_come_when_the_reader_asks_for_them(visit: Visit, canary: Canary) -> None:
    await visit.site.hand(in_html(REMOTE.format(canary.url)))
    page = await visit.open(f"/mail/{(await newest(visit.site))['id']}")
    await page.frame_locator("iframe.paper").locator("p").wait_for()
    assert (visit.foreign, canary.heard) == ([], [])
    await page.get_by_role("link", name="Show images").click()
    await page.wait_for_load_state("load")
    asked = sorted(header.split()[1] for header in canary.heard)
    assert asked == ["/background.png", "/image.png", "/style.png"]
    assert not [header for header in canary.heard if "referer:" in header.lower() or "cookie:" in header.lower()]
    assert visit.dialogs == []


@dataclass
class Unsafe:
    html: str
    remote: bool = False


async def test_the_frame_alone_lets_nothing_act(visit: Visit, canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second wall: even if the cleaning let all of it pass, the document's own policy doesn't."""
    bad = f"<script>alert(1)</script><img src={canary.url} onerror=alert(2)><iframe src='javascript:alert(3)'></iframe>"
    monkeypatch.setattr("gateway.core.body.make_safe", lambda markup, **_: Unsafe(markup))
    monkeypatch.setattr("gateway.core.body.unstyled", lambda markup: markup)
    await visit.site.hand(in_html(f"<b>Hi</b>{bad}"))
    page = await visit.open(f"/mail/{(await newest(visit.site))['id']}")
    assert await page.frame_locator("iframe.paper").locator("script").count() == 1
    assert (visit.dialogs, canary.heard) == ([], [])
