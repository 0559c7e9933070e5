"""Mail that is written here, by the whole product, a real Postfix and a real Dovecot (E11)."""

from __future__ import annotations

import email
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.person import Person
from tests.mailboxes.processes import Processes, wait_until
from tests.mailboxes.product import Firm, letter, until
from tests.mailboxes.submission import Submission, need_postfix
from tests.serving import Serving

pytestmark = pytest.mark.e2e
STORES = ("sqlite", "postgresql")


@pytest.fixture
def submission(dovecot: Dovecot) -> Iterator[Submission]:
    need_postfix()
    with Submission(dovecot) as made:
        yield made


def servers(dovecot: Dovecot, submission: Submission) -> dict[str, Any]:
    imap = {"host": "localhost", "port": dovecot.imaps, "security": "tls"}
    return {"imap": imap, "smtp": {"host": "localhost", "port": submission.port, "security": "tls"}}


def connect(firm: Firm, person: Person, submission: Submission) -> str:
    id = firm.connect(person, **servers(person.dovecot, submission))
    assert firm.mailbox(id)["can_send"]
    return id


def came(person: Person, folder: str, count: int = 1) -> list[bytes]:
    """The mails of a folder, once so many are there."""
    found = until(lambda: person.uids(folder), lambda uids: len(uids) >= count)
    return [person.message(folder, uid) for uid in found]


def bob(firm: Firm) -> Person:
    """A client with a mailbox of his own, and a card."""
    made = firm.person(address=f"bob{firm.slug.removeprefix('firm')}@client.example")
    firm.contact(made.address)
    return made


def test_a_mail_goes_out_stands_on_the_card_at_once_and_once_among_the_sent_mail(
    firm: Firm, submission: Submission
) -> None:
    ann, client = firm.person(), bob(firm)
    box = connect(firm, ann, submission)
    wish = {"mailbox": box, "to": [client.address], "subject": "Offer", "text": "Hello Bob\n.\nFrom here"}
    made = firm.desk.post("/messages", wish)
    [card] = firm.desk.get("/contacts", email=client.address)["data"]
    assert [one["id"] for one in firm.desk.get(f"/contacts/{card['id']}/messages")["data"]] == [made["id"]]
    [arrived] = came(client, "INBOX")
    mail = email.message_from_bytes(arrived)
    assert (mail["Message-ID"], mail["From"]) == (made["message_id"], f"Dimas <{ann.address}>")
    assert str(mail.get_payload()).split() == ["Hello", "Bob", ".", "From", "here"]
    until(lambda: firm.desk.get(f"/messages/{made['id']}")["sending"]["state"], lambda state: state == "sent")
    [kept] = came(ann, "Sent")
    assert email.message_from_bytes(kept)["Message-ID"] == made["message_id"]
    assert ann.flags("Sent")[ann.uids("Sent")[0]] >= {"\\Seen"}
    firm.sync(box)
    [shown] = firm.messages(contact=card["id"])
    assert [(one["road"], one["folder"]) for one in shown["sources"]] == [("api", "sent")]
    assert len(ann.uids("Sent")) == 1
    events = [one["type"] for one in firm.desk.all("/events") if one["subject"] == made["id"]]
    assert events == ["message.filed", "message.sent"]


def test_an_answer_threads_on_both_sides(firm: Firm, submission: Submission) -> None:
    ann, client = firm.person(), bob(firm)
    box = connect(firm, ann, submission)
    made = firm.desk.post("/messages", {"mailbox": box, "to": [client.address], "subject": "Offer", "text": "Hello"})
    [first] = came(client, "INBOX")
    named = email.message_from_bytes(first)["Message-ID"]
    more = f"In-Reply-To: {named}\r\nReferences: {named}"
    answer = letter(1, author=client.address, to=ann.address, subject="Re: Offer", more=more)
    ann.append("INBOX", [answer])
    firm.sync(box)
    [reply] = firm.messages(folder="inbox")
    assert reply["thread"] == firm.desk.get(f"/messages/{made['id']}")["thread"]
    again = firm.desk.post(
        "/messages",
        {"mailbox": box, "to": [client.address], "subject": "Re: Offer", "text": "Yes", "answers": reply["id"]},
    )
    assert again["thread"] == made["thread"]
    mails = [email.message_from_bytes(one) for one in came(client, "INBOX", 2)]
    assert mails[-1]["References"].split() == [named, reply["message_id"]]
    assert mails[-1]["In-Reply-To"] == reply["message_id"]


def test_a_report_marks_it_failed_and_the_others_have_it(firm: Firm, submission: Submission) -> None:
    ann, client = firm.person(), bob(firm)
    box = connect(firm, ann, submission)
    to = [client.address, "x@unknown.example", "nobody@client.example"]
    made = firm.desk.post("/messages", {"mailbox": box, "to": to, "subject": "Offer", "text": "Hello " * 20_000})
    came(client, "INBOX")
    until(lambda: firm.desk.get(f"/messages/{made['id']}")["sending"]["state"], lambda state: state == "sent")
    assert "nobody@client.example: 550 " in firm.desk.get(f"/messages/{made['id']}")["sending"]["error"]
    came(ann, "INBOX")
    firm.sync(box)
    sending = firm.desk.get(f"/messages/{made['id']}")["sending"]
    assert sending["state"] == "failed"
    assert "x@unknown.example: 550 5.1.1 There is nobody of that name" in sending["error"]


def test_a_mail_with_files_goes_out_whole_and_is_opened_from_here(firm: Firm, submission: Submission) -> None:
    import base64

    ann, client = firm.person(), bob(firm)
    box = connect(firm, ann, submission)
    data = bytes(range(256)) * 4_000
    file = {"filename": "Plän für dich.bin", "data": base64.b64encode(data).decode()}
    wish = {"mailbox": box, "to": [client.address], "subject": "Plan", "html": "<p>Hi</p>", "attachments": [file]}
    made = firm.desk.post("/messages", wish)
    [arrived] = came(client, "INBOX")
    parts = {one.get_filename(): one.get_payload(decode=True) for one in email.message_from_bytes(arrived).walk()}
    assert data in parts.values()
    came(ann, "Sent")
    firm.sync(box)
    ann.expunge("Sent", ann.uids("Sent"))
    firm.sync(box)
    shown = firm.desk.get(f"/messages/{made['id']}")
    assert [(one["available"], one["size"]) for one in shown["attachments"]] == [(True, len(data))]


def test_an_address_beyond_ascii_is_refused_in_words_where_the_server_takes_none(
    firm: Firm, submission: Submission
) -> None:
    ann = firm.person()
    box = connect(firm, ann, submission)
    made = firm.desk.post("/messages", {"mailbox": box, "to": ["jörg@client.example"], "subject": "x", "text": "x"})
    look = until(
        lambda: firm.desk.get(f"/messages/{made['id']}")["sending"], lambda sending: sending["state"] == "failed"
    )
    assert look["error"].startswith("Localhost takes no mail with jörg@client.example")


KILL = """
import os, signal, sys, threading
from itertools import count

calls = count(1)


def step(frame, what, _):
    code = frame.f_code
    if what == "call" and code.co_name == "{name}" and code.co_filename.endswith("{file}"):
        if next(calls) == {nth}:
            os.kill(os.getpid(), signal.SIGKILL)


sys.setprofile(step)
threading.setprofile(step)
"""
STEPS: dict[str, tuple[str, str, int, int]] = {
    # file, function, call, how often it may arrive
    "as it is claimed": ("send_queued.py", "send", 1, 1),
    "before it is connected": ("smtp_sending.py", "send_smtp", 1, 1),
    "logged in": ("smtp_sending.py", "_hand_over", 1, 1),
    "before its text": ("smtp_sending.py", "_options", 1, 1),
    "taken, and nobody knows": ("smtp_sending.py", "_leave", 1, 2),
    "taken, before that is written": ("store/outgoing.py", "settle", 1, 2),
    "before its copy is looked for": ("mail_servers.py", "_kept", 1, 1),
    "before its copy is put there": ("wire.py", "append_to", 1, 1),
    "its copy is there, before that is written": ("store/outgoing.py", "settle", 2, 1),
}


@pytest.mark.parametrize(("file", "name", "nth", "most"), STEPS.values(), ids=STEPS)
def test_a_worker_that_is_killed_loses_no_mail_and_makes_no_second_copy(
    tmp_path: Path,
    certificates: Authority,
    dovecot: Dovecot,
    submission: Submission,
    file: str,
    name: str,
    nth: int,
    most: int,
) -> None:
    ann, client = dovecot.person(), dovecot.person(f"bob{abs(hash((file, name, nth))) % 10**9}@client.example")
    with Processes(tmp_path, certificates.file) as product:
        wish = {"address": ann.address, "kind": "personal", "password": ann.password, **servers(dovecot, submission)}
        box = str(product.api.post("/mailboxes", wish)["id"])
        killed = product.poller(KILL.format(file=file, name=name, nth=nth))
        made = product.api.post("/messages", {"mailbox": box, "to": [client.address], "subject": "x", "text": "x"})
        _wait_until_over(killed)
        assert killed.wait() == -signal.SIGKILL
        fresh = product.poller()
        came(ann, "Sent")
        wait_until(
            lambda: product.api.get(f"/messages/{made['id']}")["sending"]["state"] == "sent",
            lambda: product.api.get(f"/messages/{made['id']}")["sending"],
        )
        assert fresh.stop() == 0
    submission.drained()
    assert len(ann.uids("Sent")) == 1
    assert 1 <= len(client.uids("INBOX")) <= most


def _wait_until_over(killed: Serving) -> None:
    wait_until(lambda: killed.over, killed.said)
