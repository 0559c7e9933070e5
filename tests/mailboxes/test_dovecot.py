"""The stand's Dovecot does what the other tests take for granted."""

from __future__ import annotations

import imaplib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from tests.mailboxes.certificates import KINDS
from tests.mailboxes.dovecot import Dovecot

MAIL = b"From: ann@client.example\r\nSubject: Boats %d\r\nMessage-ID: <%d@client.example>\r\n\r\nHello\r\n"
FIRST = datetime(2026, 11, 3, 4, 5, 6, tzinfo=UTC)


def mails(count: int) -> list[bytes]:
    return [MAIL % (n, n) for n in range(count)]


@pytest.mark.parametrize("storage", ["maildir:~/Maildir", "sdbox:~/sdbox", "mdbox:~/mdbox"])
def test_mails_are_put_there_in_bulk_each_with_its_date(dovecot: Dovecot, storage: str) -> None:
    person = dovecot.person(storage=storage)
    uids = person.append("INBOX", mails(300), at=FIRST, step=timedelta(minutes=1))
    assert uids == list(range(1, 301)) == person.uids("INBOX")
    with person.client() as client:
        client.normalise_times = False
        client.select_folder("INBOX", readonly=True)
        found = client.fetch([1, 300], ["INTERNALDATE", "BODY.PEEK[]"])
    assert found[1][b"INTERNALDATE"] == FIRST
    assert found[300][b"INTERNALDATE"] == FIRST + timedelta(minutes=299)
    assert found[300][b"BODY[]"] == mails(300)[-1]


def test_it_writes_down_what_a_client_said_and_what_it_opened(dovecot: Dovecot) -> None:
    person = dovecot.person(folders={"Отправленные": "\\Sent", "Drafts": ""})
    person.append("Drafts", mails(1))
    with person.client() as client:
        client.select_folder("Отправленные", readonly=True)
        client.select_folder("INBOX")
        client.search()
    assert person.opened() == [("EXAMINE", "Отправленные"), ("SELECT", "INBOX")]
    assert [line.split(" ", 1)[1] for line in person.commands()][-2:] == ["UID SEARCH ALL", "LOGOUT"]
    assert "* FLAGS" in person.answers()


def test_special_uses_are_each_persons_own(dovecot: Dovecot) -> None:
    german = dovecot.person(folders={"Gesendete Elemente": "\\Sent", "Sent": "", "Alles": "\\All"})
    none = dovecot.person(folders={"已发送": "", "Отправленные": ""}, prefix="INBOX.", separator=".")
    assert {name: flags & {"\\Sent", "\\All"} for name, flags in german.folders().items()} == {
        "INBOX": set(),
        "Gesendete Elemente": {"\\Sent"},
        "Sent": set(),
        "Alles": {"\\All"},
    }
    with none.client() as client:
        assert b"SPECIAL-USE" in client.capabilities()
        assert client.namespace().personal == (("INBOX.", "."),)
        assert {name for _, _, name in client.list_folders()} == {"INBOX", "INBOX.已发送", "INBOX.Отправленные"}


def test_a_server_may_say_that_it_can_less(dovecot: Dovecot) -> None:
    person = dovecot.person(capability="IMAP4rev1 SASL-IR UIDPLUS")
    with person.client() as client:
        assert set(client.capabilities()) == {b"IMAP4REV1", b"SASL-IR", b"UIDPLUS"}


def test_log_ins_and_wrong_passwords_are_counted(dovecot: Dovecot) -> None:
    person, other = dovecot.person(), dovecot.person()
    assert (person.logins(), person.refusals()) == (0, 0)
    with person.client(), person.client():
        pass
    right, person.password = person.password, "wrong"
    for _ in range(3):
        with pytest.raises(LoginError), person.client():
            pass
    assert (person.logins(), person.refusals(), other.logins(), other.refusals()) == (2, 3, 0, 0)
    assert right not in dovecot.log()


def test_a_password_is_changed_while_somebody_is_in(dovecot: Dovecot) -> None:
    person = dovecot.person()
    with person.client() as client:
        old = person.password
        person.set_password("another one")
        assert client.noop()
    with person.client() as client:
        assert client.noop()
    person.password = old
    with pytest.raises(LoginError), person.client():
        pass


def test_flags_tell_whether_anybody_read_a_mail(dovecot: Dovecot) -> None:
    person = dovecot.person()
    person.append("INBOX", mails(3))
    with person.client() as client:
        client.select_folder("INBOX", readonly=True)
        client.fetch([1], ["BODY[]"])
        client.select_folder("INBOX")
        client.fetch([2], ["BODY[]"])
    assert person.flags("INBOX") == {1: frozenset(), 2: frozenset({"\\Seen"}), 3: frozenset()}


def test_mails_go_and_move(dovecot: Dovecot) -> None:
    person = dovecot.person()
    person.append("INBOX", mails(5))
    person.expunge("INBOX", [2])
    assert person.move("INBOX", [4, 5], "Archive") == [1, 2]
    assert (person.uids("INBOX"), person.uids("Archive")) == ([1, 3], [1, 2])
    assert person.message("Archive", 1) == mails(5)[3]


@pytest.mark.parametrize("storage", ["maildir:~/Maildir", "mdbox:~/mdbox"])
@pytest.mark.parametrize("renumber", [True, False])
def test_a_folder_gets_another_uidvalidity_with_the_same_mails(dovecot: Dovecot, storage: str, renumber: bool) -> None:
    person = dovecot.person(storage=storage)
    person.append("INBOX", mails(4), at=FIRST)
    person.expunge("INBOX", [1])
    before, kept = person.uidvalidity("INBOX"), person.message("INBOX", 3)
    new = person.renew("INBOX", renumber=renumber)
    assert person.uidvalidity("INBOX") != before
    assert person.uids("INBOX") == sorted(new.values())
    assert (new[3] == 3) is not renumber
    assert person.message("INBOX", new[3]) == kept


def test_a_client_that_idles_hears_of_new_mail(dovecot: Dovecot) -> None:
    person = dovecot.person()
    with person.client() as client:
        client.select_folder("INBOX", readonly=True)
        client.idle()
        person.append("INBOX", mails(1))
        assert (1, b"EXISTS") in client.idle_check(timeout=30)
        client.idle_done()


def test_starttls_is_offered_on_the_other_port(dovecot: Dovecot) -> None:
    person = dovecot.person()
    client = IMAPClient("localhost", dovecot.imap, ssl=False)
    client.starttls(dovecot.client())
    client.login(person.address, person.password)
    assert client.folder_exists("INBOX")
    client.logout()


@pytest.mark.parametrize("kind", KINDS)
def test_it_shows_a_certificate_of_any_kind(dovecots: Callable[..., Dovecot], kind: str) -> None:
    server = dovecots(certificate=kind)
    if kind == "good":
        IMAPClient("localhost", server.imaps, ssl_context=server.client()).logout()
        return
    with pytest.raises(ssl.SSLCertVerificationError):
        IMAPClient("localhost", server.imaps, ssl_context=server.client())


def test_it_is_stopped_and_comes_back_with_all_its_mail(dovecots: Callable[..., Dovecot]) -> None:
    server = dovecots()
    person = server.person()
    person.append("INBOX", mails(2))
    with person.client() as client:
        server.stop()
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            client.noop()
    with pytest.raises(ConnectionError), person.client():  # refused, or cut by what is about to end
        pass
    server.start()
    with person.client() as client:
        assert client.select_folder("INBOX")[b"EXISTS"] == 2


class Introspection(BaseHTTPRequestHandler):
    """Knows one token that is good (RFC 7662)."""

    people: ClassVar[dict[str, str]] = {}

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        address = self.people.get(parse_qs(asked).get("token", [""])[0])
        said = json.dumps({"active": address is not None, "username": address}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def introspection() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Introspection) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/introspect"
        server.shutdown()
        thread.join()


def test_who_has_a_token_is_let_in_and_nobody_else(dovecots: Callable[..., Dovecot], introspection: str) -> None:
    server = dovecots(introspection=introspection)
    person, other = server.person(), server.person()
    Introspection.people["good-token"] = person.address
    for user, token, lets in [(person, "good-token", True), (person, "bad-token", False), (other, "good-token", False)]:
        for mechanism in ("oauth2_login", "oauthbearer_login"):
            client = IMAPClient("localhost", server.imaps, ssl_context=server.client(), timeout=20)
            if lets:
                getattr(client, mechanism)(user.address, token)
                assert client.select_folder("INBOX")[b"EXISTS"] == 0
            else:
                with pytest.raises(LoginError):
                    getattr(client, mechanism)(user.address, token)
            client.logout()
    assert (person.logins(), person.refusals()) == (2, 2)
    with person.client() as client:
        assert client.noop()
