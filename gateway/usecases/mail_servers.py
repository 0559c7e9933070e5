"""What use cases ask of the door of mailboxes, which alone speaks to mail servers and providers.

Nothing here raises for what a server or provider does: that is a value (`Trouble`). The door implements `MailServers`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.mailboxes import (
    Credential,
    Found,
    Servers,
    about_credential,
    credential_as_json,
    credential_of,
)
from gateway.core.refusals import Wrong
from gateway.sealing import Keyring


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a server did not do what it was asked.

    kind: `auth` (it refuses the password), `revoked` (consent is withdrawn: a new sign-in is needed), `network` (it is
    away, cut the connection or said nothing for a minute), `busy` ([UNAVAILABLE], [INUSE], [LIMIT], throttled),
    `tls` (its certificate can't be trusted, or there is no TLS), `refused` (we don't go there), `gone` (what was asked
    for is no longer on it), `protocol` (it says what we don't understand), `rejected` (it takes this mail from nobody)
    or `unknown` (the connection broke after all of the mail was handed over). says: one sentence for people, without
    a full stop and without any secret. after_ms: how long it asks us to wait.
    """

    kind: str
    says: str
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a log-in. imap: None where it went well. smtp: the same of the server for sending; None as well
    where there is none. folders: what may be the folder of sent mail, where the server doesn't tell, else empty."""

    imap: Trouble | None
    smtp: Trouble | None = None
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands on its server. part: IMAP section ("2", "1.2"), empty for all of it. encoding: its
    Content-Transfer-Encoding in lower case. message_id: by which it is found where the UIDVALIDITY is another one.
    most: bytes as they are transferred; what is larger is refused. octets: so many it had as its server told, 0 where
    nobody knows: by them it is told from what others sent under the same Message-ID."""

    folder: str
    uidvalidity: int
    uid: int
    part: str
    encoding: str
    message_id: str | None
    most: int
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Parcel:
    """A mail as a server for sending is given it. envelope: an id by which reports on it name it (RFC 3461)."""

    envelope: str
    recipients: tuple[str, ...]
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Passed:
    """A server for sending took a mail, but for these recipients, each with why in words. later: it may take those yet.
    Where nobody is left it took nothing."""

    refused: tuple[tuple[str, str], ...] = ()
    later: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """A mail that belongs into the folder of sent mail. path: of that folder, None where the server tells. message:
    None to look only. at: when it was sent, ms since 1970."""

    path: str | None
    message_id: str
    message: bytes | None = field(repr=False)
    at: int = 0


class MailServers(Protocol):
    """The door of mailboxes as use cases see it."""

    async def discover(self, address: str) -> Found | Wrong:
        """The provider of an address (E1): at most ten seconds. Wrong: `address`, in words."""

    async def check_servers(self, servers: Servers) -> Wrong | None:
        """Whether servers that somebody typed may be connected to at all: no IP literal, no port 25, no POP3, no
        private target unless allowed. field: `imap/host`, `imap/port`, `smtp/host`, …"""

    async def try_login(self, address: str, servers: Servers, credential: Credential) -> Tried:
        """Logs in once at each server, and out."""

    async def fetch(self, address: str, servers: Servers, credential: Credential, place: Place) -> bytes | Trouble:
        """The decoded bytes of a part, or a whole message, over a short connection (E7)."""

    async def send(self, address: str, servers: Servers, credential: Credential, parcel: Parcel) -> Passed | Trouble:
        """Hands a mail to the mailbox's server for sending (E11). Trouble `rejected`: nobody gets it; `unknown`: nobody
        knows who does."""

    async def keep_sent(
        self, address: str, servers: Servers, credential: Credential, copy: Copy
    ) -> bool | Trouble | None:
        """Looks for a mail in the folder of sent mail, and puts it there where it is not (E11). True: it stands there.
        False: it doesn't, as we only looked. None: there is no such folder."""

    def keeps_copies(self, servers: Servers) -> bool:
        """Whether the provider is known to put what is sent into the folder of sent mail by itself."""

    def consent_url(self, provider: str, state: str, verifier: str, redirect: str, address: str) -> str | None:
        """The page where somebody consents (OAuth 2.0 with PKCE, RFC 6749 and 7636); None where no app of ours is set
        for `google` or `microsoft`."""

    async def redeem(self, provider: str, code: str, verifier: str, redirect: str) -> Credential | Trouble:
        """The tokens for a code that came back."""

    async def renew(self, credential: Credential) -> Credential | Trouble:
        """A new access token; the refresh token may be another one, which is to be kept before the access token is
        used."""


def seal_credential(ring: Keyring, credential: Credential, account: int, mailbox: str) -> bytes:
    """A credential as its row keeps it (E10). Raises SealError where there is no key."""
    return ring.seal(json.dumps(credential_as_json(credential)).encode(), about_credential(account, mailbox))


def open_credential(ring: Keyring, sealed: bytes, account: int, mailbox: str) -> Credential:
    """The credential that a row keeps. Raises SealError where no key of ours opens it."""
    return credential_of(json.loads(ring.open(sealed, about_credential(account, mailbox))))


MOST_PASSWORD = 1_024
TRIED_OUT = Wrong("password", "too many passwords of this mailbox were refused within the hour; try again in an hour")


def check_password(password: str) -> Wrong | None:
    """What is wrong with a password before anybody is asked."""
    if not password:
        return Wrong("password", "a password is needed")
    if len(password) > MOST_PASSWORD or not password.isprintable():
        return Wrong("password", f"this is no password; allowed: 1 to {MOST_PASSWORD} characters on one line")
    return None


def wrong_of(tried: Tried, imap: str, smtp: str | None) -> Wrong | None:
    """The field that a failed log-in speaks of. imap: the one that named the server. smtp: the one that named the
    server for sending; None where nobody named it, so that it may fail: then nothing can be sent."""
    if tried.imap is not None:
        refused = tried.imap.kind in ("auth", "revoked")
        return Wrong("password" if refused else imap, tried.imap.says)
    if tried.smtp is not None and smtp is not None:
        return Wrong("password" if tried.smtp.kind in ("auth", "revoked") else smtp, tried.smtp.says)
    return None
