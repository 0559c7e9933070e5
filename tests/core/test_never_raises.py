"""Whatever the bytes: the core reads, casts and decides, and its values can be stored and written as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.body import attachment, content
from gateway.core.decision import as_json
from gateway.core.mail import DEFAULT_LIMITS, Limits, Mail, read_mail
from tests.core.world import ACME, CONTACT, LEAD, decided
from tests.mail import Sample, corpus

CORPUS = [sample for sample in corpus() if len(sample.raw) < 20_000]
RCPT = st.sampled_from([ACME, CONTACT, LEAD])
LINES = [
    b"From: ", b"To: ", b"Cc: ", b"Subject: ", b"Date: ", b"Message-ID: ", b"References: ", b"List-Post: <mailto:",
    b"Content-Type: ", b"multipart/mixed; boundary=b", b"text/html", b"Content-Transfer-Encoding: base64",
    b"acme+lead@mail.kommo.com", b"a@b.example", b"<", b">", b'"', b"(", b",", b"=?utf-8?b?/w==?=", b"=?utf-8?q?=00?=",
    b"=?utf-16?q?=D8?=", b"application/ms-tnef", b"text/calendar", b"BEGIN:VEVENT\n", b"; format=flowed; delsp=yes",
    b"message/rfc822", b"-----BEGIN PGP MESSAGE-----\n", b"application/pkcs7-mime", b"x\x9f>\"", b"\n> ", b"wrote:\n",
    b"\r\n", b"\n", b"\r", b" ", b"\0", b"\xff", b"\r\n\r\n", b"--b\r\n", b"--b--",
]  # fmt: skip
MESSAGES = st.binary(max_size=300) | st.lists(st.sampled_from(LINES), max_size=40).map(b"".join)


def texts(value: Any) -> Iterator[str]:
    """Every text inside a value, however deep."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, (tuple, frozenset, list)):
        for one in value:
            yield from texts(one)


def must_be_storable(mail: Mail) -> None:
    for text in texts(mail):
        assert b"\0" not in text.encode(), text


def must_be_read(message: bytes, rcpt: str, limits: Limits = DEFAULT_LIMITS) -> None:
    mail = read_mail(message, limits)
    decision = decided(mail, rcpt, limits=limits)

    must_be_storable(mail)
    assert decision == decided(read_mail(message, limits), rcpt, limits=limits)
    assert "\\u0000" not in json.dumps(as_json(decision))
    bounds: dict[str, Any] = {"max_parts": limits.mime_parts, "max_depth": limits.mime_depth}
    shown = content(message, **bounds)
    assert b"\0" not in shown.text.encode()
    assert "".join(block.text for block in shown.blocks) == shown.text
    if not mail.bomb:
        sizes = [(one, len(data)) for one, data in _attachments(message, bounds)]
        assert sizes == [(one, one.size) for one in mail.outline.attachments]


def _attachments(message: bytes, bounds: dict[str, int]) -> Iterator[tuple[Any, bytes]]:
    n = 1
    while found := attachment(message, n, **bounds):
        yield found
        n += 1


@given(MESSAGES, RCPT)
@settings(max_examples=300)
def test_any_bytes_are_decided_on(message: bytes, rcpt: str) -> None:
    must_be_read(message, rcpt, Limits(mime_parts=3, mime_depth=2, addresses=3, header_lines=20))


@given(st.sampled_from(CORPUS), st.data())
@settings(max_examples=300)
def test_a_mail_with_a_piece_cut_out_put_in_or_doubled_is_decided_on(sample: Sample, data: st.DataObject) -> None:
    raw = sample.raw
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 200)))
    piece = data.draw(st.sampled_from([b"", raw[start:end] * 2, b"\0", b"\xff\xfe", b'"', b"(", b"\r", b"\n\n", b"=?"]))

    must_be_read(raw[:start] + piece + raw[end:], data.draw(RCPT))


@pytest.mark.parametrize("sample", corpus(), ids=lambda one: one.name)
def test_a_mail_of_the_corpus_is_read_by_the_core_alone(sample: Sample) -> None:
    must_be_read(sample.raw, LEAD)


@pytest.mark.parametrize("sample", [one for one in CORPUS if b"\r\r" not in one.raw], ids=lambda one: one.name)
def test_b4a_line_ends_of_either_kind_give_the_same_mail(sample: Sample) -> None:
    raw = sample.raw.replace(b"\r\n", b"\n")
    one, other = read_mail(raw), read_mail(raw.replace(b"\n", b"\r\n"))

    assert _comparable(one) == _comparable(other)


def _comparable(mail: Mail) -> Mail:
    """Without what counts bytes."""
    files = tuple(replace(one, size=0) for one in mail.outline.attachments)
    return replace(mail, size=0, outline=replace(mail.outline, attachments=files))
