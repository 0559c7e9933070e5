"""Decisions of receipts: what was packed is unpacked the same, for as long as the store lives."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files

import pytest

from gateway.core.envelope import Step
from gateway.store.decisions import pack_decision, unpack_decision

SAID = {"verdict": "file", "reply": "250 2.6.0 Filed: на карте 客户 \U0001f600", "creates": {"lead": None}}


def test_a_decision_comes_back_as_it_was_its_steps_as_objects() -> None:
    kept = pack_decision(SAID | {"steps": (Step("A2", "ok", "The account acme exists."),)})
    steps = [{"rule": "A2", "outcome": "ok", "detail": "The account acme exists."}]
    assert unpack_decision(kept) == SAID | {"steps": steps}


def test_a_decision_that_was_kept_long_ago_is_read_today() -> None:
    kept = (
        "0128b52ffd2061bd01002402d0bdd0b020d0bad0b0d180d182d0b520e5aea2e688b720f09f9880226e756c6c7d7d0500"
        "4fe6016013787813e08235c00c78c64120"
    )
    assert unpack_decision(bytes.fromhex(kept)) == SAID


def test_the_dictionary_of_kept_decisions_never_changes() -> None:
    dictionary = (files("gateway.store") / "decision-1.dict").read_bytes()
    assert sha256(dictionary).hexdigest() == "ba7bbe497755c8b0133152cc418df6a855316a921732157daa7117769e361021"


def test_what_was_packed_with_another_dictionary_is_told_not_guessed() -> None:
    with pytest.raises(ValueError, match=r"dictionary b'\\x02'"):
        unpack_decision(b"\x02" + pack_decision(SAID)[1:])
