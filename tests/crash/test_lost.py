"""Every way of losing a reply: the mail sent again is recognised, and there once (B9, B11)."""

from __future__ import annotations

from pathlib import Path

from tests.crash.losses import lose_replies
from tests.crash.proxy import FINAL, LOSSES

SEED = 20261123


def test_a_mail_whose_250_was_lost_is_already_filed_when_it_comes_again(tmp_path: Path) -> None:
    done = lose_replies(tmp_path, SEED, 70)
    assert done.faults == ()
    assert done.by_way == dict.fromkeys(LOSSES, 10)
    assert done.lost == 10 * sum(loss.reply == FINAL for loss in LOSSES.values())
    assert done.already == done.lost
