"""Reads a provider's autoconfiguration, as mail programs have it: `config-v1.1.xml` (draft-ietf-mailmaint-autoconfig).

It comes from strangers: entities and document types are refused, so is what is deep or large (`web_client` ends at 64
KiB), and every server in it is judged like one that somebody typed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gateway.core.address import Mailbox
from gateway.core.mailboxes import STARTTLS, TLS, Server, Servers
from gateway.mailboxes.servers import wrong_host, wrong_port

_SECURITIES = {"SSL": TLS, "STARTTLS": STARTTLS}
_SIGN_INS = ("password-cleartext", "OAuth2", "plain")
"""`plain` is how older files write the first one."""
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Config:
    """What a file says. servers: None where it names no IMAP server that we go to; kinds: the kinds of server it does
    name, such as `pop3` or `exchange`."""

    name: str
    servers: Servers | None
    kinds: frozenset[str]


def read(text: bytes, address: Mailbox) -> Config | None:
    """The configuration for an address; None where this is no such file."""
    try:
        root = fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError):
        return None
    provider = root.find("emailProvider") if root.tag == "clientConfig" else None
    if provider is None:
        return None
    incoming = provider.findall("incomingServer")
    imap = next(_servers(incoming, "imap", address), None)
    smtp = next(_servers(provider.findall("outgoingServer"), "smtp", address), None)
    return Config(
        _text(provider, "displayName")[:80],
        None if imap is None else Servers(imap, smtp),
        frozenset(one.get("type", "").lower() for one in incoming),
    )


def _servers(found: list[Element], kind: str, address: Mailbox) -> Iterator[Server]:
    """Those of a kind that may be used, best first: TLS goes before STARTTLS, else the file's order stands."""
    servers = [server for one in found if one.get("type", "").lower() == kind if (server := _server(one, address))]
    for server in sorted(servers, key=lambda one: one.security != TLS):
        if wrong_host(kind, server.host) is None and wrong_port(kind, server) is None:
            yield server


def _server(found: Element, address: Mailbox) -> Server | None:
    security, port = _SECURITIES.get(_text(found, "socketType").upper()), _text(found, "port")
    ways = [(one.text or "").strip() for one in found.findall("authentication")]
    if security is None or not (port.isascii() and port.isdigit() and len(port) <= 5):
        return None
    if ways and not any(way in _SIGN_INS for way in ways):
        return None
    user = _filled(_text(found, "username"), address)
    return Server(
        _filled(_text(found, "hostname"), address).lower(), int(port), security, "" if user == address.address else user
    )


def _text(parent: Element, tag: str) -> str:
    text = parent.findtext(tag) or ""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())[:_LONGEST]


def _filled(text: str, address: Mailbox) -> str:
    for place, value in (
        ("%EMAILADDRESS%", address.address),
        ("%EMAILLOCALPART%", address.local),
        ("%EMAILDOMAIN%", address.domain),
    ):
        text = text.replace(place, value)
    return text
