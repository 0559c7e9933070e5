"""Which folder is that of sent mail: by its flag, else by its name in whatever language (E3)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.sent_names import (
    SENT_NAMES,
    Listed,
    Namespaces,
    candidates,
    find_inbox,
    find_sent,
    is_about_sent,
    words_about_sent,
)

COURIER = Namespaces(own=("INBOX.",), foreign=("#shared.", "shared."))


def folder(path: str, *flags: str, delimiter: str | None = "/") -> Listed:
    return Listed(path, frozenset(flags), delimiter)


FOUND = {
    # story: folders, namespaces, the one of sent mail
    "by its flag, beside a decoy": ([folder("Sent"), folder("Gesendete", r"\sent")], Namespaces(), "Gesendete"),
    "by its flag, whatever it is called": ([folder("Trash 2", r"\sent")], Namespaces(), "Trash 2"),
    "the nearest of two with the flag": ([folder("Old/Sent", r"\sent"), folder("X", r"\sent")], Namespaces(), "X"),
    "not somebody else's": ([folder("shared.Sent", r"\sent", delimiter=".")], COURIER, None),
    "not one that can't be opened": ([folder("Sent", r"\noselect")], Namespaces(), None),
    "not one flagged as another": ([folder("Sent", r"\trash")], Namespaces(), None),
    "by its name": ([folder("INBOX"), folder("Drafts"), folder("Sent")], Namespaces(), "Sent"),
    "below the inbox": ([folder("INBOX.Sent", delimiter=".")], COURIER, "INBOX.Sent"),
    "below the inbox, without NAMESPACE": (
        [folder("Inbox.sent items", delimiter=".")],
        Namespaces(),
        "Inbox.sent items",
    ),
    "below Gmail's": ([folder("[Gmail]/Gesendet")], Namespaces(), "[Gmail]/Gesendet"),
    "not a deeper one": ([folder("Alt/Sent")], Namespaces(), None),
    "without levels": ([folder("Sent", delimiter=None)], Namespaces(), "Sent"),
    "the more usual name first": ([folder("Sent Messages"), folder("Sent Items")], Namespaces(), "Sent Items"),
    "in capitals and with unseen signs": ([folder("\u200bSENT \u00a0 items")], Namespaces(), "\u200bSENT \u00a0 items"),
    "none": ([folder("INBOX"), folder("Rechnungen")], Namespaces(), None),
    "no folders at all": ([], Namespaces(), None),
}


@pytest.mark.parametrize(("listed", "spaces", "sent"), FOUND.values(), ids=FOUND)
def test_e3_the_folder_of_sent_mail(listed: list[Listed], spaces: Namespaces, sent: str | None) -> None:
    assert find_sent(listed, spaces) == sent


@pytest.mark.parametrize("name", [name for names in SENT_NAMES.values() for name in names])
def test_e3_a_name_is_known_composed_or_not_and_in_any_case(name: str) -> None:
    for written in (name, name.upper(), unicodedata.normalize("NFD", name)):
        if written.upper().casefold() == name.casefold():
            assert find_sent([folder(written)]) == written


def test_e3_names_are_known_in_many_languages_and_none_is_of_another_folder() -> None:
    assert len(SENT_NAMES) >= 25
    names = {name.casefold() for names in SENT_NAMES.values() for name in names}
    others = {
        "outbox",
        "postausgang",
        "drafts",
        "entwürfe",
        "trash",
        "papierkorb",
        "junk",
        "spam",
        "archive",
        "starred",
    }
    assert not names & others


INBOXES = {
    "as it should be": ([folder("Sent"), folder("INBOX")], "INBOX"),
    "in any case": ([folder("Inbox")], "Inbox"),
    "by an old flag": ([folder("Posteingang", r"\inbox")], "Posteingang"),
    "its name before its flag": ([folder("Posteingang", r"\inbox"), folder("INBOX")], "INBOX"),
    "not listed": ([folder("Sent")], "INBOX"),
}


@pytest.mark.parametrize(("listed", "inbox"), INBOXES.values(), ids=INBOXES)
def test_e3_the_inbox(listed: list[Listed], inbox: str) -> None:
    assert find_inbox(listed) == inbox


def test_e3_somebody_may_choose_from_folders_of_their_own() -> None:
    flagged = [
        folder(name, rf"\{name}") for name in ("all", "drafts", "junk", "trash", "flagged", "noselect", "archive")
    ]
    listed = [folder("INBOX"), folder("Weg"), *flagged, folder("shared.Sent"), folder("Alt/Sent")]

    assert candidates(listed, COURIER) == ("Weg", "Alt/Sent")
    assert candidates([folder("Weg")]) == ("Weg",)


def test_e3_who_has_to_choose_is_told_what_from() -> None:
    assert "Weg, Alt/Sent." in words_about_sent(None, None, ("Weg", "Alt/Sent"))
    assert "F19." in words_about_sent("Nowhere", None, [f"F{n}" for n in range(30)])
    assert "no folder" in words_about_sent(None, None)


def test_e3_who_chose_a_folder_that_is_not_there_is_told_so() -> None:
    assert words_about_sent(None, "Sent") == words_about_sent("Weg", "Weg") == ""
    assert "isn't there" in words_about_sent("Nowhere", "Sent")


def test_e3_what_is_said_of_sent_mail_is_told_from_other_errors() -> None:
    for said in (words_about_sent(None, None, ("Weg",)), words_about_sent(None, None), words_about_sent("Weg", "Sent")):
        assert is_about_sent(said)
    assert not is_about_sent("imap.acme.example can't be reached at port 993")
    assert not is_about_sent("")


@given(
    st.lists(st.builds(Listed, st.text(), st.frozensets(st.sampled_from([r"\sent", r"\trash"])), st.text() | st.none()))
)
def test_whatever_a_server_lists_is_read(listed: list[Listed]) -> None:
    paths = {one.path for one in listed}
    assert find_sent(listed, Namespaces(("",), ("",))) in paths | {None}
    assert set(candidates(listed)) <= paths
