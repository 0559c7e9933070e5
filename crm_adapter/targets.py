"""Which addresses we may be sent to: whoever names a URL must not reach what only we can reach (SSRF, CWE-918).

A name is looked up by us, every address it has is judged, and the connection goes to an address that was judged, not to
what the name means a moment later. So a name whose answer changes (DNS rebinding) leads nowhere else.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

LONGEST_URL = 2_000
LOOK_UP_SECONDS = 5.0

Resolve = Callable[[str, int], Awaitable[tuple[str, ...]]]
"""The addresses of a name, those to be tried first in front; empty where it has none."""


class TargetError(ValueError):
    """The URL can't be used; the text says why and what is allowed."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL leads. host: a name, or an address without brackets. authority: for the Host field."""

    url: str
    scheme: str
    host: str
    port: int
    authority: str
    path: str

    def at(self, address: str) -> str:
        """The URL with an address in place of the name."""
        host = f"[{address}]" if ":" in address else address
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def read_url(text: str) -> Target:
    """Takes a URL apart. Raises TargetError for what is none, or names more than a place."""
    url = text.strip()
    if not 0 < len(url) <= LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise TargetError(
            f"{url[:80]!a} is no URL; allowed: https://HOST/PATH, at most {LONGEST_URL} characters of ASCII"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as fault:
        raise TargetError(f"{url[:80]!a} is no URL: {fault}") from None
    if parts.scheme not in ("https", "http"):
        if not parts.scheme:
            raise TargetError(f"{url[:80]!a} is no URL; allowed: https://HOST/PATH")
        raise TargetError(f"{url[:80]!a} begins with {parts.scheme[:20]!a}; allowed: https and http")
    if parts.username is not None or parts.password is not None:
        raise TargetError("a URL with a user or password is not allowed; signatures say who calls")
    if not host or "%" in host or port == 0:
        raise TargetError(f"{parts.netloc[:80]!a} names no host; allowed: a name or an address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(url, parts.scheme, host, port or (443 if parts.scheme == "https" else 80), parts.netloc, path)


async def look_up(host: str, port: int) -> tuple[str, ...]:
    """The addresses that the system's resolver knows, IPv4 first: where a network has no IPv6, that fails late.

    A name whose servers never answer holds a thread for half a minute, whoever gave up waiting. So these threads are of
    no use to anything else, and a name has one of them, however many want to go there.
    """
    with suppress(ValueError):
        return (str(ip_address(host)),)
    loop = asyncio.get_running_loop()
    looking = _looking.setdefault(loop, {})
    found = looking.get(host)
    if found is None:
        found = looking[host] = loop.run_in_executor(_THREADS, _ask_system, host, port)
        found.add_done_callback(lambda _: looking.pop(host))
    return await asyncio.shield(found)


_THREADS = ThreadPoolExecutor(96, thread_name_prefix="look-up")
_looking: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Future[tuple[str, ...]]]] = WeakKeyDictionary()


def _ask_system(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    addresses = dict.fromkeys(str(where[0]) for _, _, _, _, where in found)
    return tuple(sorted(addresses, key=lambda one: ":" in one))


async def judged(target: Target, resolve: Resolve = look_up, *, private: bool = False) -> tuple[str, ...]:
    """The addresses of a target, all of them allowed; none where it has none now.

    private: those of our own network are allowed as well. Raises TargetError.
    """
    try:
        addresses = await asyncio.wait_for(resolve(target.host, target.port), LOOK_UP_SECONDS)
    except TimeoutError:
        return ()
    if not private:
        for address in addresses:
            if not is_public(address):
                raise TargetError(
                    f"{target.host[:200]} leads to {address}, which is not on the public internet; allowed: public "
                    f"addresses, or any with SMARTGATE_WEBHOOK_ALLOW_PRIVATE"
                )
    return addresses


_AZURE = IPv4Network("168.63.129.16/32")
"""Looks public, and is a service inside of each machine that runs there."""
_ODD = (IPv4Network("100.64.0.0/10"), IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), _AZURE)
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/23"), IPv6Network("3fff::/20"))


def is_public(text: str) -> bool:
    """Whether an address belongs to the public internet, however it is written (RFC 6890, RFC 6052, RFC 3056)."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _is_public(address)
    if address in _NAT64 or address.ipv4_mapped is not None:
        return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return _is_public_ipv6(address)


def _is_public(address: IPv4Address) -> bool:
    odd = address.is_multicast or address.is_reserved or any(address in network for network in _ODD)
    return address.is_global and not odd


def _is_public_ipv6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _UNICAST:
        return False
    return address.is_global and not any(address in tunnel for tunnel in _TUNNELS)
