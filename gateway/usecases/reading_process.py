"""A process that reads mails and does nothing else: what is hard to read keeps nobody waiting, and sees no secret.

It is started by `gateway.usecases.reading` and talks to it over its standard input and output: each request and each
answer is a pickled value behind its length. It ends when its input does, so it never outlives the server.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
from collections.abc import Callable
from typing import BinaryIO

from gateway.core.mail import Limits, Mail, read_mail

LENGTH = struct.Struct("!I")
_LATER = 10
"""How much the event loop goes before us where both want a processor (nice(2))."""

Request = tuple[bytes | str, Limits]
"""The mail, or the path of the file that has it, and the bounds of reading."""


def frame(value: object) -> bytes:
    """A value as it goes over the line."""
    pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(pickled)) + pickled


def answer_all(requests: BinaryIO, answers: BinaryIO, read: Callable[[bytes, Limits], Mail] = read_mail) -> None:
    """Reads what is asked for until nobody asks any more. A mail that can't be read is answered with the fault."""
    while (request := _next(requests)) is not None:
        content, limits = request
        try:
            answer: Mail | str = read(_load(content), limits)
        except (OSError, MemoryError) as fault:
            answer = f"{type(fault).__name__}: {fault}"
        answers.write(frame(answer))
        answers.flush()


def _next(requests: BinaryIO) -> Request | None:
    """What is asked for next; None when nobody does any more, be it in the middle of asking."""
    head = requests.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    size = LENGTH.unpack(head)[0]
    asked = requests.read(size)
    return pickle.loads(asked) if len(asked) == size else None  # noqa: S301 - from our own process


def _load(content: bytes | str) -> bytes:
    if isinstance(content, bytes):
        return content
    fd = os.open(content, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        whole = os.pread(fd, size, 0)
    finally:
        os.close(fd)
    if len(whole) != size:
        raise OSError("a spooled mail is shorter than its file")
    return whole


def main() -> None:
    """Runs until standard input ends. Signals are the server's: it asks to the last while it drains."""
    os.nice(_LATER)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    answer_all(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
