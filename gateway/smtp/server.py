"""One listener for SMTP or LMTP: opens the port, knows its sessions, closes without losing what is being filed."""

from __future__ import annotations

import asyncio
import socket

import structlog

from gateway.smtp import answers
from gateway.smtp.desk import Desk
from gateway.smtp.door import Door, Doorway
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.lmtp import LmtpSession
from gateway.smtp.session import SmtpSession
from gateway.smtp.welcome import Crowds, Welcome

_log = structlog.get_logger(__name__)
_BACKLOG = 1024
"""So many connections may wait in the kernel's queue."""
_ACCEPTED_AT_ONCE = 16
"""So many of them come in before others have their turn: asyncio would take as many as may wait."""
_SEND_BUFFER_BYTES = 32 * 1024
"""What the kernel keeps for a peer that doesn't read its replies; by itself it would keep megabytes."""
_LAST_WORDS_SECONDS = 1.0


class SmtpServer:
    """Speaks SMTP, or LMTP, for a desk.

    hostname: our own name, ASCII. public_url: where `/why/RULE` explains a refusal. way: TLS, PROXY and limits by
    address.
    """

    def __init__(
        self,
        desk: Desk,
        limits: SmtpLimits,
        hostname: str,
        *,
        public_url: str = "",
        way: Doorway | None = None,
        lmtp: bool = False,
    ) -> None:
        self._door = Door(desk, limits, hostname, public_url, way or Doorway())
        self._session = LmtpSession if lmtp else SmtpSession
        self._server: asyncio.Server | Welcome | None = None

    @property
    def sessions(self) -> int:
        """Connections that are open now."""
        return len(self._door.wires)

    async def start(
        self, host: str, port: int, *, sock: socket.socket | None = None, crowds: Crowds | None = None
    ) -> tuple[str, int]:
        """Listen, on `sock` where one was opened already; the address and port that came of it (0 picks one).

        On a unix socket they are its path and 0. crowds: of the workers where several listen on `sock`.
        """
        loop = asyncio.get_running_loop()

        def session() -> SmtpSession:
            return self._session(self._door, loop)

        if sock is None:
            self._server = await loop.create_server(session, host, port, backlog=_ACCEPTED_AT_ONCE)
        elif crowds is not None:
            sock.listen(_BACKLOG)
            self._server = Welcome(sock, session, lambda: self.sessions, crowds)
        elif sock.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(session, sock=sock, backlog=_ACCEPTED_AT_ONCE)
        else:
            self._server = await loop.create_server(session, sock=sock, backlog=_ACCEPTED_AT_ONCE)
        for one in self._server.sockets:
            with one.dup() as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)  # those that come inherit it
                same.listen(_BACKLOG)
        address = self._server.sockets[0].getsockname()
        return (address, 0) if isinstance(address, str) else (str(address[0]), int(address[1]))

    async def stop(self, grace: float) -> None:
        """Close the port, send idle peers away with 421, and give the others `grace` seconds to finish their mail.

        A peer still sending by then is sent away too; a mail still being filed goes on, but its peer isn't told.
        """
        if self._server is None:
            return
        door = self._door
        door.stopping = True
        self._server.close()
        for wire in tuple(door.wires):
            if wire.resting:
                wire.dismiss(answers.SHUTTING_DOWN)
        if await self._sessions_left(grace):
            for wire in tuple(door.wires):
                wire.dismiss(answers.SHUTTING_DOWN)
            if left := await self._sessions_left(_LAST_WORDS_SECONDS):
                _log.warning("smtp.sessions_left", count=left)
        for wire in tuple(door.wires):
            wire.drop()
        await self._server.wait_closed()
        door.threads.shutdown(wait=False)

    async def _sessions_left(self, seconds: float) -> int:
        """Wait for the sessions to end; how many haven't."""
        if not self._door.tasks:
            return 0
        _, pending = await asyncio.wait(self._door.tasks, timeout=seconds)
        return len(pending)
