"""What is read in the event loop and what beside it: the loop is never kept for more than a few milliseconds."""

from __future__ import annotations

import pytest

from gateway.usecases.desk import READ_IN_LOOP, _soon_read

HEAD = b"From: a@b.example\r\nTo: c@d.example\r\n"
SOON = {
    # story                               message                                           in the loop
    "an ordinary mail": (HEAD + b"\r\nHello\r\n", True),
    "no body at all": (HEAD, True),
    "a body as large as is read at once": (HEAD + b"\r\n" + b"x" * (READ_IN_LOOP - len(HEAD) - 2), True),
    "one octet more": (HEAD + b"\r\n" + b"x" * (READ_IN_LOOP - len(HEAD) - 1), False),
    "a header of many kilobytes": (HEAD + b"X: " + b"x" * 16_384 + b"\r\n\r\nHello", False),
    "a header that does not end": (HEAD + b"X: " + b"x" * 16_384, False),
    "a hundred parts": (HEAD + b"\r\n" + b"--b\r\n\r\nx\r\n" * 100, True),
    "a thousand parts": (HEAD + b"\r\n" + b"--b\r\n\r\nx\r\n" * 1_000, False),
}


@pytest.mark.parametrize(("message", "soon"), SOON.values(), ids=SOON)
def test_b4b_what_takes_long_is_read_off_the_loop(message: bytes, soon: bool) -> None:
    assert _soon_read(message) is soon
