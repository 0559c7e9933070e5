"""STARTTLS: what was said in plain text is forgotten, nothing is smuggled in before it, certificates are renewed."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from gateway import metrics
from gateway.smtp.certificates import CertificateError, Certificates
from tests.smtp.conftest import Dial, Pair, Serve
from tests.smtp.front_desk import PATIENCE, FrontDesk, Peer
from tests.smtp.test_content import END, FORMS, unstuffed


async def greeted(dial: Dial, address: tuple[str, int]) -> Peer:
    peer = await dial(address)
    assert "|250-STARTTLS|" in await peer.ask("EHLO client.example")
    return peer


async def test_a_mail_over_tls_says_so_in_its_envelope(serve: Serve, dial: Dial, desk: FrontDesk, pair: Pair) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key)))
    await peer.encrypt(pair.client())
    assert "STARTTLS" not in await peer.ask("EHLO client.example")
    assert await peer.deliver(b"text\r\n.\r\n") == "250 2.6.0 Filed id=1"
    assert desk.filed[0][0].tls == "TLSv1.3"
    assert (await peer.ask("STARTTLS")).startswith("503 5.5.1 ")
    assert (await peer.ask("QUIT")).startswith("221 ")
    assert await peer.hear() == ""


async def test_without_a_certificate_tls_is_not_offered(serve: Serve, dial: Dial) -> None:
    peer = await dial(await serve())
    assert "STARTTLS" not in await peer.ask("EHLO client.example")
    assert (await peer.ask("STARTTLS")).startswith("502 5.5.1 ")


async def test_requiretls_is_not_offered(serve: Serve, dial: Dial, pair: Pair) -> None:
    peer = await dial(await serve(certificates=Certificates(pair.cert, pair.key)))
    await peer.ask("EHLO client.example")
    await peer.encrypt(pair.client())
    assert "REQUIRETLS" not in await peer.ask("EHLO client.example")
    assert (await peer.ask("MAIL FROM:<bob@client.example> REQUIRETLS")).startswith("555 5.5.4 ")


async def test_what_was_said_in_plain_text_is_forgotten(serve: Serve, dial: Dial, desk: FrontDesk, pair: Pair) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key)))
    await peer.ask("MAIL FROM:<eve@evil.example>")
    await peer.ask("RCPT TO:<acme@mail.kommo.com>")
    assert (await peer.ask("STARTTLS now")).startswith("501 5.5.4 ")
    await peer.encrypt(pair.client())
    assert (await peer.ask("RCPT TO:<acme@mail.kommo.com>")).startswith("503 5.5.1 Say MAIL")
    assert (await peer.ask("MAIL FROM:<bob@client.example>")).startswith("503 5.5.1 Say EHLO")
    assert [envelope.sender for envelope in desk.noted] == ["eve@evil.example"]


INJECTIONS = {
    "a whole mail": b"MAIL FROM:<eve@evil.example>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\n",
    "one command": b"NOOP\r\n",
    "half a command": b"NOO",
    "a second STARTTLS": b"STARTTLS\r\n",
}


@pytest.mark.parametrize("behind", INJECTIONS.values(), ids=INJECTIONS)
async def test_a_command_injected_behind_starttls_ends_the_session(
    serve: Serve, dial: Dial, desk: FrontDesk, pair: Pair, behind: bytes
) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key)))
    await peer.send(b"NOOP\r\nSTARTTLS\r\n" + behind)
    assert [reply[:9] for reply in await peer.hear_all()] == ["250 2.0.0", "421 4.7.0"]
    assert desk.asked == []


@pytest.mark.parametrize("behind", INJECTIONS.values(), ids=INJECTIONS)
async def test_a_command_sent_in_plain_text_after_the_answer_is_no_handshake(
    serve: Serve, dial: Dial, desk: FrontDesk, pair: Pair, behind: bytes
) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key), handshake_seconds=0.2))
    assert (await peer.ask("STARTTLS")).startswith("220 ")
    await peer.send(behind)
    said = await asyncio.wait_for(peer.reader.read(), PATIENCE)
    assert b" 2." not in said
    assert b"4.7" not in said
    assert desk.asked == []


async def test_commands_may_follow_the_handshake_at_once_however_many(serve: Serve, dial: Dial, pair: Pair) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key)))
    await peer.encrypt(pair.client())
    await peer.send(b"EHLO x\r\n" + b"NOOP " + b"x" * 1000 + b"\r\n")
    flood = asyncio.create_task(peer.send((b"NOOP " + b"x" * 1000 + b"\r\n") * 300))
    assert (await peer.hear()).startswith("250-")
    for _ in range(301):
        assert await peer.hear() == "250 2.0.0 Ok"
    await flood


async def test_a_large_mail_comes_whole_through_tls(serve: Serve, dial: Dial, desk: FrontDesk, pair: Pair) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key)))
    await peer.encrypt(pair.client())
    content = (b"x" * 998 + b"\r\n") * 3000
    assert (await peer.deliver(content + b".\r\n")).startswith("250 2.6.0 ")
    assert desk.contents == [content]


@pytest.mark.parametrize("form", FORMS, ids=ascii)
async def test_b4a_nothing_is_smuggled_through_tls(
    serve: Serve, dial: Dial, desk: FrontDesk, pair: Pair, form: bytes
) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key)))
    await peer.encrypt(pair.client())
    await peer.begin()
    smuggled = b"one" + form + b"MAIL FROM:<eve@evil.example>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\ntwo" + END
    await peer.send(smuggled + b"QUIT\r\n")
    assert await peer.hear_all() == ["250 2.6.0 Filed id=1", "221 2.0.0 Goodbye"]
    assert desk.contents == [unstuffed(smuggled)]


async def test_old_protocols_are_not_spoken(serve: Serve, dial: Dial, pair: Pair) -> None:
    address = await serve(certificates=Certificates(pair.cert, pair.key))
    old = pair.client()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    peer = await greeted(dial, address)
    with pytest.raises(OSError):  # noqa: PT011 - an alert or a reset, whichever comes first
        await peer.encrypt(old)
    new = pair.client()
    new.maximum_version = ssl.TLSVersion.TLSv1_2
    peer = await greeted(dial, address)
    await peer.encrypt(new)
    assert await peer.ask("NOOP") == "250 2.0.0 Ok"


async def test_a_handshake_that_does_not_come_is_not_waited_for(serve: Serve, dial: Dial, pair: Pair) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key), handshake_seconds=0.05))
    assert (await peer.ask("STARTTLS")).startswith("220 ")
    assert await peer.hear() == ""


LEAVING = {"half-closes": False, "resets": True}


@pytest.mark.parametrize("rudely", LEAVING.values(), ids=LEAVING)
async def test_a_peer_that_leaves_in_the_handshake_leaves_nothing_behind(
    serve: Serve, dial: Dial, pair: Pair, rudely: bool, servers: list[object]
) -> None:
    address = await serve(certificates=Certificates(pair.cert, pair.key))
    peer = await greeted(dial, address)
    assert (await peer.ask("STARTTLS")).startswith("220 ")
    if rudely:
        peer.reset()
    else:
        peer.writer.write_eof()
        assert await peer.hear() == ""
    other = await dial(address)
    for _ in range(3):
        assert await other.ask("NOOP") == "250 2.0.0 Ok"
    assert servers[0].sessions == 1  # type: ignore[attr-defined]
    assert b'smartgate_tls_handshakes_total{outcome="failed"}' in metrics.exposition()


async def test_a8_an_idle_peer_behind_tls_is_told_so(serve: Serve, dial: Dial, pair: Pair) -> None:
    peer = await greeted(dial, await serve(certificates=Certificates(pair.cert, pair.key), idle_seconds=0.2))
    await peer.encrypt(pair.client())
    assert (await peer.hear()).startswith("421 4.4.2 ")
    peer.leave()


SPARED = {
    # story                        proxied peer     trusted relays     answer to MAIL
    "a stranger has to": ("198.51.100.7", (), "530 5.7.0 "),
    "a trusted relay need not": ("198.51.100.7", ("198.51.100.0/24",), "250 2.1.0 "),
    "loopback need not": ("127.0.0.1", (), "250 2.1.0 "),
}


@pytest.mark.parametrize(("peer", "trusted", "answer"), SPARED.values(), ids=SPARED)
async def test_tls_may_be_required(
    serve: Serve, dial: Dial, pair: Pair, peer: str, trusted: tuple[str, ...], answer: str
) -> None:
    address = await serve(
        certificates=Certificates(pair.cert, pair.key), tls_required=True, trusted=trusted, proxies=["127.0.0.1"]
    )
    client = await dial(address, greeting=False)
    await client.send(f"PROXY TCP4 {peer} 192.0.2.1 4711 25\r\n".encode())
    assert (await client.hear()).startswith("220 ")
    await client.ask("EHLO client.example")
    assert (await client.ask("MAIL FROM:<bob@client.example>")).startswith(answer)
    await client.ask("RSET")
    await client.encrypt(pair.client())
    assert await client.deliver(b".\r\n") == "250 2.6.0 Filed id=1"


async def serial(dial: Dial, address: tuple[str, int], pair: Pair) -> object:
    """The serial number of the certificate that a new connection is shown."""
    peer = await greeted(dial, address)
    await peer.encrypt(pair.client())
    return peer.writer.get_extra_info("peercert")["serialNumber"]


async def test_a_renewed_certificate_is_shown_to_the_next_connection(serve: Serve, dial: Dial, pair: Pair) -> None:
    address = await serve(certificates=Certificates(pair.cert, pair.key))
    first = await serial(dial, address, pair)
    assert await serial(dial, address, pair) == first
    pair.renew()
    assert await serial(dial, address, pair) != first


BREAKS = {
    "the key is still the old one": lambda pair: pair.cert.write_bytes(
        pair.authority.issue_cert("mx.example").cert_chain_pems[0].bytes()
    ),
    "the file is empty": lambda pair: pair.cert.write_bytes(b""),
    "the file is gone": lambda pair: pair.key.unlink(),
}


@pytest.mark.parametrize("story", BREAKS)
async def test_a_broken_new_pair_is_logged_once_and_the_old_one_stays(
    serve: Serve, dial: Dial, pair: Pair, story: str, capsys: pytest.CaptureFixture[str]
) -> None:
    address = await serve(certificates=Certificates(pair.cert, pair.key))
    first = await serial(dial, address, pair)
    BREAKS[story](pair)
    assert [await serial(dial, address, pair) for _ in range(3)] == [first] * 3
    assert "".join(capsys.readouterr()).count("smtp.certificate_refused") == 1
    pair.renew()
    assert await serial(dial, address, pair) != first


def test_a_pair_that_cannot_be_used_is_told_before_the_start(tmp_path: Path, pair: Pair) -> None:
    other = trustme.CA().issue_cert("mx.example")
    pair.key.write_bytes(other.private_key_pem.bytes())
    for key in (pair.key, tmp_path / "none.pem"):
        with pytest.raises(CertificateError, match=r"cert.pem with .*: no usable certificate and key \(.+\)$"):
            Certificates(pair.cert, key)


def test_the_key_may_stand_in_the_file_of_the_certificate(pair: Pair) -> None:
    pair.cert.write_bytes(pair.cert.read_bytes() + pair.key.read_bytes())
    assert Certificates(pair.cert).context().minimum_version == ssl.TLSVersion.TLSv1_2
