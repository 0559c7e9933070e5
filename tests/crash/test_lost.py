"""Every way of losing a reply: the mail sent again is recognised, and there once (B9, B11)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.fleet import LMTP, SMTP, Road
from tests.crash.losses import lose_replies
from tests.crash.proxy import losses

SEED = 20261123


@pytest.mark.parametrize("road", [SMTP, LMTP], ids=["smtp", "lmtp"])
def test_a_mail_whose_250_was_lost_is_already_filed_when_it_comes_again(tmp_path: Path, road: Road) -> None:
    ways = losses(road)
    finals = sum(loss.final for loss in ways.values())
    certain = sum(loss.certain for loss in ways.values())
    done = lose_replies(tmp_path, SEED, 7 * finals, road=road)
    assert done.faults == ()
    assert done.by_way == dict.fromkeys(ways, 7)
    assert 7 * certain <= done.lost <= 7 * finals
    assert done.already >= done.lost
