"""Decisions as receipts keep them: JSON, compressed with a dictionary of what every decision says.

Why: one attempt takes some twenty steps, most of them in the same words. Written out, the receipts would be half of the
store and half of what a commit has to write; so compressed a decision is a fifteenth of that.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import orjson
import zstandard

_MAX_BYTES = 64 * 1024 * 1024
# What was packed with a dictionary can be read with that one only: a better one gets the next number, beside this.
_FIRST = b"\x01"


class _Dictionary(threading.local):
    """A compressor and a decompressor for each thread, made when first needed: none may be shared by two."""

    def __init__(self) -> None:
        words = (files(__package__) / "decision-1.dict").read_bytes()
        dictionary = zstandard.ZstdCompressionDict(words, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        dictionary.precompute_compress(level=1)
        self.compressor = zstandard.ZstdCompressor(dict_data=dictionary)
        self.decompressor = zstandard.ZstdDecompressor(dict_data=dictionary)


_dictionary = _Dictionary()


def pack_decision(decision: Mapping[str, object]) -> bytes:
    """A decision, in the `shape` of the core, as its receipt keeps it."""
    return _FIRST + _dictionary.compressor.compress(orjson.dumps(decision))


def unpack_decision(kept: bytes) -> dict[str, Any]:
    """The decision that was packed, or written as plain JSON by revision 0001. ValueError: the bytes are neither."""
    if kept[:1] == b"{":
        plain: dict[str, Any] = orjson.loads(kept)
        return plain
    if kept[:1] != _FIRST:
        raise ValueError(f"a decision packed with dictionary {kept[:1]!r}; this program knows {_FIRST!r}")
    decision: dict[str, Any] = orjson.loads(_dictionary.decompressor.decompress(kept[1:], max_output_size=_MAX_BYTES))
    return decision
