"""The rows `mailbox-500`, `mailbox-5000`, `mailbox-unchanged` and `mailbox-2000`: people's own mailboxes beside mbsync.

Both read the same Dovecot over TLS, in turns. mbsync copies whole messages into a Maildir; we file them with contacts,
cards, threads, events and the words of search, and leave attachments on the server (rule E7). Ours is a process that
runs, as `serve` does; mbsync is started for each run, as it always is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench.lines import Found, Line
from bench.machine import Watch
from bench.mbsync import Mbsync, Took, dovecot, sent_to
from bench.ours import Ours
from bench.peer import PeerError, cpu_seconds
from bench.run import Run, Yardstick
from tests.mailboxes.dovecot import PROGRAM, Dovecot
from tests.mailboxes.mails import inbox
from tests.mailboxes.person import Person

GOAL_IMPORT, GOAL_UNCHANGED, GOAL_ALL_SECONDS = 3.0, 10.0, 15 * 60.0
_ROOT = Path(__file__).resolve().parent.parent
_AT_ONCE = 250
_MANY, _FEW = 5_000, 5
_OWNER, _FOLDERS = "dimas@acme.example", {"Sent": "\\Sent"}
_SETTINGS = {
    "MAILBOX_ALLOW_PRIVATE": "true",
    "MAILBOX_IMPORT_MESSAGES": "100000",
    "MAILBOX_IDLE_CONNECTIONS": "0",
}


class Looker(Ours):
    """The poller in a process of its own, on a store of its own."""

    def __init__(self, authority: Path) -> None:
        super().__init__(settings={**_SETTINGS, "MAILBOX_CA_FILE": str(authority)})
        self._process: subprocess.Popen[str] | None = None

    def start(self, folder: Path) -> None:
        self.prepare(folder)
        log = (folder / "looking.log").open("w")
        with log:
            command = [sys.executable, "-m", "bench.looking"]
            self._process = subprocess.Popen(
                command,
                cwd=_ROOT,
                env=self._env(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.ask("count")

    def ask(self, do: str, **what: object) -> Any:
        """Has it do something; its answer. Raises PeerError."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise PeerError(f"the poller ended: {(self.folder / 'looking.log').read_text()[-1500:]}")
        return json.loads(answer)

    def connect(self, server: Dovecot, people: list[Person], auto_create: str) -> list[Any]:
        addresses = [one.address for one in people]
        keys: list[Any] = self.ask(
            "connect", people=addresses, password=people[0].password, port=server.imaps, auto_create=auto_create
        )
        return keys

    def look(self, key: Any) -> Took:
        answer = self.ask("look", key=key)
        if not answer["looked"]:
            raise PeerError("the poller did not look into the mailbox")
        return Took(answer["seconds"], answer["cpu"])

    def cpu_seconds(self) -> float:
        return 0.0 if self._process is None else cpu_seconds(self._process.pid)

    def stop(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None
        super().stop()


@contextmanager
def looking(server: Dovecot, folder: Path) -> Iterator[Looker]:
    """The poller on a new store in a folder that it makes."""
    folder.mkdir()
    looker = Looker(server.authority.file)
    looker.start(folder)
    try:
        yield looker
    finally:
        looker.stop()


@dataclass(slots=True)
class Sides:
    """What both took, run by run, and the share of the cores that others took meanwhile."""

    server: Dovecot
    theirs: list[Took] = field(default_factory=list)
    ours: list[Took] = field(default_factory=list)
    others: list[float] = field(default_factory=list)

    def run(self, mbsync: Mbsync, looker: Looker, key: Any, *, first: bool) -> None:
        """Each once, one after the other. first: mbsync is."""
        os.sync()
        watch = Watch(lambda: cpu_seconds(self.server.pid) + looker.cpu_seconds())
        if first:
            self.theirs.append(mbsync.run())
        self.ours.append(looker.look(key))
        if not first:
            self.theirs.append(mbsync.run())
        self.others.append(watch.others())

    def lines(self, title: str, goal: float, note: str) -> tuple[Line, ...]:
        ratios = tuple(theirs.seconds / ours.seconds for theirs, ours in zip(self.theirs, self.ours, strict=True))
        sides = (("mbsync", self.theirs), ("ours", self.ours))
        times = [
            Line(f"{title}: {name}", tuple(one.seconds for one in took), "s", digits=3, note=_cpu(took))
            for name, took in sides
        ]
        return (Line(f"{title}: mbsync's time to ours", ratios, "×", goal, "≥", 2, note), *times)


def fill(server: Dovecot, mails: int) -> Person:
    """Somebody with so many mails in the inbox, all of the last three weeks."""
    person = server.person(_OWNER, folders=_FOLDERS)
    first = datetime.now(UTC) - timedelta(days=20)
    letters = inbox(mails, me=f"Dimas <{_OWNER}>")
    for at in range(0, mails, _AT_ONCE):
        some = [letter.raw for letter in letters[at : at + _AT_ONCE]]
        person.append("INBOX", some, at=first + timedelta(minutes=at), step=timedelta(minutes=1))
    return person


def fill_all(server: Dovecot, count: int) -> list[Person]:
    """So many people with some mails each, written into their Maildirs."""
    people = server.people([f"p{n}@acme.example" for n in range(count)], folders=_FOLDERS)
    owner = server.homes.stat()
    for number, person in enumerate(people):
        home = server.homes / person.address
        box = home / "Maildir"
        for name in ("new", "tmp", "cur"):
            (box / name).mkdir(parents=True)
        for letter in inbox(_FEW, seed=f"s{number}", me=person.address, lean=True):
            (box / "cur" / f"{1_790_000_000 + letter.number}.M{letter.number}P1.stand:2,").write_bytes(letter.raw)
        for path in (home, *home.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
    return people


def first_import(mails: int, run: Run) -> Found:
    """Each round begins with nothing on both sides: an empty Maildir, and a new store whose account knows nobody."""
    faults, moved = [], (0, 0)
    with run.folder() as name, dovecot(Path(name)) as server:
        sides, person = Sides(server), fill(server, mails)
        run.stepped(f"mailbox-{mails} · a mailbox is filled")
        for number in range(run.plan.rounds):
            folder = Path(name) / str(number)
            folder.mkdir()
            mbsync = Mbsync(server, person, folder / "mbsync")
            with looking(server, folder / "ours") as looker:
                after, key = len(server.settled_log()), looker.connect(server, [person], "contact")[0]
                sides.run(mbsync, looker, key, first=number % 2 == 0)
                all_sent, counted = sent_to(server, person.address, after), looker.ask("count")
            moved = (all_sent - counted["moved"], counted["moved"])
            faults += missing(mails, mbsync.kept(), counted)
            shutil.rmtree(folder)
            run.stepped(f"mailbox-{mails} · {number + 1}")
        used = _used()
    note = f"mbsync moved {moved[0] / 1e6:.1f} MB, we {moved[1] / 1e6:.1f} MB; contacts, cards and threads are made"
    lines = sides.lines(f"first import of {mails:,} mails from Dovecot", GOAL_IMPORT, note)
    return Found(f"mailbox-{mails}", lines, used, tuple(faults), {"moved": moved}, max(sides.others))


def unchanged(run: Run) -> Found:
    """Looks into a mailbox where nothing is new, log-in included, in turns."""
    mails = min(_MANY, run.plan.stored // 40)
    with run.folder() as name, dovecot(Path(name)) as server:
        person = fill(server, mails)
        mbsync = Mbsync(server, person, Path(name) / "mbsync")
        with looking(server, Path(name) / "ours") as looker:
            key = looker.connect(server, [person], "off")[0]
            Sides(server).run(mbsync, looker, key, first=True)
            run.stepped("mailbox-unchanged · both have it")
            sides = Sides(server)
            for number in range(run.plan.rounds):
                sides.run(mbsync, looker, key, first=number % 2 == 0)
                run.stepped(f"mailbox-unchanged · {number + 1}")
            faults = missing(mails, mbsync.kept(), looker.ask("count"))
        used = _used()
    lines = sides.lines(f"a look into an unchanged mailbox of {mails:,}", GOAL_UNCHANGED, "log-in over TLS included")
    return Found("mailbox-unchanged", lines, used, tuple(faults), disturbance=max(sides.others))


def all_within(run: Run) -> Found:
    """Mailboxes that are all due at once, on one poller: how long until it has looked into all of them."""
    count = run.plan.mailboxes
    taken, passes, others = [], [], []
    with run.folder() as name, dovecot(Path(name)) as server, looking(server, Path(name) / "ours") as looker:
        looker.connect(server, fill_all(server, count), "off")
        looker.ask("look at all")
        run.stepped(f"mailbox-2000 · {count:,} mailboxes are imported")
        for number in range(run.plan.rounds):
            watch = Watch(lambda: cpu_seconds(server.pid) + looker.cpu_seconds())
            answer = looker.ask("look at all")
            taken.append(answer["seconds"] * 2_000 / count)
            passes.append(answer["cpu"] / count * 1_000)
            others.append(watch.others())
            run.stepped(f"mailbox-2000 · {number + 1}")
        counted = looker.ask("count")
        faults = [] if counted["remote"] == count * _FEW else [f"{counted} of {count * _FEW} mails are known"]
        used = _used()
    note = f"measured with {count:,}, each with a log-in over TLS, on the same machine as the mail server"
    share = tuple(one * 2_000 / 1_000 / GOAL_ALL_SECONDS * 100 for one in passes)
    lines = (
        Line("2,000 mailboxes on one poller, all of them looked into", tuple(taken), "s", GOAL_ALL_SECONDS, note=note),
        Line("CPU of the poller a mailbox", tuple(passes), "ms", digits=2),
        Line("share of one core, with 2,000 every 15 minutes", share, "%"),
    )
    return Found("mailbox-2000", lines, used, tuple(faults), disturbance=max(others))


def missing(mails: int, kept: int, counted: Any) -> list[str]:
    """Why a round is not to be believed."""
    faults = [] if kept == mails else [f"mbsync has {kept} of {mails} mails"]
    if (counted["messages"], counted["remote"]) != (mails, mails):
        faults.append(f"our store has {counted} of {mails} mails")
    return faults


def _cpu(took: Sequence[Took]) -> str:
    return f"{median(one.cpu for one in took):.3f} s of CPU"


def _used() -> dict[str, dict[str, str]]:
    settings = ", ".join(f"{name}={value}" for name, value in _SETTINGS.items())
    return {
        "mailboxes": {"Dovecot": _version(str(PROGRAM)), "mbsync": _version("mbsync"), "settings of ours": settings}
    }


def _version(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


IMPORT_500 = Yardstick(
    "mailbox-500",
    "first import of 500 mails beside mbsync",
    f"≥ {GOAL_IMPORT:g} times mbsync",
    lambda plan: plan.rounds + 1,
    partial(first_import, 500),
)
IMPORT_5000 = Yardstick(
    "mailbox-5000",
    "first import of 5,000 mails beside mbsync",
    f"≥ {GOAL_IMPORT:g} times mbsync",
    lambda plan: plan.rounds + 1,
    partial(first_import, _MANY),
)
UNCHANGED = Yardstick(
    "mailbox-unchanged",
    "a look into a mailbox without news beside mbsync",
    f"≥ {GOAL_UNCHANGED:g} times mbsync",
    lambda plan: plan.rounds + 1,
    unchanged,
)
ALL_WITHIN = Yardstick(
    "mailbox-2000",
    "2,000 mailboxes on one poller",
    f"≤ {GOAL_ALL_SECONDS:g} s",
    lambda plan: plan.rounds + 1,
    all_within,
)
