"""Which addresses and servers a mailbox may have at all (rule E1): IMAP and SMTP, by TLS, on servers named by name."""

from __future__ import annotations

import re

from gateway.core.address import Mailbox, normal_domain, parse_address
from gateway.core.mailboxes import SECURITIES, Server, Servers
from gateway.core.refusals import Wrong
from gateway.mailboxes.network import Network, is_literal
from gateway.usecases.mail_servers import Trouble

_POP = re.compile(r"pop[3s]*\d*\.", re.ASCII)
_EXCHANGE = re.compile(r"mapi|/ews|exchange\.asmx|autodiscover", re.ASCII)
_POP_PORTS = (110, 995)


def read_address(text: str) -> Mailbox | Wrong:
    """The address of a mailbox to be, taken apart."""
    shown = text.strip()[:80]
    found = parse_address(text)
    if found is None:
        return Wrong("address", f"{shown!r} is no mail address; allowed: one such as anna@example.com")
    if found.domain.startswith("["):
        return Wrong("address", f"{shown!r} has an IP address behind its @; allowed: a domain")
    if is_literal(found.domain):
        return Wrong("address", f"{shown!r} looks as if it had an IP address behind its @; allowed: a domain")
    if is_international(found.domain):
        return Wrong("address", f"{shown!r} has an international domain (IDN); a mailbox there can't be connected")
    return found


def is_international(domain: str) -> bool:
    """Whether a domain has letters beyond ASCII, in either of its forms (RFC 5890)."""
    return not domain.isascii() or any(label.startswith("xn--") for label in domain.lower().split("."))


async def check(network: Network, servers: Servers) -> Wrong | None:
    """Whether we may connect there at all; what is wrong names the field, the value and what is allowed."""
    wrong = await _check("imap", servers.imap, network)
    if wrong is None and servers.smtp is not None:
        wrong = await _check("smtp", servers.smtp, network)
    return wrong


async def _check(name: str, server: Server, network: Network) -> Wrong | None:
    wrong = wrong_host(name, server.host) or wrong_port(name, server)
    if wrong is not None:
        return wrong
    found = await network.judged(server.host, server.port)
    return Wrong(f"{name}/host", found.says) if isinstance(found, Trouble) else None


def wrong_host(name: str, host: str) -> Wrong | None:
    """What is wrong with the name of a server, before anybody looks it up."""
    field, shown, low = f"{name}/host", host.strip()[:80], host.strip().lower()
    if _EXCHANGE.search(low):
        return Wrong(field, f"{shown!r} is for MAPI or Exchange Web Services (EWS); allowed: an IMAP or SMTP server")
    if is_literal(low):
        return Wrong(field, f"{shown!r} is an IP address; allowed: the server's name, such as imap.gmail.com")
    if is_international(low):
        return Wrong(field, f"{shown!r} is an international name (IDN); allowed: names in plain letters")
    if _POP.match(low):
        return Wrong(field, f"{shown!r} is a server of POP3, which is not spoken here; allowed: an IMAP server")
    if normal_domain(host) != host.lower():
        return Wrong(field, f"{shown!r} is no name of a server; allowed: one such as imap.gmail.com")
    return None


def wrong_port(name: str, server: Server) -> Wrong | None:
    """What is wrong with how a server is spoken to."""
    field, port = f"{name}/port", server.port
    if not 0 < port < 65_536:
        return Wrong(field, f"{port} is no port; allowed: 1 to 65535")
    if port == 25:
        return Wrong(field, "25 is the port between mail servers; allowed: 993 or 143 to read, 465 or 587 to send")
    if port in _POP_PORTS:
        return Wrong(field, f"{port} is a port of POP3, which is not spoken here; allowed: IMAP, at 993 or 143")
    if server.security not in SECURITIES:
        return Wrong(
            f"{name}/security", f"{server.security[:20]!r} would send the password in the clear; allowed: tls, starttls"
        )
    return None
