"""A real door for mail before a site's desk, and a real client that knocks at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiosmtplib import SMTP, SMTPResponseException

from gateway.smtp.door import Doorway
from gateway.smtp.limits import SmtpLimits
from gateway.smtp.server import SmtpServer
from tests.web.site import URL, Site

Address = tuple[str, int]


@asynccontextmanager
async def smtp_door(site: Site, way: Doorway | None = None) -> AsyncIterator[Address]:
    """The site's door for mail, on a port of its own."""
    server = SmtpServer(site.desk, SmtpLimits(), "mx.kommo.example", public_url=URL, way=way)
    yield await server.start("127.0.0.1", 0)
    await server.stop(0)


async def send(door: Address, mail: bytes, *rcpt: str, sender: str = "ana@acme.example") -> str:
    """Sends a mail by SMTP; the reply after its text, or the first one that refuses it."""
    client = SMTP(hostname=door[0], port=door[1], start_tls=False, use_tls=False)
    await client.connect()
    try:
        await client.mail(sender)
        for one in rcpt:
            await client.rcpt(one)
        reply = await client.data(mail)
        return f"{reply.code} {reply.message}"
    except SMTPResponseException as refused:
        return f"{refused.code} {refused.message}"
    finally:
        await client.quit()
