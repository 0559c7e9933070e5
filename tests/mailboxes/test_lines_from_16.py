"""What has to hold of an import, whatever is killed, cut or silent meanwhile: the whole product, a real Dovecot."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from tests.mailboxes import mails
from tests.mailboxes.audit import Mailbag
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.processes import Processes, wait_until
from tests.serving import Serving

pytestmark = pytest.mark.e2e
POINTS = 50 if os.environ.get("FULL") else 12
SEED = 20261130
KILL = """
import os, signal, sys, threading
from itertools import count

steps, begun = count(1), []


def step(frame, what, _):
    code = frame.f_code
    if not begun:
        if code.co_name == "_import" and code.co_filename.endswith("passes.py"):
            begun.append(code)
    elif what in ("call", "c_call") and "{room}" in code.co_filename and next(steps) == {at}:
        os.kill(os.getpid(), signal.SIGKILL)


sys.setprofile(step)
threading.setprofile(step)
"""
"""Code that kills its own process at so many calls in a room of the product, counted from the import's first on."""
ROOMS = {"/gateway/": 90_000, "/gateway/store/": 6_000}
"""Room → about as many calls as a batch takes there, and a third more."""


def test_an_import_that_is_killed_again_and_again_has_no_gap_and_no_double_and_marks_nothing_as_seen(
    tmp_path: Path, certificates: Authority, dovecot: Dovecot
) -> None:
    """Line 16: kill -9 at 12 points of an import, 50 with FULL=1, each in what the one before has left."""
    person, chance = dovecot.person(), random.Random(SEED)
    bag = Mailbag(frozenset({"c1@client1.example", "c2@client2.example"}))
    letters = mails.inbox(POINTS * 30, me=f"Ann <{person.address}>", lean=True)
    bag.put(person, "inbox", letters)
    bag.put(person, "sent", mails.sent(letters[:60], me=f"Ann <{person.address}>"))
    with Processes(tmp_path, certificates.file, MAILBOX_IMPORT_MESSAGES="2000") as product:
        for address in bag.known:
            product.api.post("/contacts", {"name": address, "emails": [address]})
        id = product.connect(person)
        in_the_midst = 0
        for n in range(POINTS):
            room, most = list(ROOMS.items())[n % len(ROOMS)]
            killed = product.poller(KILL.format(room=room, at=chance.randint(1, most)))
            _wait_until_over(killed, product, id)
            assert killed.wait() == -signal.SIGKILL, "it came to its end first"
            assert bag.faults(product.place, whole=False) == []
            in_the_midst += 0 < bag.count(product.place) < len(bag.standing)
        assert in_the_midst > POINTS / 3
        fresh = product.poller()
        shown = product.wait_for(id, "ready")
        assert shown["progress"] == {"done": len(bag.standing), "total": len(bag.standing)}
        assert fresh.stop() == 0
        assert bag.faults(product.place) == []
    assert bag.seen() == []
    assert {way for way, _ in person.opened()} == {"EXAMINE"}


def _wait_until_over(killed: Serving, product: Processes, id: str) -> None:
    """Until the process has killed itself; one that has imported all before is ended."""
    wait_until(lambda: killed.over or product.mailbox(id)["state"] == "ready", lambda: product.mailbox(id))
    if not killed.over:
        killed.terminate()
