"""Mailboxes in words and shapes: how each is, who reads it, what stands in the way (rules, section E)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.mailboxes import (
    AUTH_FAILED,
    CHOOSE,
    DISCONNECTED,
    IMPORTING,
    PAUSED,
    READY,
    SHARED,
)
from gateway.core.resources import Mailbox
from gateway.core.sent_names import is_about_sent
from gateway.usecases.mail_servers import Known
from gateway.usecases.show_mailboxes import Shown
from gateway.web.services import WebServices
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later, ngettext

_MINUTE_MS = 60_000
_LOOKS: Mapping[str, tuple[str, str, str]] = {
    IMPORTING: ("info", "sync", ""),
    READY: ("ok", "check", ""),
    PAUSED: ("off", "pause", later("Paused")),
    AUTH_FAILED: ("bad", "x", later("Sign-in refused")),
    DISCONNECTED: ("off", "tray", later("Disconnected")),
}
"""State → colour, icon, and the tag beside the address."""
_BY: Mapping[str, str] = {
    "table": later("Found in our list of providers."),
    "autoconfig": later("Found by what the domain says of its mail."),
    "srv": later("Found by the domain’s DNS."),
    "mx": later("Found by the domain’s MX record."),
    "guess": later("Guessed. Look at the servers before your password goes there."),
    "given": later("As you connected it before."),
}
_TOLD: Mapping[str, str] = {
    "connected": later("%(address)s is connected. Its mail is fetched now; you can go on working."),
    "again": later("%(address)s is connected again. It goes on where it stopped."),
    "fetching": later("New mail of %(address)s is being fetched."),
    "paused": later("%(address)s is paused. Nothing is fetched until you continue."),
    "resumed": later("%(address)s goes on."),
    "saved": later("The options of %(address)s are saved."),
    "shared": later("%(address)s is shared now."),
    "personal": later("%(address)s is personal now."),
    "kept": later("%(address)s is disconnected. Its mail stays here."),
    "deleted": later("%(address)s is disconnected, and its mail is deleted here."),
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a mailbox looks: colour, icon, and a word for its state, empty where that goes without saying."""

    colour: str
    icon: str
    tag: str


def look(one: Shown) -> Look:
    """The mark and the word of a mailbox."""
    colour, icon, tag = _LOOKS[one.mailbox.state]
    if one.mailbox.state == READY and one.mailbox.error:
        return Look("wait", "warn", "" if asks_for_sent(one.mailbox) else _("Not reached"))
    return Look(colour, icon, _(tag) if tag else "")


def kind(one: Shown) -> str:
    """Who reads a mailbox."""
    if one.mailbox.kind == SHARED:
        return _("Shared")
    return _("Personal, shared with admins") if one.mailbox.share_with_admins else _("Personal")


def next_look(mailbox: Mailbox, now: int) -> str:
    """When a mailbox is looked into again; empty where it isn't."""
    if mailbox.next_sync_at is None:
        return ""
    minutes = round((mailbox.next_sync_at - now) / _MINUTE_MS)
    if minutes < 1:
        return _("next in a moment")
    return ngettext("next in about %(num)s minute", "next in about %(num)s minutes", minutes) % {"num": minutes}


def time_left(one: Shown) -> str:
    """How long an import still takes; empty where nobody knows."""
    if one.left_ms is None:
        return ""
    minutes = round(one.left_ms / _MINUTE_MS)
    if minutes < 1:
        return _("less than a minute left")
    return ngettext("about %(num)s minute left", "about %(num)s minutes left", minutes) % {"num": minutes}


def imported(mailbox: Mailbox) -> str:
    """How far an import is."""
    far = mailbox.progress
    if far is None or not far.total:
        return _("Looking at what is there")
    return _("%(done)s of %(total)s mails") % {"done": f"{far.done:,}", "total": f"{far.total:,}"}


def progress_said(mailbox: Mailbox) -> str:
    """How far an import is, for those who listen."""
    return _("Import of %(address)s: %(far)s") % {"address": mailbox.address, "far": imported(mailbox)}


def state_said(one: Shown) -> str:
    """How a mailbox is, for those who listen."""
    said = {
        IMPORTING: later("%(address)s is being imported"),
        READY: later("%(address)s is up to date"),
        PAUSED: later("%(address)s is paused"),
        AUTH_FAILED: later("%(address)s no longer lets us in"),
        DISCONNECTED: later("%(address)s is disconnected"),
    }[one.mailbox.state]
    return _(said) % {"address": one.mailbox.address}


def told(what: str, address: str) -> str:
    """What was just done to a mailbox; empty for a word we don't know."""
    return _(_TOLD[what]) % {"address": address} if what in _TOLD else ""


def by(how: str) -> str:
    """How servers were found."""
    return _(_BY[how])


def asks_for_sent(mailbox: Mailbox) -> bool:
    """Whether its owner has to say which folder holds sent mail."""
    return is_about_sent(mailbox.error)


def folders(mailbox: Mailbox) -> list[str]:
    """The folders its owner may choose from."""
    names = mailbox.error.partition(CHOOSE)[2].removesuffix(".")
    return names.split(", ") if names else []


def sentence(text: str) -> str:
    """What the core said in a few words, as a sentence: a capital at its begin, unless that is a server's name, and a
    full stop at its end."""
    text = text.strip().rstrip(".")
    named = "." in text.partition(" ")[0]
    return f"{text if named else text[:1].upper() + text[1:]}." if text else ""


def asked_for_sent(mailbox: Mailbox) -> str:
    """Why its owner has to say which folder holds sent mail."""
    return sentence(mailbox.error.partition(CHOOSE)[0])


def provider(services: WebServices, id: str) -> Known:
    """What is known of a provider: one that stands in no table is called by its id."""
    found = None if services.mail_servers is None else services.mail_servers.known(id)
    return found or Known(id, None)
