"""Hands a mail to a mailbox's server for sending (RFC 6409, RFC 5321, RFC 4954; rule E11).

What broke off before the server could have taken the mail is trouble that passes; what broke off after all of it was
handed over is `unknown` (RFC 1047), which only the folder of sent mail may clear up.
"""

from __future__ import annotations

import asyncio
import re

import aiosmtplib

from gateway.core.mailboxes import Credential, Server
from gateway.mailboxes.network import Network
from gateway.mailboxes.smtp_login import WHOLE_SECONDS, connected, entered, hidden_of, trouble_with, words_of
from gateway.usecases.mail_servers import Parcel, Passed, Trouble

DATA_SECONDS = 600.0
"""How long a server may take to say that it has a mail (RFC 5321 section 4.5.3.2.6)."""
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
_MEGABYTE = 1_000_000


async def send_smtp(
    network: Network, address: str, server: Server, credential: Credential, hostname: str, parcel: Parcel
) -> Passed | Trouble:
    """What became of a mail. address: of the mailbox, the envelope's sender. hostname: how we name ourselves."""
    hidden = hidden_of(server.user or address, credential)
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            line = await connected(network, server)
            if isinstance(line, Trouble):
                return line
            client = await entered(network, line, address, server, credential, hostname)
    except TimeoutError:
        return Trouble("network", f"{server.host} says nothing")
    if isinstance(client, Trouble):
        return client
    try:
        said = await _hand_over(client, address, server, parcel, hidden)
        if not (isinstance(said, Trouble) and said.kind == "unknown"):
            await _leave(client)
        return said
    except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
        return trouble_with(server, fault, hidden)
    finally:
        client.close()


async def _hand_over(
    client: aiosmtplib.SMTP, address: str, server: Server, parcel: Parcel, hidden: tuple[str, ...]
) -> Passed | Trouble:
    wrong = _unfit(client, address, server, parcel)
    if wrong is not None:
        return wrong
    utf8 = not _is_ascii(address, parcel)
    encoding = "utf-8" if utf8 else "ascii"
    answer = await _asked(client.mail(address, options=_options(client, parcel, utf8=utf8), encoding=encoding))
    if answer[0] >= 400:
        return _refused(server, answer, hidden)
    refused: list[tuple[str, str]] = []
    later: list[tuple[str, str]] = []
    for one in parcel.recipients:
        answer = await _asked(client.rcpt(one, encoding=encoding))
        if answer[0] >= 400:
            (refused if answer[0] >= 500 else later).append((one, _said(answer, hidden)))
    if len(refused) + len(later) == len(parcel.recipients):
        return Passed(tuple(refused), tuple(later))
    try:
        answer = await _asked(client.data(parcel.message, timeout=DATA_SECONDS))
    except (aiosmtplib.SMTPException, OSError, ValueError):
        return Trouble("unknown", f"the connection to {server.host} broke as it was taking the mail")
    if answer[0] >= 400:
        return _refused(server, answer, hidden)
    return Passed(tuple(refused), tuple(later))


def _unfit(client: aiosmtplib.SMTP, address: str, server: Server, parcel: Parcel) -> Trouble | None:
    """Why this server can't take the mail, as it says itself (RFC 1870, RFC 6531)."""
    if not _is_ascii(address, parcel) and not client.supports_extension("smtputf8"):
        named = [one for one in (address, *parcel.recipients) if not one.isascii()]
        odd = named[0] if named else "an address in its header"
        return Trouble("rejected", f"{server.host} takes no mail with {odd}, as it knows no letters but English ones")
    most = client.esmtp_extensions.get("size", "")
    if most.isdecimal() and 0 < int(most) < len(parcel.message):
        sizes = f"{int(most) / _MEGABYTE:.0f} MB; this one has {len(parcel.message) / _MEGABYTE:.0f} MB"
        return Trouble("rejected", f"{server.host} takes mails of at most {sizes}")
    return None


def _is_ascii(address: str, parcel: Parcel) -> bool:
    """Whether the envelope and the header hold nothing but ASCII; texts and files always do."""
    return all(one.isascii() for one in (address, *parcel.recipients)) and parcel.message.isascii()


def _options(client: aiosmtplib.SMTP, parcel: Parcel, *, utf8: bool) -> list[str]:
    options = [f"SIZE={len(parcel.message)}"] if client.supports_extension("size") else []
    if utf8:
        options += ["SMTPUTF8"] + (["BODY=8BITMIME"] if client.supports_extension("8bitmime") else [])
    if client.supports_extension("dsn"):
        envelope = _NOT_XTEXT.sub(lambda sign: f"+{ord(sign[0]):02X}", parcel.envelope)
        options += ["RET=HDRS", f"ENVID={envelope}"]
    return options


async def _asked(command: object) -> tuple[int, str]:
    """The server's answer, a refusal too."""
    try:
        answer = await command  # type: ignore[misc]
    except aiosmtplib.SMTPResponseException as fault:
        return fault.code, fault.message
    return answer.code, answer.message


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Says good-bye; what became of the mail is known, whatever they answer."""
    try:
        await client.quit(timeout=5)
    except (aiosmtplib.SMTPException, OSError, ValueError):
        return


def _refused(server: Server, answer: tuple[int, str], hidden: tuple[str, ...]) -> Trouble:
    said = f"{server.host} says {_said(answer, hidden)}"
    return Trouble("rejected" if answer[0] >= 500 else "busy", said)


def _said(answer: tuple[int, str], hidden: tuple[str, ...]) -> str:
    return f"{answer[0]} {words_of(answer[1], hidden)}".strip()
