"""Reading a provider's file: what counts in it, and what strangers may put into it."""

from __future__ import annotations

import pytest

from gateway.core.address import Mailbox
from gateway.core.mailboxes import Server, Servers
from gateway.mailboxes.autoconfig import Config, read
from tests.mailboxes.files import file, incoming, outgoing

ANNA = Mailbox(b"", "anna", "example.com")
IMAP = Server("imap.example.com", 993)


def servers(*given: str) -> Servers | None:
    config = read(file(*given), ANNA)
    assert config is not None
    return config.servers


SERVERS = {
    # what the file offers                     which server is taken
    "tls": ((incoming("imap.example.com"),), IMAP),
    "starttls": ((incoming("imap.example.com", 143, "STARTTLS"),), Server("imap.example.com", 143, "starttls")),
    "tls goes before starttls": (
        (incoming("old.example.com", 143, "STARTTLS"), incoming("imap.example.com")),
        IMAP,
    ),
    "the first of two": ((incoming("imap.example.com"), incoming("b.example.com")), IMAP),
    "pop3 is passed over": ((incoming("pop.example.com", 995, kind="pop3"), incoming("imap.example.com")), IMAP),
    "plain text is passed over": ((incoming("a.example.com", 143, "plain"), incoming("imap.example.com")), IMAP),
    "nothing but plain text": ((incoming("imap.example.com", 143, "plain"),), None),
    "an IP address": ((incoming("203.0.113.9"),), None),
    "a host of POP3 that says it is IMAP": ((incoming("pop.example.com"),), None),
    "no port": ((incoming("imap.example.com", "many"),), None),
    "a port too high": ((incoming("imap.example.com", 99_999),), None),
    "port 25": ((incoming("imap.example.com", 25),), None),
    "a sign-in that we have not": ((incoming("imap.example.com", sign_in="GSSAPI"),), None),
    "oauth": ((incoming("imap.example.com", sign_in="OAuth2"),), IMAP),
    "placeholders": (
        (incoming("imap.%EMAILDOMAIN%", user="%EMAILLOCALPART%"),),
        Server("imap.example.com", 993, "tls", "anna"),
    ),
    "the whole address as log-in name": ((incoming("imap.example.com", user="%EMAILADDRESS%"),), IMAP),
    "a log-in name of its own": (
        (incoming("imap.example.com", user="%EMAILDOMAIN%\\%EMAILLOCALPART%"),),
        Server("imap.example.com", 993, "tls", "example.com\\anna"),
    ),
}


@pytest.mark.parametrize(("given", "expected"), SERVERS.values(), ids=SERVERS)
def test_the_server_that_is_taken(given: tuple[str, ...], expected: Server | None) -> None:
    assert servers(*given) == (None if expected is None else Servers(expected))


def test_the_server_for_sending_comes_with_it_and_may_be_missing() -> None:
    assert servers(incoming("imap.example.com"), outgoing("smtp.example.com")) == Servers(
        IMAP, Server("smtp.example.com", 465)
    )
    assert servers(incoming("imap.example.com"), outgoing("smtp.example.com", 25, "plain")) == Servers(IMAP)


def test_a_file_without_imap_tells_what_there_is_instead() -> None:
    config = read(
        file(incoming("pop.example.com", 995, kind="pop3"), incoming("ex.example.com", 443, kind="exchange")), ANNA
    )
    assert config == Config("Example Mail", None, frozenset({"pop3", "exchange"}))


ENTITY = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "boom">]>'
BILLION = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY {one} "{f"&{before};" * 10}">' for before, one in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "nothing": b"",
    "a page of HTML": b"<html><body>Not found</body></html>",
    "half a file": file(incoming("imap.example.com"))[:-40],
    "no XML": b"\x00\xff\xfe{}",
    "an entity": ENTITY.encode() + file(incoming("&x;"))[len('<?xml version="1.0"?>') :],
    "a document type": b'<!DOCTYPE clientConfig SYSTEM "file:///etc/passwd">' + file(incoming("imap.example.com")),
    "a billion laughs": (BILLION + "]><a>&i;</a>").encode(),
    "an external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "elements ten thousand deep": b"<a>" * 10_000 + b"</a>" * 10_000,
    "an unknown encoding": b'<?xml version="1.0" encoding="klingon"?><clientConfig/>',
    "another root": b"<config><emailProvider/></config>",
    "no provider": b"<clientConfig/>",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_such_file_is_none(text: bytes) -> None:
    assert read(text, ANNA) is None


def test_names_are_fit_for_one_line() -> None:
    config = read(file(incoming("imap.example.com")).replace(b"Example Mail", b" A\n\xe2\x80\xaeB " + b"x" * 500), ANNA)
    assert config is not None
    assert config.name == ("A B " + "x" * 500)[:80]
