"""What a server meant when it did not do what it was asked: its words become one of the kinds of `Trouble`.

Codes are those of RFC 5530 and RFC 9051 section 7.1, phrases those of providers that send none. A server's own words
are shown to nobody: they may repeat what was sent.
"""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.mailboxes.session import SessionError
from gateway.mailboxes.wire import NoTlsError, RefusedError, TooMuchError
from gateway.usecases.mail_servers import Trouble

_LONGEST_WAIT_MS = 24 * 3_600_000
_LONGEST_TEXT = 2_000
_CODE = re.compile(r"\[\s*([A-Z-]+)")
_WAIT = re.compile(r"(?:try again (?:after|in)|back-?off time:?|retry (?:after|in))\s*(\d{1,12})\s*([a-z]*)", re.I)
_UNITS = (("ms", 1), ("milli", 1), ("min", 60_000), ("m", 60_000), ("h", 3_600_000), ("s", 1_000))
_AUTH_CODES = frozenset(("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "CONTACTADMIN", "WEBALERT"))
_BUSY_CODES = frozenset(("UNAVAILABLE", "INUSE", "LIMIT", "THROTTLED", "SERVERBUG", "BACKOFF"))
_GONE_CODES = frozenset(("NONEXISTENT", "TRYCREATE"))
_NOT_IN = re.compile(r"authenticated but not connected|unsafe login", re.I)
_APP_PASSWORD = re.compile(
    r"application-specific password|app(?:lication)? password|authori[sz]ation code|web ?login required|授权码", re.I
)
_BUSY = re.compile(
    r"throttl|too many|maximum number|rate limit|back-?off|try again (?:later|after|in)|temporar|unavailable"
    r"|server is busy|exceeded .{0,40}(?:limit|bandwidth)|overloaded",
    re.I,
)
_EXPIRED, _WRONG_NAME = 10, 62
_AUTHORITIES = "SMARTGATE_MAILBOX_CA_FILE"


@contextmanager
def told(host: str, port: int, lost: Callable[[], None], *, login: bool = False) -> Iterator[None]:
    """Whatever a connection raises comes out as SessionError. login: what is done in there is to log in.

    lost: is called where the server is gone, or nobody knows any more what it will say next.
    """
    try:
        yield
    except SessionError:
        raise
    except RefusedError as error:
        raise SessionError(refused(error.text, host, login=login)) from None
    except (imaplib.IMAP4.error, OSError, NoTlsError, TooMuchError) as error:
        lost()
        raise SessionError(_lost(error, host, port)) from None
    except (ValueError, LookupError):
        raise SessionError(Trouble("protocol", f"{host} answers what no mail server should")) from None


def refused(text: str, host: str, *, login: bool = False) -> Trouble:
    """What NO, BAD or BYE with these words means."""
    text = text[:_LONGEST_TEXT]
    code = found[1].upper() if (found := _CODE.search(text.upper())) else ""
    wait = _wait(text)
    if _NOT_IN.search(text):
        return Trouble("auth", f"{host} lets this mailbox in, but not mail programs: allow them in its settings")
    if login and _APP_PASSWORD.search(text):
        return Trouble("auth", f"{host} wants an app password here instead of the usual one")
    if code in _BUSY_CODES or wait is not None or (code not in _AUTH_CODES and _BUSY.search(text)):
        return Trouble("busy", f"{host} asks us to come back later", wait)
    if code == "EXPIRED":
        return Trouble("auth", f"The password has expired, says {host}")
    if code == "PRIVACYREQUIRED":
        return Trouble("tls", f"{host} wants a safer connection than it offers")
    if login or code in _AUTH_CODES:
        return Trouble("auth", f"{host} does not accept this log-in name and password")
    if code in _GONE_CODES:
        return Trouble("gone", f"{host} does not have that any more")
    return Trouble("protocol", f"{host} refuses what a mail server should do")


def _lost(error: Exception, host: str, port: int) -> Trouble:
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Trouble("network", f"{host} ended the connection")
    if isinstance(error, (ssl.SSLError, NoTlsError)):
        return _without_tls(error, host, port)
    if isinstance(error, TimeoutError):
        return Trouble("network", f"{host} did not answer in time at port {port}")
    if isinstance(error, OSError):
        return Trouble("network", f"{host} can't be reached at port {port}")
    if isinstance(error, TooMuchError):
        return Trouble("protocol", f"{host} sends more than a mail server may")
    return _aborted(str(error), host)


def _aborted(text: str, host: str) -> Trouble:
    """imaplib gave the connection up, or what it was greeted with was no greeting."""
    if "socket error" in text:
        return Trouble("network", f"{host} ended the connection")
    if "unexpected" in text or "not IMAP4" in text or "CAPABILITY" in text:
        return Trouble("protocol", f"{host} does not speak IMAP as we know it")
    meant = refused(text, host)
    return meant if meant.kind in ("busy", "auth") else Trouble("network", f"{host} ended the connection")


def _without_tls(error: Exception, host: str, port: int) -> Trouble:
    if isinstance(error, NoTlsError):
        return Trouble("tls", f"{host} offers no STARTTLS at port {port}. Take another port, or `tls`")
    if not isinstance(error, ssl.SSLCertVerificationError):
        return Trouble("tls", f"{host} doesn't speak TLS at port {port}. Take another port, or `starttls`")
    if error.verify_code == _EXPIRED:
        return Trouble("tls", f"The certificate of {host} has expired. Whoever runs that server has to renew it")
    if error.verify_code == _WRONG_NAME:
        return Trouble("tls", f"The certificate of {host} is for another name. Name the server as its certificate does")
    return Trouble(
        "tls",
        f"The certificate of {host} comes from nobody who is trusted here. An authority of your own is trusted by "
        f"{_AUTHORITIES}",
    )


def _wait(text: str) -> int | None:
    """The milliseconds after which it wants to be asked again."""
    found = _WAIT.search(text)
    if found is None:
        return None
    unit = found[2].lower()
    factor = next((factor for name, factor in _UNITS if unit.startswith(name)), 1_000)
    return min(int(found[1]) * factor, _LONGEST_WAIT_MS)
