"""Whole dialogs with servers of other makers: from their greeting to mails that were fetched."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.core.mail import read_mail
from tests.mailboxes.recorded import FOLDER, script
from tests.mailboxes.sessions import authority, session_with
from tests.mailboxes.transcripts import serving

MAKERS = {
    # script: folder of sent mail, subjects by UID
    "gmail": ("[Gmail]/Gesendet", {4820: "Boats", 4821: "More boats"}),
    "exchange": ("Gesendete Elemente", {3051: "Boats", 3054: "More boats"}),
    "yahoo": ("Sent", {91011: "Boats", 91012: "More boats"}),
    "163": ("已发送", {1320003083: "Boats", 1320003084: "More boats"}),
    "courier": ("INBOX.Отправленные", {5: "Boats", 7: "More boats"}),
}


@pytest.mark.parametrize(("sent", "subjects"), MAKERS.values(), ids=MAKERS)
def test_a_mailbox_is_read_as_its_maker_tells_it(
    request: pytest.FixtureRequest, sent: str, subjects: dict[int, str]
) -> None:
    with serving(script(request.node.callspec.id), authority().server) as server:
        session = session_with(server)
        session.open()
        folders = session.folders()
        session.examine(folders.inbox)
        fetched = session.fetch(session.since(date(2026, 11, 1)))
        session.close()
    assert (folders.inbox.upper(), folders.sent, folders.candidates) == ("INBOX", sent, ())
    assert {one.uid: read_mail(one.message or b"").subject for one in fetched} == subjects
    assert [one.error for one in fetched] == [""] * len(fetched)


def test_every_recorded_dialog_is_played() -> None:
    assert {path.stem for path in FOLDER.glob("*.imap")} == set(MAKERS)
