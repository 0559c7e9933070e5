"""Doing something to several mails at once, what is said of it, and taking it back as it was (E8, B7, F)."""

from __future__ import annotations

import html
import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from gateway.core.tally import TAKE_BACK_MS
from gateway.store import tables
from gateway.store.access import issue_token
from gateway.store.audit import list_entries
from gateway.store.engine import Tx
from gateway.usecases import delete_mail, undo_mail
from gateway.usecases.accounts import _now
from gateway.web.console.bulk import read_back
from tests.web.boxes import add_reader, also, bring, connect, number
from tests.web.site import URL, Page, Site, check_page, letter
from tests.web.test_deleted import age, everywhere, rows
from tests.web.test_held import hold
from tests.web.test_lists import as_user


async def send(browser: httpx2.AsyncClient, path: str = "/mail/bulk", **form: Any) -> Page:
    """Sends a form as a browser does, and goes where the answer leads."""
    answer = await browser.post(path, data=form, headers={"Origin": URL})
    if answer.status_code == 303:
        answer = await browser.get(answer.headers["location"])
    assert answer.status_code == 200, answer.text
    page = check_page(answer)
    found = re.search(r'action="(/undo/[0-9A-Z]+)"', answer.text)
    page.targets = [html.unescape(found[1])] if found else []
    return page


async def some(site: Site, many: int = 3) -> list[str]:
    """Files mails of one thread, oldest first; their ids."""
    for n in range(many):
        await site.hand(
            letter("Offer", text=f"Hello {n}", id=f"<{n}@x.example>", files=[("a.txt", "text/plain", b"x")])
        )
    return [row["id"] for row in await rows(site, "messages")][::-1]


async def noted(site: Site) -> list[tuple[str, str, str]]:
    """Who did what to which mail, oldest first."""
    page = await site.store.read(lambda tx: list_entries(tx, number(tx), None, 100))
    return [(one.who, one.what, one.subject) for one in page.rows if one.what.startswith("message.")][::-1]


async def told(site: Site, id: str) -> list[str]:
    events = await rows(site, "events?limit=200")
    return [event["type"] for event in events if event["subject"] == id]


async def test_undoing_brings_back_all_of_it(site: Site) -> None:
    ids, browser = await some(site), await site.console()
    before = await everywhere(site)
    page = await send(browser, do="delete", id=ids[:2])
    assert "2 mails deleted." in page.text
    assert len(await rows(site, "messages")) == 1
    assert [one["count"] for one in await rows(site, "threads")] == [1]
    page = await send(browser, page.targets[0])
    assert "2 mails are back where they were." in page.text
    assert page.targets == []
    assert await everywhere(site) == before
    assert await rows(site, "messages?folder=deleted") == []
    assert await told(site, ids[0]) == ["message.filed", "message.deleted", "message.restored"]
    ana = "ana@acme.example"
    back = [(ana, "message.restored", id) for id in ids[:2]]
    assert await noted(site) == [(ana, "message.deleted", id) for id in ids[:2]] + back


async def test_a_thread_is_deleted_whole_and_comes_back_whole(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delete_mail, "AT_ONCE", 2)
    monkeypatch.setattr(undo_mail, "AT_ONCE", 2)
    ids, browser = await some(site, 5), await site.console()
    before = await everywhere(site)
    [thread] = await rows(site, "threads")
    page = await send(browser, do="delete", thread=[thread["id"]], id=[ids[0]])
    assert "5 mails deleted." in page.text
    assert await rows(site, "messages") == await rows(site, "threads") == []
    assert "5 mails are back where they were." in (await send(browser, page.targets[0])).text
    assert await everywhere(site) == before


async def test_e8_undoing_brings_back_what_this_person_took_away_and_no_more(site: Site) -> None:
    dimas, umar = [await add_reader(site, f"{name}@acme.example") for name in ("dimas", "umar")]
    mail = letter("Offer", id="<1@x.example>")
    id = await bring(site, None, mail)
    for owner in (dimas, umar):
        await also(site, id, await connect(site, owner.email, owner.id), mail)
    browser = await site.console(f"{URL}/sign-in/{await site.store.write(lambda tx: link(tx, dimas.id))}")

    async def sources() -> list[int]:
        return [len(one["sources"]) for reader in (dimas, umar) for one in await rows(site, "messages", reader.token)]

    assert await sources() == [2, 2]
    page = await send(browser, do="delete", id=[id])
    assert await sources() == [1]
    await send(browser, page.targets[0])
    assert await sources() == [2, 2]
    assert await told(site, id) == ["message.filed"]
    await site.client(umar.token).delete(f"/v1/messages/{id}")
    page = await send(browser, do="delete", id=[id])
    assert len(await rows(site, "messages?folder=deleted")) == 1
    await send(browser, page.targets[0])
    assert await sources() == [1]
    assert await told(site, id) == ["message.filed", "message.deleted", "message.restored"]


def link(tx: Tx, user: str) -> str:
    """A one-time link of a user of Acme."""
    return issue_token(tx, number(tx), user, "sign_in", _now())


async def test_only_who_did_it_takes_it_back_once_and_within_a_minute(site: Site) -> None:
    ids, browser = await some(site), await site.console()
    user = await as_user(site, "priya@acme.example")
    undo = (await send(user, do="delete", id=[ids[0]])).targets[0]
    refused = await browser.post(undo, headers={"Origin": URL})
    assert refused.status_code == 404
    assert "There is nothing to take back" in check_page(refused).text
    assert "1 mail is back where it was." in (await send(user, undo)).text
    assert (await user.post(undo, headers={"Origin": URL})).status_code == 404
    undo = (await send(user, do="delete", id=[ids[0]])).targets[0]
    earlier = tables.undoings.c.at - TAKE_BACK_MS - 1
    await site.store.write(lambda tx: tx.execute(update(tables.undoings).values(at=earlier)))
    assert (await user.post(undo, headers={"Origin": URL})).status_code == 404
    assert len(await rows(site, "messages")) == 2
    await send(user, do="delete", id=[ids[1]])
    left = await site.store.read(lambda tx: tx.execute(select(tables.undoings)).all())
    assert len(left) == 1
    assert len(undo.rpartition("/")[2]) == 26


async def test_restoring_is_undone_to_the_days_it_had_left(site: Site) -> None:
    ids, browser = await some(site), await site.console()
    await send(browser, do="delete", id=ids)
    await age(site, 10)
    before = check_page(await browser.get("/deleted")).text
    assert "19 days left" in before
    page = await send(browser, do="restore", id=ids[:2], back="/deleted")
    assert "2 mails are back where they were." in page.text
    assert len(await rows(site, "messages")) == 2
    page = await send(browser, page.targets[0], back="/deleted")
    assert "2 mails are in Deleted again." in page.text
    assert page.text.count("19 days left") == 3
    assert await rows(site, "messages") == await rows(site, "threads") == []
    assert (await told(site, ids[0]))[-3:] == ["message.deleted", "message.restored", "message.deleted"]


async def test_dropping_for_good_asks_and_cannot_be_taken_back(site: Site) -> None:
    ids, browser = await some(site), await site.console()
    await send(browser, do="delete", id=ids)
    asked = await send(browser, do="purge", id=ids[:2], back="/deleted")
    assert asked.h1 == "Drop 2 mails for good?"
    assert "Nobody can bring them back" in asked.text
    assert "/deleted" in asked.links
    assert len(await rows(site, "messages?folder=deleted")) == 3
    page = await send(browser, do="purge", id=[*ids[:2], "none"], back="/deleted", sure="yes")
    assert "2 mails dropped for good. 1 was not there any more." in page.text
    assert page.targets == []
    assert [one["id"] for one in await rows(site, "messages?folder=deleted")] == [ids[2]]
    assert [one for one in await noted(site) if one[1] == "message.purged"] == [
        ("ana@acme.example", "message.purged", id) for id in ids[:2]
    ]


async def test_all_that_a_page_shows_is_chosen_with_one_tick(site: Site) -> None:
    await site.hand(letter("Other", to="carol@c.example"))
    ids, browser = await some(site), await site.console()
    shown = re.findall(r'name="shown" value="([^"]+)"', (await browser.get("/mail")).text)
    assert len(shown) == 2
    page = await send(browser, do="delete", shown=shown, all="1")
    assert "4 mails deleted." in page.text
    assert await rows(site, "messages") == []
    assert len(ids) == 4
    assert "deleted." not in (await send(browser, do="delete", shown=shown)).text


async def test_held_mail_is_released_and_refused_several_at_once(site: Site) -> None:
    ids = [await hold(site, f"Mail {n}", text=str(n)) for n in range(4)]
    browser = await site.console()
    page = await send(browser, do="release", id=[*ids[:2], "none"], back="/held")
    assert "2 mails released and filed. 1 was not there any more." in page.text
    assert {one["id"] for one in await rows(site, "messages")} == set(ids[:2])
    asked = await send(browser, do="refuse", id=ids[2:], back="/held")
    assert asked.h1 == "Refuse 2 mails?"
    page = await send(browser, do="refuse", id=ids[2:], back="/held", sure="yes")
    assert "2 mails refused; their content is gone." in page.text
    assert "Nothing is held." in page.text
    ana = "ana@acme.example"
    released = [(ana, "message.released", id) for id in ids[:2]]
    assert await noted(site) == released + [(ana, "message.refused", id) for id in ids[2:]]


async def test_what_todays_rules_refuse_stays_held_beside_what_is_released(site: Site) -> None:
    id = await hold(site)
    await site.api.patch("/v1/account", json={"strangers": "accept", "own_domains": ["reachly.example"]})
    page = await send(await site.console(), do="release", id=[id], back="/held")
    assert "1 stays held: today’s rules don’t let it in." in page.text
    assert len(await rows(site, "messages?folder=held")) == 1


async def test_what_may_not_be_deleted_is_said(site: Site) -> None:
    dimas = await add_reader(site, "dimas@acme.example")
    locked = await bring(site, await connect(site, dimas.email, dimas.id), letter("Private", id="<p@x.example>"))
    await site.hand(letter("Open"))
    [mine] = await rows(site, "messages")
    page = await send(await site.console(), do="delete", id=[mine["id"], locked])
    assert "1 mail deleted. 1 may not be deleted by you." in page.text
    assert [one["id"] for one in await rows(site, "messages", dimas.token)] == [locked]


async def test_single_deeds_over_the_api_are_written_down_as_well(site: Site) -> None:
    [id] = await some(site, 1)
    held = [await hold(site, f"Held {n}", text=str(n)) for n in range(2)]
    await site.api.delete(f"/v1/messages/{id}")
    await site.api.post(f"/v1/messages/{id}/restore")
    await site.api.delete(f"/v1/messages/{id}")
    await site.api.delete(f"/v1/messages/{id}?purge=true")
    await site.api.post(f"/v1/messages/{held[0]}/release")
    await site.api.post(f"/v1/messages/{held[1]}/refuse")
    done = ["deleted", "restored", "deleted", "purged", "released", "refused"]
    assert [one[1:] for one in await noted(site)] == [
        (f"message.{what}", about) for what, about in zip(done, [*[id] * 4, *held], strict=True)
    ]


async def test_a_user_deletes_and_does_nothing_that_is_an_admins(site: Site) -> None:
    ids, user = await some(site), await as_user(site, "priya@acme.example")
    await site.api.delete(f"/v1/messages/{ids[0]}")
    for do in ("restore", "purge", "release", "refuse"):
        answer = await user.post("/mail/bulk", data={"do": do, "id": ids, "sure": "yes"}, headers={"Origin": URL})
        assert answer.status_code == 403, do
    assert len(await rows(site, "messages?folder=deleted")) == 1
    assert "1 mail deleted." in (await send(user, do="delete", id=[ids[1]])).text


async def test_a_form_that_is_not_ours_does_nothing(site: Site) -> None:
    ids, browser = await some(site), await site.console()
    wrong: tuple[dict[str, Any], ...] = ({"do": "erase", "id": ids}, {"do": "delete", "id": ["x"] * 101})
    for form in wrong:
        assert (await browser.post("/mail/bulk", data=form, headers={"Origin": URL})).status_code == 422
    nothing: tuple[dict[str, Any], ...] = ({"do": "delete"}, {"id": ids})
    for form in nothing:
        answer = await browser.post("/mail/bulk", data=form, headers={"Origin": URL})
        assert (answer.status_code, answer.headers["location"]) == (303, "/mail")
    assert len(await rows(site, "messages")) == 3


BACK = {
    "/mail?folder=sent&did=01X&q=a+b": "/mail?folder=sent&q=a+b",
    "/deleted": "/deleted",
    "//evil.example/mail": "/mail",
    "https://evil.example": "/mail",
    " ////evil.example": "/mail",
    "/\t///evil.example": "/mail",
    "/\\evil.example": "/mail",
    "mail": "/mail",
    "": "/mail",
}


@pytest.mark.parametrize(("text", "path"), BACK.items(), ids=BACK)
def test_an_answer_leads_to_a_page_of_ours(text: str, path: str) -> None:
    assert read_back(text) == path
