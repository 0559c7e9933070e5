"""Transfer encodings: undone piece by piece, and counted without being undone, both as if at one stroke."""

from __future__ import annotations

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import transfer

LARGE = {
    "base64": [b"QUJD" * 19 + b"\r\n", b"QUJD\r\nQUI=\r\n", b"QUJ\r\nDQUJD\r\n", b"Q=UJD\r\n", b"Q", b"==", b"*\xff "],
    "quoted-printable": [b"=41=42=\r\n", b"a=\r x\r\nb\r\n", b"=4\r\n1\n", b"= \n"],
    "7bit": [b"Hello\r\n", b"=41\n"],
}


@pytest.mark.parametrize("encoding", LARGE)
@given(data=st.data())
def test_a_large_part_is_decoded_as_if_at_one_stroke(encoding: str, data: st.DataObject) -> None:
    sent = b"".join(data.draw(st.lists(st.sampled_from(LARGE[encoding]), min_size=5, max_size=60)))
    wanted = {"base64": transfer._unbase64, "quoted-printable": binascii.a2b_qp}.get(encoding, bytes)(sent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "_PIECE", 40)
        assert b"".join(transfer.decoded(b"--" + sent + b"--", 2, len(sent) + 2, encoding)) == wanted


@given(pieces=st.lists(st.sampled_from(LARGE["base64"]), max_size=40), piece=st.integers(4, 200))
def test_base64_is_counted_as_it_is_decoded(pieces: list[bytes], piece: int) -> None:
    sent = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "_PIECE", piece)
        sizes = transfer.base64_sizes(b"--" + sent + b"--", 2, len(sent) + 2)
        assert sum(sizes) == sum(map(len, transfer.decoded(sent, 0, len(sent), "base64")))


PADDED = {
    # story                                  encoded                 decoded octets
    "whole groups": (b"QUJD\r\nQUJD\r\n", 6),
    "one octet in the last group": (b"QUJD\r\nQQ==\r\n", 4),
    "two octets in the last group": (b"QUJD\r\nQUI=", 5),
    "nothing": (b"", 0),
    "line ends alone": (b"\r\n\r\n", 0),
    "padding that is missing": (b"QUJDQUI", 5),
    "padding that is too much": (b"QUJD====", 3),
    "digits behind the padding": (b"QQ==QUJD", 1),
    "a lone digit": (b"QUJDQ", 3),
}


@pytest.mark.parametrize(("sent", "size"), PADDED.values(), ids=PADDED)
def test_the_end_of_base64_is_counted_as_it_is_read(sent: bytes, size: int) -> None:
    assert sum(transfer.base64_sizes(sent, 0, len(sent))) == size
    assert len(b"".join(transfer.decoded(sent, 0, len(sent), "base64"))) == size
