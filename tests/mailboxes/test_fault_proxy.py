"""The stand's bad line does what the other tests take for granted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.mailboxes.fault_proxy import FaultProxy

KIB = 1024
SENT = bytes(range(256)) * 4 * 40  # 40 KiB


class Talker:
    """A server that says 40 KiB to everybody, and then echoes."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(SENT)
                while said := connection.recv(KIB):
                    connection.sendall(said)
            except OSError:
                return


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    talker = Talker()
    with FaultProxy(talker.port) as one:
        yield one
    talker.close()


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), timeout=20)


def read(connection: socket.socket, octets: int) -> bytes:
    """So many bytes, or what there is until the end."""
    said = b""
    while len(said) < octets and (more := connection.recv(octets - len(said))):
        said += more
    return said


def test_it_hands_on_both_ways_and_counts(proxy: FaultProxy) -> None:
    with connect(proxy) as one, connect(proxy) as two:
        for connection in (one, two):
            assert read(connection, len(SENT)) == SENT
            connection.sendall(b"hello")
            assert read(connection, 5) == b"hello"
        assert (proxy.down, proxy.up, proxy.open) == (2 * len(SENT) + 10, 10, 2)


@pytest.mark.parametrize("octets", [0, 1, KIB - 1, KIB, 39 * KIB, len(SENT)])
def test_a_line_is_cut_after_so_many_bytes_exactly(proxy: FaultProxy, octets: int) -> None:
    proxy.cut_after = octets
    with connect(proxy) as one:
        assert read(one, 10 * len(SENT)) == SENT[:octets]
    assert proxy.down == octets
    proxy.resume()
    with connect(proxy) as one:
        assert read(one, len(SENT)) == SENT


def test_a_line_falls_silent_and_stays(proxy: FaultProxy) -> None:
    proxy.silent_after = KIB
    with connect(proxy) as one:
        assert read(one, KIB) == SENT[:KIB]
        one.sendall(b"anybody?")
        one.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one.recv(1)
        assert proxy.open == 1
    assert proxy.down == KIB


def test_a_line_is_held_and_goes_on_where_it_was(proxy: FaultProxy) -> None:
    with connect(proxy) as one:
        assert read(one, len(SENT)) == SENT
        proxy.hold()
        one.sendall(b"hello")
        one.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one.recv(1)
        one.settimeout(20)
        proxy.resume()
        assert read(one, 5) == b"hello"


def test_nobody_listens_while_it_refuses(proxy: FaultProxy) -> None:
    with connect(proxy) as one:
        assert read(one, len(SENT)) == SENT
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        one.sendall(b"still")
        assert read(one, 5) == b"still"
        proxy.resume()
        with connect(proxy) as two:
            assert read(two, len(SENT)) == SENT


def test_all_lines_are_cut_at_once(proxy: FaultProxy) -> None:
    with connect(proxy) as one, connect(proxy) as two:
        for connection in (one, two):
            assert read(connection, len(SENT)) == SENT
        proxy.cut()
        assert (one.recv(1), two.recv(1)) == (b"", b"")


def test_a_slow_line_loses_nothing(proxy: FaultProxy) -> None:
    proxy.delay = 0.01
    with connect(proxy) as one:
        assert read(one, len(SENT)) == SENT
