"""Who sees what of mail that came by people's own mailboxes: every reader, every kind of mailbox, every way (E2, F)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from gateway.core.facts import Auth
from tests.web.boxes import Reader, add_reader, also, bring, change_box, connect
from tests.web.site import Site, check_page, letter

FILE = ("plan.txt", "text/plain", b"the plan")
EVERYBODY = {"owner", "admin", "team", "user"}
MAY_OPEN = {
    # the mail came by                who may open it
    "a smart address": EVERYBODY,
    "a personal mailbox": {"owner"},
    "a personal one its owner shows to admins": {"owner", "admin"},
    "a shared mailbox": {"admin", "team"},
    "a mailbox nobody knows": set[str](),
}


@dataclass
class Town:
    """Acme with four readers, and mail that came by one kind of mailbox. carded, alone: on a card, and on none."""

    site: Site
    readers: dict[str, Reader]
    box: str | None
    carded: str
    alone: str

    def api(self, who: str) -> httpx2.AsyncClient:
        return self.site.client(self.readers[who].token)


async def people(site: Site) -> dict[str, Reader]:
    return {
        "owner": await add_reader(site, "dimas@acme.example"),
        "admin": await add_reader(site, "adi@acme.example", "admin"),
        "team": await add_reader(site, "tari@acme.example", shared_mail=True),
        "user": await add_reader(site, "umar@acme.example"),
    }


@pytest.fixture(params=MAY_OPEN)
async def town(site: Site, request: pytest.FixtureRequest) -> tuple[Town, set[str]]:
    kind: str = request.param
    readers = await people(site)
    other = await connect(site, "umar@acme.example", readers["user"].id)
    await bring(site, other, letter("Lunch", text="pizza", to="Eve <eve@own.example>"), carded=False)
    box: str | None = None
    if kind != "a smart address":
        shared = "shared" if "shared" in kind else "personal"
        box = await connect(site, "box@acme.example", readers["owner"].id, kind=shared, share="admins" in kind)
    if "nobody knows" in kind:
        box = "01NOSUCHMAILBOX00000000000"
    carded = await bring(site, box, letter("Offer", text="secret turquoise", files=[FILE]))
    alone = await bring(
        site, box, letter("Gossip", text="hushed turquoise", to="z@z.example", files=[FILE]), carded=False
    )
    await site.index()
    return Town(site, readers, box, carded, alone), MAY_OPEN[kind]


async def rows(api: httpx2.AsyncClient, path: str, **params: str) -> list[dict[str, Any]]:
    answer = await api.get(f"/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def locked(id: str, direction: str, date: str, owner: str | None, note: str = "") -> dict[str, Any]:
    """All that is told of a message that its reader may not open."""
    shown: dict[str, Any] = dict.fromkeys(("message_id", "from", "thread", "mailbox", "sending"))
    shown |= {name: [] for name in ("to", "cc", "sources", "attachments", "contacts", "leads", "customers")}
    shown |= {"id": id, "direction": direction, "date": date, "locked": True, "owner": owner, "note": note}
    return shown | {"subject": "", "snippet": "", "auth": {}}


NO_TEXT: dict[str, Any] = {"text": "", "html": None, "reply_text": "", "blocks": [], "calendar": [], "protected": None}


async def test_f_lists_search_and_threads_hold_what_their_reader_may_open(town: tuple[Town, set[str]]) -> None:
    there, may = town
    for who in there.readers:
        api, opens = there.api(who), who in may
        mine = {there.carded, there.alone} if opens else set()
        seen = [{row["id"] for row in await rows(api, "messages", **asked)} for asked in ASKED]
        assert [ids & {there.carded, there.alone} for ids in seen] == [mine] * len(ASKED), who
        by_box = await rows(api, "messages", mailbox=there.box or "smart")
        assert {row["id"] for row in by_box} == mine, who
        threads = await rows(api, "threads", mailbox=there.box or "smart")
        assert {row["subject"] for row in threads} == ({"Offer", "Gossip"} if opens else set()), who
        assert {row["subject"] for row in await rows(api, "threads")} - {"Lunch"} == {row["subject"] for row in threads}
        [thread] = [row["id"] for row in threads if row["subject"] == "Offer"] or [await thread_of(there)]
        assert (await api.get(f"/v1/threads/{thread}")).status_code == (200 if opens else 404), who
        assert [row["id"] for row in await rows(api, "messages", thread=thread)] == ([there.carded] if opens else [])


ASKED: tuple[dict[str, str], ...] = ({}, {"folder": "sent"}, {"q": "turquoise"})


async def thread_of(there: Town) -> str:
    found = await there.site.store.read(
        lambda tx: tx.exec_driver_sql("SELECT thread FROM sources WHERE message = '" + there.carded + "'").scalar_one()
    )
    return str(found)


async def test_f_a_card_shows_what_its_reader_may_not_open_as_a_locked_line(town: tuple[Town, set[str]]) -> None:
    there, may = town
    api = there.site.api
    [contact], [lead] = [await rows(api, "contacts", q="Bob"), await rows(api, "leads", q="Offer")]
    date = "2026-11-23T02:42:17.000Z"
    owner = None if there.box is None or there.box.startswith("01NOSUCH") else "dimas@acme.example"
    line = locked(there.carded, "outgoing", date, owner)
    for who in there.readers:
        api, opens = there.api(who), who in may
        cards = [
            await rows(api, f"contacts/{contact['id']}/messages"),
            await rows(api, f"leads/{lead['id']}/messages"),
            await rows(api, "messages", contact=contact["id"]),
            await rows(api, "messages", contact=contact["id"], lead=lead["id"]),
        ]
        for card in cards:
            [row] = card
            if opens:
                assert (row["id"], row["subject"], row["locked"], row["owner"]) == (there.carded, "Offer", False, None)
            else:
                assert row == line, who
        for narrowed in ({"q": "turquoise"}, {"folder": "sent"}, {"mailbox": there.box or "smart"}):
            found = await rows(api, "messages", contact=contact["id"], **narrowed)
            assert [row["id"] for row in found] == ([there.carded] if opens else []), (who, narrowed)


async def test_f_a_message_is_opened_by_who_may_locked_on_a_card_and_else_not_there(
    town: tuple[Town, set[str]],
) -> None:
    there, may = town
    for who in there.readers:
        api, opens = there.api(who), who in may
        for id, closed in ((there.carded, 403), (there.alone, 404)):
            for path, text in (("raw", b"turquoise"), ("attachments/1", b"the plan")):
                answer = await api.get(f"/v1/messages/{id}/{path}")
                assert answer.status_code == (200 if opens else closed), (who, path)
                assert (text in answer.content) == opens
            shown = await api.get(f"/v1/messages/{id}")
            if opens:
                assert (shown.status_code, "turquoise" in shown.json()["text"]) == (200, True), who
            elif closed == 403:
                body = shown.json()
                assert (body["locked"], {name: body[name] for name in NO_TEXT}) == (True, NO_TEXT)
                assert "turquoise" not in shown.text
                assert "bluefin" not in shown.text
            else:
                assert shown.status_code == 404


async def test_e8_who_may_open_a_message_may_delete_it(town: tuple[Town, set[str]]) -> None:
    there, may = town
    for who in (*(set(there.readers) - may), *sorted(may)[:1]):
        api, opens = there.api(who), who in may
        for id, closed in ((there.carded, 403), (there.alone, 404)):
            assert (await api.delete(f"/v1/messages/{id}")).status_code == (204 if opens else closed), who
    gone = {row["id"] for row in await rows(there.api("admin"), "messages", folder="deleted")}
    assert gone == ({there.carded, there.alone} if may else set())


async def test_e8_deleted_mail_is_listed_to_admins_whatever_mailbox_and_read_by_who_could(
    town: tuple[Town, set[str]],
) -> None:
    there, may = town
    if not may:
        return
    api = there.api(sorted(may)[0])
    for id in (there.carded, there.alone):
        assert (await api.delete(f"/v1/messages/{id}")).status_code == 204
    admin = there.api("admin")
    listed = {row["id"]: row for row in await rows(admin, "messages", folder="deleted")}
    assert set(listed) == {there.carded, there.alone}
    assert {row["locked"] for row in listed.values()} == {"admin" not in may}
    found = {row["id"] for row in await rows(admin, "messages", folder="deleted", q="turquoise")}
    assert found == (set(listed) if "admin" in may else set())
    assert (await admin.get(f"/v1/messages/{there.alone}")).status_code == 200
    assert (await admin.get(f"/v1/messages/{there.alone}/raw")).status_code == (200 if "admin" in may else 403)
    restored = await admin.post(f"/v1/messages/{there.alone}/restore")
    assert (restored.status_code, restored.json()["id"]) == (200, there.alone)
    assert (await api.get(f"/v1/messages/{there.alone}")).json()["locked"] is False


async def test_the_console_draws_a_locked_line_and_page(site: Site) -> None:
    readers = await people(site)
    box = await connect(site, "dimas@acme.example", readers["owner"].id)
    id = await bring(site, box, letter("Offer", text="secret turquoise"))
    [contact] = await rows(site.api, "contacts")
    browser = await site.console()
    card = check_page(await browser.get(f"/contacts/{contact['id']}"))
    assert "It is in the mailbox of dimas@acme.example." in card.text
    page = check_page(await browser.get(f"/mail/{id}"))
    assert "Mail that you can’t open" in page.h1
    for text in (card.text, page.text, check_page(await browser.get("/mail")).text):
        assert "turquoise" not in text
    assert f"/mail/{id}" not in card.links
    assert (await browser.get(f"/mail/{id}/raw")).status_code == 403
    await change_box(site, box, share_with_admins=True)
    assert "turquoise" in check_page(await browser.get(f"/mail/{id}")).text


async def test_a_token_without_the_scope_admin_sees_what_a_user_sees(site: Site) -> None:
    readers = await people(site)
    box = await connect(site, "dimas@acme.example", readers["owner"].id, share=True)
    await bring(site, box, letter())
    answer = await site.api.post("/v1/tokens", json={"name": "x", "scopes": ["read", "write"]})
    assert len(await rows(site.api, "messages")) == 1
    assert await rows(site.client(answer.json()["secret"]), "messages") == []


BEST = {
    # who reads, what came first                             what the reader is shown, and by which roads
    "the owner, by their own": ("owner", ["personal", "shared"], "personal", 1),
    "the team, by the shared one": ("team", ["personal", "shared"], "shared", 1),
    "the owner, by their own before the smart address": ("owner", ["personal", "shared", "smart"], "personal", 2),
    "the owner, whichever came first": ("owner", ["smart", "personal"], "personal", 2),
    "the team, by the shared one before the smart address": ("team", ["shared", "smart"], "shared", 2),
    "an admin, by the smart address before the lent one": ("admin", ["lent", "smart"], "smart", 2),
    "an admin, by the shared one before the lent one": ("admin", ["lent", "shared"], "shared", 2),
    "a stranger to all but the smart address": ("user", ["personal", "shared", "smart"], "smart", 1),
}


@pytest.mark.parametrize(("who", "came", "wanted", "roads"), BEST.values(), ids=BEST)
async def test_e13_a_reader_is_shown_the_best_source_that_they_may_open(
    site: Site, who: str, came: list[str], wanted: str, roads: int
) -> None:
    readers = await people(site)
    boxes: dict[str, str | None] = {
        "personal": await connect(site, "dimas@acme.example", readers["owner"].id),
        "lent": await connect(site, "lina@acme.example", readers["user"].id, share=True),
        "shared": await connect(site, "sales@acme.example", site.acme.owner.id, kind="shared"),
        "smart": None,
    }
    # What each copy says, and what is attached to it, is its own.
    copies = {name: letter("Offer", text=f"turquoise {name}", id="<1@x.example>", files=[
        (f"{name}.txt", "text/plain", name.encode())]) for name in boxes}  # fmt: skip
    id = await bring(site, boxes[came[0]], copies[came[0]])
    for name in came[1:]:
        await also(site, id, boxes[name], copies[name])
    await site.index()
    api = site.client(readers[who].token)
    [row] = [one for one in await rows(api, "messages") if one["id"] == id]
    shown = (await api.get(f"/v1/messages/{id}")).json()
    for message in (row, shown):
        assert message["snippet"] == f"turquoise {wanted}"
        assert [file["filename"] for file in message["attachments"]] == [f"{wanted}.txt"]
        assert message["mailbox"] == boxes[wanted]
        assert (message["sources"][0]["mailbox"], message["sources"][0]["thread"]) == (boxes[wanted], message["thread"])
    assert shown["text"].strip() == f"turquoise {wanted}"
    assert (await api.get(f"/v1/messages/{id}/attachments/1")).content == wanted.encode()
    assert copies[wanted] in (await api.get(f"/v1/messages/{id}/raw")).content
    assert (await api.get(f"/v1/threads/{row['thread']}")).status_code == 200
    opened = [name for name in came if boxes[name] in {source["mailbox"] for source in row["sources"]}]
    assert len(row["sources"]) == len(opened)
    assert shown["note"] == ("" if len(opened) == 1 else "Another copy of this mail, which came by another road, says "
                             "something else.")  # fmt: skip
    assert len(opened) == roads or who in ("owner", "team")
    for name in boxes:
        found = [one["id"] for one in await rows(api, "messages", q=f"turquoise {name}")]
        assert found == ([id] if name == wanted else []), f"{name} is found by who is shown it, and by nobody else"


async def test_e13_copies_that_say_the_same_need_no_note(site: Site) -> None:
    readers = await people(site)
    box = await connect(site, "dimas@acme.example", readers["owner"].id)
    id = await bring(site, None, letter(text="Hello  Bob"))
    await also(site, id, box, letter(text="Hello\r\nBob"))
    api = site.client(readers["owner"].token)
    assert (await api.get(f"/v1/messages/{id}")).json()["note"] == ""
    assert len((await rows(api, "messages"))[0]["sources"]) == 2


async def test_search_pages_hold_each_message_once_whichever_source_is_found(site: Site) -> None:
    readers = await people(site)
    box = await connect(site, "dimas@acme.example", readers["owner"].id)
    mine = await connect(site, "umar@acme.example", readers["user"].id)
    ids = []
    for n in range(7):
        mail = letter(f"Subject {n}", text=f"turquoise {n}", to=f"c{n}@x.example")
        ids.append(await bring(site, box, mail))
        await also(site, ids[-1], mine, mail)
    await site.index()
    for who in ("owner", "user"):
        api = site.client(readers[who].token)
        seen: list[str] = []
        after: dict[str, str] = {}
        for _ in range(9):
            page = (await api.get("/v1/messages", params={"q": "turquoise", "limit": "2", **after})).json()
            seen += [row["id"] for row in page["data"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert seen == ids[::-1], who
    assert await rows(site.client(readers["team"].token), "messages", q="turquoise") == []


class Vouched:
    """Everybody's mail is from whom it says."""

    def at_once(self, peer: str) -> Auth:
        return Auth(spf="pass", evaluated=True)


async def test_what_is_proven_of_a_smart_addresss_copy_is_not_said_of_another(site: Site) -> None:
    site.desk._authenticity = Vouched()  # type: ignore[assignment]
    id = await bring(site, None, letter("Offer", text="the true text"))
    browser = await site.console()
    assert "Really from acme.example" in check_page(await browser.get(f"/mail/{id}")).text
    box = await connect(site, "ana@acme.example", site.acme.owner.id)
    await also(site, id, box, letter("Offer", text="another text"))
    page = check_page(await browser.get(f"/mail/{id}"))
    assert "another text" in page.text
    assert "Really from" not in page.text
