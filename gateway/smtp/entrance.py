"""What may come before or between the words of SMTP: the PROXY header of a load balancer, and TLS."""

from __future__ import annotations

import asyncio
import math
import ssl

import structlog

from gateway import metrics
from gateway.core.replies import Reply
from gateway.smtp import answers
from gateway.smtp.proxy import ProxyError, read_proxy
from gateway.smtp.wire import LINGER_SECONDS, FarewellError, Wire

_READ_BYTES = 64 * 1024
"""What is read of one connection before others have their turn. asyncio's own 256 KiB take memory that the system must
clear anew for each read, which costs a third of the time to receive a large mail."""
_log = structlog.get_logger(__name__)


class Entrance(Wire):
    """A wire that learns who its peer is, and can be taken into TLS."""

    def _begin(self, transport: asyncio.BaseTransport) -> None:
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        super()._begin(transport)

    async def read_proxy_header(self) -> None:
        """Let a load balancer name the real peer. Raises FarewellError where it doesn't, or not in time."""
        self._foreword = True
        self.allow(self.door.limits.proxy_seconds, answers.NO_PROXY_HEADER)
        try:
            while (found := read_proxy(bytes(self._inbox))) is None:
                await self.more()
        except ProxyError as error:
            _log.warning("smtp.proxy_header_refused", peer=self.peer, reason=str(error))
            raise FarewellError(answers.NO_PROXY_HEADER) from error
        self._foreword = False
        length, peer = found
        del self._inbox[:length]
        self.peer = peer or self.peer

    async def encrypt(self, context: ssl.SSLContext, go_ahead: Reply) -> None:
        """Say `go_ahead` and take the connection into TLS (RFC 3207). Raises FarewellError where that fails.

        Octets that came behind the command would be read as if they had been sent encrypted: nothing of them is kept
        and the session ends. From the check on nothing awaits, so that later ones go to the handshake, which fails.
        """
        await self.flush()
        if self._inbox:
            raise FarewellError(answers.BEHIND_STARTTLS)
        transport = self.transport
        if transport is None or self._hung_up:
            raise FarewellError(None)
        self.say(go_ahead)
        self._send()
        self.allow(math.inf, answers.TIMED_OUT)
        self._read_paused = True  # the handshake owns the reading; early commands behind it wait in the inbox
        try:
            secured = await self.loop.start_tls(
                transport,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=self.door.limits.handshake_seconds,
                ssl_shutdown_timeout=LINGER_SECONDS,
            )
        except OSError as fault:
            self._give_up_tls(fault)
            raise FarewellError(None) from fault
        if secured is None or self._hung_up:
            self._give_up_tls(None)
            raise FarewellError(None)
        self.transport = secured
        self._read_paused = False
        metrics.handshake_done(self.tls_version or "")

    def _give_up_tls(self, fault: OSError | None) -> None:
        metrics.handshake_done("failed")
        why = fault.reason if isinstance(fault, ssl.SSLError) and fault.reason else type(fault).__name__
        _log.info("smtp.handshake_failed", peer=self.peer, reason=why if fault else "the peer left")
        self.drop()
        self.connection_lost(fault)
