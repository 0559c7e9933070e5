"""Ports and unix sockets are taken all or none, and a socket that somebody listens on is never taken away."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config import Listen, UnixSocket
from gateway.listening import Ear, ListenError, allow_connections, take_all

ANYWHERE = Listen("127.0.0.1", 0)


@pytest.fixture
def place(tmp_path: Path) -> UnixSocket:
    return UnixSocket(tmp_path / "lmtp")


@pytest.fixture
def taken() -> Iterator[list[Ear]]:
    ears: list[Ear] = []
    yield ears
    for ear in ears:
        ear.close()


def take(place: UnixSocket, mode: int = 0o660) -> Ear:
    return take_all({"lmtp": place}, mode)["lmtp"]


def test_a_unix_socket_has_its_mode_and_is_gone_afterwards(place: UnixSocket) -> None:
    ear = take(place, 0o600)
    assert place.path.stat().st_mode & 0o777 == 0o600
    assert str(ear.place) == f"unix:{place.path}"
    ear.close()
    ear.close()
    assert not place.path.exists()


def test_what_a_crash_left_behind_is_taken_away(place: UnixSocket, taken: list[Ear]) -> None:
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(place.path))
    left.close()
    taken.append(take(place))
    assert taken[0].sock.getsockname() == str(place.path)


def test_a_socket_that_somebody_listens_on_is_left_alone(place: UnixSocket, taken: list[Ear]) -> None:
    taken.append(take(place))
    with pytest.raises(ListenError, match=r"^SMARTGATE_LMTP_LISTEN unix:.*: another program listens there$"):
        take(place)
    assert place.path.exists()


def test_a_socket_that_somebody_else_has_put_there_since_is_left_alone(place: UnixSocket, taken: list[Ear]) -> None:
    first = take(place)
    place.path.unlink()
    taken.append(take(place))
    first.close()
    assert place.path.exists()


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file of somebody's": (lambda path: path.write_text("Dear diary"), "no socket; it was left alone"),
    "a folder": (lambda path: path.mkdir(), "no socket; it was left alone"),
    "a link to a file": (lambda path: path.symlink_to("/etc/passwd"), "no socket; it was left alone"),
}


@pytest.mark.parametrize("story", FILES)
def test_what_is_no_socket_is_left_alone(place: UnixSocket, story: str) -> None:
    make, told = FILES[story]
    make(place.path)
    with pytest.raises(ListenError, match=told):
        take(place)
    assert place.path.exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match="can't listen there"):
        take(UnixSocket(tmp_path / "none" / "lmtp"))


def test_all_places_are_taken_or_none(place: UnixSocket) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        busy = Listen("127.0.0.1", other.getsockname()[1])
        with pytest.raises(ListenError, match=f"SMARTGATE_HTTP_LISTEN 127.0.0.1:{busy.port}: can't listen there"):
            take_all({"lmtp": place, "http": busy}, 0o660)
    assert not place.path.exists()


def test_no_more_connections_are_allowed_than_the_system_lets_us_hold() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        assert allow_connections(100) == 100
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 356 or soft == resource.RLIM_INFINITY
        if hard != resource.RLIM_INFINITY:
            assert allow_connections(hard) == hard - 256
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
