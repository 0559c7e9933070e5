"""Ask a provider's user for consent, and take what the provider sends back (rule E1; RFC 6749 section 4.1, RFC 7636).

What has to be known again when the browser comes back travels with it, sealed: nobody can read or change it, it is good
for ten minutes, and only for the session that began, so that no stranger's mailbox is connected for somebody who
follows a link (RFC 6749 section 10.12).
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass

from gateway.core.mailboxes import PASSWORD, Credential, Found, servers_as_json, servers_of
from gateway.core.refusals import Wrong
from gateway.sealing import Keyring, opened_text, sealed_text
from gateway.store.access import Principal
from gateway.store.ids import shared_time as now
from gateway.usecases.mail_servers import MailServers, Trouble

STATE = "mailbox consent"
MINUTES = 10
_VERIFIER_BYTES = 64
_NOT_OURS = Wrong("state", "this sign-in was begun by somebody else, or too long ago: begin it again")


@dataclass(frozen=True, slots=True)
class Consented:
    """What somebody has consented to. kind: `personal` or `shared`."""

    found: Found
    kind: str
    credential: Credential


def begin(mail: MailServers, ring: Keyring, visitor: Principal, found: Found, kind: str, redirect: str) -> str | Wrong:
    """The provider's page to lead the browser to. Raises SealError.

    redirect: the page of ours that it leads back to.
    """
    if found.auth == PASSWORD:
        return Wrong("address", f"{found.address!r} is opened with a password; allowed: mailboxes at Google, Microsoft")
    verifier = secrets.token_urlsafe(_VERIFIER_BYTES)
    about = {
        "account": visitor.account,
        "user": visitor.user,
        "token": visitor.token,
        "kind": kind,
        "found": {**asdict(found), "servers": servers_as_json(found.servers)},
        "verifier": verifier,
    }
    state = sealed_text(ring, about, STATE, now() + MINUTES * 60_000)
    url = mail.consent_url(found.auth, state, verifier, redirect, found.address)
    if url is None:
        setting = f"SMARTGATE_OAUTH_{found.auth.upper()}_CLIENT_ID"
        return Wrong(
            "address", f"whoever runs this server has set up no app at {found.name} yet; ask them for {setting}"
        )
    return url


def is_set_up(mail: MailServers, found: Found) -> bool:
    """Whether an app of ours is set up at a provider that asks its users itself."""
    return found.auth != PASSWORD and mail.consent_url(found.auth, "", "", "", found.address) is not None


async def finish(
    mail: MailServers, ring: Keyring, visitor: Principal, code: str, state: str, redirect: str
) -> Consented | Wrong:
    """The tokens for what the browser brought back, where the same session brings it."""
    about = opened_text(ring, state, STATE, now())
    if about is None:
        return _NOT_OURS
    if (about["account"], about["user"], about["token"]) != (visitor.account, visitor.user, visitor.token):
        return _NOT_OURS
    found = Found(**{**about["found"], "servers": servers_of(about["found"]["servers"])})
    credential = await mail.redeem(found.auth, code, about["verifier"], redirect)
    if isinstance(credential, Trouble):
        return Wrong("code", credential.says)
    return Consented(found, about["kind"], credential)
