"""What is written down of who did what: each kind has its words."""

from __future__ import annotations

import re

from gateway.core.audit import WHAT, Done


def test_each_kind_of_deed_is_said_after_a_name() -> None:
    for what, said in WHAT.items():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", what)
        assert re.fullmatch(r"[a-z][^.]+[^. ]", said), what


def test_a_deed_of_the_operators_has_no_user() -> None:
    assert Done("1", 0, None, "", "account.opened", "2", {"name": "acme"}).user is None
