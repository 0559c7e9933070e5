"""The first nine lines of what must hold of mailboxes: import, folders, looks (E3 to E5), by the whole product."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.mailboxes.product import CLIENT, Firm, letter, letters, until

STORES = ("sqlite",)
SECOND = timedelta(seconds=1)


def lately(days: float = 2) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def test_of_seven_hundred_mails_of_the_month_the_last_five_hundred_are_imported(firm: Firm) -> None:
    """Line 1; the newest are those with the highest UIDs, and what is older than a month is none of them."""
    person = firm.person()
    person.append("INBOX", letters(1, 30), at=lately(40), step=SECOND)
    person.append("INBOX", letters(31, 730), at=lately(), step=SECOND)
    box = firm.mailbox(firm.connect(person))
    assert box["progress"] == {"done": 500, "total": 500}
    subjects = [one["subject"] for one in firm.desk.all("/messages")]
    assert subjects == [f"Offer {n}" for n in range(730, 230, -1)]


def test_fewer_than_that_are_imported_all_and_older_ones_not_at_all(firm: Firm) -> None:
    """Line 2; both folders."""
    person = firm.person()
    person.append("INBOX", letters(1, 2), at=lately(40))
    person.append("INBOX", letters(3, 5), at=lately(30))
    person.append("Sent", letters(6, 7, author=person.address, to=CLIENT), at=lately(40))
    person.append("Sent", letters(8, 8, author=person.address, to=CLIENT), at=lately())
    id = firm.connect(person)
    assert firm.subjects(mailbox=id, folder="inbox") == ["Offer 3", "Offer 4", "Offer 5"]
    assert firm.subjects(mailbox=id, folder="sent") == ["Offer 8"]
    assert firm.mailbox(id)["progress"] == {"done": 4, "total": 4}


def test_an_empty_inbox_is_ready_and_its_first_mail_is_seen(firm: Firm) -> None:
    """Line 3; also where that mail is older than a month, as one that was moved there may be."""
    person = firm.person()
    id = firm.connect(person)
    assert firm.messages() == []
    person.append("INBOX", letters(1, 1), at=lately(90))
    firm.sync(id)
    assert firm.subjects(mailbox=id) == ["Offer 1"]


SENT = {
    "line 4, by its flag beside a decoy": (
        {"folders": {"Gesendete Elemente": "\\Sent", "Sent": "", "Trash": "\\Trash"}},
        "Gesendete Elemente",
        "Sent",
    ),
    "line 5, by its name in Cyrillic": ({"folders": {"Отправленные": "", "Корзина": ""}}, "Отправленные", "Корзина"),
    "line 5, by its name in Chinese": ({"folders": {"已发送": "", "已删除": ""}}, "已发送", "已删除"),
    "line 5, by its name in Japanese below the inbox": (
        {"folders": {"送信済みアイテム": "", "下書き": ""}, "prefix": "INBOX.", "separator": "."},
        "INBOX.送信済みアイテム",
        "INBOX.下書き",
    ),
}


@pytest.mark.parametrize(("given", "sent", "decoy"), SENT.values(), ids=SENT)
def test_the_folder_of_sent_mail_is_found_whatever_it_is_called(
    firm: Firm, given: dict[str, object], sent: str, decoy: str
) -> None:
    """Lines 4 and 5."""
    person = firm.person(**given)
    person.append(sent, letters(1, 2, author="ann@elsewhere.example", to=CLIENT), at=lately())
    person.append(decoy, letters(3, 4), at=lately())
    person.append("INBOX", letters(5, 5), at=lately())
    id = firm.connect(person)
    assert firm.subjects(mailbox=id, folder="sent") == ["Offer 1", "Offer 2"]
    assert firm.subjects(mailbox=id) == ["Offer 1", "Offer 2", "Offer 5"]
    assert {one["direction"] for one in firm.messages(folder="sent")} == {"outgoing"}
    assert {folder for _, folder in person.opened()} == {"INBOX", sent}
    assert firm.mailbox(id)["error"] == ""


def test_without_a_folder_of_sent_mail_the_inbox_alone_is_read_and_its_owner_told_until_they_choose(
    firm: Firm,
) -> None:
    """Line 6."""
    person = firm.person(folders={"Out there": "", "Trash": "\\Trash"})
    person.append("INBOX", letters(1, 2), at=lately())
    person.append("Out there", letters(3, 3, author=person.address, to=CLIENT), at=lately())
    id = firm.connect(person)
    box = firm.mailbox(id)
    assert (box["state"], box["sent"]) == ("ready", None)
    assert "Choose one of these: Out there" in box["error"]
    assert firm.subjects(mailbox=id) == ["Offer 1", "Offer 2"]
    firm.desk.patch(f"/mailboxes/{id}", sent="Out there")
    assert firm.sync(id)["error"] == ""
    assert firm.subjects(mailbox=id, folder="sent") == ["Offer 3"]


def test_who_chose_a_folder_that_is_not_there_is_told_so_and_nothing_is_lost(firm: Firm) -> None:
    """Line 6, the other way round; a folder that was renamed is found again, and its mail is not there twice."""
    person = firm.person(folders={"Sent Items": "", "Boîte": ""})
    person.append("Sent Items", letters(1, 3, author=person.address, to=CLIENT), at=lately())
    id = firm.connect(person)
    before = firm.messages()
    firm.desk.patch(f"/mailboxes/{id}", sent="Nowhere")
    assert "chosen for sent mail isn't there" in firm.sync(id)["error"]
    assert firm.messages() == before
    firm.desk.patch(f"/mailboxes/{id}", sent=None)
    person.rename("Sent Items", "Отправленные")
    box = firm.sync(id)
    assert (box["sent"], box["error"]) == ("Отправленные", "")
    assert firm.messages() == before


def test_drafts_spam_and_all_mail_are_never_opened(firm: Firm) -> None:
    """Line 7: by what the server was asked."""
    uses = {"Sent": "\\Sent", "Drafts": "\\Drafts", "Spam": "\\Junk", "Trash": "\\Trash", "All Mail": "\\All"}
    person = firm.person(folders={**uses, "Starred": "", "Archive/2026": ""})
    for n, folder in enumerate((*uses, "Starred", "Archive/2026", "INBOX")):
        person.append(folder, [letter(n)], at=lately())
    id = firm.connect(person)
    person.append("All Mail", letters(20, 20))
    person.append("INBOX", letters(21, 21))
    firm.sync(id)
    assert firm.subjects(mailbox=id) == ["Offer 0", "Offer 21", "Offer 7"]
    assert set(person.opened()) == {("EXAMINE", "INBOX"), ("EXAMINE", "Sent")}
    said = "\n".join(person.commands())
    for folder in ("Drafts", "Spam", "Trash", "All Mail", "Starred", "Archive"):
        assert folder not in said


CHANGES = ("STORE", "COPY", "MOVE", "EXPUNGE", "APPEND", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "SELECT", "CLOSE")


def test_of_five_hundred_mails_none_is_marked_as_seen_and_nothing_is_changed(firm: Firm) -> None:
    """Line 8: by the flags as the server has them afterwards, and by what it was asked."""
    person = firm.person()
    files = 'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"'
    parts = "\r\n".join(["--b", "", "Hello", "--b", "Content-Type: application/pdf", "", "%PDF", "--b--"])
    person.append("INBOX", letters(1, 490), at=lately(), step=SECOND)
    person.append("INBOX", [letter(n, text=parts, more=files) for n in range(491, 501)], at=lately(1), step=SECOND)
    id = firm.connect(person)
    assert firm.mailbox(id)["progress"] == {"done": 500, "total": 500}
    [last] = firm.desk.get("/messages", limit=1)["data"]
    assert firm.desk.bytes(f"/messages/{last['id']}/attachments/1") == b"%PDF"
    assert set(person.flags("INBOX").values()) == {frozenset()}
    asked = [line.split(" ") for line in person.commands()]
    assert {word for words in asked for word in words[1:3] if word.upper() in CHANGES} == set()


def test_new_mail_is_on_the_card_as_soon_as_the_server_tells_of_it(firm: Firm) -> None:
    """Line 9: it came over the connection that waits, a quarter of an hour before the next look was due."""
    carol, person = firm.contact(CLIENT), firm.person()
    box = firm.mailbox(firm.connect(person))
    due = datetime.fromisoformat(box["next_sync_at"])
    assert due - datetime.now(UTC) > timedelta(minutes=10)
    logins = person.logins()
    person.append("INBOX", letters(1, 1))
    [message] = until(lambda: firm.messages(contact=carol), bool)
    assert (message["subject"], message["contacts"]) == ("Offer 1", [carol])
    assert [source["road"] for source in message["sources"]] == ["imap"]
    assert datetime.now(UTC) < due
    assert person.logins() == logins
    assert any("IDLE" in line for line in person.commands())
