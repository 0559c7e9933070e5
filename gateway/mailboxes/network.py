"""Where the door of mailboxes connects to: every address is judged first, and the connection goes to a judged one.

So nobody reaches, by naming a server, what only this machine can reach (SSRF, CWE-918); a name whose answer changes a
moment later leads nowhere else. The name stays in TLS, whose certificate is always verified.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from crm_adapter.targets import is_public
from gateway.mailboxes.lookups import Names, NameServer
from gateway.usecases.mail_servers import Trouble

LOOK_UP_SECONDS = 3.0
ALLOW = "SMARTGATE_MAILBOX_ALLOW_PRIVATE"


class Network:
    """The way out. private: addresses of our own network are allowed. name_servers: (IP, port), or none for those of
    the machine. authorities: a file of certificates, in PEM, of those trusted beside the machine's own; OSError where
    it holds none."""

    def __init__(
        self,
        *,
        private: bool = False,
        name_servers: Sequence[NameServer] = (),
        authorities: Path | None = None,
        look_up_seconds: float = LOOK_UP_SECONDS,
    ) -> None:
        self.private = private
        self.names = Names(name_servers, look_up_seconds)
        self.tls = ssl.create_default_context()
        if authorities is not None:
            self.tls.load_verify_locations(authorities)
        self._seconds = look_up_seconds

    async def judged(self, host: str, port: int) -> tuple[str, ...] | Trouble:
        """The addresses of a host, at least one, all of them allowed. Trouble: `refused` or `network`."""
        if is_literal(host):
            return Trouble("refused", f"{host[:80]} is an IP address; name the server instead, as imap.gmail.com")
        try:
            async with asyncio.timeout(self._seconds):
                found = await self.names.addresses(host, port)
        except TimeoutError:
            return Trouble("network", f"{host[:200]} can't be looked up now")
        if not found:
            return Trouble("network", f"{host[:200]} has no address, or the DNS does not answer")
        if not self.private and not all(map(is_public, found)):
            return Trouble("refused", f"{host[:200]} is not on the public internet; allowed: that, or any with {ALLOW}")
        return found

    def judged_addresses(self, host: str, port: int) -> tuple[str, ...] | Trouble:
        """The same for a thread that has no loop of its own; it waits."""
        return asyncio.run(self.judged(host, port))

    async def connected(
        self, host: str, port: int, tls: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | Trouble:
        """A connection to the first address that answers. tls: the handshake is done at once; its certificate has to
        be the host's."""
        addresses = await self.judged(host, port)
        if isinstance(addresses, Trouble):
            return addresses
        trouble = Trouble("network", f"{host} can't be reached")
        for address in addresses:
            try:
                return await asyncio.open_connection(
                    address, port, ssl=tls, server_hostname=host if tls is not None else None
                )
            except OSError as fault:
                trouble = trouble_of(host, port, fault)
                if trouble.kind == "tls":
                    break
        return trouble


def is_literal(host: str) -> bool:
    """Whether a host is an IP address, in any form that a resolver of a system may take for one (inet_aton(3))."""
    try:
        ip_address(host.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2].lower()
        return last.isdigit() or (last.startswith("0x") and all(one in "0123456789abcdef" for one in last[2:]))
    return True


def trouble_of(host: str, port: int, fault: OSError) -> Trouble:
    """What went wrong on the way to a server, in words."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return Trouble("tls", f"the certificate of {host} is not accepted: {fault.verify_message}")
    if isinstance(fault, ssl.SSLError):
        return Trouble("tls", f"{host} does not speak TLS at port {port}")
    if isinstance(fault, TimeoutError):
        return Trouble("network", f"{host} does not answer at port {port}")
    why = os.strerror(fault.errno) if fault.errno else type(fault).__name__
    return Trouble("network", f"{host} can't be reached at port {port}: {why}")
