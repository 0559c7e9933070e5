"""The door as use cases see it: a log-in is tried at both servers, a part is fetched, what fails is told in words."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from config import load
from config.providers import built_in
from gateway.core.mailboxes import Credential, Server, Servers
from gateway.mailboxes.mail_servers import DoorSettings, MailDoor
from gateway.mailboxes.network import Network
from gateway.mailboxes.session import Fetched, Folders, SessionError, Status
from gateway.usecases.mail_servers import MailServers, Place, Tried, Trouble
from gateway.wiring_mailboxes import mail_door, network
from tests.mailboxes.conftest import Secure
from tests.mailboxes.sending import ANNA, PASSWORD, TOKEN, Sending, sending
from tests.name_server import NameServer

CREDENTIAL = Credential("password", PASSWORD)
IMAP = Server("localhost", 993)


@dataclass
class Script:
    """What the session of a test does. calls: what was asked of it, in order. waited_for: by a thread
    for whose end a process waits."""

    trouble: dict[str, Trouble] = field(default_factory=dict)
    found: Folders = field(default_factory=lambda: Folders("INBOX", "Sent"))
    uidvalidity: int = 7
    parts: dict[int, bytes] = field(default_factory=dict)
    by_id: list[int] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    waited_for: bool = False


class ScriptedSession:
    """A session that keeps to the contract of gateway/mailboxes/session.py and has no server behind it."""

    moved = 0
    capabilities: frozenset[str] = frozenset()

    def __init__(self, script: Script) -> None:
        self._script = script

    def _call(self, name: str) -> None:
        self._script.calls.append(name)
        self._script.threads.add(threading.current_thread().name.partition("-")[0])
        self._script.waited_for |= not threading.current_thread().daemon
        if name in self._script.trouble:
            raise SessionError(self._script.trouble[name])

    def open(self) -> None:
        self._call("open")

    def folders(self, sent: str | None = None) -> Folders:
        self._call("folders")
        return self._script.found

    def examine(self, path: str) -> Status:
        self._call(f"examine {path}")
        return Status(self._script.uidvalidity, 1, None, None)

    def part(self, uid: int, section: str, most: int) -> bytes:
        self._call(f"part {uid} {section}")
        if uid not in self._script.parts:
            raise SessionError(Trouble("gone", "no such message"))
        return self._script.parts[uid]

    def find(self, message_id: str) -> list[int]:
        self._call(f"find {message_id}")
        return self._script.by_id

    def close(self) -> None:
        self._script.calls.append("close")

    def since(self, day: date) -> list[int]:
        raise NotImplementedError

    def dates(self, uids: Sequence[int]) -> dict[int, int]:
        raise NotImplementedError

    def above(self, uid: int) -> list[int]:
        raise NotImplementedError

    def all(self) -> list[int]:
        raise NotImplementedError

    def vanished(self, uidvalidity: int, modseq: int) -> list[int] | None:
        raise NotImplementedError

    def fetch(self, uids: Sequence[int], *, whole: bool = False) -> list[Fetched]:
        raise NotImplementedError

    def begin_idle(self) -> None:
        raise NotImplementedError

    def append(self, path: str, message: bytes, at: int) -> None:
        raise NotImplementedError

    def fileno(self) -> int:
        raise NotImplementedError

    def heard(self) -> bool:
        raise NotImplementedError

    def end_idle(self) -> None:
        raise NotImplementedError


def door(
    script: Script, authorities: Path | None = None, *, private: bool = True, names: NameServer | None = None
) -> MailDoor:
    network = Network(private=private, authorities=authorities, name_servers=[names.address] if names else ())
    return MailDoor(DoorSettings("gateway.example"), built_in(), network, lambda *_: ScriptedSession(script))


def test_the_door_is_what_use_cases_ask() -> None:
    asked: MailServers = door(Script())
    assert asked.consent_url("google", "s", "v", "https://here.example/", ANNA) is None


WAYS_IN = {
    # STARTTLS, without, credential
    "by TLS": (False, (), CREDENTIAL),
    "with STARTTLS": (True, (), CREDENTIAL),
    "with letters beyond ASCII": (False, (), Credential("password", "pässwörd ✓")),
    "where there is LOGIN alone": (False, ("PLAIN",), CREDENTIAL),
    "with a token": (False, ("PLAIN", "LOGIN"), Credential("google", "the-refresh-token", TOKEN)),
}


@pytest.mark.parametrize(("starttls", "without", "credential"), WAYS_IN.values(), ids=WAYS_IN)
async def test_a_log_in_is_tried_at_both_servers_and_sends_nothing(
    starttls: bool, without: Sequence[str], credential: Credential, secure: Secure, authorities: Path
) -> None:
    script, sender = Script(), Sending()
    async with sending(sender, secure("localhost"), starttls=starttls, without=without) as port:
        smtp = Server("localhost", port, "starttls" if starttls else "tls")
        tried = await door(script, authorities).try_login(ANNA, Servers(IMAP, smtp), credential)
    assert tried == Tried(None)
    assert script.calls == ["open", "folders", "close"]
    assert script.threads == {"mailboxes"}
    assert not script.waited_for, "a process would not end before its servers answer"
    assert (len(sender.tried), sender.mails) == (1, 0)


async def test_we_name_ourselves_as_the_settings_say_and_log_in_with_the_name_of_the_server(
    secure: Secure, authorities: Path
) -> None:
    sender = Sending()
    async with sending(sender, secure("localhost")) as port:
        smtp = Server("localhost", port, "tls", "anna")
        tried = await door(Script(), authorities).try_login(ANNA, Servers(IMAP, smtp), CREDENTIAL)
    assert sender.tried == [("anna", PASSWORD)]
    assert sender.hellos == ["gateway.example"]
    assert tried.smtp is not None
    assert tried.smtp.kind == "auth"


SAID = {
    # what the server says to the log-in                          kind
    "refused": (f"535 5.7.8 wrong: {PASSWORD}", "auth"),
    "refused, with what we sent": (f"535 {base64.b64encode(f'x{PASSWORD}'.encode()).decode()}", "auth"),
    "later": ("454 4.7.0 Temporary authentication failure", "busy"),
    "too many": ("421 4.7.0 Too many log-ins", "busy"),
    "not at all": ("502 5.5.1 never", "auth"),
}


@pytest.mark.parametrize(("says", "kind"), SAID.values(), ids=SAID)
async def test_what_a_server_for_sending_says_is_told_without_the_password(
    says: str, kind: str, secure: Secure, authorities: Path
) -> None:
    sender = Sending()
    sender.says = says
    async with sending(sender, secure("localhost")) as port:
        servers = Servers(IMAP, Server("localhost", port))
        tried = await door(Script(), authorities).try_login(ANNA, servers, CREDENTIAL)
    assert tried.imap is None
    assert tried.smtp is not None
    assert tried.smtp.kind == kind
    assert says[:3] in tried.smtp.says
    assert PASSWORD not in tried.smtp.says
    assert len(sender.tried) == 1


async def test_a_server_for_sending_that_can_t_be_trusted_never_sees_the_password(
    secure: Secure, authorities: Path
) -> None:
    sender = Sending()
    for names, security, starttls, tls, kind in (
        (("other.example",), "tls", False, True, "tls"),
        (("other.example",), "starttls", True, True, "tls"),
        (("localhost",), "starttls", False, False, "tls"),
        (("localhost",), "tls", False, False, "tls"),
    ):
        async with sending(sender, secure(*names) if tls else None, starttls=starttls) as port:
            servers = Servers(IMAP, Server("localhost", port, security))
            tried = await door(Script(), authorities).try_login(ANNA, servers, CREDENTIAL)
        assert tried.smtp is not None
        assert tried.smtp.kind == kind, tried.smtp
    async with sending(sender, secure("localhost")) as port:
        servers = Servers(IMAP, Server("localhost", port))
        tried = await door(Script()).try_login(ANNA, servers, CREDENTIAL)
    assert tried.smtp is not None
    assert (tried.smtp.kind, "certificate" in tried.smtp.says, sender.tried) == ("tls", True, [])


async def test_a_server_for_sending_that_is_away_is_said_to_be(authorities: Path) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    sender = Server("localhost", server.sockets[0].getsockname()[1], "starttls")
    servers = Servers(IMAP, sender)
    async with server:
        cut = await door(Script(), authorities).try_login(ANNA, servers, CREDENTIAL)
    away = await door(Script(), authorities).try_login(ANNA, servers, CREDENTIAL)
    assert cut.smtp is not None
    assert away.smtp is not None
    assert (cut.smtp.kind, away.smtp.kind) == ("network", "network")
    assert away.smtp.says == f"localhost can't be reached at port {sender.port}: Connection refused"


async def test_a_password_that_is_wrong_is_not_tried_at_a_second_server(secure: Secure, authorities: Path) -> None:
    script, sender = Script({"open": Trouble("auth", "no")}), Sending()
    async with sending(sender, secure("localhost")) as port:
        servers = Servers(IMAP, Server("localhost", port))
        assert await door(script, authorities).try_login(ANNA, servers, CREDENTIAL) == Tried(Trouble("auth", "no"))
    assert (script.calls, sender.tried) == (["open", "close"], [])


async def test_folders_to_choose_from_are_told_where_the_server_does_not_say_which_is_sent() -> None:
    script = Script(found=Folders("INBOX", None, ("Post", "Old")))
    assert await door(script).try_login(ANNA, Servers(IMAP), CREDENTIAL) == Tried(None, None, ("Post", "Old"))


AVOIDED = {
    # server                                     kind
    "an IP address": (Server("127.0.0.1", 993), "refused"),
    "no TLS": (Server("localhost", 143, "none"), "refused"),
    "a name that is not there": (Server("nowhere.example", 993), "network"),
}


@pytest.mark.parametrize(("server", "kind"), AVOIDED.values(), ids=AVOIDED)
async def test_nobody_is_connected_where_we_do_not_go(server: Server, kind: str) -> None:
    script = Script()
    async with NameServer() as names:
        there = door(script, names=names)
        reading = await there.try_login(ANNA, Servers(server), CREDENTIAL)
        assert reading.imap is not None
        assert (reading.imap.kind, script.calls) == (kind, [])
        sending = await there.try_login(ANNA, Servers(IMAP, server), CREDENTIAL)
        assert sending.smtp is not None
        assert (sending.imap, sending.smtp.kind) == (None, kind)


async def test_our_own_network_is_not_asked_unless_it_is_allowed() -> None:
    script = Script()
    tried = await door(script, private=False).try_login(ANNA, Servers(IMAP), CREDENTIAL)
    assert tried.imap is not None
    assert (tried.imap.kind, script.calls) == ("refused", [])
    wrong = await door(script, private=False).check_servers(Servers(IMAP))
    assert wrong is not None
    assert wrong.field == "imap/host"


def place(**changes: object) -> Place:
    given = {
        "folder": "INBOX",
        "uidvalidity": 7,
        "uid": 42,
        "part": "2",
        "encoding": "base64",
        "message_id": "<a@x>",
        "most": 1_000,
    }
    return Place(**{**given, **changes})  # type: ignore[arg-type]


FILE = b"a file\0\xff"
ENCODED = base64.encodebytes(FILE)
GONE = Trouble("gone", "this is no longer on your mail server")
FETCHES = {
    # what is there                                                   asked for                            what comes
    "where it stood": (Script(parts={42: ENCODED}), place(), FILE),
    "quoted-printable": (Script(parts={42: b"caf=C3=A9=\r\n!"}), place(encoding="quoted-printable"), b"caf\xc3\xa9!"),
    "as it is": (Script(parts={42: FILE}), place(encoding="binary"), FILE),
    "the whole message, which is never decoded": (Script(parts={42: b"YQ=="}), place(part=""), b"YQ=="),
    "moved away and back": (Script(parts={50: ENCODED}, by_id=[50]), place(), FILE),
    "another UIDVALIDITY": (Script(uidvalidity=8, parts={3: ENCODED, 42: b"b3RoZXI="}, by_id=[1, 3]), place(), FILE),
    "deleted there": (Script(), place(), GONE),
    "another UIDVALIDITY and nothing to find it by": (Script(uidvalidity=8), place(message_id=None), GONE),
    "another's under its Message-ID": (
        Script(parts={3: ENCODED, 9: b"b3RoZXI="}, by_id=[3, 9]),
        place(octets=len(ENCODED)),
        FILE,
    ),
    "another's that is too large": (
        Script({"part 9 2": Trouble("refused", "large")}, parts={3: ENCODED}, by_id=[3, 9]),
        place(octets=len(ENCODED)),
        FILE,
    ),
    "of another size than was told, the newest": (
        Script(parts={3: b"b3RoZXI=", 9: ENCODED}, by_id=[3, 9, 11]),
        place(octets=7),
        FILE,
    ),
    "found, and gone in that moment": (Script(by_id=[9]), place(), GONE),
    "away": (Script({"open": Trouble("network", "away")}), place(), Trouble("network", "away")),
    "too large": (Script({"part 42 2": Trouble("refused", "large")}), place(), Trouble("refused", "large")),
}


@pytest.mark.parametrize(("script", "asked", "comes"), FETCHES.values(), ids=FETCHES)
async def test_a_file_is_fetched_when_somebody_opens_it(script: Script, asked: Place, comes: bytes | Trouble) -> None:
    assert await door(script).fetch(ANNA, Servers(IMAP), CREDENTIAL, asked) == comes
    assert script.calls[-1] == "close"


def test_a_file_of_authorities_that_holds_none_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing", "utf-8")
    with pytest.raises(OSError, match=r".+"):
        Network(authorities=tmp_path / "empty.pem")


async def test_the_door_is_made_of_the_settings(tmp_path: Path) -> None:
    own = tmp_path / "providers.toml"
    own.write_text('[oauth.google]\nauthorize = "https://sign-in.house.example/page"\n', "utf-8")
    settings = load(
        {
            "SMARTGATE_OAUTH_GOOGLE_CLIENT_ID": "our-app",
            "SMARTGATE_OAUTH_GOOGLE_CLIENT_SECRET": "the-secret",
            "SMARTGATE_MAILBOX_PROVIDERS_FILE": str(own),
            "SMARTGATE_MAILBOX_ALLOW_PRIVATE": "true",
        }
    )
    way = network(settings)
    made = mail_door(settings, way, lambda *_: ScriptedSession(Script()))
    url = made.consent_url("google", "s", "v", "https://here.example/", ANNA) or ""
    assert url.startswith("https://sign-in.house.example/page?response_type=code&client_id=our-app&")
    assert made.consent_url("microsoft", "s", "v", "https://here.example/", ANNA) is None
    assert way.private


def test_the_settings_of_the_door_show_no_secret_of_our_app() -> None:
    assert "the-secret" not in repr(DoorSettings(apps={"google": ("our-app", "the-secret")}))
