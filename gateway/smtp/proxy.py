"""Reads the PROXY header with which a load balancer names the real peer: versions 1 and 2 of HAProxy's protocol."""

from __future__ import annotations

import ipaddress
import re

_V1_BEGIN = b"PROXY "
_V1_MAX = 107
"""Octets of the longest line of version 1, its CR LF included."""
_V1 = re.compile(
    rb"PROXY (?:UNKNOWN(?: [ -~]*)?|(TCP4|TCP6) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) ([0-9]{1,5}) ([0-9]{1,5}))"
)
_V2_BEGIN = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED = 16
_V2_MAX = 4096
"""Octets of addresses and further fields that are read; a load balancer sends a few dozen."""
_V2_ADDRESSES = {0x11: (ipaddress.IPv4Address, 4), 0x21: (ipaddress.IPv6Address, 16)}
_V2_OWN = frozenset((0x00, 0x31, 0x32))
_PORTS = 4


class ProxyError(ValueError):
    """What came is no PROXY header; str() says why, for the log."""


def read_proxy(data: bytes) -> tuple[int, str] | None:
    """Read the header at the beginning of `data`: its length and the peer's address; None while more must come.

    The address is "" where the balancer speaks for itself (LOCAL) or names none (UNKNOWN, a unix socket). Raises
    ProxyError as soon as it can't become a header.
    """
    if data.startswith(_V2_BEGIN[: len(data)]):
        return _read_v2(data)
    if data.startswith(_V1_BEGIN[: len(data)]):
        return _read_v1(data)
    raise ProxyError("it begins otherwise")


def _read_v1(data: bytes) -> tuple[int, str] | None:
    end = data.find(b"\r\n", 0, _V1_MAX)
    if end < 0:
        if len(data) >= _V1_MAX:
            raise ProxyError("the line of version 1 doesn't end")
        return None
    found = _V1.fullmatch(data[:end])
    if found is None:
        raise ProxyError("the line of version 1 is malformed")
    if found[1] is None:
        return end + 2, ""
    kind = ipaddress.IPv4Address if found[1] == b"TCP4" else ipaddress.IPv6Address
    try:
        source, _ = str(kind(found[2].decode())), kind(found[3].decode())
    except ValueError:
        raise ProxyError("an address of version 1 is malformed") from None
    if int(found[4]) > 65535 or int(found[5]) > 65535:
        raise ProxyError("a port of version 1 is too large")
    return end + 2, plain_address(source)


def _read_v2(data: bytes) -> tuple[int, str] | None:
    if len(data) < _V2_FIXED:
        return None
    command, family, length = data[12], data[13], int.from_bytes(data[14:16])
    if command not in (0x20, 0x21):
        raise ProxyError("the command of version 2 is unknown")
    if length > _V2_MAX:
        raise ProxyError("the header of version 2 is too long")
    whole = _V2_FIXED + length
    if command == 0x21 and family not in _V2_OWN and family not in _V2_ADDRESSES:
        raise ProxyError("the address family of version 2 is unknown or not TCP")
    if len(data) < whole:
        return None
    if command == 0x20 or family in _V2_OWN:
        return whole, ""
    kind, octets = _V2_ADDRESSES[family]
    if length < 2 * octets + _PORTS:
        raise ProxyError("the addresses of version 2 are too short")
    return whole, plain_address(str(kind(data[_V2_FIXED : _V2_FIXED + octets])))


def plain_address(text: str) -> str:
    """Give an IP address its one form: IPv4 inside IPv6 as plain IPv4."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)
