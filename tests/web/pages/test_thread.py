"""A conversation in a real Chromium: what is new shows, the rest unfolds, pictures wait to be asked for, keys work."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from gateway.core.facts import Auth
from tests.web.boxes import add_reader, bring, connect
from tests.web.browser import Canary, Visit, drawing, faults, in_html, looks, newest, serious
from tests.web.site import ANA, CLIENT, letter

pytestmark = pytest.mark.e2e
PROVEN = Auth(spf="pass", dkim="pass", dmarc="pass", evaluated=True, trusted=True, detail="DKIM of bluefin.example")
QUOTED = "On Sun, 22 Nov 2026 at 18:15, Ana Putri <ana@acme.example> wrote:\n> Shall we say Tuesday?\n> Ana\n"
GMAIL = (
    "<div>Tuesday suits us.</div><div class=gmail_quote>On Sunday Ana wrote:<blockquote>Shall we?</blockquote></div>"
)


async def talk(visit: Visit) -> str:
    """Three mails of one thread, the last one with a quote, a signature and two files; the thread's id."""
    files = [("Order 4471.pdf", "application/pdf", b"x" * 18_200), ("plan.png", "image/png", b"y" * 900)]
    await visit.site.hand(letter("Lobby", text="Shall we say Tuesday?\n\n-- \nAna\nAcme Coffee"))
    await visit.site.hand(in_html(GMAIL, subject="Re: Lobby", author=CLIENT, to=ANA))
    await visit.site.hand(
        letter("Re: Lobby", author=CLIENT, to=ANA, text=f"At ten.\n\n{QUOTED}\n-- \nBob\nFacilities\n", files=files)
    )
    return (await newest(visit.site))["thread"]


async def test_each_message_is_collapsed_to_what_is_new(visit: Visit) -> None:
    thread = await talk(visit)
    page = await visit.open(f"/threads/{thread}")
    assert await page.locator("h1").inner_text() == "Lobby"
    opened = page.locator("section.msg")
    await expect(opened.get_by_text("At ten.")).to_be_visible()
    for hidden in ("> Shall we say Tuesday?", "Facilities"):
        assert not await opened.get_by_text(hidden).is_visible()
    await opened.get_by_text("quoted lines").press("Enter")
    await expect(opened.get_by_text("> Shall we say Tuesday?")).to_be_visible()
    await opened.get_by_text("signature").click()
    await expect(opened.get_by_text("Facilities")).to_be_visible()
    assert await opened.locator(".file").all_inner_texts() == ["Order 4471.pdf\n18 kB", "plan.png\n900 B"]
    collapsed = page.locator("details.msg")
    assert await collapsed.locator("summary .snip").all_inner_texts() == ["Shall we say Tuesday?", "Tuesday suits us."]
    assert await page.locator("details.msg iframe").first.evaluate("one => one.contentDocument?.URL") != "", "waits"
    await collapsed.nth(1).locator("summary").click()
    inside = page.frame_locator("details.msg >> nth=1 >> iframe")
    await expect(inside.get_by_text("Tuesday suits us.")).to_be_visible()
    assert not await inside.get_by_text("Shall we?").is_visible()
    before = await collapsed.nth(1).locator("iframe").evaluate("one => one.clientHeight")
    await inside.get_by_text("Quoted text").click()
    await expect(inside.get_by_text("Shall we?")).to_be_visible()
    await page.wait_for_function(
        "before => document.querySelectorAll('details.msg iframe')[1].clientHeight > before", arg=before
    )
    assert (visit.foreign, visit.dialogs) == ([], [])


async def test_keys_lead_through_a_conversation_and_back(visit: Visit) -> None:
    thread = await talk(visit)
    page = await visit.open(f"/threads/{thread}?from=/mail?q=lobby")
    await page.keyboard.press("k")
    assert await page.evaluate("document.activeElement.closest('.msg').id") == await page.locator("details.msg").nth(
        1
    ).get_attribute("id")
    await page.keyboard.press("Enter")
    assert await page.locator("details.msg").nth(1).get_attribute("open") is not None
    await page.keyboard.press("j")
    assert await page.evaluate("document.activeElement.matches('section.msg')")
    await page.keyboard.press("Control+r")
    await page.wait_for_load_state("load")
    for key, title in {"r": "Reply", "a": "Reply to all", "f": "Forward"}.items():
        page = await visit.open(f"/threads/{thread}?from=/mail?q=lobby")
        await page.keyboard.press(key)
        await expect(page.locator("h1")).to_have_text(title)
    page = await visit.open(f"/threads/{thread}?from=/mail?q=lobby")
    await page.keyboard.press("Escape")
    await page.wait_for_url(f"{visit.url}/mail?q=lobby")


async def test_remote_pictures_are_shown_once_or_always_where_the_sender_is_proven(
    visit: Visit, canary: Canary
) -> None:
    picture = f"<p>Hi</p><img src='{canary.url}/a.png' alt=A>"
    await visit.site.hand(in_html(picture, subject="Unproven", author=CLIENT, to=ANA))
    unproven = (await newest(visit.site))["id"]
    page = await visit.open(f"/mail/{unproven}")
    assert await page.get_by_role("button", name="Always for").count() == 0
    visit.site.looker.found = PROVEN
    ids = []
    for subject in ("First", "Second"):
        await visit.site.hand(in_html(picture, subject=subject, author=CLIENT, to=ANA))
        ids.append((await newest(visit.site))["id"])
    page = await visit.open(f"/mail/{ids[0]}")
    await page.frame_locator("section iframe").locator("p").wait_for()
    assert (visit.foreign, canary.heard) == ([], [])
    await page.get_by_role("link", name="Show images").click()
    await page.wait_for_load_state("load")
    assert [header.split()[1] for header in canary.heard] == ["/a.png"]
    page = await visit.open(f"/mail/{ids[0]}")
    await page.get_by_role("button", name="Always for Bob Miller").click()
    await expect(page.get_by_text("You always see the pictures of Bob Miller.")).to_be_visible()
    await page.wait_for_load_state("load")
    canary.heard.clear()
    await visit.open(f"/mail/{ids[1]}")
    assert [header.split()[1] for header in canary.heard] == ["/a.png"], "another proven mail of the sender"
    canary.heard.clear()
    await visit.open(f"/mail/{unproven}")
    assert canary.heard == [], "a mail that only says it is from them"
    page = await visit.open(f"/mail/{ids[1]}")
    await page.get_by_role("link", name="All such senders").click()
    await expect(page.get_by_text("bob@bluefin.example").first).to_be_visible()
    assert await serious(page) == []
    await page.get_by_role("button", name="Ask me again").click()
    await expect(page.get_by_text("Nobody yet.")).to_be_visible()
    canary.heard.clear()
    await visit.open(f"/mail/{ids[1]}")
    assert canary.heard == []


async def test_a_mail_shows_its_own_pictures_as_high_as_they_are_and_not_as_files(visit: Visit) -> None:
    markup = "<img src='cid:logo@x' alt=Logo><p><a href='https://shop.example/'>Shop</a></p>"
    await visit.site.hand(in_html(markup, cid=drawing(40, 1_200)))
    page = await visit.open(f"/mail/{(await newest(visit.site))['id']}")
    frame = page.frame_locator("section iframe")
    assert await frame.locator("img").evaluate("one => one.naturalHeight") == 1_200
    assert await page.locator("section iframe").evaluate("one => one.clientHeight") > 1_200
    assert await page.locator(".file").count() == 0
    link = frame.get_by_role("link", name="Shop")
    assert await link.get_attribute("rel") == "noopener noreferrer nofollow"
    assert await link.get_attribute("target") == "_blank"


async def test_headers_and_source_are_texts_and_the_mail_is_a_file(visit: Visit) -> None:
    await visit.site.hand(letter("Lobby <b>", text="Hello <script>alert(1)</script>"))
    page = await visit.open(f"/mail/{(await newest(visit.site))['id']}")
    await page.get_by_role("link", name="Headers").click()
    text = await page.locator("pre").inner_text()
    assert text.index("From: Ana Putri") < text.index("Subject: Lobby <b>") < text.index("Message-ID:")
    assert "Hello" not in text
    await page.get_by_role("link", name="All of it").click()
    await expect(page.locator("pre")).to_contain_text("Hello <script>alert(1)</script>")
    await page.get_by_role("link", name="Back to the mail").click()
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Download").click()
    assert (await started.value).suggested_filename.endswith(".eml")
    assert visit.dialogs == []


async def test_a_thousand_messages_are_read_in_pages(visit: Visit) -> None:
    for n in range(60):
        await visit.site.hand(letter("Long", text=f"Number {n}", id=f"<{n}@acme.example>"))
    thread = (await newest(visit.site))["thread"]
    page = await visit.open(f"/threads/{thread}")
    assert await page.locator(".msg").count() == 25
    await expect(page.locator("section.msg")).to_contain_text("Number 59")
    await page.get_by_role("link", name="Earlier messages").click()
    await expect(page.locator("section.msg")).to_contain_text("Number 34")
    await page.get_by_role("link", name="Earlier messages").click()
    await expect(page.locator("section.msg")).to_contain_text("Number 9")
    assert await page.get_by_role("link", name="Earlier messages").count() == 0
    await page.get_by_role("link", name="Later messages").click()
    await expect(page.locator("section.msg")).to_contain_text("Number 34")
    await page.get_by_role("link", name="Later messages").click()
    await expect(page.locator("section.msg")).to_contain_text("Number 59")
    assert len((await page.content()).encode()) < 100_000


async def test_a_locked_mail_is_a_line_without_a_word_of_it(visit: Visit) -> None:
    owner = await add_reader(visit.site, "dimas@acme.example")
    box = await connect(visit.site, "dimas@acme.example", owner.id)
    await visit.site.api.post("/v1/contacts", json={"emails": ["bob@bluefin.example"]})
    id = await bring(visit.site, box, letter("Turquoise", author=CLIENT, to="dimas@acme.example", text="secret words"))
    page = await visit.open(f"/mail/{id}")
    await expect(page.locator(".locked")).to_contain_text("dimas@acme.example")
    source = await page.content()
    assert "Turquoise" not in source
    assert "secret" not in source
    assert await serious(page) == []


async def test_everybody_can_read_a_conversation(visit: Visit) -> None:
    visit.site.looker.found = PROVEN
    thread = await talk(visit)
    await visit.site.hand(in_html("<h2>Hi</h2><img src='https://x.example/1.png' alt=x>", subject="Pictures"))
    mail = (await newest(visit.site))["id"]
    async for look in looks(visit.page):
        for path in (f"/threads/{thread}", f"/mail/{mail}", f"/mail/{mail}/headers", f"/mail/{mail}/source"):
            page = await visit.open(path)
            for summary in await page.locator("details > summary").all():
                await summary.click()
            assert await faults(page) == [], f"{path} {look}"
