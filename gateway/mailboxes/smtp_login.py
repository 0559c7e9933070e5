"""Logs in at a server for sending: to try it, once, and out, or to send (RFC 4954, RFC 8314).

TLS from the start or STARTTLS, never neither; the certificate is verified; the connection goes to a judged address.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl

import aiosmtplib

from gateway.core.mailboxes import PASSWORD, TLS, Credential, Server
from gateway.mailboxes.network import Network, trouble_of
from gateway.usecases.mail_servers import Trouble

CONNECT_SECONDS = 10.0
WHOLE_SECONDS = 30.0
_MOST_WORDS = 200


async def try_smtp(
    network: Network, address: str, server: Server, credential: Credential, hostname: str
) -> Trouble | None:
    """Why the log-in did not go well, or None. hostname: how we name ourselves."""
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            connection = await connected(network, server)
            if isinstance(connection, Trouble):
                return connection
            client = await entered(network, connection, address, server, credential, hostname)
            if isinstance(client, Trouble):
                return client
            return await _leave(client, server, hidden_of(server.user or address, credential))
    except TimeoutError:
        return Trouble("network", f"{server.host} says nothing")


async def connected(network: Network, server: Server) -> socket.socket | Trouble:
    """A connection to the first judged address that answers, without TLS yet."""
    addresses = await network.judged(server.host, server.port)
    if isinstance(addresses, Trouble):
        return addresses
    loop, trouble = asyncio.get_running_loop(), Trouble("network", f"{server.host} can't be reached")
    for address in addresses:
        line = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        line.setblocking(False)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.sock_connect(line, (address, server.port))
            return line
        except OSError as fault:
            line.close()
            trouble = trouble_of(server.host, server.port, fault)
        except BaseException:
            line.close()
            raise
    return trouble


async def entered(
    network: Network, line: socket.socket, address: str, server: Server, credential: Credential, hostname: str
) -> aiosmtplib.SMTP | Trouble:
    """A client that is logged in, over a connection that is its own from now on; it is to be closed."""
    client = aiosmtplib.SMTP(
        hostname=server.host,
        sock=line,
        local_hostname=hostname,
        use_tls=server.security == TLS,
        start_tls=False,
        tls_context=network.tls,
        timeout=WHOLE_SECONDS,
    )
    user = server.user or address
    try:
        await client.connect()
        await client.ehlo()
        if server.security != TLS:
            if not client.supports_extension("starttls"):
                client.close()
                return Trouble("tls", f"{server.host} does not offer STARTTLS at port {server.port}")
            await client.starttls(tls_context=network.tls)
        await _log_in(client, user, credential)
    except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
        client.close()
        return trouble_with(server, fault, hidden_of(user, credential))
    except BaseException:
        client.close()
        raise
    return client


async def _leave(client: aiosmtplib.SMTP, server: Server, hidden: tuple[str, ...]) -> Trouble | None:
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError, ValueError) as fault:
        return trouble_with(server, fault, hidden)
    finally:
        client.close()
    return None


async def _log_in(client: aiosmtplib.SMTP, user: str, credential: Credential) -> None:
    await client.ehlo()
    if credential.kind != PASSWORD:
        await client.auth_xoauth2(user, credential.access)
    elif "plain" in client.supported_auth_methods or "login" not in client.supported_auth_methods:
        await client.auth_plain(user, credential.secret)
    else:
        await client.auth_login(user, credential.secret)


def trouble_with(server: Server, fault: Exception, hidden: tuple[str, ...]) -> Trouble:
    """What went wrong with a server, in words without what must not be told again (hidden)."""
    if isinstance(fault, aiosmtplib.SMTPAuthenticationError) and fault.code >= 500:
        return Trouble("auth", f"{server.host} refuses the log-in: {fault.code} {words_of(fault.message, hidden)}")
    if isinstance(fault, aiosmtplib.SMTPResponseException) and 400 <= fault.code < 500:
        return Trouble(
            "busy", f"{server.host} asks us to come back later: {fault.code} {words_of(fault.message, hidden)}"
        )
    cause: BaseException | None = fault
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return trouble_of(server.host, server.port, cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(fault, aiosmtplib.SMTPResponseException):
        return Trouble("protocol", f"{server.host} refuses: {fault.code} {words_of(fault.message, hidden)}")
    if isinstance(fault, aiosmtplib.SMTPNotSupported | ValueError):
        return Trouble("protocol", f"{server.host} says what we don't understand")
    return Trouble("network", f"the connection to {server.host} broke")


def hidden_of(user: str, credential: Credential) -> tuple[str, ...]:
    """What must not be told again though a server says it, in the forms in which it was sent there."""
    secrets = [one for one in (credential.secret, credential.access) if one]
    sent = [base64.b64encode(one.encode()).decode() for one in secrets]
    return (*secrets, *sent, base64.b64encode(f"\0{user}\0{credential.secret}".encode()).decode())


def words_of(text: str, hidden: tuple[str, ...]) -> str:
    """What a server said, fit for one line."""
    for secret in hidden:
        text = text.replace(secret, "***")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_MOST_WORDS]
