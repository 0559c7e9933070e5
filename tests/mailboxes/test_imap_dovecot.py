"""A session with a real Dovecot: what is fetched reads like the mail itself, costs little, and leaves no trace."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import random
import selectors
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from gateway.core.body import content
from gateway.core.mail import DEFAULT_LIMITS, Mail, read_mail
from gateway.core.mailboxes import PASSWORD, STARTTLS, TLS, Credential, Server
from gateway.core.skeleton import TEXT_BYTES, with_sizes
from gateway.mailboxes.imap import ImapSession
from gateway.mailboxes.session import Fetched, SessionError
from tests.mail import corpus
from tests.mailboxes.certificates import KINDS
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.person import Person

MAIL = b"From: ann@client.example\r\nSubject: Boats %d\r\nMessage-ID: <%d@client.example>\r\n\r\nHello\r\n"


def session_of(person: Person, *, security: str = TLS, password: str | None = None) -> ImapSession:
    server = person.dovecot
    place = Server(server.host, server.imaps if security == TLS else server.imap, security)
    credential = Credential(PASSWORD, person.password if password is None else password)
    return ImapSession(place, person.address, credential, ["127.0.0.1"], server.client(), seconds=20)


@contextlib.contextmanager
def opened(person: Person, folder: str | None = "INBOX", *, security: str = TLS) -> Iterator[ImapSession]:
    session = session_of(person, security=security)
    try:
        session.open()
        if folder is not None:
            session.examine(folder)
        yield session
    finally:
        session.close()


def hear(session: ImapSession) -> None:
    """Waits until it is told that something changed."""
    with selectors.DefaultSelector() as selector:
        selector.register(session.fileno(), selectors.EVENT_READ)
        while not session.heard():
            assert selector.select(20)


def reads(found: Fetched) -> Mail:
    """What is read of a message, without how many octets it has here."""
    assert found.message is not None
    mail = with_sizes(read_mail(found.message), found.files)
    sizeless = tuple(replace(one, size=0) for one in mail.outline.attachments)
    return replace(mail, size=0, outline=replace(mail.outline, attachments=sizeless))


def shown(found: Fetched) -> object:
    assert found.message is not None
    return content(found.message, max_parts=DEFAULT_LIMITS.mime_parts, max_depth=DEFAULT_LIMITS.mime_depth)


@pytest.mark.parametrize("security", [TLS, STARTTLS])
def test_the_way_in(dovecot: Dovecot, security: str) -> None:
    person = dovecot.person()
    with opened(person, security=security) as session:
        assert {"IDLE", "QRESYNC", "SPECIAL-USE"} <= session.capabilities
        assert session.all() == []
    assert person.logins() == 1


def test_e10_a_wrong_password_is_one_try(dovecot: Dovecot) -> None:
    person = dovecot.person()
    session = session_of(person, password="wrong")
    with pytest.raises(SessionError) as raised:
        session.open()
    assert raised.value.trouble.kind == "auth"
    assert person.refusals() == 1


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "good"])
def test_a_certificate_that_is_not_good_gets_no_credential(dovecots: Callable[..., Dovecot], kind: str) -> None:
    person = dovecots(certificate=kind).person()
    for security in (TLS, STARTTLS):
        with pytest.raises(SessionError) as raised:
            session_of(person, security=security).open()
        assert raised.value.trouble.kind == "tls"
    assert person.logins() == person.refusals() == 0


def test_every_mail_of_the_corpus_reads_as_if_it_had_come_whole(dovecot: Dovecot) -> None:
    person = dovecot.person()
    samples = corpus()
    uids = person.append("INBOX", [mail.raw for mail in samples])
    mails = dict(zip(uids, (mail.name for mail in samples), strict=True))
    with opened(person) as session:
        before = session.moved
        texts = {one.uid: one for one in session.fetch(list(mails))}
        little = session.moved - before
        whole = {one.uid: one for one in session.fetch(list(mails), whole=True)}
        assert little < session.moved - before - little

    assert texts.keys() == whole.keys() == mails.keys()
    assert sum(not one.whole for one in texts.values()) > 30
    for uid, name in mails.items():
        mail = reads(whole[uid])
        if mail.bomb or mail.outline.unread:
            continue  # what has no end is cut here and there
        assert reads(texts[uid]) == mail, name
        if whole[uid].size < TEXT_BYTES:
            assert shown(texts[uid]) == shown(whole[uid]), name


def test_e7_a_mail_of_60_mb_costs_300_kb_and_its_file_is_the_file(dovecot: Dovecot) -> None:
    pdf = random.Random(7).randbytes(44_000_000)
    mail = EmailMessage()
    mail["From"], mail["Subject"], mail["Message-ID"] = "bob@x.example", "Boats", "<1@x.example>"
    mail.set_content("Please see the file.\n" * 500)
    mail.add_alternative("<p>Please see the file.</p>\n" * 2_000, subtype="html")
    mail.add_attachment(pdf, maintype="application", subtype="pdf", filename="Grüße.pdf")
    person = dovecot.person()
    [uid] = person.append("INBOX", [mail.as_bytes(policy=SMTP)])
    with opened(person) as session:
        before = session.moved
        [found] = session.fetch([uid])
        assert session.moved - before <= 300_000
        [file] = found.files
        assert (file.n, file.part, file.encoding) == (1, "2", "base64")
        encoded = session.part(uid, file.part, file.octets)

    [told] = with_sizes(read_mail(found.message or b""), found.files).outline.attachments
    assert (told.filename, abs(told.size - len(pdf)) < 4) == ("Grüße.pdf", True)
    assert hashlib.sha256(base64.b64decode(encoded)).digest() == hashlib.sha256(pdf).digest()


def test_b9_a_mail_without_a_message_id_is_the_same_as_by_smtp(dovecot: Dovecot) -> None:
    sent = b"From: ann@client.example\r\nSubject: No id\r\n\r\nHello\r\n" + b"x" * 70 + b"\r\n" + b"y\r\n" * 20_000
    person = dovecot.person()
    [uid] = person.append("INBOX", [b"Delivered-To: me@acme.example\r\n" + sent])
    with opened(person) as session:
        [found] = session.fetch([uid])
    assert read_mail(found.message or b"").identity == read_mail(sent).identity


def test_e3_nothing_is_marked_and_no_folder_opened_but_the_two(dovecot: Dovecot) -> None:
    person = dovecot.person(folders={"Gesendete Elemente": "\\Sent", "Sent": "", "Alles": "\\All", "Spam": "\\Junk"})
    for folder in ("INBOX", "Gesendete Elemente", "Sent"):
        person.append(folder, [MAIL % (n, n) + b"x" * 20_000 for n in range(60)])
    with opened(person, None) as session:
        folders = session.folders()
        for path in (folders.inbox, folders.sent or ""):
            status = session.examine(path)
            assert (status.exists, status.uidnext) == (60, 61)
            assert len(session.fetch(session.all())) == 60

    assert person.opened() == [("EXAMINE", "INBOX"), ("EXAMINE", "Gesendete Elemente")]
    assert set(person.flags("INBOX").values()) == {frozenset()}


NAMED = {
    "Cyrillic": ({"Отправленные": ""}, "", "/", "Отправленные"),
    "Chinese, below the inbox": ({"已发送": "", "垃圾邮件": ""}, "INBOX.", ".", "INBOX.已发送"),
    "none": ({"Rechnungen": ""}, "", "/", None),
}


@pytest.mark.parametrize(("folders", "prefix", "separator", "sent"), NAMED.values(), ids=NAMED)
def test_e3_sent_mail_is_found_by_name(
    dovecot: Dovecot, folders: dict[str, str], prefix: str, separator: str, sent: str | None
) -> None:
    able = "IMAP4rev1 NAMESPACE IDLE"
    person = dovecot.person(folders=folders, prefix=prefix, separator=separator, capability=able)
    with opened(person, None) as session:
        found = session.folders()
        assert found.sent == sent
        assert found.candidates == (() if sent else tuple(folders))
        if sent:
            assert session.examine(sent).exists == 0


def test_since_above_and_find(dovecot: Dovecot) -> None:
    person = dovecot.person()
    noon = datetime(2026, 11, 3, 12, tzinfo=UTC)
    person.append("INBOX", [MAIL % (n, n) for n in range(4)], at=noon, step=timedelta(days=5))
    with opened(person) as session:
        assert session.since(date(2026, 11, 8)) == [2, 3, 4]
        assert (session.above(2), session.above(4), session.above(9)) == ([3, 4], [], [])
        assert session.find("<2@client.example>") == [3]
        assert [one.at for one in session.fetch([1])] == [int(noon.timestamp()) * 1000]


def test_what_others_take_away_is_left_out_and_told(dovecot: Dovecot) -> None:
    person = dovecot.person()
    person.append("INBOX", [MAIL % (n, n) for n in range(5)])
    with opened(person) as session:
        status = session.examine("INBOX")
        assert status.modseq is not None
        person.expunge("INBOX", [2, 4])
        session.examine("INBOX")
        assert [one.uid for one in session.fetch([1, 2, 3, 4, 5])] == [1, 3, 5]
        assert session.vanished(status.uidvalidity, status.modseq) == [2, 4]
        assert session.vanished(status.uidvalidity + 1, status.modseq) is None
        with pytest.raises(SessionError) as raised:
            session.part(2, "1", 1_000)
        assert raised.value.trouble.kind == "gone"
        assert session.all() == [1, 3, 5]


def test_e5_new_mail_is_heard_at_once(dovecot: Dovecot) -> None:
    person = dovecot.person()
    with opened(person) as session:
        for n in (1, 2):
            session.begin_idle()
            person.append("INBOX", [MAIL % (n, n)])
            hear(session)
            session.end_idle()
            assert session.above(n - 1) == [n]
        session.begin_idle()
        person.expunge("INBOX", [1])
        hear(session)


def test_a_server_that_stops_ends_the_session(dovecots: Callable[..., Dovecot]) -> None:
    server = dovecots()
    with opened(server.person()) as session:
        session.begin_idle()
        server.stop()
        with pytest.raises(SessionError) as raised:
            hear(session)
        assert raised.value.trouble.kind == "network"
