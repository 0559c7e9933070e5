"""Lists of mail in the console: in threads or not, by mailbox and folder, and what may be chosen there."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from gateway.store import few_mail
from gateway.store.engine import Tx
from gateway.store.few_mail import is_of_few
from gateway.store.mailbox_reading import find_sight
from gateway.usecases.edit_session import who_is
from gateway.usecases.list_mail import Filter, list_mail
from tests.web.boxes import Reader, add_reader, also, bring, change_box, connect, number
from tests.web.site import ANA, CLIENT, URL, Page, Site, check_page, letter
from tests.web.test_held import UNPROVEN

ROW = re.compile(r"/(?:mail|threads)/([0-9A-Z]{26})\?from=")


async def as_user(site: Site, email: str, name: str = "Priya") -> httpx2.AsyncClient:
    """A browser in which another user of Acme is signed in."""
    return await site.console(f"{URL}/sign-in/{await site.add_user(email, name, kind='sign_in')}")


async def page_of(browser: httpx2.AsyncClient, path: str = "/mail") -> Page:
    return check_page(await browser.get(path))


def opened(page: Page) -> list[str]:
    """The messages, and threads of several, whose rows a page has, in their order."""
    return [found[1] for link in page.links if (found := ROW.match(link))]


def reply(n: int) -> bytes:
    return letter("Re: Offer", author=CLIENT, to=ANA, text=f"answer {n}", id=f"<{n}@x.example>")


async def test_a_thread_is_one_row_by_its_newest_mail_and_single_mails_are_a_link_away(site: Site) -> None:
    await site.hand(letter("Offer", id="<0@x.example>"))
    await site.hand(letter("Other", to="carol@c.example"))
    for n in range(1, 4):
        await site.hand(reply(n))
    browser = await site.console()
    together = await page_of(browser)
    assert len(opened(together)) == 2
    assert "Bob Miller 4, 4 mails Re: Offer answer 3" in together.text
    single = next(link for link in together.links if "view=messages" in link)
    apart = await page_of(browser, single)
    assert len(opened(apart)) == 5
    thread = await page_of(browser, next(link for link in together.links if link.startswith("/threads/")))
    assert any(opened(apart)[0] in link for link in thread.links)
    assert "Group in threads" in apart.text
    assert len((await site.api.get("/v1/threads")).json()["data"]) == 2


FOLDERS = {"": ["answer 1", "Hello Carol"], "?folder=inbox": ["answer 1"], "?folder=sent": ["Hello Carol", "Hello Bob"]}


@pytest.mark.parametrize(("query", "texts"), FOLDERS.items(), ids=FOLDERS)
async def test_inbox_and_sent_each_show_a_thread_by_their_own_newest(site: Site, query: str, texts: list[str]) -> None:
    await site.hand(letter("Offer", id="<0@x.example>"))
    await site.hand(letter("Other", to="carol@c.example", text="Hello Carol"))
    await site.hand(reply(1))
    page = await page_of(await site.console(), f"/mail{query}")
    assert len(opened(page)) == len(texts)
    assert [text for text in ("answer 1", "Hello Carol", "Hello Bob") if text in page.text] == texts


async def test_a_mailbox_with_threads_off_lists_mails_and_switching_rewrites_nothing(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    box = await connect(site, "dimas@acme.example", dimas.id, kind="shared")
    for n in range(3):
        id = await bring(site, box, letter(f"Offer {n}", text=str(n)))
        await change_thread(site, id)
    browser = await site.console()
    before = (await site.api.get("/v1/threads")).json()["data"]
    for threads, rows in ((True, 1), (False, 3), (True, 1)):
        await change_box(site, box, threads=threads)
        for query in ("", f"?mailbox={box}"):
            assert len(opened(await page_of(browser, f"/mail{query}"))) == rows
        assert len(opened(await page_of(browser, f"/mail?mailbox={box}&view=messages"))) == 3
        assert len(opened(await page_of(browser, f"/mail?mailbox={box}&view=threads"))) == 1
    assert (await site.api.get("/v1/threads")).json()["data"] == before
    assert len(opened(await page_of(browser, "/mail?mailbox=smart"))) == 0


async def change_thread(site: Site, id: str) -> None:
    """Puts a message into the thread of the first one of its mailbox."""

    def put(tx: Tx) -> None:
        sql = "UPDATE sources SET thread = (SELECT min(id) FROM threads WHERE mailbox <> 'smart') WHERE message = '{}'"
        tx.exec_driver_sql(sql.format(id))

    await site.store.write(put)


async def test_pages_of_threads_hold_each_once(site: Site) -> None:
    for n in range(120):
        await site.hand(letter(f"Offer {n % 60}", text=str(n), id=f"<{n}@x.example>"))
    browser, seen, path = await site.console(), [], "/mail"
    while path:
        page = await page_of(browser, path)
        seen += opened(page)
        path = next((link for link in page.links if "after=" in link), "")
    assert len(seen) == len(set(seen)) == 60


@pytest.mark.parametrize("grouped", [True, False])
async def test_a_folder_with_few_of_many_mails_holds_the_same_either_way(
    site: Site, monkeypatch: pytest.MonkeyPatch, grouped: bool
) -> None:
    for n in range(3):
        await site.hand(letter(f"Offer {n}", text=str(n), id=f"<{n}@x.example>"))
    await site.hand(reply(1))
    who = await principal(site, await add_reader(site, "dimas@acme.example"))
    lists = {}
    for most in (few_mail.MOST_IN_FOLDER, -1):
        monkeypatch.setattr(few_mail, "MOST_IN_FOLDER", most)
        pages = [await list_mail(site.store, who, None, 9, Filter(folder=one), grouped) for one in ("inbox", "sent")]
        lists[most] = [[line.message.subject for line in page.rows] for page in pages]
    assert len({str(one) for one in lists.values()}) == 1
    assert [len(one) for one in lists[-1]] == [1, 3]


@pytest.mark.parametrize("grouped", [True, False])
async def test_who_may_open_little_of_much_gets_the_same_list_either_way(
    site: Site, monkeypatch: pytest.MonkeyPatch, grouped: bool
) -> None:
    dimas, umar = [await add_reader(site, f"{name}@acme.example") for name in ("dimas", "umar")]
    mine, his = [await connect(site, one.email, one.id) for one in (dimas, umar)]
    for n in range(12):
        mail = letter(f"Mail {n}", text=str(n), id=f"<{n}@x.example>")
        id = await bring(site, (mine, his, None)[n % 3], mail)
        if n % 4 == 1:
            await also(site, id, (his, mine)[n % 2], mail)

    async def walked(reader: Reader, **wanted: Any) -> list[str]:
        who, found, after = await principal(site, reader), [], None
        while True:
            page = await list_mail(site.store, who, after, 2, Filter(**wanted), grouped)
            found += [line.message.id for line in page.rows]
            after = page.next
            if after is None:
                return found

    asked: tuple[dict[str, Any], ...] = ({}, {"folder": "inbox"}, {"mailbox": "smart"}, {"mailbox": mine})
    few = [await walked(reader, **one) for reader in (dimas, umar) for one in asked]
    monkeypatch.setattr(few_mail, "MOST_THREADS", -1)
    monkeypatch.setattr(few_mail, "MOST_IN_FOLDER", -1)
    eyes = (await principal(site, dimas)).eyes
    many = lambda tx: is_of_few(tx, number(tx), None, None, find_sight(tx, number(tx), eyes))  # noqa: E731
    assert await site.store.read(many) is None
    assert [await walked(reader, **one) for reader in (dimas, umar) for one in asked] == few
    assert few[0]
    assert few[3]


async def principal(site: Site, reader: Reader) -> Any:
    return await who_is(site.store, reader.token)


async def test_a_mailbox_that_is_not_theirs_is_told_apart_from_an_empty_one(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    box = await connect(site, "dimas@acme.example", dimas.id)
    await bring(site, box, letter("Secret plan"))
    page = await page_of(await site.console(), f"/mail?mailbox={box}")
    assert "This mailbox is not there, or its mail is not yours to read." in page.text
    assert "Secret plan" not in page.text
    assert "dimas@acme.example" not in page.text


async def test_a_row_says_what_is_wrong_with_its_author_and_what_no_person_wrote(site: Site) -> None:
    await site.hand(letter("News", author=CLIENT, to=ANA).replace(b"To:", b"Auto-Submitted: auto-generated\r\nTo:", 1))
    site.looker.found = UNPROVEN
    await site.hand(letter("Pay this"))
    page = await page_of(await site.console())
    assert "Pay this Hello Bob Sender not proven" in page.text
    assert "News Hello Bob Automatic" in page.text
    assert page.text.count("Sender not proven") == page.text.count("Automatic") == 1


SEARCHES = {"q=Offer": 1, "q=nothing": 0, "since=2020-01-01": 1, "until=2020-01-01": 0, "folder=inbox&q=Offer": 0}


@pytest.mark.parametrize(("query", "found"), SEARCHES.items(), ids=SEARCHES)
async def test_mail_is_looked_for_by_words_and_days(site: Site, query: str, found: int) -> None:
    await site.hand(letter("Offer"))
    await site.index()
    page = await page_of(await site.console(), f"/mail?{query}")
    assert len(opened(page)) == found
    assert ("No mail matches." in page.text) == (found == 0)
    assert ("Search all mail" in page.text) == ("folder" in query)
    assert ("/trace?q=nothing" in page.links) == (query == "q=nothing")


async def test_a_page_of_fifty_is_small(site: Site) -> None:
    words = "many words of a mail that goes on and on, " * 6
    for n in range(51):
        await site.hand(letter(f"Subject {n} {words}"[:150], text=f"{n} {words}"))
    browser = await site.console()
    for path in ("/mail", "/mail?view=messages&folder=sent"):
        answer = await browser.get(path)
        assert len(opened(check_page(answer))) == 50
        assert len(answer.content) < 100_000


async def test_deleted_says_how_long_and_is_the_admins(site: Site) -> None:
    await site.hand(letter("Offer"))
    browser, user = await site.console(), await as_user(site, "priya@acme.example")
    [id] = opened(await page_of(browser))
    assert "Nothing is deleted." in (await page_of(browser, "/deleted")).text
    await site.api.delete(f"/v1/messages/{id}")
    page = await page_of(browser, "/deleted")
    assert opened(page) == [id]
    assert "29 days left" in page.text
    assert (await user.get("/deleted")).status_code == 403
    assert "/deleted" not in (await page_of(user)).links


async def test_the_keys_are_told_without_a_script(site: Site) -> None:
    browser = await site.console()
    assert "/help#keys" in (await page_of(browser)).links
    page = await page_of(browser, "/help")
    assert "Delete what is selected, else the row" in page.text
