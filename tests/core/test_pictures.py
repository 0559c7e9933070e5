"""Remote pictures are always shown only where a mail is proven to be of whom its reader chose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.pictures import author_key, is_proven
from gateway.core.resources import Message, Party

MAIL = Message(
    id="m",
    message_id=None,
    direction="incoming",
    subject="",
    from_=Party("Bob@Bluefin.example", "Bob"),
    to=(),
    cc=(),
    date=None,
    snippet="",
    sources=(),
    attachments=(),
    contacts=(),
    leads=(),
    customers=(),
    thread=None,
    mailbox=None,
    auth={},
)

PROOFS = {
    # story: mailbox, auth, what the attempt says, proven
    "the attempt says so": (None, {}, True, True),
    "the attempt says no": (None, {}, False, False),
    "nobody knows": (None, {"dmarc": "none"}, None, False),
    "the record of the attempt is gone, its results are kept": (None, {"dmarc": "pass"}, None, True),
    "it came from a mailbox, in which anybody may write any From": ("b", {"dmarc": "pass"}, True, False),
}


@pytest.mark.parametrize(("mailbox", "auth", "authentic", "proven"), PROOFS.values(), ids=PROOFS)
def test_what_proves_an_author(mailbox: str | None, auth: dict[str, str], authentic: bool | None, proven: bool) -> None:
    assert is_proven(replace(MAIL, mailbox=mailbox, auth=auth), authentic) is proven


def test_an_author_is_compared_as_addresses_are() -> None:
    assert author_key(MAIL) == "bob@bluefin.example"
    assert author_key(replace(MAIL, from_=None)) is None
    assert author_key(replace(MAIL, from_=Party("nobody", ""))) is None
