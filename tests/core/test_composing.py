"""The message that is made of what somebody wrote reads, by another reader, as they meant it (E11)."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest

from gateway.core.composing import MOST_REFERENCES, Letter, compose
from gateway.core.mail import read_mail
from gateway.core.outgoing import Upload
from gateway.core.recipients import Person
from gateway.core.words import decode_phrase

ANN, BOB = Person("ann@acme.example", "Ann"), Person("bob@bluefin.example", "Bob")
PLAIN = Letter(ANN, (BOB,), (), "Offer", "Hello Bob", False, (), 1_796_000_000_000, "<one@acme.example>")


def read(letter: Letter) -> EmailMessage:
    """As Python's own reader has it. Every line ends in CR LF and is short enough."""
    message = compose(letter)
    assert b"\n" not in message.replace(b"\r\n", b"")
    assert b"\r" not in message.replace(b"\r\n", b"")
    assert max(map(len, message.split(b"\r\n"))) <= 998
    return email.message_from_bytes(message, policy=policy.default)


def text_in(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_plain_mail() -> None:
    mail = read(PLAIN)
    assert dict(mail.items()) == {
        "From": "Ann <ann@acme.example>",
        "To": "Bob <bob@bluefin.example>",
        "Subject": "Offer",
        "Date": "Mon, 30 Nov 2026 00:53:20 +0000",
        "Message-ID": "<one@acme.example>",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="us-ascii"',
        "Content-Transfer-Encoding": "7bit",
    }
    assert text_in(mail) == "Hello Bob\n"


SUBJECTS = {
    "none": "",
    "beyond ASCII": "Größe und Preis für das Angebot, das wir am Montag besprochen haben ✓",
    "long": " ".join(["offer"] * 60),
    "one long word": "x" * 400,
    "two blanks": "an  offer",
    "what looks encoded": "=?utf-8?q?x?=",
    "letters of four bytes": "🚀" * 60,
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_subject_comes_out_as_it_went_in(subject: str) -> None:
    assert (read(replace(PLAIN, subject=subject))["Subject"] or "") == subject


NAMES = {
    "none": "",
    "with a comma": "Miller, Bob",
    "with quotes": 'Bob "the fish" \\ Miller',
    "beyond ASCII": "Jörg Müller",
    "long": "Bob " * 40 + "x",
    "what looks encoded": "=?utf-8?q?x?=",
    "with a dot": "Dr. Bob",
    "over two lines": "Bob\n Miller",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_comes_out_as_it_went_in(name: str) -> None:
    letter = replace(PLAIN, to=(Person("bob@bluefin.example", name), Person("zoe@bluefin.example")), cc=(ANN,))
    mail = read(letter)
    assert [one.addr_spec for one in mail["To"].addresses] == ["bob@bluefin.example", "zoe@bluefin.example"]
    assert mail["Cc"].addresses[0].addr_spec == "ann@acme.example"
    assert decode_phrase(read_mail(compose(letter)).to[0].phrase) == " ".join(name.split())


TEXTS = {
    "beyond ASCII": "Grüße\nJörg",
    "blanks at the end": "-- \nAnn",
    "a long line": "word " * 400,
    "lines of Windows": "a\r\nb\rc",
    "a dot": "a\n.\nb",
    "a zero": "a\0b",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_comes_out_as_it_went_in(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n") + "\n"
    assert text_in(read(replace(PLAIN, body=text))) == expected


def test_html_goes_with_its_text() -> None:
    mail = read(replace(PLAIN, body="<p>Grüße <b>Bob</b></p>", html=True))
    assert mail.get_content_type() == "multipart/alternative"
    assert text_in(mail).strip() == "Grüße Bob"
    assert "<p>Grüße <b>Bob</b></p>" in text_in(mail, "html")
    whole = "<html><body>x</body></html>"
    assert text_in(read(replace(PLAIN, body=whole, html=True)), "html") == whole + "\n"


FILES = {
    "plain": ("offer.pdf", "application/pdf", "offer.pdf", "application/pdf"),
    "a name beyond ASCII": ("Plän für dich.pdf", "application/pdf", "Plän für dich.pdf", "application/pdf"),
    "a long name": ("ä" * 140 + ".pdf", "application/pdf", "ä" * 140 + ".pdf", "application/pdf"),
    "a name with quotes": ('a"b\\c.txt', "text/csv; charset=utf-8", 'a"b\\c.txt', "text/csv"),
    "a name with a line end": ("a\r\nX: y.pdf", "application/pdf", "a X: y.pdf", "application/pdf"),
    "no name": ("", "image/png", None, "image/png"),
    "no kind": ("x", "nonsense", "x", "application/octet-stream"),
    "a mail": ("x.eml", "message/rfc822", "x.eml", "application/octet-stream"),
}


@pytest.mark.parametrize(("name", "kind", "named", "shown"), FILES.values(), ids=FILES)
def test_a_file_goes_along(name: str, kind: str, named: str | None, shown: str) -> None:
    data = bytes(range(256)) * 3
    mail = read(replace(PLAIN, uploads=(Upload(name, kind, data),)))
    [part] = mail.iter_attachments()
    found: Any = part
    assert (found.get_filename(), found.get_content_type()) == (named, shown)
    assert found.get_payload(decode=True) == data
    assert text_in(mail) == "Hello Bob\n"


def test_an_answer_names_what_it_answers_and_not_thousands_of_others() -> None:
    ids = tuple(f"<{n}@acme.example>" for n in range(200))
    mail = read(replace(PLAIN, references=ids))
    named = re.findall(r"<[^>]+>", mail["References"])
    assert (named[0], named[-1], len(named)) == (ids[0], ids[-1], MOST_REFERENCES)
    assert mail["In-Reply-To"] == ids[-1]
    assert read_mail(compose(replace(PLAIN, references=ids[:3]))).references == ids[2::-1]


def test_what_the_program_writes_says_so() -> None:
    assert read(replace(PLAIN, automatic=True))["Auto-Submitted"] == "auto-generated"


def test_references_that_no_line_can_hold_are_left_out() -> None:
    endless = f"<{'x' * 1_500}@bluefin.example>"
    mail = read(replace(PLAIN, references=("<one@x.example>", endless)))
    assert (mail["References"], mail["In-Reply-To"]) == ("<one@x.example>", None)
    mail = read(replace(PLAIN, references=(endless, "<two@x.example>")))
    assert (mail["References"], mail["In-Reply-To"]) == ("<two@x.example>", "<two@x.example>")
    assert read(replace(PLAIN, references=(endless,)))["References"] is None
