"""The way into a mailbox: TLS before any credential, one try, and what a server means that doesn't let us in."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from gateway.core.mailboxes import GOOGLE, Credential
from gateway.mailboxes import imap
from gateway.mailboxes.session import SessionError
from tests.mailboxes.sessions import SECRET, USER, authority, session_with, talking, trouble_of
from tests.mailboxes.transcripts import HOST, SILENCE, TLS, Authority, Step, answered, logged_in, serving

GREETING: list[Step] = [TLS, "S: * OK ready"]
PLAIN: list[Step] = ["C: AUTHENTICATE PLAIN", "S: + ", "C: *"]


def can(*capabilities: str) -> list[Step]:
    return answered("CAPABILITY", f"S: * CAPABILITY {' '.join(('IMAP4rev1', *capabilities))}")


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_the_usual_way_in_says_who_we_are_before_and_after_it() -> None:
    who = 'ID ("name" "smartgate"*'
    steps: list[Step] = [
        *GREETING,
        *can("ID", "AUTH=PLAIN"),
        *answered(who, 'S: * ID ("name" "Coremail")'),
        *PLAIN,
        "S: {tag} OK in",
        *answered("CAPABILITY", "S: * CAPABILITY IMAP4rev1 ID NAMESPACE ENABLE CONDSTORE QRESYNC IDLE"),
        *answered(who),
        *answered("NAMESPACE", 'S: * NAMESPACE (("" "/")) NIL NIL'),
        *answered("ENABLE QRESYNC", "S: * ENABLED QRESYNC"),
    ]
    with serving(steps, authority().server) as server:
        session = session_with(server)
        session.open()
        session.close()

    assert {"IDLE", "QRESYNC"} <= session.capabilities
    assert coded(f"\0{USER}\0{SECRET}") in server.heard
    assert session.moved > 0


def test_condstore_is_turned_on_where_there_is_no_qresync() -> None:
    steps = [*logged_in("ENABLE", "CONDSTORE"), *answered("ENABLE CONDSTORE")]
    with talking(*steps) as session:
        assert session.vanished(7, 5) is None


def test_a_password_goes_by_login_where_there_is_no_sasl() -> None:
    steps = [*GREETING, *can(), f'C: LOGIN "{USER}" "{SECRET}"', "S: {tag} OK [CAPABILITY IMAP4rev1] in"]
    with talking(*steps):
        pass


def test_a_password_can_not_say_a_second_command() -> None:
    with serving([*GREETING, *can()], authority().server) as server:
        session = session_with(server, Credential("password", 'x"\r\na DELETE INBOX'))
        assert trouble_of(session).kind == "auth"
    assert len(server.heard) == 1


TOKENS = {
    # story: what the server takes, what is said to it
    "Google's and Microsoft's": ("XOAUTH2", f"user={USER}\1auth=Bearer ya29.x\1\1"),
    "RFC 7628": ("OAUTHBEARER", f"n,a={USER},\1host={HOST}\1port=PORT\1auth=Bearer ya29.x\1\1"),
}


@pytest.mark.parametrize(("mechanism", "said"), TOKENS.values(), ids=TOKENS)
def test_an_access_token_is_shown(mechanism: str, said: str) -> None:
    steps = [*GREETING, *can(f"AUTH={mechanism}"), f"C: AUTHENTICATE {mechanism}", "S: + ", "C: *"]
    steps += ["S: {tag} OK [CAPABILITY IMAP4rev1] in"]
    with serving(steps, authority().server) as server:
        session = session_with(server, Credential(GOOGLE, "refresh", "ya29.x"))
        session.open()
        session.close()

    assert server.heard[-1] == coded(said.replace("PORT", str(server.port)))


def test_a_token_that_is_refused_is_not_said_again_to_the_question_why() -> None:
    why = coded('{"status":"400","schemes":"Bearer"}')
    steps = [*GREETING, *can("AUTH=XOAUTH2"), "C: AUTHENTICATE XOAUTH2", "S: + ", "C: *", f"S: + {why}", "C: "]
    steps += ["S: {tag} NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)"]
    with serving(steps, authority().server) as server:
        trouble = trouble_of(session_with(server, Credential(GOOGLE, "refresh", "ya29.x")))

    assert trouble.kind == "auth"
    assert server.heard[-1] == ""


IN_VAIN = {
    # story: what it can, the steps after that, the kind of trouble
    "no password but with TLS that is there": (["LOGINDISABLED"], [], "auth"),
    "a wrong password": (["AUTH=PLAIN"], [*PLAIN, "S: {tag} NO [AUTHENTICATIONFAILED] no"], "auth"),
    "a wrong password, without a code": (["AUTH=PLAIN"], [*PLAIN, "S: {tag} NO LOGIN failed."], "auth"),
    "too many connections": (
        ["AUTH=PLAIN"],
        [*PLAIN, "S: {tag} NO [ALERT] Too many simultaneous connections."],
        "busy",
    ),
    "a server that goes": (["AUTH=PLAIN"], [*PLAIN, "S: * BYE [UNAVAILABLE] restarting"], "busy"),
    "a connection that is cut": (["AUTH=PLAIN"], [*PLAIN], "network"),
    "Exchange, which says OK to the log-in and not to what follows": (
        ["AUTH=PLAIN"],
        [
            *PLAIN,
            "S: {tag} OK [CAPABILITY IMAP4rev1 NAMESPACE] AUTHENTICATE completed.",
            "C: NAMESPACE",
            "S: {tag} BAD User is authenticated but not connected.",
        ],
        "auth",
    ),
}


@pytest.mark.parametrize(("capabilities", "steps", "kind"), IN_VAIN.values(), ids=IN_VAIN)
def test_who_is_not_let_in_hears_why_after_one_try(capabilities: list[str], steps: list[Step], kind: str) -> None:
    with serving([*GREETING, *can(*capabilities), *steps], authority().server) as server:
        trouble = trouble_of(session_with(server))

    assert trouble.kind == kind
    assert sum(line.count(" LOGIN ") + line.count(" AUTHENTICATE ") for line in server.heard) <= 1
    assert SECRET not in trouble.says


def test_an_account_of_a_provider_needs_a_server_that_takes_tokens() -> None:
    with serving([*GREETING, *can("AUTH=PLAIN")], authority().server) as server:
        trouble = trouble_of(session_with(server, Credential(GOOGLE, "refresh", "ya29.x")))
    assert trouble.kind == "auth"
    assert "OAuth" in trouble.says


GREETED = {
    "it is full": ("* BYE Too many connections, try again later", "busy"),
    "it is no mail server": ("220 mail.example ESMTP", "protocol"),
    "it says goodbye": ("* BYE closing", "network"),
}


@pytest.mark.parametrize(("greeting", "kind"), GREETED.values(), ids=GREETED)
def test_a_greeting_may_be_a_refusal(greeting: str, kind: str) -> None:
    with serving([TLS, f"S: {greeting}"], authority().server) as server:
        assert trouble_of(session_with(server)).kind == kind


def test_starttls_is_begun_before_anything_is_said_of_anybody() -> None:
    steps: list[Step] = [
        "S: * OK ready",
        *can("STARTTLS", "LOGINDISABLED"),
        *answered("STARTTLS"),
        TLS,
        *can("AUTH=PLAIN"),
        *PLAIN,
        "S: {tag} OK [CAPABILITY IMAP4rev1] in",
    ]
    with serving(steps, authority().server) as server:
        session = session_with(server, starttls=True)
        session.open()
        session.close()


STRIPPED = {
    # story: the steps of a server, or of whoever stands before it
    "it is not offered": ["S: * OK ready", *can("AUTH=PLAIN")],
    "it is refused": ["S: * OK ready", *can("STARTTLS"), "C: STARTTLS", "S: {tag} NO not now"],
    "somebody is in already": ["S: * PREAUTH welcome", *can("STARTTLS")],
}


@pytest.mark.parametrize("steps", STRIPPED.values(), ids=STRIPPED)
def test_no_credential_goes_where_starttls_was_stripped(steps: list[Step]) -> None:
    with serving(steps, authority().server) as server:
        trouble = trouble_of(session_with(server, starttls=True))

    assert trouble.kind == "tls"
    assert f"offers no STARTTLS at port {server.port}" in trouble.says
    assert not any("LOGIN" in line or "AUTH" in line for line in server.heard)


def test_what_is_said_together_with_the_answer_to_starttls_is_an_attack() -> None:
    steps: list[Step] = ["S: * OK ready", *can("STARTTLS"), "C: STARTTLS", "S: {tag} OK begin\r\n* OK injected"]
    with serving(steps, authority().server) as server:
        assert trouble_of(session_with(server, starttls=True)).kind == "tls"


def _expired() -> trustme.LeafCert:
    ended = datetime.now(UTC) - timedelta(days=1)
    return authority().ca.issue_cert(HOST, not_before=ended - timedelta(days=9), not_after=ended)


CERTIFICATES = {
    # story: the certificate, what is said, what can be done
    "expired": (_expired, "has expired", "renew"),
    "for another name": (lambda: authority().ca.issue_cert("other.test"), "another name", "Name the server"),
    "of nobody who is trusted": (
        lambda: trustme.CA().issue_cert(HOST),
        "nobody who is trusted",
        "SMARTGATE_MAILBOX_CA_FILE",
    ),
}


@pytest.mark.parametrize(("made", "says", "helps"), CERTIFICATES.values(), ids=CERTIFICATES)
@pytest.mark.parametrize("starttls", [False, True])
def test_a_certificate_that_can_not_be_trusted_is_refused_in_words(
    made: object, says: str, helps: str, starttls: bool
) -> None:
    assert callable(made)
    before: list[Step] = ["S: * OK ready", *can("STARTTLS"), *answered("STARTTLS")] if starttls else []
    with serving([*before, TLS], Authority.server_of(made())) as server:
        trouble = trouble_of(session_with(server, starttls=starttls))

    assert trouble.kind == "tls"
    assert says in trouble.says
    assert helps in trouble.says
    assert HOST in trouble.says


def test_a_server_without_tls_is_no_server() -> None:
    with serving(["S: * OK ready", "S: * OK still here"], authority().server) as server:
        trouble = trouble_of(session_with(server))
    assert trouble.kind == "tls"
    assert f"port {server.port}" in trouble.says
    assert "`starttls`" in trouble.says


def test_a_server_that_is_away_is_named_with_its_port() -> None:
    with serving(["S: * OK ready"], authority().server) as server:
        pass
    trouble = trouble_of(session_with(server))
    assert trouble.kind == "network"
    assert f"{HOST} can't be reached at port {server.port}" in trouble.says


def test_a_silent_server_is_waited_for_as_long_as_was_said() -> None:
    with serving([*GREETING, "C: CAPABILITY", SILENCE], authority().server) as server:
        trouble = trouble_of(session_with(server, seconds=0.3))
    assert trouble.kind == "network"
    assert "in time" in trouble.says


def test_a_server_that_does_not_say_goodbye_is_left_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "_PARTING_SECONDS", 0.1)
    with serving([*logged_in(), "C: LOGOUT", SILENCE], authority().server) as server:
        session = session_with(server)
        session.open()
        session.close()
    assert server.heard[-1].endswith("LOGOUT")


def test_nobody_there_is_told_as_well() -> None:
    with serving([], authority().server) as server:
        session = session_with(server)
        assert trouble_of(session).kind == "network"
    with pytest.raises(SessionError):
        session.all()


def test_no_secret_stands_in_what_is_raised() -> None:
    steps = [*GREETING, *can(), "C: LOGIN *", f"S: {{tag}} NO {SECRET} is wrong for {USER}"]
    with serving(steps, authority().server) as server:
        session = session_with(server)
        with pytest.raises(SessionError) as raised:
            session.open()

    assert SECRET not in str(raised.value) + repr(raised.value.trouble) + repr(session)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_the_context_is_one_that_checks() -> None:
    assert authority().client.verify_mode is ssl.CERT_REQUIRED
