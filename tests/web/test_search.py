"""What people look for in mails and on cards, and what they find: the same on either store."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import pytest

from gateway.store import searching, unindexed
from gateway.store.blobs import BlobError, BlobStore
from gateway.store.searching import MESSAGE, empty_index, is_complete
from gateway.usecases import index_words
from gateway.usecases.index_words import Indexer
from tests.web.site import Site, check_page, letter


async def found(site: Site, q: str, path: str = "/v1/messages", **more: Any) -> list[str]:
    answer = await site.api.get(path, params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return [row.get("subject") or row.get("name") for row in answer.json()["data"]]


def html_letter() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Cc"] = "Ana <ana@acme.example>", "bob@bluefin.example", "acme@mail.kommo.com"
    mail["Subject"], mail["Message-ID"] = "In mark-up", "<html@acme.example>"
    mail["Date"] = "Mon, 23 Nov 2026 09:42:17 +0700"
    mail.set_content("<p>The <b>tur</b>quoise samples</p><script>hidden</script>", subtype="html")
    return mail.as_bytes().replace(b"\n", b"\r\n")


async def hand_all(site: Site) -> None:
    await site.hand(letter("Offer for coffee", text="Two hundred kilos of Arabica, roasted in Zürich."))
    await site.hand(letter("Rechnung für Müller", text="Straße und Größe", to="Jürgen <juergen@mueller.example>"))
    await site.hand(letter("東京都の会議について", text="明日の天気は良いです。"))
    await site.hand(letter("การประชุมประจำปี", text="พบกันพรุ่งนี้"))
    await site.hand(letter("Договор поставки", text="Подпишите, пожалуйста, новый договор"))
    await site.hand(
        letter("With a file", text="See the file", files=[("Quartalsbericht-2026.pdf", "application/pdf", b"%PDF")])
    )
    await site.hand(html_letter(), "acme@mail.kommo.com")
    await site.index()


QUESTIONS = {
    # what somebody types                        what they find
    "a word of the subject": ("coffee", ["Offer for coffee"]),
    "a word of the text": ("arabica", ["Offer for coffee"]),
    "in capitals": ("ARABICA KILOS", ["Offer for coffee"]),
    "the beginning of the last word": ("hundred kil", ["Offer for coffee"]),
    "only of the last word": ("hund kilos", []),
    "one letter to begin with": ("q", ["With a file"]),
    "words in any order": ("roasted coffee", ["Offer for coffee"]),
    "words of which one isn't there": ("roasted tea", []),
    "a phrase": ('"hundred kilos of"', ["Offer for coffee"]),
    "a phrase in another order": ('"kilos hundred"', []),
    "a phrase doesn't reach from the subject into the text": ('"coffee two"', []),
    "a phrase that isn't closed": ('coffee "hundred kilos', ["Offer for coffee"]),
    "without accents": ("zurich", ["Offer for coffee"]),
    "with accents where there are none": ("ärabicá", ["Offer for coffee"]),
    "sharp s": ("strasse groesse", []),
    "sharp s as ss": ("strasse grosse", ["Rechnung für Müller"]),
    "a name": ("jurgen", ["Rechnung für Müller"]),
    "an address": ("juergen@mueller.example", ["Rechnung für Müller"]),
    "a domain": ("mueller.example", ["Rechnung für Müller"]),
    "the middle of a Chinese subject": ("会議", ["東京都の会議について"]),
    "one ideograph": ("京", ["東京都の会議について"]),
    "ideographs that stand apart": ("東都", []),
    "Japanese in a phrase with text": ("天気は良い", ["東京都の会議について"]),
    "Thai": ("ประชุม", ["การประชุมประจำปี"]),
    "Cyrillic in another case": ("ДОГОВОР поставк", ["Договор поставки"]),
    "the name of a file": ("quartalsbericht", ["With a file"]),
    "the ending of a file": ("2026.pdf", ["With a file"]),
    "words of HTML, through its tags": ("turquoise", ["In mark-up"]),
    "not what HTML hides": ("hidden", []),
}
HOSTILE = ('"', '""', "*", "AND", "a OR", "NEAR(", "(", ")", "-x", "x*y*", "col:um", "^", "'", "\\", "%", "_", "\u0000",
           "\ufffd", "a" * 200, '"' * 200, "& | ! <->", ":*",
           "東" * 200, "💥", "\u0301", "1" * 100)  # fmt: skip


async def test_mail_is_found_by_its_words(site: Site) -> None:
    await hand_all(site)
    answers = {story: await found(site, q) for story, (q, _) in QUESTIONS.items()}
    assert answers == {story: wanted for story, (_, wanted) in QUESTIONS.items()}


async def test_nothing_that_is_typed_is_an_error(site: Site) -> None:
    await hand_all(site)
    for path in ("/v1/messages", "/v1/contacts", "/v1/leads", "/v1/customers"):
        for q in HOSTILE:
            await found(site, q, path)
    assert await found(site, "?!") == []


async def test_mail_is_searched_before_its_index_is_there_as_after(site: Site) -> None:
    await site.hand(letter("Offer for coffee"))
    number = await site.store.read(number_of_acme)
    assert not await site.store.read(lambda tx: is_complete(tx, number, MESSAGE))
    assert await found(site, "coffee") == ["Offer for coffee"]
    await site.index()
    assert await site.store.read(lambda tx: is_complete(tx, number, MESSAGE))
    assert await found(site, "coffee") == ["Offer for coffee"]


async def test_pages_of_what_is_found_come_newest_first_and_each_row_once(site: Site) -> None:
    for n in range(7):
        await site.hand(letter(f"Offer {n}", text="the common word"))
    await site.index()
    rows, after = [], None
    while True:
        page = (await site.api.get("/v1/messages", params=after_of(after) | {"q": "common", "limit": 3})).json()
        rows += [row["subject"] for row in page["data"]]
        after = page["next"]
        await site.hand(letter(f"Later than {len(rows)}", text="the common word"))
        await site.index()
        if after is None:
            break
    assert rows == [f"Offer {n}" for n in reversed(range(7))]


async def test_words_are_found_within_a_card_a_thread_and_a_folder(site: Site) -> None:
    await site.hand(letter("Offer", text="arabica"))
    await site.hand(letter("Other", text="arabica", to="eve@bluefin.example"))
    await site.index()
    api = site.api
    mail = (await api.get("/v1/messages", params={"q": "arabica bob"})).json()["data"][0]
    for where in ({"contact": mail["contacts"][0]}, {"lead": mail["leads"][0]}, {"thread": mail["thread"]}):
        assert await found(site, "arabica", **where) == ["Offer"]
        assert await found(site, "robusta", **where) == []
    assert await found(site, "arabica", folder="sent") == ["Other", "Offer"]
    assert await found(site, "arabica", folder="inbox") == []


async def test_nobody_finds_what_they_may_not_see(site: Site) -> None:
    await site.api.patch("/v1/account", json={"strangers": "hold"})
    await site.hand(
        letter("Secret", text="canary", author="eve@elsewhere.example", to="ana@acme.example"), sender="eve@e.example"
    )
    await site.hand(letter("Open", text="canary"))
    await site.index()
    user = site.client(await site.add_user("u@acme.example", "U"))
    other = site.client(site.other.token)
    assert await found(site, "canary") == ["Open"]
    assert await found(site, "canary", folder="held") == ["Secret"]
    assert [one["subject"] for one in (await user.get("/v1/messages", params={"q": "canary"})).json()["data"]] == [
        "Open"
    ]
    assert (await user.get("/v1/messages", params={"q": "canary", "folder": "held"})).status_code == 403
    assert (await other.get("/v1/messages", params={"q": "canary"})).json()["data"] == []
    held = (await site.api.get("/v1/messages", params={"folder": "held"})).json()["data"][0]["id"]
    await site.api.post(f"/v1/messages/{held}/refuse")
    assert await found(site, "canary", folder="held") == []
    assert "canary" not in str(await site.store.read(index_dump))


def unreachable(*_: object) -> bytes:
    raise BlobError("the bucket can't be reached")


def number_of_acme(tx: Any) -> int:
    return int(tx.exec_driver_sql("SELECT number FROM accounts WHERE slug = 'acme'").scalar())


def after_of(after: str | None) -> dict[str, Any]:
    return {} if after is None else {"after": after}


def index_dump(tx: Any) -> list[Any]:
    if tx.dialect.name == "sqlite":
        rows = tx.exec_driver_sql("SELECT term FROM search_terms WHERE doc NOT IN (SELECT number FROM search_entries)")
        return list(rows)
    return list(tx.exec_driver_sql("SELECT words FROM search_entries WHERE id NOT IN (SELECT id FROM messages)"))


CARDS = {
    # typed                     found
    "a part of a name": ("ille", ["Bob Miller"]),
    "two letters": ("il", ["Bob Miller"]),
    "one letter": ("z", ["Zoë Ångström"]),
    "a part of an address": ("luefin.ex", ["Bob Miller"]),
    "an address": ("BOB@bluefin.example", ["Bob Miller"]),
    "from one word into the next": ("ob Mil", ["Bob Miller"]),
    "not from the name into the address": ("Miller bob", []),
    "without accents": ("angst", ["Zoë Ångström"]),
    "nothing": ("nobody", []),
}


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "a moment ago"])
async def test_a_contact_is_found_by_a_part_of_its_name_or_address(site: Site, indexed: bool) -> None:
    await site.index()
    await site.hand(letter("Offer"))
    await site.hand(letter("Offer", to="Zoë Ångström <zoe@stockholm.example>"))
    if indexed:
        await site.index()
    answers = {story: await found(site, q, "/v1/contacts") for story, (q, _) in CARDS.items()}
    assert answers == {story: wanted for story, (_, wanted) in CARDS.items()}
    assert await found(site, "ffe", "/v1/leads") == ["Offer", "Offer"]


async def test_a_contact_that_somebody_renames_is_found_by_its_new_name_at_once(site: Site) -> None:
    await site.hand(letter("Offer"))
    await site.index()
    api = site.api
    bob = (await api.get("/v1/contacts")).json()["data"][0]["id"]
    assert (await api.patch(f"/v1/contacts/{bob}", json={"name": "Robert Kuhn"})).status_code == 200
    assert await found(site, "kuhn", "/v1/contacts") == ["Robert Kuhn"]
    assert await found(site, "miller", "/v1/contacts") == []
    assert (await api.delete(f"/v1/contacts/{bob}")).status_code == 204
    assert await found(site, "kuhn", "/v1/contacts") == []
    await api.post("/v1/contacts", json={"name": "Made by hand", "emails": ["hand@x.example"]})
    assert await found(site, "by hand", "/v1/contacts") == ["Made by hand"]


async def test_pages_of_cards_come_newest_first_and_each_once_while_some_are_indexed_and_some_not(site: Site) -> None:
    for n in range(4):
        await site.hand(letter("Offer", to=f"Common {n} <c{n}@x.example>"))
    await site.index()
    for n in range(4, 8):
        await site.hand(letter("Offer", to=f"Common {n} <c{n}@x.example>"))
    rows, after = [], None
    while True:
        page = (await site.api.get("/v1/contacts", params=after_of(after) | {"q": "ommon", "limit": 3})).json()
        rows += [row["name"] for row in page["data"]]
        after = page["next"]
        if after is None:
            break
    assert rows == [f"Common {n}" for n in reversed(range(8))]


async def test_a_mail_that_was_committed_late_is_found_by_a_later_look(site: Site) -> None:
    indexer = Indexer(site.store, site.app.state.services.blobs)
    await site.hand(letter("First"))
    await indexer.look()
    await site.hand(letter("Second"))
    await site.hand(letter("Third"))
    hidden = (await site.api.get("/v1/messages", params={"limit": 2})).json()["data"][1]["id"]
    # The row of the second comes out of its transaction only after the third's was seen.
    await site.store.write(lambda tx: tx.exec_driver_sql(f"UPDATE messages SET state = 'gone' WHERE id = '{hidden}'"))
    await indexer.look()
    await site.store.write(lambda tx: tx.exec_driver_sql(f"UPDATE messages SET state = 'filed' WHERE id = '{hidden}'"))
    assert await found(site, "second") == []
    await site.hand(letter("Fourth"))
    await indexer.look()
    assert await found(site, "second") == ["Second"]


async def test_a_mail_of_the_longest_words_keeps_no_other_from_being_found(site: Site) -> None:
    """A stranger can send it; PostgreSQL has a megabyte for the words of a row."""
    await site.hand(letter("Long", text=" ".join(f"{n:04}" + "अ" * 60 for n in range(10_500))))
    await site.hand(letter("Offer", text="arabica"))
    await site.index()
    assert await found(site, "arabica") == ["Offer"]
    assert await found(site, f"0007{'अ' * 60}") == ["Long"]


async def test_an_entry_that_the_database_does_not_take_keeps_no_other_from_being_found(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = searching.add_new

    def choosy(tx: Any, entries: Any) -> None:
        if any("poison" in one.terms for one in entries):
            raise ValueError("no such words")
        taken(tx, entries)

    monkeypatch.setattr(unindexed, "add_new", choosy)
    for subject in ("First", "Poison", "Last"):
        await site.hand(letter(subject, text="arabica"))
    await site.index()
    assert await found(site, "arabica") == ["Last", "First"]
    assert [row["subject"] for row in (await site.api.get("/v1/messages")).json()["data"]][1] == "Poison"


async def test_a_large_mail_is_found_once_what_keeps_it_is_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.hand(letter("Large", text="arabica " * 50_000))
    await site.hand(letter("Small", text="arabica"))
    indexer = Indexer(site.store, site.app.state.services.blobs)
    with monkeypatch.context() as away:
        away.setattr(BlobStore, "load", unreachable)
        await indexer.look()
        assert await found(site, "arabica") == ["Small"]
    monkeypatch.setattr(index_words, "_FAR_EVERY", 0.0)
    await indexer.look()
    assert await found(site, "arabica") == ["Small", "Large"]


@pytest.mark.parametrize("when", ["meanwhile", "anew"])
async def test_who_pages_through_what_is_found_goes_on_where_the_index_came_to_be_meanwhile(
    site: Site, when: str
) -> None:
    for n in range(6):
        await site.hand(letter(f"Offer {n}"))
    if when == "anew":
        await site.index()
    first = (await site.api.get("/v1/messages", params={"q": "offer", "limit": 2})).json()
    if when == "anew":
        await site.store.write(empty_index)
        second = (await site.api.get("/v1/messages", params={"q": "offer", "limit": 2, "after": first["next"]})).json()
    else:
        second = {"data": [], "next": first["next"]}
    await site.index()
    rest = (await site.api.get("/v1/messages", params={"q": "offer", "after": second["next"]})).json()
    rows = [row["subject"] for page in (first, second, rest) for row in page["data"]]
    assert rows == [f"Offer {n}" for n in reversed(range(6))]
    assert rest["next"] is None


async def test_the_index_is_made_anew_from_what_is_stored(site: Site) -> None:
    await hand_all(site)
    told: list[tuple[int, int]] = []
    done = await Indexer(site.store, site.app.state.services.blobs).rebuild(lambda *one: told.append(one))
    assert told[-1] == (done, done)
    assert await found(site, "arabica") == ["Offer for coffee"]
    assert await found(site, "ille", "/v1/contacts") == ["Bob Miller"]


async def test_people_search_in_the_console(site: Site) -> None:
    await hand_all(site)
    browser = await site.console()
    for path, q, there, not_there in (
        ("/mail", "arabica", "Offer for coffee", "With a file"),
        ("/mail", '"two hundred"', "Offer for coffee", "With a file"),
        ("/leads", "ffer for", "Offer for coffee", "With a file"),
        ("/contacts", "urgen", "Jürgen", "Bob Miller"),
    ):
        page = check_page(await browser.get(path, params={"q": q}))
        assert there in page.text
        assert not_there not in page.text
    for path, says in (
        ("/mail", "No mail matches"),
        ("/leads", "No lead matches"),
        ("/contacts", "No contact matches"),
    ):
        assert says in check_page(await browser.get(path, params={"q": "nowhere"})).text
    assert "With a file" in check_page(await browser.get("/mail")).text
