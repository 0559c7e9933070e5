"""A server for sending that lets people in by password or token, and takes no mail."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from aiosmtpd.smtp import Session as SmtpSession

ANNA, PASSWORD, TOKEN = "anna@localhost", "the pass word", "the-access-token"


class Sending:
    """Someone else's server for sending. tried: log-in names and secrets, in order. says: instead of letting in."""

    def __init__(self) -> None:
        self.tried: list[tuple[str, str]] = []
        self.says: str | None = None
        self.mails = 0
        self.hellos: list[str] = []

    def __call__(
        self, server: SMTP, session: SmtpSession, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.tried.append((data.login.decode(), data.password.decode()))
        self.hellos.append(str(session.host_name))
        good = self.tried[-1] in {(ANNA, PASSWORD), (ANNA, "pässwörd ✓")}
        return AuthResult(success=good and self.says is None, handled=False, message=self.says)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's name
        said = base64.b64decode(args[1]).decode()
        self.tried.append(("XOAUTH2", said))
        return AuthResult(success=said == f"user={ANNA}\x01auth=Bearer {TOKEN}\x01\x01", handled=False)

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        self.mails += 1
        return "250 taken"


@asynccontextmanager
async def sending(
    sender: Sending, tls: ssl.SSLContext | None, *, starttls: bool = False, without: Sequence[str] = ()
) -> AsyncIterator[int]:
    """The port of such a server."""

    def protocol() -> SMTP:
        return SMTP(
            sender,
            authenticator=sender,
            tls_context=tls if starttls else None,
            require_starttls=starttls,
            auth_require_tls=starttls,
            auth_exclude_mechanism=without,
            hostname="localhost",
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=None if starttls else tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
