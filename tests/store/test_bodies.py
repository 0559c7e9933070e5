"""Raw mail in its row comes back byte for byte, whoever else is packing at that moment."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import zstandard

from gateway.store.bodies import pack


def test_mails_packed_by_several_threads_at_once_keep_their_own_bytes() -> None:
    chance = random.Random(2)
    mails = [chance.randbytes(size).hex().encode() for size in (60_000, 2_000, 40_000, 2_000) * 100]
    with ThreadPoolExecutor(4) as threads:
        packed = list(threads.map(lambda mail: pack(b"", mail), mails))
    unpack = zstandard.ZstdDecompressor().decompress
    assert [unpack(body.data) for body in packed] == mails
