"""The certificate this door shows, reloaded when its files change (RFC 3207, RFC 8996)."""

from __future__ import annotations

import asyncio.sslproto
import os
import ssl
from pathlib import Path

import structlog

from gateway import metrics

_log = structlog.get_logger(__name__)
_Stamp = tuple[tuple[int, int, int], ...]

setattr(asyncio.sslproto.SSLProtocol, "max_size", 32 * 1024)  # noqa: B010 - an attribute of somebody else's class
"""asyncio would hold 256 KiB for each encrypted connection, also for an idle one."""


class CertificateError(Exception):
    """The certificate can't be used; str() is one line that names the files and says why."""


class Certificates:
    """A certificate with its key, as a TLS context.

    The files are looked at whenever a peer wants TLS. A new pair that doesn't fit, as when only one of two files is
    written yet, is told to the log once and the old pair stays in use. key: None where it stands in cert's file.
    """

    def __init__(self, cert: Path, key: Path | None = None) -> None:
        self._cert = cert
        self._key = key or cert
        try:
            self._seen = self._stamp()
            self._context = self._load()
        except (OSError, ValueError) as error:
            raise CertificateError(self._told(error)) from error

    def context(self) -> ssl.SSLContext:
        """Give the context for the next connection; never raises."""
        try:
            stamp = self._stamp()
        except OSError:
            stamp = ()
        if stamp != self._seen:
            self._seen = stamp
            self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            self._context = self._load()
        except (OSError, ValueError) as error:
            metrics.certificate_read(usable=False)
            _log.error("smtp.certificate_refused", reason=self._told(error))
        else:
            metrics.certificate_read(usable=True)
            _log.info("smtp.certificate_reloaded", file=str(self._cert))

    def _stamp(self) -> _Stamp:
        """What changes when a file is replaced or written anew."""
        stats = [os.stat(path) for path in (self._cert, self._key)]
        return tuple((one.st_mtime_ns, one.st_size, one.st_ino) for one in stats)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        # A key with a password would otherwise be asked for on the terminal.
        context.load_cert_chain(self._cert, self._key, password=lambda: "")
        return context

    def _told(self, error: Exception) -> str:
        files = str(self._cert) if self._key == self._cert else f"{self._cert} with {self._key}"
        why = error.reason if isinstance(error, ssl.SSLError) and error.reason else None
        if why is None and isinstance(error, OSError):
            why = error.strerror
        return f"{files}: no usable certificate and key ({why or 'unreadable'})"
