"""The checks of a domain and of our door in words, for the pages of the set-up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.core.dns_records import FAILED
from gateway.usecases.check_machine import Finding, Judged
from gateway.web.tongues import gettext as _
from gateway.web.tongues import later, ngettext

_ABOUT: Mapping[str, str] = {
    "mx": later("where mail for it goes"),
    "machine": later("this machine"),
    "back": later("the way back, at your hoster"),
    "spf": later("says who may send for it (SPF)"),
    "dmarc": later("what becomes of forged mail (DMARC)"),
    "sts": later("asks others to encrypt (MTA-STS)"),
    "sts_host": later("serves the encryption policy"),
    "reports": later("who hears when that fails (TLS-RPT)"),
}
_STATES: Mapping[str, tuple[str, str, str]] = {
    "right": ("ok", "check", later("right")),
    "different": ("bad", "x", later("different")),
    "missing": ("bad", "x", later("missing")),
    "unknown": ("wait", "warn", later("no answer")),
}
# Check of our door and its state → what it says, and what to do about it.
_FINDINGS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("door", "warning"): (
        later("Our own door for mail can’t be looked at from here"),
        later("It runs on another machine, or isn’t started. Look again when it answers."),
    ),
    ("starttls", "ok"): (later("Mail to us can be encrypted"), later("The door offers STARTTLS.")),
    ("starttls", "warning"): (
        later("Mail to us travels in the clear"),
        later("Set `SMARTGATE_TLS_CERT` and `SMARTGATE_TLS_KEY` to a certificate for {host}, and start again."),
    ),
    ("certificate", "failed"): (
        later("The certificate can’t be read"),
        later("Look at the files of `SMARTGATE_TLS_CERT` and `SMARTGATE_TLS_KEY`."),
    ),
    ("name", "ok"): (later("The certificate names {host}"), later("Senders can tell that it is us.")),
    ("name", "failed"): (
        later("The certificate doesn’t name {host}"),
        later("Get one for {host}, or set `SMARTGATE_HOSTNAME` to a name that it has."),
    ),
    ("signer", "ok"): (later("Somebody else vouches for it"), later("It is signed by an authority.")),
    ("signer", "warning"): (
        later("The certificate is signed by itself"),
        later(
            "Mail is encrypted, but senders can’t tell that it is us. Get one from an authority, such as an ACME one."
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class RecordRow:
    """A record as the page shows it. state, colour, icon, word: how it is. grave: it keeps mail away. wanted: to copy,
    empty where only the reader knows it."""

    key: str
    state: str
    colour: str
    icon: str
    word: str
    kind: str
    name: str
    about: str
    wanted: str
    found: tuple[str, ...]
    grave: bool


@dataclass(frozen=True, slots=True)
class FindingRow:
    """What was found at our door."""

    colour: str
    icon: str
    title: str
    text: str


def row(one: Judged) -> RecordRow:
    """A record that is wanted, with what was found."""
    colour, icon, word = _STATES[one.state]
    wanted = one.wanted
    dot = "." if wanted.kind in ("MX", "PTR") else ""
    return RecordRow(
        key=f"{wanted.key}-{wanted.kind}-{wanted.name}".lower(),
        state=one.state,
        colour=colour,
        icon=icon,
        word=_(word),
        kind=wanted.kind,
        name=wanted.name,
        about=_(_ABOUT[wanted.key]),
        wanted=f"{wanted.values[0]}{dot}" if wanted.values else "",
        found=tuple(f"{text}{dot}" for text in one.found[:4]),
        grave=one.level == FAILED,
    )


def finding(one: Finding, hostname: str) -> FindingRow:
    """What was found at our door, and what to do."""
    colour, icon = {"ok": ("ok", "check"), "warning": ("wait", "warn"), "failed": ("bad", "x")}[one.state]
    if one.check == "days":
        return FindingRow(colour, icon, *_lasting(one))
    title, text = _FINDINGS[one.check, one.state]
    return FindingRow(colour, icon, _(title).replace("{host}", hostname), _(text).replace("{host}", hostname))


def _lasting(one: Finding) -> tuple[str, str]:
    if one.days < 0:
        return _("The certificate has run out"), _("Renew it; the new one is taken up at once, without a restart.")
    title = ngettext("It is good for %(num)s more day", "It is good for %(num)s more days", one.days)
    if one.state == "ok":
        return title % {"num": one.days}, _("A new one is taken up at once, without a restart.")
    return title % {"num": one.days}, _("Renew it now; the new one is taken up at once, without a restart.")
