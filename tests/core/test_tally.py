"""What came of something done to several mails, piece by piece."""

from __future__ import annotations

from gateway.core.tally import Tally


def test_pieces_of_one_thing_add_up() -> None:
    assert Tally(2, 1) + Tally(3, missing=4) == Tally(5, 1, 4)
