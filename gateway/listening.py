"""Takes the ports and unix sockets that doors listen on, before any of them opens."""

from __future__ import annotations

import os
import resource
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config import Listen, UnixSocket

Place = Listen | UnixSocket


class ListenError(Exception):
    """An address can't be listened on; str() is one line that says which, and why."""


@dataclass(frozen=True, slots=True)
class Ear:
    """A socket with its place taken, and where that really is. inode: by which a unix socket's file is known again."""

    sock: socket.socket
    place: Place
    inode: int = 0

    def lent(self) -> Ear:
        """The same socket for a process that inherited it: it leaves a unix socket's file where it is."""
        return Ear(self.sock, self.place)

    def close(self) -> None:
        """Leave the place; a unix socket's file is taken away, unless somebody else's stands there by now."""
        self.sock.close()
        if isinstance(self.place, UnixSocket):
            try:
                if self.place.path.stat().st_ino == self.inode:
                    self.place.path.unlink()
            except FileNotFoundError:
                pass


def take_all(wanted: Mapping[str, Place], socket_mode: int) -> dict[str, Ear]:
    """Take every place or none. Raises ListenError. socket_mode: of unix sockets."""
    taken: dict[str, Ear] = {}
    try:
        for role, place in wanted.items():
            name = f"SMARTGATE_{role.upper()}_LISTEN {place}"
            taken[role] = _port(name, place) if isinstance(place, Listen) else _path(name, place, socket_mode)
    except ListenError:
        for ear in taken.values():
            ear.close()
        raise
    return taken


def free_port(listen: Listen) -> Listen:
    """The address itself where it can be listened on, else the same host with port 0."""
    try:
        _port("", listen).sock.close()
    except ListenError:
        return Listen(listen.host, 0)
    return listen


def allow_connections(wanted: int) -> int:
    """Let this process hold so many connections, as far as the system allows; how many it may.

    Each may have a large mail on its way to disk, which is one more open file.
    """
    spare = 256
    needed = 2 * wanted + spare
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - spare))


def _port(name: str, listen: Listen) -> Ear:
    """A TCP socket, not yet accepting.

    Made with its protocol named: without that asyncio leaves Nagle's algorithm on, which slows each reply to 40 ms.
    """
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(f"{name}: the host can't be found ({error.strerror})") from error
    family, kind, _, _, address = found[0]
    sock = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(1)
    except OSError as error:
        sock.close()
        raise ListenError(
            f"{name}: can't listen there ({error.strerror}); another port, or 0 for a free one?"
        ) from error
    sock.setblocking(False)
    return Ear(sock, Listen(listen.host, sock.getsockname()[1]))


def _path(name: str, place: UnixSocket, mode: int) -> Ear:
    """A unix socket, not yet accepting; a file that a crash left behind is taken away, a living one never."""
    _clear(name, place.path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(str(place.path))
        os.chmod(place.path, mode)
        inode = place.path.stat().st_ino
        sock.listen(1)
    except OSError as error:
        sock.close()
        raise ListenError(f"{name}: can't listen there ({error.strerror})") from error
    sock.setblocking(False)
    return Ear(sock, place, inode)


def _clear(name: str, path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ListenError(f"{name}: can't listen there ({error.strerror})") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise ListenError(f"{name}: a file stands there that is no socket; it was left alone")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise ListenError(f"{name}: can't tell whether somebody listens there ({error.strerror})") from error
    raise ListenError(f"{name}: another program listens there")
