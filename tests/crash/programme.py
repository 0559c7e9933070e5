"""The crash programme: its parts, how large they are in the short and in the full form, and what each must count to."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.crash.crashes import crash_rounds
from tests.crash.faults import Ground, Struck, strike_all
from tests.crash.fleet import LMTP, SMTP
from tests.crash.kills import kill_rounds
from tests.crash.losses import lose_replies
from tests.crash.machines import GATEWAYS, WORKERS, run_machines
from tests.crash.mailboxes import MAILBOXES, poll_rounds
from tests.crash.power import BUSY_CHECKPOINTS, Verdict, judge, record
from tests.postgresql import Server

ROOT = Path(__file__).resolve().parent.parent.parent
SENDERS, POLLERS = 32, 3
STORIES = (
    "tests/e2e/test_serve.py::test_a_full_disk_defers_mail_leaves_nothing_half_written_and_is_over_once_there_is_room",
    "tests/store/test_writer.py::test_while_another_process_writes_the_loop_goes_on_and_the_job_is_done_afterwards",
    "tests/store/test_writer.py::test_a_job_that_waits_too_long_for_the_lock_gives_up",
    "tests/store/test_writer.py::test_a_job_that_fails_is_told_so_and_its_neighbours_are_kept",
)
_ZEROS = ("lost", "doubled", "half-written or doubled", "torn", "orphan")
Step = Callable[[str, int], None]
"""Told when something was done: which part, and how much of it there is."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done. images: of each recording. share: of all faults, drawn by lot. crashes: of PostgreSQL. deaths:
    of machines that share one. polls: kills of pollers; of those that share a PostgreSQL, a third as many."""

    rounds: int
    recordings: int
    images: int
    mails: int
    losses: int
    share: float
    crashes: int
    deaths: int
    polls: int


SHORT = Size(rounds=8, recordings=1, images=400, mails=90, losses=105, share=0.06, crashes=3, deaths=6, polls=6)
FULL = Size(rounds=200, recordings=20, images=500, mails=150, losses=1_050, share=1.0, crashes=50, deaths=60, polls=60)


@dataclass(frozen=True, slots=True)
class Tally:
    """What one part counted. zeros: what must not have happened, and how often it did. faults: each in words."""

    part: str
    seconds: float
    counts: Mapping[str, int]
    zeros: Mapping[str, int]
    faults: Sequence[str]


def tally(part: str, begun: float, counts: Mapping[str, int], faults: Sequence[str]) -> Tally:
    """Sorts faults by their first words; those of a kind of their own are counted as `other`."""
    zeros = dict.fromkeys((*_ZEROS, "other"), 0)
    for fault in faults:
        kind = fault.partition(":")[0]
        zeros[kind if kind in zeros else "other"] += 1
    merged = {"lost": zeros["lost"], "doubled": zeros["doubled"], "half-written": zeros["half-written or doubled"]}
    merged |= {"torn or orphaned": zeros["torn"] + zeros["orphan"], "other faults": zeros["other"]}
    return Tally(part, round(time.monotonic() - begun, 1), counts, merged, list(faults[:50]))


def kill(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    begun = time.monotonic()
    done = kill_rounds(folder, seed, size.rounds, SENDERS, lambda: step("kill", size.rounds))
    counts = {"kills": done.rounds, "senders": SENDERS, "mails": done.mails, "sent again": done.interrupted}
    return tally("kill -9", begun, counts, done.faults)


def power(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    """Recordings one after the other, every second one with a log that begins anew all the time; images beside them."""
    begun, verdicts = time.monotonic(), []
    with ProcessPoolExecutor(2) as pool:
        jobs = [pool.submit(_images, folder, seed + n, size) for n in range(size.recordings)]
        for job in as_completed(jobs):
            verdicts.append(job.result())
            step("power", size.recordings)
    counts = {
        "images": sum(one.images for one in verdicts),
        "recordings": len(verdicts),
        "moments": sum(one.moments for one in verdicts),
        "mails looked for": sum(one.acknowledged for one in verdicts),
    }
    return tally("power cut", begun, counts, [fault for one in verdicts for fault in one.faults])


def _images(folder: Path, seed: int, size: Size) -> Verdict:
    own = Path(tempfile.mkdtemp(prefix="recording-", dir=folder))
    recording = record(own, seed, size.mails, BUSY_CHECKPOINTS if seed % 2 else "")
    verdict = judge(recording, seed, size.images)
    if not verdict.faults:
        shutil.rmtree(own)
    return verdict


def crashes(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    begun = time.monotonic()
    done = crash_rounds(folder, seed, size.crashes, SENDERS, lambda: step("postgresql", size.crashes))
    counts = {"crashes": done.rounds, "workers killed": done.killed, "senders": SENDERS, "mails": done.mails}
    counts |= {"put off": done.deferred, "sent again": done.interrupted}
    return tally("PostgreSQL crashes", begun, counts, done.faults)


def fleet(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    begun = time.monotonic()
    done = run_machines(folder, seed, size.deaths, SENDERS, lambda: step("fleet", size.deaths))
    counts = {"gateways": GATEWAYS, "workers": WORKERS, "machines killed": done.killed, "senders": SENDERS}
    counts |= {"restarts of PostgreSQL": done.restarts, "mails": done.mails, "put off": done.deferred}
    counts |= {"sent again": done.interrupted, "events": done.events, "told": done.told}
    return tally("several machines", begun, counts, done.faults)


def mailboxes(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    """One poller on SQLite, then several that share a PostgreSQL, where a killed one's leases run out."""
    begun, counts, faults = time.monotonic(), Counter[str]({"mailboxes": MAILBOXES}), list[str]()
    server = Server()
    try:
        server.start()
        for name, database, pollers in (("SQLite", "", 1), ("PostgreSQL", server.url(server.make()), POLLERS)):
            own, kills = _folder(folder, name), size.polls if pollers == 1 else size.polls // POLLERS
            done = poll_rounds(own, seed, kills, lambda: step("mailboxes", 0), database=database, pollers=pollers)
            counts += Counter({f"kills on {name}": done.kills, "of them during the import": done.importing})
            counts += Counter({"mails": done.mails, "bytes from the servers": done.moved, "log-ins": done.log_ins})
            faults += done.faults
    finally:
        server.close()
    return tally("mailboxes", begun, counts, faults)


def lost_250s(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    """Over SMTP, then over LMTP, where each of two accounts answers."""
    begun, counts, faults = time.monotonic(), Counter[str](), list[str]()
    for name, road in {"SMTP": SMTP, "LMTP": LMTP}.items():
        done = lose_replies(_folder(folder, name), seed, size.losses, lambda: step("lost", 0), road)
        counts |= Counter({f"lost 250s over {name}": done.lost, f"lost before over {name}": done.mails - done.lost})
        counts += Counter({"answered already filed": done.already, "mails": done.mails})
        faults += done.faults
    return tally("lost replies", begun, counts, faults)


def faults(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    return _struck("faults", size, seed, folder, step, str)


def faults_on_postgresql(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    server = Server()
    try:
        server.start()
        return _struck("faults on PostgreSQL", size, seed, folder, step, lambda: server.url(server.make()))
    finally:
        server.close()


def _struck(part: str, size: Size, seed: int, folder: Path, step: Step, database: Callable[[], str]) -> Tally:
    """Faults on a store, over SMTP and over LMTP. database: makes a new one; "" on SQLite."""
    begun, counts, faults = time.monotonic(), Counter[str](), list[str]()
    for name, road in {"SMTP": SMTP, "LMTP": LMTP}.items():
        ground = Ground(road, database())
        done = strike_all(_folder(folder, name), seed, size.share, lambda total: step(part, 2 * total), ground=ground)
        counts += _counted(done, name)
        faults += done.faults
    return tally(part, begun, counts, faults)


def _counted(done: Struck, road: str) -> Counter[str]:
    counts = Counter({"faults raised": done.strikes - done.passed_by, f"points over {road}": sum(done.points.values())})
    counts.update({f"points: {kind}": count for kind, count in sorted(done.points.items())})
    counts.update({f"answered {code}": count for code, count in sorted(done.answers.items())})
    counts.update({"point not come to again": done.passed_by, "answered with the next mail": done.late})
    return counts


def _folder(folder: Path, name: str) -> Path:
    own = folder / name
    own.mkdir()
    return own


def stories(size: Size, seed: int, folder: Path, step: Step) -> Tally:
    """Disk full and store locked, told by the tests that stand for them."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *STORIES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    passed = sum(int(number) for number in re.findall(r"(\d+) passed", done.stdout))
    step("stories", 1)
    failed = [f"other: {line}" for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR", "SKIPPED"))]
    if passed < len(STORIES):
        failed = failed or [f"other: {done.stdout[-500:]}{done.stderr[-500:]}"]
    return tally("disk full, store locked", begun, {"stories": len(STORIES), "passed": passed}, failed)


Part = Callable[[Size, int, Path, Step], Tally]
PARTS: dict[str, Part] = {
    "kill": kill,
    "power": power,
    "lost": lost_250s,
    "faults": faults,
    "postgresql": crashes,
    "postgresql-faults": faults_on_postgresql,
    "fleet": fleet,
    "mailboxes": mailboxes,
    "stories": stories,
}


def markdown(at: str, machine: Mapping[str, str], seed: int, tallies: Sequence[Tally]) -> str:
    """The page that is kept."""
    lines = [f"# Torture of {at}", "", f"Seed {seed}. Every zero below must be one.", ""]
    lines += ["| part | counted | must be zero | seconds |", "|---|---|---|--:|"]
    lines += [f"| {one.part} | {words(one.counts)} | {words(one.zeros)} | {one.seconds:.0f} |" for one in tallies]
    for one in tallies:
        lines += [f"\n**{one.part}**: {fault}" for fault in one.faults]
    lines += ["", "The store is SQLite where PostgreSQL is not named.", "", "## Machine", ""]
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in machine.items())]) + "\n"


def words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def save(folder: Path, at: str, machine: Mapping[str, str], seed: int, tallies: Sequence[Tally]) -> list[Path]:
    """Writes DATE-torture.md and .json, a second run of a day with its time in the name."""
    name = f"{at[:10]}-torture"
    if (folder / f"{name}.json").exists():
        name = f"{at.replace(':', '').replace(' ', 'T')}-torture"
    page, data = folder / f"{name}.md", folder / f"{name}.json"
    page.write_text(markdown(at, machine, seed, tallies))
    value = {"at": at, "seed": seed, "machine": dict(machine), "parts": [asdict(one) for one in tallies]}
    data.write_text(json.dumps(value, indent=1) + "\n")
    return [page, data]
