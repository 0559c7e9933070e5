"""Signing in by a password and by a mailed link: who is let in, who is slowed down, and what nobody learns by it."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import replace
from urllib.parse import quote

import httpx2
import pytest
from argon2 import PasswordHasher

from gateway.counting import Buckets, Lock, SharedBuckets
from gateway.hashing import Hasher
from gateway.usecases.users import forget_password
from gateway.web.app import build
from gateway.web.guesses import Guesses
from tests.web.boxes import change_box, connect
from tests.web.site import URL, Site, check_page
from tests.web.test_walls import new_link

PASSWORD = "correct horse battery staple"
ANA = {"account": "acme", "email": "ana@acme.example", "password": PASSWORD}


async def set_password(site: Site, browser: httpx2.AsyncClient, new: str = PASSWORD, present: str = "") -> None:
    answer = await browser.post("/me/password", data={"present": present, "new": new})
    assert answer.headers["location"] == "/me?done=password", answer.text


async def ready(site: Site) -> httpx2.AsyncClient:
    """A stranger's browser, on a site where Ana has a password."""
    await set_password(site, await site.console())
    return site.client(Accept="text/html")


async def test_a_password_signs_in_however_the_names_are_written(site: Site) -> None:
    browser = await ready(site)
    for account, email in (("acme", "ana@acme.example"), (" ACME ", "Ana@ACME.example ")):
        opened = await browser.post("/sign-in", data={"account": account, "email": email, "password": PASSWORD})
        assert (opened.status_code, opened.headers["location"]) == (303, "/")
        assert (await browser.get("/")).status_code == 200


WRONG = {
    "a wrong password": {"password": "correct horse battery stable"},
    "a colleague's password": {"email": "dimas@acme.example"},
    "another account": {"account": "other"},
    "an account there isn't": {"account": "nobody"},
    "a user there isn't": {"email": "nobody@acme.example"},
    "no address at all": {"email": "ana"},
}


async def test_nobody_learns_who_is_a_user_or_has_a_password(site: Site) -> None:
    browser = await ready(site)
    await site.add_user("dimas@acme.example", "Dimas")
    said = set()
    for name, change in WRONG.items():
        answer = await browser.post("/sign-in", data=ANA | change)
        assert (answer.status_code, "smartgate_session" in browser.cookies) == (422, False), name
        page = check_page(answer)
        said.add(page.text)
    assert len(said) == 1
    assert "These don’t fit together." in said.pop()


@pytest.mark.parametrize("lacking", ["account", "email", "password"])
async def test_an_empty_field_says_what_to_type_and_the_others_stay(site: Site, lacking: str) -> None:
    answer = await site.client(Accept="text/html").post("/sign-in", data=ANA | {lacking: " " * (lacking != "password")})
    assert answer.status_code == 422
    check_page(answer)
    assert re.search(f'id="{lacking}"[^>]*aria-invalid="true" aria-describedby="{lacking}-h"', answer.text)
    assert PASSWORD not in answer.text
    assert lacking == "email" or 'value="ana@acme.example"' in answer.text


async def test_ten_wrong_passwords_slow_down_and_a_right_link_still_opens(site: Site) -> None:
    browser = await ready(site)
    for _ in range(10):
        assert (await browser.post("/sign-in", data=ANA | {"password": "guess"})).status_code == 422
    answer = await browser.post("/sign-in", data=ANA)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert "Wait 1 minute, then try again. A sign-in link works at once." in check_page(answer).text
    other = await browser.post("/sign-in", data=ANA | {"email": "dimas@acme.example"})
    assert other.status_code == 422
    assert (await site.console(await new_link(site))).cookies["smartgate_session"]


async def test_a_right_password_is_not_counted(site: Site) -> None:
    browser = await ready(site)
    for _ in range(15):
        assert (await browser.post("/sign-in", data=ANA)).status_code == 303


async def test_ten_wrong_passwords_at_one_moment_are_no_more_than_ten(site: Site) -> None:
    await ready(site)
    tries = (site.client(Accept="text/html").post("/sign-in", data=ANA | {"password": str(n)}) for n in range(14))
    answers = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert sorted(answers) == [422] * 10 + [429] * 4


@pytest.mark.parametrize("shared", [False, True])
def test_guesses_are_counted_by_user_and_by_address_and_come_back_with_time(shared: bool) -> None:
    now = 1_000.0

    def made(most: float) -> Buckets | SharedBuckets:
        clock = lambda: now  # noqa: E731
        return SharedBuckets(most, 600, Lock(), os.urandom(16), clock) if shared else Buckets(most, 600, clock)

    guesses = Guesses(made(2), made(3), made(1))
    assert [guesses.begin("ana", "192.0.2.1") for _ in range(3)] == [0, 0, 300]
    assert guesses.begin("bob", "192.0.2.1") == 0
    assert guesses.begin("cid", "192.0.2.1") == 200
    assert guesses.begin("cid", "192.0.2.2") == 0
    guesses.right("ana", "192.0.2.1")
    assert guesses.begin("ana", "192.0.2.1") == 0
    for n in range(3):
        assert guesses.begin(f"by IPv6 {n}", f"2001:db8::{n}") == 0
    assert guesses.begin("by IPv6", "2001:db8::ffff:1") == 200
    assert guesses.begin("by IPv6", "2001:db8:0:1::1") == 0
    assert guesses.begin("on a unix socket", "") == 0
    assert [guesses.may_mail("ana") for _ in range(2)] == [True, False]
    now += 300
    assert guesses.begin("ana", "192.0.2.1") == 0


async def test_signing_in_anew_ends_the_session_the_browser_had(site: Site) -> None:
    browser = await ready(site)
    await browser.post("/sign-in", data=ANA)
    first = browser.cookies["smartgate_session"]
    await browser.post("/sign-in", data=ANA)
    assert browser.cookies["smartgate_session"] != first
    assert (await site.client(Cookie=f"smartgate_session={first}").get("/")).status_code == 303


WAYS = {
    # story                        asked for                        led to
    "a page": ("/trace?q=offer%20x&verdict=file", "/trace?q=offer%20x&verdict=file"),
    "home": ("/", "/"),
    "a page with an address": ("/mailboxes/consent?address=a%40b.example", "/mailboxes/consent?address=a%40b.example"),
    "a page without an end": (f"/trace?q={'x' * 2000}", "/"),
}


@pytest.mark.parametrize("by", ["link", "password"])
@pytest.mark.parametrize(("asked", "led"), WAYS.values(), ids=WAYS)
async def test_who_asked_for_a_page_is_led_back_there(site: Site, by: str, asked: str, led: str) -> None:
    browser = await ready(site)
    assert (await browser.get(asked)).headers["location"] == "/sign-in"
    assert (await browser.get("/sign-in")).status_code == 200
    link = await new_link(site)
    opened = await (browser.get(link) if by == "link" else browser.post("/sign-in", data=ANA))
    assert (opened.status_code, opened.headers["location"]) == (303, led)
    again = await browser.post("/sign-in", data=ANA)
    assert again.headers["location"] == "/"


@pytest.mark.parametrize(
    "way",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/sign-in/x",
        "javascript:",
    ],
)
async def test_nobody_is_led_away_from_here(site: Site, way: str) -> None:
    await ready(site)
    stranger = site.client(Accept="text/html", Cookie=f"smartgate_way={quote(way, safe='')}")
    assert (await stranger.post("/sign-in", data=ANA)).headers["location"] == "/"


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Dest": "image"}, {"Sec-Fetch-Dest": "iframe"}, {"Sec-Purpose": "prefetch;prerender"}],
    ids=str,
)
async def test_a_link_is_opened_by_people_and_by_no_picture_of_a_mail(site: Site, headers: dict[str, str]) -> None:
    browser, link = site.client(Accept="text/html"), await new_link(site)
    seen = await browser.get(link, headers=headers)
    assert (seen.status_code, "smartgate_session" in browser.cookies) == (403, False)
    assert (await browser.get(link, headers={"Sec-Fetch-Dest": "document"})).status_code == 303


async def ask(browser: httpx2.AsyncClient, **changes: str) -> httpx2.Response:
    return await browser.post("/sign-in/link", data={"account": "acme", "email": "ana@acme.example"} | changes)


async def sender(site: Site, address: str, *, kind: str, can_send: bool) -> str:
    box = await connect(site, address, "" if kind == "shared" else site.acme.owner.id, kind=kind)
    await change_box(site, box, can_send=can_send)
    return box


async def sending(site: Site) -> str:
    """A shared mailbox of Acme's that can send, chosen for sign-in links; its id."""
    box = await sender(site, "sales@acme.example", kind="shared", can_send=True)
    answer = await site.api.patch("/v1/account", json={"link_mailbox": "sales@acme.example"})
    assert answer.json()["link_mailbox"] == box, answer.text
    return box


async def test_a_link_is_mailed_works_once_and_nobody_learns_who_got_one(site: Site) -> None:
    await sending(site)
    browser = site.client(Accept="text/html")
    answers = [
        await ask(browser),
        await ask(browser, email="nobody@acme.example"),
        await ask(browser, account="other", email="olga@other.example"),
        await ask(browser, account="nobody"),
    ]
    assert {(one.status_code, one.headers["location"], one.content) for one in answers} == {
        (303, "/sign-in?asked=1", b"")
    }
    assert "a link is on its way" in check_page(await browser.get("/sign-in?asked=1")).text
    [(to, subject, text)] = site.post.letters
    assert (to, subject) == ("ana@acme.example", "Your sign-in link")
    link = re.search(rf"^{URL}/sign-in/\S+$", text, re.M)
    assert link is not None
    await site.console(link[0])
    assert (await site.client(Accept="text/html").get(link[0])).status_code == 410


async def test_links_by_mail_are_few_and_the_answer_stays_the_same(site: Site) -> None:
    await sending(site)
    browser = site.client(Accept="text/html")
    for _ in range(5):
        assert (await ask(browser)).headers["location"] == "/sign-in?asked=1"
    assert len(site.post.letters) == 3


async def test_no_link_is_mailed_where_the_mailbox_is_gone_or_nothing_can_be_sent(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = await sending(site)
    monkeypatch.setattr(type(site.post), "__call__", lambda *_: False)
    await ask(site.client())
    sessions = (await site.api.get("/v1/audit")).json()["data"]
    assert "link.mailed" not in {one["what"] for one in sessions}
    monkeypatch.undo()
    assert (await site.api.delete(f"/v1/mailboxes/{box}?emails=keep")).status_code in (200, 204)
    await ask(site.client())
    assert site.post.letters == []


async def test_a_failure_to_mail_is_not_told_to_whoever_asks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await sending(site)

    def fails(*_: object) -> bool:
        raise RuntimeError("no disk")

    monkeypatch.setattr(type(site.post), "__call__", fails)
    assert (await ask(site.client())).status_code == 303


async def test_where_nothing_is_mailed_no_button_says_so(site: Site) -> None:
    app = build(replace(site.app.state.services, send_link=None))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL) as browser:
        assert "Mail me a link" not in (await browser.get("/sign-in", headers={"Accept": "text/html"})).text
        assert (await ask(browser)).status_code == 422


CHOICES = {
    "a personal one": {"kind": "personal", "can_send": True},
    "one that can't send": {"kind": "shared", "can_send": False},
}


@pytest.mark.parametrize("chosen", CHOICES.values(), ids=CHOICES)
async def test_only_a_shared_mailbox_that_can_send_mails_links(site: Site, chosen: dict[str, object]) -> None:
    await sender(site, "box@acme.example", **chosen)  # type: ignore[arg-type]
    for named in ("box@acme.example", "none@acme.example"):
        answer = await site.api.patch("/v1/account", json={"link_mailbox": named})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/link_mailbox")
    assert (await site.api.patch("/v1/account", json={"link_mailbox": ""})).json()["link_mailbox"] is None


async def test_a_forgotten_password_is_taken_away_by_the_operator(site: Site) -> None:
    browser = await ready(site)
    await browser.post("/sign-in", data=ANA)
    await site.store.write(lambda tx: forget_password(tx, "acme", "ana@acme.example"))
    assert (await browser.get("/")).status_code == 303
    assert (await browser.post("/sign-in", data=ANA)).status_code == 422


async def test_a_password_that_was_hashed_at_another_cost_is_hashed_anew(site: Site) -> None:
    browser = await ready(site)
    dearer = Hasher(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    app = build(replace(site.app.state.services, hasher=dearer))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL) as changed:
        assert (await changed.post("/sign-in", data=ANA)).status_code == 303
    kept = await site.store.read(
        lambda tx: tx.exec_driver_sql("SELECT password FROM users WHERE password <> ''").scalar()
    )
    assert "m=16,t=2,p=1" in str(kept)
    assert (await browser.post("/sign-in", data=ANA)).status_code == 303


async def test_a_session_notes_its_browser_and_that_it_is_in_use(site: Site) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    browser = site.client(Accept="text/html", **{"User-Agent": agent})
    await browser.get(site.acme.sign_in_url)
    assert "Firefox on Linux This one" in check_page(await browser.get("/me")).text
    done = (await site.api.get("/v1/audit")).json()["data"][0]
    assert (done["what"], done["who"], done["about"]) == (
        "session.opened",
        "ana@acme.example",
        {"device": "Firefox on Linux", "by": "link"},
    )
