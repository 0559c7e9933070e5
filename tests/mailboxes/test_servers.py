"""What may be connected at all (rule E1): refusals in words, before and after a name is looked up."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from gateway.core.address import Mailbox
from gateway.core.mailboxes import Server, Servers
from gateway.core.refusals import Wrong
from gateway.mailboxes.network import Network
from gateway.mailboxes.servers import check, read_address
from gateway.usecases.mail_servers import Trouble
from tests.mailboxes.conftest import Secure
from tests.name_server import TIMEOUT, NameServer, Zones

PUBLIC = "203.0.114.9"
ZONES: Zones = {
    "imap.example.com": [("A", PUBLIC)],
    "six.example.com": [("AAAA", "2606:4700::1")],
    "inside.example.com": [("A", "10.0.0.7")],
    "both.example.com": [("A", PUBLIC), ("A", "127.0.0.1")],
    "link.example.com": [("A", "169.254.169.254")],
    "ula.example.com": [("AAAA", "fd00::1")],
    "mapped.example.com": [("AAAA", "::ffff:127.0.0.1")],
    "alias.example.com": [("CNAME", "inside.example.com")],
    "slow.example.com": TIMEOUT,
    "half.example.com": [("A", PUBLIC), ("AAAA", "::1")],
}
GOOD = Server("imap.example.com", 993)

ADDRESSES = {
    "no address": ("anna", "no mail address"),
    "two": ("a@example.com, b@example.com", "no mail address"),
    "a name before it": ("Anna <anna@example.com>", "no mail address"),
    "empty": ("", "no mail address"),
    "an IP address in brackets": ("anna@[203.0.113.9]", "IP address"),
    "an IP address without brackets": ("anna@203.0.113.9", "IP address"),
    "an international domain": ("anna@bücher.example", "international domain"),
    "the same as A-label": ("anna@XN--bcher-kva.example", "international domain"),
    "an international top level": ("anna@example.рф", "international domain"),
    "half full-width letters": ("anna@ｇmail.com", "no mail address"),
}


@pytest.mark.parametrize(("text", "says"), ADDRESSES.values(), ids=ADDRESSES)
def test_e1_an_address_that_can_t_be_connected_is_refused_in_words(text: str, says: str) -> None:
    wrong = read_address(text)
    assert isinstance(wrong, Wrong)
    assert wrong.field == "address"
    assert says in wrong.detail


def test_an_address_is_taken_as_it_is_written() -> None:
    assert read_address(" Anna.B+shop@Example.COM ") == Mailbox(b"", "Anna.B+shop", "example.com")


TYPED = {
    # what somebody typed                           field            says
    "an IPv4 address": (Server("64.233.161.109", 993), "imap/host", "IP address"),
    "an IPv6 address": (Server("[2001:db8::1]", 993), "imap/host", "IP address"),
    "an IPv4 address in short": (Server("127.1", 993), "imap/host", "IP address"),
    "an IPv4 address as a number": (Server("2130706433", 993), "imap/host", "IP address"),
    "an IPv4 address in hexadecimal": (Server("0x7f000001", 993), "imap/host", "IP address"),
    "an international name": (Server("imap.bücher.example", 993), "imap/host", "international"),
    "the same as A-label": (Server("imap.xn--bcher-kva.example", 993), "imap/host", "international"),
    "a server of POP3": (Server("pop.example.com", 993), "imap/host", "POP3"),
    "another server of POP3": (Server("pop3.example.com", 993), "imap/host", "POP3"),
    "a port of POP3": (Server("mail.example.com", 995), "imap/port", "POP3"),
    "the other port of POP3": (Server("mail.example.com", 110, "starttls"), "imap/port", "POP3"),
    "MAPI": (Server("mapi:exchange.example.com", 443), "imap/host", "MAPI"),
    "EWS": (Server("https://mail.example.com/EWS/Exchange.asmx", 443), "imap/host", "EWS"),
    "a URL": (Server("https://imap.example.com", 993), "imap/host", "no name of a server"),
    "a port in the name": (Server("imap.example.com:993", 993), "imap/host", "no name of a server"),
    "an empty name": (Server("", 993), "imap/host", "no name of a server"),
    "a line break": (Server("imap.example.com\r\n", 993), "imap/host", "no name of a server"),
    "port 25": (Server("imap.example.com", 25), "imap/port", "25"),
    "port 0": (Server("imap.example.com", 0), "imap/port", "no port"),
    "a port too high": (Server("imap.example.com", 65_536), "imap/port", "no port"),
    "no TLS": (Server("imap.example.com", 143, "none"), "imap/security", "in the clear"),
    "localhost": (Server("localhost", 993), "imap/host", "public internet"),
    "below localhost": (Server("imap.localhost", 993), "imap/host", "public internet"),
    "a private address by name": (Server("inside.example.com", 993), "imap/host", "public internet"),
    "one private address of two": (Server("both.example.com", 993), "imap/host", "public internet"),
    "link-local": (Server("link.example.com", 993), "imap/host", "public internet"),
    "private, IPv6": (Server("ula.example.com", 993), "imap/host", "public internet"),
    "loopback as IPv6": (Server("mapped.example.com", 993), "imap/host", "public internet"),
    "public in IPv4, loopback in IPv6": (Server("half.example.com", 993), "imap/host", "public internet"),
    "private behind an alias": (Server("alias.example.com", 993), "imap/host", "public internet"),
    "a name that is not there": (Server("nowhere.example.com", 993), "imap/host", "has no address"),
    "a name that is never answered": (Server("slow.example.com", 993), "imap/host", "no address"),
}


@pytest.mark.parametrize(("server", "field", "says"), TYPED.values(), ids=TYPED)
async def test_e1_a_server_that_somebody_typed_is_refused_in_words(server: Server, field: str, says: str) -> None:
    async with NameServer(ZONES) as names:
        network = Network(name_servers=[names.address], look_up_seconds=0.5)
        reading = await check(network, Servers(server))
        sending = await check(network, Servers(GOOD, server))
    assert reading is not None
    assert (reading.field, says in reading.detail) == (field, True), reading
    assert sending is not None
    assert sending.field == field.replace("imap", "smtp")


async def test_good_servers_are_let_through_by_ipv4_and_ipv6() -> None:
    async with NameServer(ZONES) as names:
        network = Network(name_servers=[names.address])
        assert await check(network, Servers(GOOD, Server("six.example.com", 587, "starttls"))) is None
        assert await check(network, Servers(Server("IMAP.Example.com", 143, "starttls"))) is None


async def test_servers_of_our_own_network_are_allowed_where_the_operator_says_so() -> None:
    async with NameServer(ZONES) as names:
        network = Network(private=True, name_servers=[names.address])
        for host in ("localhost", "inside.example.com", "mapped.example.com"):
            assert await check(network, Servers(Server(host, 993))) is None
        assert await check(network, Servers(Server("127.0.0.1", 993))) is not None


async def test_a_thread_is_given_the_addresses_that_were_judged() -> None:
    async with NameServer(ZONES) as names:
        network = Network(name_servers=[names.address])
        assert await asyncio.to_thread(network.judged_addresses, "imap.example.com", 993) == (PUBLIC,)
        refused = await asyncio.to_thread(network.judged_addresses, "inside.example.com", 993)
        assert isinstance(refused, Trouble)
        assert (refused.kind, "SMARTGATE_MAILBOX_ALLOW_PRIVATE" in refused.says) == ("refused", True)
        literal = await asyncio.to_thread(network.judged_addresses, "203.0.114.9", 993)
        assert isinstance(literal, Trouble)


async def test_e1_a_name_that_means_something_else_a_moment_later_leads_nowhere_else() -> None:
    async with NameServer(ZONES, ttl=0) as names:
        network = Network(name_servers=[names.address])
        assert await check(network, Servers(GOOD)) is None
        names.publish({"imap.example.com": [("A", "127.0.0.1")]})
        connection = await network.connected("imap.example.com", 993, network.tls)
        assert isinstance(connection, Trouble)
        assert connection.kind == "refused"


async def test_without_name_servers_the_machines_own_resolver_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host != "imap.example.com":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, port))]

    assert await Network(private=True).judged("localhost", 993) == ("127.0.0.1", "::1")
    monkeypatch.setattr(socket, "getaddrinfo", known)
    network = Network()
    assert await network.judged("imap.example.com", 993) == (PUBLIC,)
    assert await asyncio.to_thread(network.judged_addresses, "imap.example.com", 993) == (PUBLIC,)
    nowhere = await asyncio.to_thread(network.judged_addresses, "nowhere.example.com", 993)
    assert isinstance(nowhere, Trouble)
    assert nowhere.kind == "network"


HANDSHAKES = {
    # names of the certificate, trusted              kind
    "another's name": (("other.example",), True, "tls"),
    "an authority that we don't know": (("localhost",), False, "tls"),
}


@pytest.mark.parametrize(("cert", "trusted", "kind"), HANDSHAKES.values(), ids=HANDSHAKES)
async def test_a_certificate_is_verified(
    cert: tuple[str, ...], trusted: bool, kind: str, secure: Secure, authorities: Path
) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=secure(*cert))
    async with server:
        network = Network(private=True, authorities=authorities if trusted else None)
        trouble = await network.connected("localhost", server.sockets[0].getsockname()[1], network.tls)
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, "certificate" in trouble.says) == (kind, True)


async def test_a_server_without_tls_is_told_apart_from_one_that_is_away() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK plain and proud\r\n")
        await reader.read()
        writer.close()

    network = Network(private=True)
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        plain = await network.connected("localhost", port, network.tls)
    away = await network.connected("localhost", port, network.tls)
    assert isinstance(plain, Trouble)
    assert isinstance(away, Trouble)
    assert (plain.kind, away.kind) == ("tls", "network")
