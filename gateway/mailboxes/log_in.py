"""The log-in: who we are (ID, RFC 2971), and with what the mailbox is opened (SASL PLAIN, LOGIN, OAuth 2.0).

One try and no other: two ways of saying a wrong password are two tries, and providers lock mailboxes for that.
"""

from __future__ import annotations

from contextlib import suppress

from gateway.core.mailboxes import PASSWORD, Credential
from gateway.mailboxes.oauth import oauthbearer, xoauth2
from gateway.mailboxes.session import SessionError
from gateway.mailboxes.wire import RefusedError, Wire
from gateway.usecases.mail_servers import Trouble

_WHO = '("name" "smartgate" "version" "1" "vendor" "smartgate")'


def name_us(wire: Wire) -> None:
    """Says who we are, where that is asked for; a server that minds is not insisted on."""
    if "ID" in wire.capabilities:
        with suppress(RefusedError):
            wire.ask("ID", _WHO)


def log_in(wire: Wire, user: str, credential: Credential) -> frozenset[str]:
    """Logs in, and says what the server can from then on. Raises RefusedError where it lets us in not."""
    if wire.state == "NONAUTH":
        if credential.kind == PASSWORD:
            _with_password(wire, user, credential.secret)
        else:
            _with_token(wire, user, credential.access)
    told = [line for line in wire.untagged("CAPABILITY") if isinstance(line, bytes)]
    if not told:
        wire.ask("CAPABILITY")
        told = [line for line in wire.untagged("CAPABILITY") if isinstance(line, bytes)]
    wire.capabilities = tuple(b" ".join(told).decode("latin-1").upper().split())
    return frozenset(wire.capabilities)


def _with_password(wire: Wire, user: str, password: str) -> None:
    if "AUTH=PLAIN" in wire.capabilities and "\0" not in user + password:
        wire.authenticate_with("PLAIN", f"\0{user}\0{password}".encode())
        return
    if "LOGINDISABLED" in wire.capabilities:
        raise SessionError(Trouble("auth", f"{wire.way.host} lets no mail program in with a password"))
    if any(sign in user + password for sign in "\0\r\n"):
        raise SessionError(Trouble("auth", "This log-in name and password can't be right: they hold a line end"))
    wire.ask("LOGIN", _quoted(user), _quoted(password))
    wire.state = "AUTH"


def _with_token(wire: Wire, user: str, token: str) -> None:
    """XOAUTH2 as Google and Microsoft have it, else OAUTHBEARER (RFC 7628)."""
    if any(not sign.isprintable() for sign in user + token):
        raise SessionError(Trouble("auth", "This log-in name and token can't be right: they hold a control"))
    if "AUTH=XOAUTH2" in wire.capabilities:
        wire.authenticate_with("XOAUTH2", xoauth2(user, token))
    elif "AUTH=OAUTHBEARER" in wire.capabilities:
        wire.authenticate_with("OAUTHBEARER", oauthbearer(user, token, wire.way.host, wire.way.port))
    else:
        raise SessionError(Trouble("auth", f"{wire.way.host} does not take the sign-in of another provider (OAuth)"))


def _quoted(text: str) -> bytes:
    return b'"' + text.encode().replace(b"\\", rb"\\").replace(b'"', rb"\"") + b'"'
