"""Writing a mail on the console: answers begin as they should, wrong fields are told, nothing typed is lost (E11)."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from gateway.web.console.paper import read_paper
from tests.web.boxes import add_reader, bring
from tests.web.post import BOX, Post
from tests.web.site import CLIENT, Site, check_page, letter

BOB = "bob@bluefin.example"
SMART = "acme+lead@mail.kommo.com"


@pytest.fixture
async def post(site: Site) -> Post:
    return await Post(site).open()


async def send(browser: httpx2.AsyncClient, post: Post, files: Any = None, **typed: object) -> httpx2.Response:
    given = {"mailbox": post.box, "to": f"Bob <{BOB}>", "subject": "Offer", "body": "Hello Bob", "do": "send"}
    return await browser.post("/compose", data=given | typed, files=files or [("uploads", ("", b""))])


def begun_at(text: str) -> list[str]:
    """The fields that have the focus at first."""
    return re.findall(r'id="(\w+)"[^<>]* autofocus', text)


async def test_a_mail_goes_out_and_is_shown_with_its_state(post: Post) -> None:
    browser = await post.site.console()
    await post.site.api.post("/v1/contacts", json={"name": "Bob Miller", "emails": [BOB]})
    page = check_page(await browser.get("/compose"))
    assert (page.h1, page.title) == ("New mail", "New mail · Smartgate")
    assert f"Bob Miller <{BOB}>" in (await browser.get("/compose")).text.replace("&lt;", "<").replace("&gt;", ">")
    files = [("uploads", ("plan.pdf", b"%PDF", "application/pdf")), ("uploads", ("b.txt", b"x", "text/plain"))]
    sent = await send(
        browser, post, files, cc="Ann <ann@bluefin.example>; eve@x.example", smart=SMART, bcc="b@x.example"
    )
    assert sent.status_code == 303
    shown = check_page(await browser.get(sent.headers["location"]))
    assert "Waiting to be sent" in shown.text
    assert "Bob Miller" in shown.text
    assert "plan.pdf" in shown.text
    await post.work()
    [parcel] = post.servers.parcels
    assert set(parcel.recipients) == {BOB, "ann@bluefin.example", "eve@x.example", SMART, "b@x.example"}
    assert b"b@x.example" not in parcel.message
    assert "The mail server took it." in check_page(await browser.get(sent.headers["location"])).text


async def test_a_mail_that_is_sent_while_its_page_is_made_is_shown_as_sent(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page is made of several looks at the store: what it says of the sending, and that it follows it, is of one."""
    browser, made = await post.site.console(), await post.write()

    async def late(*given: Any, **more: Any) -> Any:
        await post.work()
        return await read_paper(*given, **more)

    monkeypatch.setattr("gateway.web.console.thread.read_paper", late)
    page = await browser.get(f"/mail/{made['id']}")
    assert "The mail server took it." in check_page(page).text
    assert "data-live" not in page.text


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"to": "nonsense"}, "to", "is no e-mail address"),
        ({"to": SMART}, "to", "works only as a visible Cc"),
        ({"to": "", "cc": ""}, "to", "only a smart address is named"),
        ({"cc": "a@"}, "cc", "is no e-mail address"),
        ({"bcc": "a@"}, "bcc", "is no e-mail address"),
        ({"subject": "x" * 501}, "subject", "too many"),
        ({"mailbox": SMART}, "mailbox", "is no mailbox here"),
    ],
)
async def test_a_wrong_field_is_told_and_everything_typed_stays(
    post: Post, typed: dict[str, str], field: str, says: str
) -> None:
    browser = await post.site.console()
    given = {"cc": "ann@x.example", "body": 'Text <with> "signs"\n\n  kept', "quoted": "> old", "how": "reply"} | typed
    answer = await send(browser, post, smart=SMART, html="on", **given)
    assert answer.status_code == 422
    check_page(answer)
    assert answer.text.count("aria-invalid") == 1
    assert f'id="wrong-{field}"' in answer.text
    assert begun_at(answer.text) == ([field] if field in ("to", "cc", "bcc", "subject", "body") else [])
    assert says in answer.text.lower().replace("&#39;", "'") or says in answer.text
    assert "Text &lt;with&gt; &#34;signs&#34;\n\n  kept</textarea>" in answer.text
    assert "&gt; old</textarea>" in answer.text
    assert f'value="{SMART}" checked' in answer.text
    assert 'name="html" value="on" checked' in answer.text
    assert post.servers.parcels == []


async def test_files_are_asked_for_again_by_name_where_a_field_was_wrong(post: Post) -> None:
    files = [("uploads", ("plan.pdf", b"%PDF", "application/pdf"))]
    answer = await send(await post.site.console(), post, files, to="x")
    assert "Choose these files again, browsers don’t keep them: plan.pdf" in check_page(answer).text


async def test_what_was_typed_survives_a_session_that_ended(post: Post) -> None:
    stranger = post.site.client(Accept="text/html")
    answer = await send(stranger, post, body="A long text", cc="ann@x.example", smart=SMART)
    assert answer.status_code == 401
    page = check_page(answer)
    assert "Nothing is lost" in page.text
    for kept in ("A long text", "ann@x.example", SMART, f"Bob &lt;{BOB}&gt;", post.box):
        assert kept in answer.text
    nothing = await stranger.post("/compose", data={})
    assert (nothing.status_code, nothing.headers["location"]) == (303, "/sign-in")


async def test_an_answer_to_all_begins_with_its_people_its_copy_to_us_and_a_quote(post: Post) -> None:
    mail = letter("Offer", author=CLIENT, to=f"{BOX}, Ann <ann@bluefin.example>", text="How much?")
    id = await bring(post.site, post.box, mail)
    browser = await post.site.console()
    answer = await browser.get(f"/compose?reply_all={id}")
    assert check_page(answer).h1 == "Reply to all"
    assert begun_at(answer.text) == ["body"]
    assert begun_at((await browser.get("/compose")).text) == ["to"]
    assert f'value="{SMART}" checked' in answer.text
    assert 'value="Bob Miller &lt;bob@bluefin.example&gt;"' in answer.text
    assert "Ann &lt;ann@bluefin.example&gt;" in answer.text
    assert 'value="Re: Offer"' in answer.text
    assert "&gt; How much?" in answer.text
    assert f'<option value="{post.box}" selected>' in answer.text
    sent = await send(browser, post, how="reply", answers=id, subject="Re: Offer", body="Ten.", quoted="> How much?")
    await post.work()
    assert b"Ten.\r\n\r\n> How much?" in post.servers.parcels[0].message
    first = (await post.site.api.get(f"/v1/messages/{id}")).json()
    made = (await post.site.api.get(f"/v1/messages/{sent.headers['location'].rpartition('/')[2]}")).json()
    assert made["thread"] == first["thread"]


async def test_a_forward_names_the_files_that_go_along(post: Post) -> None:
    mail = letter("Offer", author=CLIENT, to=BOX, files=[("plan.pdf", "application/pdf", b"%PDF")])
    id = await bring(post.site, post.box, mail)
    browser = await post.site.console()
    page = check_page(await browser.get(f"/compose?forward={id}"))
    assert "plan.pdf goes along" in page.text
    await send(browser, post, how="forward", forwards=id, subject="Fwd: Offer", html="on", quoted="From: <Bob>\nx")
    await post.work()
    message = post.servers.parcels[0].message
    assert b"plan.pdf" in message
    assert b"From: &lt;Bob&gt;<br>" in message.replace(b"=\r\n", b"").replace(b"=3D", b"=")


async def test_who_has_no_mailbox_is_told_how_to_connect_one(site: Site) -> None:
    page = check_page(await (await site.console()).get("/compose"))
    assert "There is no mailbox to send from" in page.text
    assert "/mailboxes" in page.links
    assert "mailto:?cc=acme%40mail.kommo.com" in page.links


async def test_a_template_is_previewed_and_put_into_the_mail(post: Post) -> None:
    api, browser = post.site.api, await post.site.console()
    contact = (await api.post("/v1/contacts", json={"name": "Bob Miller", "emails": [BOB]})).json()
    made = await api.post(
        "/v1/templates",
        json={
            "name": "Hello",
            "subject": "For {{ contact.name }}",
            "body": "Dear {{ contact.first_name }}{{ lead.name }}",
        },
    )
    template = made.json()["id"]
    opened = await browser.get(f"/compose?contact={contact['id']}")
    assert f"Bob Miller &lt;{BOB}&gt;" in opened.text
    looked = check_page(await send(browser, post, template=template, do="look"))
    assert "For Bob Miller Dear Bob" in looked.text
    assert "Nothing stands in: lead.name" in looked.text
    filled = await send(browser, post, template=template, do="fill")
    assert filled.status_code == 200
    assert 'value="For Bob Miller"' in filled.text
    assert "Dear Bob\n\nHello Bob</textarea>" in filled.text
    answer = await send(browser, post, template=template, do="fill", how="reply", subject="Re: Offer", body="")
    assert 'value="Re: Offer"' in answer.text
    found = (await browser.post("/compose/fill", data={"template": template, "to": BOB})).json()
    assert (found["subject"], found["body"], found["is_html"]) == ("For Bob Miller", "Dear Bob", False)
    none = (await browser.post("/compose/fill", data={"to": BOB})).json()
    assert "Choose a template first." in none["html"]
    assert (await send(browser, post, do="look")).status_code == 200
    lead = (await api.post("/v1/leads", json={"name": "Boats", "contacts": [contact["id"]]})).json()["id"]
    about = await browser.post("/compose/fill", data={"template": template, "to": BOB, "lead": lead})
    assert about.json()["body"] == "Dear BobBoats"
    gone = await browser.post("/compose/fill", data={"template": template, "to": BOB, "lead": "none"})
    assert gone.json()["body"] == "Dear BobBoats"
    to_lead = await browser.get(f"/compose?lead={lead}")
    assert "Bob Miller" in to_lead.text


async def test_people_are_offered_by_name_and_address(post: Post) -> None:
    for name, address in {"Bob Miller": BOB, "Miller, Ann": "ann@x.example", "eve@x.example": "eve@x.example"}.items():
        await post.site.api.post("/v1/contacts", json={"name": name, "emails": [address]})
    browser = await post.site.console()
    found = (await browser.get("/compose/people?q=mill")).json()
    assert sorted(found) == ['"Miller, Ann" <ann@x.example>', f"Bob Miller <{BOB}>"]
    assert (await browser.get("/compose/people?q=eve")).json() == ["eve@x.example"]


async def test_nobody_sends_from_a_mailbox_that_is_not_theirs(post: Post) -> None:
    owner = await add_reader(post.site, "dimas@acme.example")
    box = await post.connect("dimas@acme.example", owner.id, kind="personal")
    browser = await post.site.console()
    assert "dimas@acme.example" not in (await browser.get("/compose")).text
    answer = await send(browser, post, mailbox=box, body="Kept")
    assert answer.status_code == 403
    assert "Only its owner sends from a personal mailbox" in check_page(answer).text
    assert "Kept" in answer.text


async def test_a_mail_that_waits_is_taken_back_and_sent_again(post: Post) -> None:
    browser = await post.site.console()
    at = (await send(browser, post)).headers["location"]
    cancelled = await browser.post(f"{at}/cancel")
    assert (cancelled.status_code, cancelled.headers["location"]) == (303, at)
    assert "This mail was not sent" in check_page(await browser.get(at)).text
    assert (await browser.post(f"{at}/cancel")).status_code == 409
    await browser.post(f"{at}/retry")
    await post.work()
    assert len(post.servers.parcels) == 1
