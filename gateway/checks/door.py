"""Knocks at our own door for mail as a sender does, and looks at what it shows after STARTTLS (RFC 3207)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from gateway.core.encryption import Shown

KNOCK_SECONDS = 4.0
_MOST_LINES = 50
Address = tuple[str, int]


class Door:
    """Our door. where: its address, None where there is none yet; asked each time, as a port may be chosen late."""

    def __init__(self, where: Callable[[], Address | None], hostname: str, seconds: float = KNOCK_SECONDS) -> None:
        self._where, self._hostname, self._seconds = where, hostname, seconds

    async def look(self) -> Shown:
        """What it shows; never raises for what the door does."""
        where = self._where()
        if where is None:
            return Shown(reached=False)
        try:
            async with asyncio.timeout(self._seconds):
                reader, writer = await asyncio.open_connection(*where)
                try:
                    return await self._knock(reader, writer)
                finally:
                    writer.transport.abort()
        except (OSError, EOFError, TimeoutError, ValueError) as fault:
            return Shown(reached=False, fault=str(fault) or type(fault).__name__)

    async def _knock(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Shown:
        await _reply(reader)
        writer.write(b"EHLO localhost\r\n")
        offers = await _reply(reader)
        if not any(line[4:].strip().upper() == b"STARTTLS" for line in offers):
            writer.write(b"QUIT\r\n")
            return Shown(reached=True)
        writer.write(b"STARTTLS\r\n")
        if not (await _reply(reader))[-1].startswith(b"220"):
            return Shown(reached=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            await writer.start_tls(context, server_hostname=self._hostname)
        except (OSError, EOFError) as fault:
            return Shown(reached=True, offered=True, fault=str(fault))
        seen = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.write(b"QUIT\r\n")
        return read_certificate(seen or b"")


def read_certificate(der: bytes) -> Shown:
    """What a certificate says, as our door showed it."""
    try:
        one = x509.load_der_x509_certificate(der)
        names = tuple(name.lower() for name in _names(one))
        ends_at = int(one.not_valid_after_utc.timestamp() * 1000)
        return Shown(True, True, names, ends_at, own_sign=one.issuer == one.subject)
    except ValueError as fault:
        return Shown(True, offered=True, fault=str(fault))


def _names(one: x509.Certificate) -> list[str]:
    try:
        found = one.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return [str(name.value) for name in one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    assert isinstance(found, x509.SubjectAlternativeName)
    return found.get_values_for_type(x509.DNSName)


async def _reply(reader: asyncio.StreamReader) -> list[bytes]:
    """The lines of one reply."""
    lines: list[bytes] = []
    while len(lines) < _MOST_LINES:
        line = await reader.readuntil(b"\n")
        lines.append(line)
        if line[3:4] != b"-":
            return lines
    raise ValueError("a reply without end")
