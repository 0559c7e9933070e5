"""Thousands of peers that only sit there: they are held, they cost little, and a mail gets through meanwhile."""

from __future__ import annotations

import resource
import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.serving import PATIENCE, Serving

CROWD = 5000
KIB_EACH = 24
"""What an idle connection may cost at most; about half of it is asyncio's."""


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"{CROWD} connections need {wanted} open files; the system allows {hard}: ulimit -Hn {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def deliver(address: tuple[str, int]) -> int:
    with smtplib.SMTP(*address, timeout=PATIENCE) as client:
        client.ehlo()
        client.mail("dimas@acme.example")
        assert client.rcpt("acme+lead@mail.kommo.com")[0] == 250
        return client.data(
            "From: dimas@acme.example\r\nTo: carol@bluefin.example\r\nCc: acme+lead@mail.kommo.com\r\n"
            "Subject: Offer\r\n\r\nHello\r\n"
        )[0]


def test_a8_five_thousand_idle_peers_are_held_while_a_mail_gets_through(serving: Serving, many_files: None) -> None:
    serving.add_account()
    serving.start()
    assert deliver(serving.smtp) == 250
    before = resident_kib(serving.pid)
    with ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection(serving.smtp, PATIENCE)) for _ in range(CROWD)]
        for peer in crowd:
            assert peer.recv(4) == b"220 "
        assert deliver(serving.smtp) == 250
        assert (resident_kib(serving.pid) - before) / CROWD < KIB_EACH
        for peer in crowd:
            peer.sendall(b"QUIT\r\n")
        for peer in crowd:
            assert b"\r\n221 2.0.0 " in b"".join(iter(lambda peer=peer: peer.recv(4096), b""))  # type: ignore[misc]
