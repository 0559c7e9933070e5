"""Credentials at rest: who has the store alone reads none of them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gateway.sealing import Keyring, SealError, key_file, opened_text, sealed_text

OLD, NEW = "o" * 32, "n" * 32
ROW = "endpoints/7/01ABC"


def test_what_was_sealed_for_a_row_opens_for_that_row() -> None:
    keys = Keyring([NEW])
    sealed = keys.seal(b"whsec_x", ROW)
    assert b"whsec_x" not in sealed
    assert keys.open(sealed, ROW) == b"whsec_x"
    assert keys.seal(b"whsec_x", ROW) != sealed


def test_a_former_key_opens_what_it_sealed_and_the_new_one_seals() -> None:
    sealed, both = Keyring([OLD]).seal(b"token", ROW), Keyring([NEW, OLD])
    assert both.open(sealed, ROW) == b"token"
    with pytest.raises(SealError):
        Keyring([OLD]).open(both.seal(b"token", ROW), ROW)


def damaged(sealed: bytes) -> bytes:
    """The same box with one bit of its last byte turned, which no seal can have by chance."""
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


WRONG = {
    "with another key": (Keyring([NEW]), Keyring([OLD]).seal(b"token", ROW), "another key"),
    "in another row": (Keyring([NEW]), Keyring([NEW]).seal(b"token", "endpoints/8/01ABC"), "another row"),
    "after it was changed": (Keyring([NEW]), damaged(Keyring([NEW]).seal(b"token", ROW)), "damaged"),
    "of another version": (Keyring([NEW]), b"\x02" + Keyring([NEW]).seal(b"token", ROW)[1:], "another key"),
    "where it was cut off": (Keyring([NEW]), b"\x01", "another key"),
}


@pytest.mark.parametrize(("keys", "sealed", "words"), WRONG.values(), ids=WRONG)
def test_it_does_not_open(keys: Keyring, sealed: bytes, words: str) -> None:
    with pytest.raises(SealError, match=words):
        keys.open(sealed, ROW)


def test_without_a_key_nothing_is_sealed_and_the_setting_is_named() -> None:
    with pytest.raises(SealError, match="SMARTGATE_SECRET_KEY"):
        Keyring([]).seal(b"token", ROW)


def test_what_travels_with_a_browser_is_known_again_for_what_it_was_made_and_for_a_while() -> None:
    keys = Keyring([NEW])
    text = sealed_text(keys, {"state": "ä"}, "trip", 1_000)
    assert opened_text(keys, text, "trip", 1_000) == {"state": "ä"}
    assert opened_text(Keyring([OLD, NEW]), text, "trip", 0) == {"state": "ä"}
    for ring, given, about, now in (
        (keys, text, "trip", 1_001),
        (keys, text, "choice", 0),
        (Keyring([OLD]), text, "trip", 0),
        (Keyring([]), text, "trip", 0),
        (keys, text[:-3], "trip", 0),
        (keys, "", "trip", 0),
        (keys, "a", "trip", 0),
        (keys, "ä", "trip", 0),
    ):
        assert opened_text(ring, given, about, now) is None, given


def test_a_store_of_this_machine_gets_a_key_of_its_own_which_stays_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "smartgate.key"
    key = key_file(path)
    assert len(key) >= 32
    assert key_file(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_file_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(SealError, match="nowhere"):
        key_file(tmp_path / "nowhere" / "smartgate.key")
