"""Debian's Postfix stands in front, as the guide sets it up: each account's verdict is its own, nothing is smuggled."""

from __future__ import annotations

import re
import smtplib
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.relay import Relay, World, needed, world
from tests.serving import PATIENCE, Api, Serving
from tests.smtp.test_content import FORMS

pytestmark = pytest.mark.e2e

BY_SMTP, BY_LMTP, BY_SOCKET = "By SMTP", "By LMTP", "By LMTP over a unix socket"
ASK_FIRST = "Ask before taking"
TEAM = "dimas@acme.example"
ACME, BOLT = "acme+lead@mail.kommo.com", "bolt+contact@mail.kommo.com"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A place that Postfix's own user can reach."""
    needed()
    with tempfile.TemporaryDirectory(prefix="smartgate-postfix-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def outside() -> Iterator[World]:
    with world() as one:
        yield one


class Office:
    """The gateway with two accounts, and Postfix in front of it."""

    def __init__(self, folder: Path, outside: World) -> None:
        self.outside = outside
        (folder / "gate").mkdir()
        self.socket = folder / "lmtp"
        self.serving = Serving(
            folder / "gate", LMTP_LISTEN="127.0.0.1:0", LMTP_SOCKET_MODE="666", MAX_UNKNOWN_RECIPIENTS="1000"
        )
        self.relay = Relay(folder / "relay", outside.port)
        self.relay.folder.mkdir(mode=0o755)
        self.apis: dict[str, Api] = {}

    def open(self, *headings: str, **more: str) -> None:
        if BY_SOCKET in headings:
            self.serving.set(LMTP_LISTEN=f"unix:{self.socket}")
        tokens = {slug: self.serving.add_account(slug, f"dimas@{slug}.example") for slug in ("acme", "bolt")}
        self.serving.start()
        self.apis = {slug: Api(self.serving.url, token) for slug, token in tokens.items()}
        places = {
            BY_SMTP: {"127.0.0.1]:8025": f"127.0.0.1]:{self.serving.smtp[1]}"},
            BY_LMTP: {"127.0.0.1:8024": self.serving.lmtp},
            BY_SOCKET: {"/run/smartgate/lmtp": str(self.socket)},
        }
        self.relay.start(list(headings), {k: v for one in headings for k, v in places.get(one, {}).items()}, **more)

    def send(self, message_id: str, recipients: list[str], cc: str) -> None:
        text = (
            f"From: Dimas <{TEAM}>\r\nTo: Carol <carol@bluefin.example>\r\nCc: {cc}\r\n"
            f"Subject: Offer\r\nMessage-ID: {message_id}\r\n\r\nHello\r\n.\r\n..\r\n"
        )
        with smtplib.SMTP("127.0.0.1", self.relay.port, timeout=PATIENCE) as client:
            assert client.sendmail(TEAM, recipients, text) == {}
        self.relay.drained()

    def close(self) -> None:
        self.relay.stop()
        for api in self.apis.values():
            api.close()
        self.serving.kill()


@pytest.fixture
def office(folder: Path, outside: World) -> Iterator[Office]:
    one = Office(folder, outside)
    yield one
    one.close()


WAYS = {"by SMTP": (BY_SMTP, "smtp"), "by LMTP": (BY_LMTP, "lmtp"), "by LMTP over a unix socket": (BY_SOCKET, "lmtp")}


@pytest.mark.parametrize(("heading", "road"), WAYS.values(), ids=WAYS)
def test_a_mail_to_two_accounts_is_decided_by_each_for_itself(office: Office, heading: str, road: str) -> None:
    office.open(heading)
    office.send("<both@acme.example>", [ACME, BOLT], f"{ACME}, {BOLT}")
    for api in office.apis.values():
        (message,) = api.get("/messages")["data"]
        assert message["message_id"] == "<both@acme.example>"
        assert [source["road"] for source in message["sources"]] == [road]
        (receipt,) = api.get("/receipts")["data"]
        assert (receipt["verdict"], receipt["peer"]) == ("file", "127.0.0.1")
    assert office.apis["acme"].get("/leads")["data"]
    assert not office.apis["bolt"].get("/leads")["data"]
    assert office.outside.mails == []

    office.send("<one@acme.example>", [ACME, BOLT], ACME)
    assert len(office.apis["acme"].get("/messages")["data"]) == 2
    assert len(office.apis["bolt"].get("/messages")["data"]) == 1
    (refused,) = office.apis["bolt"].get("/receipts", verdict="refuse")["data"]
    assert refused["decision"]["rule"] == "B1"
    assert refused["recipients"] == [BOLT]
    ((recipient, bounce),) = office.outside.mails
    assert recipient == TEAM
    words = " ".join(bounce.split())
    assert f"550 5.7.1 {BOLT} works only as a visible Cc, not Bcc. Move it to Cc and send again:" in words
    assert "/why/" in words
    assert f"<{ACME}>:" not in words


def test_two_addresses_of_one_account_are_one_decision_with_one_reply_each(office: Office) -> None:
    office.open(BY_LMTP)
    office.send("<pair@acme.example>", ["acme@mail.kommo.com", ACME], f"acme@mail.kommo.com, {ACME}")
    api = office.apis["acme"]
    assert len(api.get("/messages")["data"]) == len(api.get("/receipts")["data"]) == len(api.get("/leads")["data"]) == 1
    said = re.findall(r"to=<(acme\S*)>.* dsn=(\S+), status=sent \((250 2\.6\.0 .*)\)", office.relay.log())
    assert sorted(address for address, _, _ in said) == [ACME, "acme@mail.kommo.com"]
    assert len({reply for _, _, reply in said}) == 1


@pytest.mark.parametrize("heading", [BY_SMTP, BY_LMTP])
def test_an_address_that_does_not_exist_is_refused_at_the_first_door(office: Office, heading: str) -> None:
    office.open(heading, ASK_FIRST)
    with smtplib.SMTP("127.0.0.1", office.relay.port, timeout=PATIENCE) as client:
        client.ehlo()
        client.mail("carol@bluefin.example")
        code, said = client.rcpt("nobody@mail.kommo.com")
        assert (code, said[:5]) == (550, b"5.1.1")
        assert b"No account has this address" in said
        assert client.rcpt(ACME)[0] == 250


SMUGGLED = "smuggled@acme.example"


@pytest.mark.parametrize("heading", [BY_SMTP, BY_LMTP])
def test_b4a_nothing_is_smuggled_through_a_postfix_that_lets_bare_line_feeds_pass(office: Office, heading: str) -> None:
    office.open(heading, smtpd_forbid_bare_newline="no", smtpd_forbid_unauth_pipelining="no")
    queued = {number: smuggle(office.relay.port, number, form) for number, form in enumerate(FORMS)}
    office.relay.drained()
    receipts = office.apis["acme"].all("/receipts")
    seen = {number: [one for one in receipts if f"-{number}@" in one["sender"]] for number in queued}
    assert {number: len(found) for number, found in seen.items()} == queued
    ones, twos = (list(queued.values()).count(number) for number in (1, 2))
    assert ones > twos > 0, (
        "Postfix takes some forms for an end, as it does with bare line feeds, and hands on the others"
    )


def smuggle(port: int, number: int, form: bytes) -> int:
    """Sends one mail that hides another; how many Postfix itself took, and so has to hand on."""
    first, second = f"bob-{number}@acme.example", f"eve-{number}@acme.example"

    def letter(sender: str) -> bytes:
        return f"From: <{sender}>\r\nTo: <c@bluefin.example>\r\nCc: {ACME}\r\nSubject: S\r\n\r\nText".encode()

    hidden = f"MAIL FROM:<{second}>\r\nRCPT TO:<{ACME}>\r\nDATA\r\n".encode() + letter(second)
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as sock:
        heard = sock.makefile("rb")
        ask = asker(sock, heard)
        heard.readline()
        for command in ("HELO bob.example", f"MAIL FROM:<{first}>", f"RCPT TO:<{ACME}>", "DATA"):
            ask(command.encode() + b"\r\n")
        sock.sendall(letter(first) + form + hidden + b"\r\n.\r\nQUIT\r\n")
        return heard.read().count(b"queued as")


def asker(sock: socket.socket, heard: object) -> Callable[[bytes], None]:
    def ask(command: bytes) -> None:
        sock.sendall(command)
        said = heard.readline()  # type: ignore[attr-defined]
        assert said[:1] in b"23", said

    return ask
