"""The grammar of single fields: addresses, encoded words, dates, parameters, subjects, names (target `fields`).

Input: the value of a header field, read as each kind there is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from gateway.core.address import AddressList, address_key, normal_domain, parse_address, parse_address_list
from gateway.core.admission import read_recipient
from gateway.core.charsets import safe_codec
from gateway.core.dates import parse_date
from gateway.core.header import read_header
from gateway.core.mime import content_type, parameters_of
from gateway.core.names import NAME_CHARACTERS, split_name, tidy_name
from gateway.core.subject import base_subject, subject_key
from gateway.core.words import decode_phrase, decode_words, unfold
from tests.core.world import DOMAINS
from tests.mail import corpus

MOST_BYTES = 2_048
_LAST_INSTANT = 253_402_300_800_000
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_ATOM = frozenset((string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~.").encode())
_FIELDS = ("from", "to", "cc", "subject", "date", "content-type", "content-disposition", "list-post", "references")


def seeds() -> Iterator[bytes]:
    for sample in corpus():
        header = read_header(sample.raw, max_bytes=262_144, max_lines=1_000)
        for name in _FIELDS:
            yield from (value for value in header.all(name) if len(value) < MOST_BYTES)


def check(data: bytes) -> None:
    _addresses(data)
    _texts(data)
    _parameters(data)
    _dates(data)
    _typed(data.decode("utf-8", "replace"))


def _addresses(value: bytes) -> None:
    """What is read as an address is one for every other reader of ours, and nothing is lost without a word."""
    found = parse_address_list(value)
    assert found == parse_address_list(value)
    for box in found.mailboxes:
        assert box.domain.isascii()
        assert box.domain == box.domain.lower()
        assert box.local.isprintable()
        assert len(box.local) + len(box.domain) <= 320
        assert not re.search(r"=\?[^?\s]+\?[bq]\?", box.local, re.IGNORECASE), "an encoded word in an address"
        assert box.key == address_key(box.local, box.domain)
        again = parse_address(box.address)
        assert again is not None, box.address
        assert (again.local, again.domain, again.key) == (box.local, box.domain, box.key)
        keyed = parse_address(box.key)
        assert keyed is not None
        assert keyed.key == box.key
        assert tidy_name(decode_phrase(box.phrase), box.address) is None or decode_phrase(box.phrase)
    for text in found.unread:
        assert text in value
    written = ", ".join(box.address for box in found.mailboxes)
    bare = parse_address_list(written.encode())
    assert bare == AddressList(bare.mailboxes)
    assert [box.key for box in bare.mailboxes] == [box.key for box in found.mailboxes]
    if re.search(rb"[A-Za-z0-9]@[A-Za-z0-9]", value) and not (b"(" in value or b"<" in value):
        assert found.mailboxes or found.unread or found.group, "an address that nobody sees"
    if value and b"," not in value and frozenset(value) <= _ATOM:
        assert found.unread == (value,), "a word without @ is no address"


def _texts(value: bytes) -> None:
    """One clean line, the same folded and unfolded; whose base, key and name don't change when made again."""
    for text in (decode_words(value), decode_phrase(value)):
        assert text == " ".join(text.split())
        assert not _UNSEEN.search(text)
        text.encode("utf-8")
        assert len(text) <= 4 * len(value)
    assert decode_words(unfold(value)) == decode_words(value)
    assert decode_phrase(unfold(value)) == decode_phrase(value)
    _subject(decode_words(value))
    _name(decode_phrase(value))


def _subject(subject: str) -> None:
    base = base_subject(subject)
    assert base_subject(base) == base, subject
    assert bool(base) or not subject_key(base)
    key = subject_key(base)
    assert subject_key(key) == key, subject
    assert len(key) <= 400
    assert base_subject(f"Re: {subject}") == base, subject


def _name(display: str) -> None:
    name = tidy_name(display, "ann@example.net")
    if name is not None:
        assert name
        assert len(name) <= NAME_CHARACTERS
        assert name == " ".join(name.split())
        assert tidy_name(name, "ann@example.net") == name, display
        assert not any(_UNSEEN.search(part) for part in split_name(name))


def _parameters(value: bytes) -> None:
    kind, parameters = content_type(value)
    assert kind == "" or re.fullmatch(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+", kind)
    assert parameters == parameters_of(value)
    for name, text in parameters.items():
        assert name == name.lower()
        assert len(text) <= 4 * len(value)
        safe_codec(text.decode("latin-1"))


def _dates(value: bytes) -> None:
    instant = parse_date(value)
    if instant is not None:
        assert 0 <= instant < _LAST_INSTANT
        assert instant % 1000 == 0


def _typed(text: str) -> None:
    """What people and servers write by themselves: an address, a domain, a recipient."""
    box = parse_address(text)
    assert box is None or box.phrase == b""
    domain = normal_domain(text)
    if domain is not None:
        assert normal_domain(domain) == domain
        assert re.fullmatch(r"[a-z0-9_.-]{1,253}", domain)
    wanted = read_recipient(text, DOMAINS)
    assert wanted == read_recipient(text, DOMAINS)
    assert re.fullmatch(r"[a-z0-9-]{2,40}|", wanted.slug)
