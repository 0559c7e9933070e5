"""The power fails: the server's writes are recorded once, then every moment of them can become the last one.

A run of the server is watched by strace from an empty folder on. Its calls are replayed onto the model of a disk
(`disk`), and at moments drawn by lot an image is made of what a disk would hold then. Each image is opened by the
store's own code and looked through: what was acknowledged before that moment must be there, whole and once.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.audit import Audit
from tests.crash.disk import Chance, lay_out
from tests.crash.fleet import HUGE, Fleet, Letter, Pipelining, letters
from tests.crash.replay import Ignored, Replay
from tests.crash.strace import calls, listening
from tests.serving import Serving

SENDERS, CONVERSATIONS, CLIENTS, LARGE_EVERY, WAVES = 12, 25, 20, 30, 3
BUSY_CHECKPOINTS = (
    "import gateway.store.writer as w; w.IDLE_SECONDS, w.CHECKPOINT_BYTES, w.LOOK_EVERY = 0.02, 200_000, 2"
)
"""Makes the log begin anew every few mails: the moments in which a store moves its pages are as many as may be."""
NO_SYNC = "import gateway.store.sqlite as e; e._PRAGMAS = ('PRAGMA synchronous=OFF', *e._PRAGMAS[1:])"
SLOPPY_SYNC = "import gateway.store.sqlite as e; e._PRAGMAS = ('PRAGMA synchronous=NORMAL', *e._PRAGMAS[1:])"
"""What the store would do if it said 250 before its log is on the disk: there to prove that images tell."""
DEEP_EVERY = 8
_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Recording:
    """One run under strace. files: what each process of it asked of the kernel. names: Message-ID by id in a reply."""

    root: Path
    files: tuple[Path, ...]
    pile: Sequence[Letter]
    names: dict[str, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What images told. acknowledged: how many mails each of them had to hold, added up; faults by their first word."""

    images: int
    acknowledged: int
    moments: int
    faults: tuple[str, ...]


def record(folder: Path, seed: int, count: int, spoil: str = "") -> Recording:
    """Lets a server file mails of many senders, ends it, starts it again and goes on; the store begins as nothing.

    It is told to stop, except the first time, when it is killed as soon as all senders were answered: the next start
    has a log to recover.
    """
    root = folder / "disk"
    root.mkdir()
    pile = letters(seed, count, CONVERSATIONS, CLIENTS, LARGE_EVERY, HUGE)
    serving = Serving(folder, store=root / "store", spoil=spoil, LOG_LEVEL="error")
    files = []
    with listening(folder, "account") as (prefix, file):
        serving.prefix = prefix
        serving.add_account()
    files.append(file)
    names: dict[str, str] = {}
    size = -(-count // WAVES)
    for wave in range(WAVES):
        with listening(folder, f"wave{wave}") as (prefix, file):
            serving.prefix = prefix
            names |= _wave(serving, pile[wave * size : (wave + 1) * size], killed=wave == 0)
        files.append(file)
    return Recording(root, tuple(files), pile, names)


def _wave(serving: Serving, pile: Sequence[Letter], *, killed: bool) -> dict[str, str]:
    senders = [Pipelining() for _ in range(SENDERS)]
    fleet = Fleet(pile, senders)
    try:
        serving.start()
        with fleet.at_work():
            fleet.aim(serving.smtp)
            fleet.wait_for_all()
            if killed:
                serving.kill()
        for sender in senders:
            sender.leave()
        assert killed or serving.stop() == 0, serving.said()
    finally:
        serving.kill()
    assert (fleet.refused, fleet.deferred, fleet.unanswered) == ([], [], 0)
    return {id: name for name, id in fleet.acknowledged.items()}


def replay(recording: Recording, ignored: Ignored = lambda path: False) -> Iterator[tuple[Replay, bool]]:
    """The disk after each beginning or end of a call, and whether an acknowledgement left with it."""
    disk = Replay(str(recording.root), str(recording.root.parent), ignored)
    for file in recording.files:
        for call in calls(file):
            before, changes = len(disk.acknowledged), disk.changes
            disk.feed(call)
            if disk.changes != changes or len(disk.acknowledged) != before:
                yield disk, len(disk.acknowledged) != before
        disk.next_process()


def judge(
    recording: Recording,
    seed: int,
    images: int,
    ignored: Ignored = lambda path: False,
    told: Callable[[], None] = lambda: None,
) -> Verdict:
    """Makes images at moments drawn by lot, half of them just after an acknowledgement left, and looks through each."""
    chance = random.Random(seed)
    after_ack = [left for _, left in replay(recording, ignored)]
    told_at = [moment for moment, left in enumerate(after_ack) if left]
    drawn = sorted(
        chance.choice(told_at) if number % 2 and told_at else chance.randrange(len(after_ack))
        for number in range(images)
    )
    audit, faults, owed, made = Audit(recording.pile), [], 0, 0
    for moment, (disk, _) in enumerate(replay(recording, ignored)):
        while made < len(drawn) and drawn[made] == moment:
            promised = {recording.names[id]: id for id in disk.acknowledged}
            owed += len(promised)
            with _image(disk, Chance(chance)) as database:
                found = audit.look(database, promised, deep=made % DEEP_EVERY == 0)
            faults += [f"{fault} (moment {moment} of {len(after_ack)})" for fault in found]
            made += 1
            told()
        if made == len(drawn):
            break
    return Verdict(made, owed, len(after_ack), tuple(faults))


@contextmanager
def _image(disk: Replay, chance: Chance) -> Iterator[Path]:
    """The store of one image, in memory where the machine has such a place."""
    folder = Path(tempfile.mkdtemp(prefix="smartgate-image-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        lay_out(disk.disk, folder, chance, without=("-shm",))
        yield folder / "store" / "smartgate.db"
    finally:
        shutil.rmtree(folder)
