"""A name server for tests: answers on loopback, over UDP and TCP, from zones written as plain tables.

A zone is {name: entry}; an entry lists (type, value) pairs, or is TIMEOUT (never answers) or SERVFAIL. A value is text,
for MX (preference, name); TXT may be a list of strings. What stands below or beside a name does not exist (NXDOMAIN).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

TIMEOUT = "TIMEOUT"
SERVFAIL = "SERVFAIL"
Entry = str | Sequence[tuple[str, Any]]
Zones = Mapping[str, Entry]
_CHAIN = 8


class NameServer(asyncio.DatagramProtocol):
    """Start it, then ask `address`. zones may be changed while it runs. asked: every question, in order."""

    def __init__(self, zones: Zones | None = None, *, ttl: int = 300) -> None:
        self.zones: dict[str, Entry] = {}
        self.ttl = ttl
        self.asked: list[tuple[str, str]] = []
        self.address = ("127.0.0.1", 0)
        self.publish(zones or {})

    def publish(self, zones: Zones) -> None:
        self.zones |= {name.lower().rstrip("."): entry for name, entry in zones.items()}

    async def __aenter__(self) -> NameServer:
        loop = asyncio.get_running_loop()
        for _ in range(20):
            self._tcp = await asyncio.start_server(self._serve_tcp, "127.0.0.1", 0)
            self.address = self._tcp.sockets[0].getsockname()
            with contextlib.suppress(OSError):
                self._udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self.address)
                return self
            self._tcp.close()
        raise RuntimeError("no port is free for both UDP and TCP")

    async def __aexit__(self, *_: object) -> None:
        self._udp.close()
        self._tcp.close()
        await self._tcp.wait_closed()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        answer = self._answer(data, limit=1232)
        if answer is not None:
            self._udp.sendto(answer, addr)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                answer = self._answer(await reader.readexactly(size), limit=65535)
                if answer is None:
                    break
                writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()

    def _answer(self, data: bytes, limit: int) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((_plain(question.name), kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if not self._fill(response, question.name, kind):
            return None
        if not response.answer:
            response.authority.append(self._rrset(dns.name.root, "SOA", [f". . 1 1 1 1 {self.ttl}"]))
        wire = response.to_wire(max_size=65535)
        if len(wire) > limit:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return short.to_wire()
        return wire

    def _fill(self, response: dns.message.Message, name: dns.name.Name, kind: str) -> bool:
        for _ in range(_CHAIN):
            entry = self.zones.get(_plain(name))
            if entry is None or isinstance(entry, str):
                if entry is None:
                    response.set_rcode(dns.rcode.NXDOMAIN)
                elif entry == SERVFAIL:
                    response.set_rcode(dns.rcode.SERVFAIL)
                else:
                    return False
                return True
            values = [value for of, value in entry if of == kind]
            alias = [value for of, value in entry if of == "CNAME"]
            if values or not alias:
                if not values and any(of == TIMEOUT for of, _ in entry):
                    return False
                if values:
                    response.answer.append(self._rrset(name, kind, values))
                return True
            response.answer.append(self._rrset(name, "CNAME", alias))
            name = dns.name.from_text(alias[0])
        return True

    def _rrset(self, name: dns.name.Name, kind: str, values: list[Any]) -> dns.rrset.RRset:
        return dns.rrset.from_rdata_list(name, self.ttl, [_rdata(kind, value) for value in values])


def _plain(name: dns.name.Name) -> str:
    """The name without its last dot, lower case, its labels unescaped."""
    return b".".join(name.labels).decode("latin-1").lower().rstrip(".")


def _rdata(kind: str, value: Any) -> dns.rdata.Rdata:
    if kind == "TXT":
        return dns.rdata.from_text(dns.rdataclass.IN, kind, " ".join(_quoted(part) for part in _strings(value)))
    text = f"{value[0]} {_absolute(value[1])}" if kind == "MX" else value
    return dns.rdata.from_text(dns.rdataclass.IN, kind, _absolute(text) if kind in {"CNAME", "PTR", "SRV"} else text)


def _strings(value: Any) -> list[bytes]:
    """A TXT's character strings: as given, else cut to what one may hold."""
    if isinstance(value, list):
        return [one.encode("latin-1") for one in value] or [b""]
    data = value.encode("latin-1", "replace")
    return [data[at : at + 255] for at in range(0, len(data), 255)] or [b""]


def _quoted(data: bytes) -> str:
    return '"' + "".join(f"\\{byte:03d}" for byte in data) + '"'


def _absolute(name: str) -> str:
    return name if name.endswith(".") else f"{name}."
