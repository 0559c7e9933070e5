"""A mail is handed to a server for sending, whatever that says or breaks off (RFC 5321, RFC 1047; E11)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.providers import built_in
from gateway.core.mailboxes import Credential, Server, Servers
from gateway.mailboxes.mail_servers import DoorSettings, MailDoor
from gateway.mailboxes.network import Network
from gateway.mailboxes.session import Folders
from gateway.usecases.mail_servers import Copy, Parcel, Passed, Trouble
from tests.mailboxes.conftest import Secure
from tests.mailboxes.fake_session import FakeServer, FakeSession

ANN, PASSWORD = "ann@acme.example", "the pass word"
CREDENTIAL = Credential("password", PASSWORD)
IMAP = Server("imap.acme.example", 993)
BOB, ZOE = "bob@x.example", "zoe@x.example"
MESSAGE = b"From: ann@acme.example\r\nMessage-ID: <one@acme.example>\r\n\r\nHello\r\n.\r\nBob\r\n"
CUT = "cut"
EHLO = "250-smtp.example\r\n250-SIZE 1000\r\n250-DSN\r\n250 AUTH PLAIN"


@dataclass
class Speaker:
    """A server for sending. says: by the beginning of a command, what comes instead of yes, or CUT. got: all lines."""

    says: Mapping[str, str] = field(default_factory=dict)
    got: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.CancelledError, OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example ESMTP\r\n")
        while line := (await reader.readline()).decode():
            self.got.append(line.strip())
            if line.startswith("DATA"):
                said = self._said("DATA", "354 Go on")
            else:
                said = self._said(line, EHLO if line.startswith("EHLO") else "250 Ok")
            if said == CUT:
                break
            writer.write(f"{said}\r\n".encode())
            if said.startswith("354"):
                text = (await reader.readuntil(b"\r\n.\r\n")).decode()
                self.texts.append(text)
                said = self._said("END", "250 taken")
                if said == CUT:
                    break
                writer.write(f"{said}\r\n".encode())
            if line.startswith("QUIT"):
                break
        writer.close()

    def _said(self, line: str, usual: str) -> str:
        if line.startswith("AUTH"):
            usual = "235 in"
        return next((said for begin, said in self.says.items() if line.startswith(begin)), usual)


@asynccontextmanager
async def speaking(speaker: Speaker, tls: ssl.SSLContext) -> AsyncIterator[Servers]:
    async with await asyncio.start_server(speaker.serve, "127.0.0.1", 0, ssl=tls) as server:
        yield Servers(IMAP, Server("localhost", server.sockets[0].getsockname()[1]))


def door(authorities: Path, session: FakeSession | None = None) -> MailDoor:
    network = Network(private=True, authorities=authorities)
    made = session or FakeServer().session(ANN, Servers(IMAP), CREDENTIAL)
    return MailDoor(DoorSettings("gateway.example"), built_in(), network, lambda *_: made)


def parcel(*to: str, message: bytes = MESSAGE) -> Parcel:
    return Parcel("01=A", to or (BOB,), message)


async def test_it_is_taken_whole_under_our_id_of_it(secure: Secure, authorities: Path) -> None:
    speaker = Speaker()
    async with speaking(speaker, secure("localhost")) as servers:
        said = await door(authorities).send(ANN, servers, CREDENTIAL, parcel(BOB, ZOE))
    assert said == Passed()
    assert speaker.texts == [MESSAGE.decode().replace("\r\n.\r\n", "\r\n..\r\n") + ".\r\n"]
    assert [line for line in speaker.got if line[:4] in ("MAIL", "RCPT")] == [
        f"MAIL FROM:<{ANN}> SIZE={len(MESSAGE)} RET=HDRS ENVID=01+3DA",
        f"RCPT TO:<{BOB}>",
        f"RCPT TO:<{ZOE}>",
    ]


STORIES: dict[str, tuple[dict[str, str], Passed | str, int]] = {
    # what the server says                                   what comes of it, texts that it got
    "one is refused": ({f"RCPT TO:<{ZOE}>": "550 5.1.1 no"}, Passed(((ZOE, "550 5.1.1 no"),)), 1),
    "one is to come later": ({f"RCPT TO:<{ZOE}>": "452 full"}, Passed((), ((ZOE, "452 full"),)), 1),
    "both are refused": (
        {f"RCPT TO:<{ZOE}>": "550 no", f"RCPT TO:<{BOB}>": "450 wait"},
        Passed(((ZOE, "550 no"),), ((BOB, "450 wait"),)),
        0,
    ),
    "the sender is refused": ({"MAIL": "550 not you"}, "rejected", 0),
    "the sender is to come later": ({"MAIL": "451 wait"}, "busy", 0),
    "the text is refused": ({"END": "554 spam"}, "rejected", 1),
    "the text is to come later": ({"END": "451 wait"}, "busy", 1),
    "no text is wanted": ({"DATA": "554 no"}, "rejected", 0),
    "cut before the text": ({"RCPT": CUT}, "network", 0),
    "cut after all of the text": ({"END": CUT}, "unknown", 1),
    "cut where the text would begin": ({"DATA": CUT}, "unknown", 0),
    "cut as we leave": ({"QUIT": CUT}, Passed(), 1),
    "the log-in is refused": ({"AUTH": "535 5.7.8 no"}, "auth", 0),
    "the server is too busy for a log-in": ({"AUTH": "454 later"}, "busy", 0),
    "the mail is too large": ({"EHLO": "250-smtp.example\r\n250-SIZE 10\r\n250 AUTH PLAIN"}, "rejected", 0),
}


@pytest.mark.parametrize(("says", "comes", "texts"), STORIES.values(), ids=STORIES)
async def test_what_a_server_says_to_a_mail(
    says: dict[str, str], comes: Passed | str, texts: int, secure: Secure, authorities: Path
) -> None:
    speaker = Speaker(says)
    async with speaking(speaker, secure("localhost")) as servers:
        said = await door(authorities).send(ANN, servers, CREDENTIAL, parcel(ZOE, BOB))
    assert (said.kind if isinstance(said, Trouble) else said) == comes
    assert len(speaker.texts) == texts


async def test_no_secret_comes_back_in_words(secure: Secure, authorities: Path) -> None:
    coded = base64.b64encode(f"\0{ANN}\0{PASSWORD}".encode()).decode()
    speaker = Speaker({"MAIL": f"550 I know you: {PASSWORD} {coded}"})
    async with speaking(speaker, secure("localhost")) as servers:
        said = await door(authorities).send(ANN, servers, CREDENTIAL, parcel())
    assert isinstance(said, Trouble)
    assert said.says.startswith("localhost says 550 I know you: *** ")
    assert base64.b64encode(PASSWORD.encode()).decode() not in said.says
    assert coded not in said.says


UTF8 = {
    "where they are taken": ("250-smtp.example\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 AUTH PLAIN", True),
    "where they are not": (EHLO, False),
}


@pytest.mark.parametrize(("ehlo", "taken"), UTF8.values(), ids=UTF8)
async def test_addresses_beyond_ascii(ehlo: str, taken: bool, secure: Secure, authorities: Path) -> None:
    speaker = Speaker({"EHLO": ehlo})
    async with speaking(speaker, secure("localhost")) as servers:
        said = await door(authorities).send(ANN, servers, CREDENTIAL, parcel("jörg@x.example"))
        header = await door(authorities).send(ANN, servers, CREDENTIAL, parcel(message="To: jörg@x\r\n\r\n".encode()))
    if taken:
        assert (said, header) == (Passed(), Passed())
        assert f"MAIL FROM:<{ANN}> SMTPUTF8 BODY=8BITMIME" in speaker.got
    else:
        assert isinstance(said, Trouble)
        assert isinstance(header, Trouble)
        assert said.says == "localhost takes no mail with jörg@x.example, as it knows no letters but English ones"
        assert "an address in its header" in header.says
        assert (said.kind, speaker.texts) == ("rejected", [])


NOWHERE = {
    "no server": (None, "rejected"),
    "port 25": (Server("localhost", 25), "rejected"),
    "an IP address": (Server("192.0.2.1", 465), "rejected"),
    "nobody there": (Server("localhost", 1), "network"),
}


@pytest.mark.parametrize(("server", "kind"), NOWHERE.values(), ids=NOWHERE)
async def test_where_no_mail_goes(server: Server | None, kind: str, authorities: Path) -> None:
    said = await door(authorities).send(ANN, Servers(IMAP, server), CREDENTIAL, parcel())
    assert isinstance(said, Trouble)
    assert said.kind == kind


def fake() -> FakeServer:
    return FakeServer(password=PASSWORD)


async def test_a_copy_is_looked_for_and_put_there_once(authorities: Path) -> None:
    server = fake()
    look, put = Copy(None, "<one@acme.example>", None), Copy(None, "<one@acme.example>", MESSAGE, 5_000)
    kept = [
        await door(authorities, server.session(ANN, Servers(IMAP), CREDENTIAL)).keep_sent(
            ANN, Servers(IMAP), CREDENTIAL, copy
        )
        for copy in (look, put, put, look)
    ]
    assert kept == [False, True, True, True]
    assert [(mail.message, mail.at) for mail in server.outbox.mails.values()] == [(MESSAGE, 5_000)]


async def test_a_mailbox_without_a_folder_of_sent_mail_and_one_that_lets_nobody_in(authorities: Path) -> None:
    put = Copy(None, "<one@acme.example>", MESSAGE)
    none = _Without(fake(), CREDENTIAL)
    assert await door(authorities, none).keep_sent(ANN, Servers(IMAP), CREDENTIAL, put) is None
    closed = FakeServer(password="another").session(ANN, Servers(IMAP), CREDENTIAL)
    said = await door(authorities, closed).keep_sent(ANN, Servers(IMAP), CREDENTIAL, put)
    assert isinstance(said, Trouble)
    assert said.kind == "auth"


class _Without(FakeSession):
    def folders(self, sent: str | None = None) -> Folders:
        return Folders("INBOX", None)


def test_who_keeps_what_is_sent_by_itself(authorities: Path) -> None:
    known = door(authorities)
    hosts = ("imap.gmail.com", "outlook.office365.com", "imap.mail.yahoo.com", "imap.acme.example")
    assert [known.keeps_copies(Servers(Server(host, 993))) for host in hosts] == [True, True, False, False]
