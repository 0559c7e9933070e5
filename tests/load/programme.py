"""The load programme: its parts, how large they are in the short and in the full form, and what must be zero."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.load import floods
from tests.load.floods import FLOODS
from tests.load.guests import STAYED
from tests.load.house import KIB, MIB, House, Pace
from tests.load.phases import PHASES, Phase, hold, rest
from tests.load.watch import Watched, watch

ROOT = Path(__file__).resolve().parent.parent.parent
IDLE_KIB = 16
Step = Callable[[str, int], None]
"""Told when something was done: which part, and how much of it there is."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done. idle: connections held, for so many seconds. slow, lmtp: guests of each phase at each door."""

    idle: int
    idle_seconds: float
    slow: int
    lmtp: int
    pace: Pace
    floods: floods.Size


SHORT = Size(
    idle=1_000,
    idle_seconds=3,
    slow=100,
    lmtp=20,
    pace=Pace(idle=4, data=5, rate=256, hurried=True),
    floods=floods.Size(
        connections=1_000,
        guesses=300,
        refused=200,
        lines=20,
        streams=2,
        stream_bytes=1024 * MIB,
        message_bytes=MIB,
        talkers=50,
        scale=0.02,
        every=10,
    ),
)
FULL = Size(
    idle=10_000,
    idle_seconds=30,
    slow=2_000,
    lmtp=2_000,
    pace=Pace(idle=15, data=40, rate=256),
    floods=floods.Size(
        connections=20_000,
        guesses=10_000,
        refused=5_000,
        lines=200,
        streams=4,
        stream_bytes=10 * 1024 * MIB,
        message_bytes=35 * MIB,
        talkers=2_000,
        scale=1.0,
        every=1,
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one crowd did and what was seen meanwhile. came: how it ended, by reply. mails: of the honest sender, with
    the milliseconds they took. memory: KiB a guest, or MiB of a flood, with the bound it must keep. zeros: what must
    not have happened."""

    part: str
    crowd: str
    came: Mapping[str, int]
    mails: int
    median_ms: float
    longest_ms: float
    lag_ms: float
    memory: float
    bound: float
    unit: str
    spooled_mib: float
    seconds: float
    zeros: Mapping[str, int]
    faults: Sequence[str]


def row(part: str, crowd: str, seen: Watched[object], came: Mapping[str, int], memory: float, bound: float, unit: str,
        faults: Sequence[str]) -> Row:  # fmt: skip
    """Put together what was seen; memory beyond its bound, and what the honest sender was answered, are faults too."""
    waits = seen.honest.waits or [0.0]
    others, greedy = seen.honest.others, memory > bound
    zeros = {
        "honest mails not filed": sum(others.values()) + (not seen.honest.filed),
        "ended otherwise": len(faults),
        "over the bound": int(greedy),
        "uncaught": len(seen.trouble),
    }
    said = [f"honest mail: {others or 'none was filed'}"] * bool(zeros["honest mails not filed"])
    said += [*faults, *seen.trouble, *[f"{memory:.0f} {unit} of memory, allowed are {bound:.0f}"] * greedy]
    return Row(
        part, crowd, dict(came), seen.honest.filed, waits[len(waits) // 2] * 1000, waits[-1] * 1000, seen.lag_ms,
        memory, bound, unit, seen.spooled / MIB, seen.seconds, zeros, said,
    )  # fmt: skip


def idle(size: Size, step: Step) -> Iterator[Row]:
    """Connections that have said EHLO and stay, with the default limits; all of them are still there in the end."""
    with opened(Pace(idle=300, data=600, rate=256)) as house:
        seen = watch(house, rest(house, size.idle, size.idle_seconds))
        step("idle", 1)
    other = seen.came.but((STAYED,))
    kib = seen.grown / KIB / size.idle
    faults = [f"ended: {other}"] * bool(other)
    yield row("idle", f"{size.idle:,} connections held", seen, seen.came.by, kib, IDLE_KIB, "KiB each", faults)


def slow(size: Size, step: Step) -> Iterator[Row]:
    for name, phase in PHASES.items():
        yield one_phase("slow", name, phase, size.slow, size.pace, lmtp=False)
        step("slow", len(PHASES))


def lmtp(size: Size, step: Step) -> Iterator[Row]:
    phases = {name: phase for name, phase in PHASES.items() if phase.lmtp}
    for name, phase in phases.items():
        yield one_phase("lmtp", name, phase, size.lmtp, size.pace, lmtp=True)
        step("lmtp", len(phases))


def one_phase(part: str, name: str, phase: Phase, guests: int, pace: Pace, *, lmtp: bool) -> Row:
    """One crowd at a fresh server."""
    with opened(pace) as house:
        seen = watch(house, hold(house, phase, guests, lmtp=lmtp))
    other = seen.came.but(phase.ends)
    faults = [f"ended otherwise: {other}"] * bool(other)
    # What a process grows by with the first mails is no guest's.
    kib = max(0.0, seen.grown - 8 * MIB) / KIB / guests
    return row(part, name, seen, seen.came.by, kib, phase.kib, "KiB each", faults)


def flooded(size: Size, step: Step) -> Iterator[Row]:
    for name, flood in FLOODS.items():
        settings = {"MAX_MESSAGE_BYTES": str(size.floods.message_bytes), **flood.settings}
        with opened(Pace(idle=30, data=120, rate=256), **settings) as house:
            seen = watch(house, flood.play(house, size.floods))
        yield row("floods", name, seen, seen.came.counts, seen.grown / MIB, flood.mib, "MiB", seen.came.faults)
        step("floods", len(FLOODS))


@contextmanager
def opened(pace: Pace, **settings: str) -> Iterator[House]:
    """A fresh server on a disk, not in memory."""
    with TemporaryDirectory(prefix="smartgate-load-", dir="/var/tmp") as folder:
        house = House(Path(folder), pace, **settings)
        with house.open():
            yield house


PARTS: dict[str, Callable[[Size, Step], Iterator[Row]]] = {"idle": idle, "slow": slow, "lmtp": lmtp, "floods": flooded}
HEAD = ("crowd", "how it ended", "honest mails", "median, longest", "lag p99", "memory", "must be zero", "s")


def cells(one: Row) -> tuple[str, ...]:
    """A row in words."""
    came = ", ".join(f"{count:,} × {said}" for said, count in sorted(one.came.items(), key=lambda item: -item[1]))
    zeros = ", ".join(f"{count} {what}" for what, count in one.zeros.items())
    disk = f", {one.spooled_mib:.0f} MiB on disk" if one.spooled_mib >= 1 else ""
    return (
        one.crowd,
        came,
        f"{one.mails:,}",
        f"{one.median_ms:.0f}, {one.longest_ms:.0f} ms",
        f"≤ {one.lag_ms:.0f} ms",
        f"{one.memory:.0f} {one.unit} (≤ {one.bound:.0f}){disk}",
        zeros,
        f"{one.seconds:.0f}",
    )


def markdown(at: str, machine: Mapping[str, str], size: Size, rows: Sequence[Row]) -> str:
    """The page that is kept."""
    pace = size.pace
    how = (
        f"Slow senders: {size.slow:,} in each phase, at a server with SESSION_IDLE_SECONDS={pace.idle}, "
        f"DATA_SECONDS={pace.data}, DATA_BYTES_PER_SECOND={pace.rate}; each row is a server of its own. An honest "
        "sender hands over mail after mail meanwhile, each on a connection of its own. Every zero must be one."
    )
    lines = [f"# Load of {at}", "", how]
    for part in dict.fromkeys(one.part for one in rows):
        lines += ["", f"## {part}", "", "| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
        lines += ["| " + " | ".join(cells(one)) + " |" for one in rows if one.part == part]
    lines += ["", *(f"**{one.crowd}**: {fault}\n" for one in rows for fault in one.faults), "## Machine", ""]
    return "\n".join([*lines, *(f"- {name}: {value}" for name, value in machine.items())]) + "\n"


def save(folder: Path, at: str, machine: Mapping[str, str], size: Size, rows: Sequence[Row]) -> list[Path]:
    """Writes DATE-load.md and .json, a second run of a day with its time in the name."""
    name = f"{at[:10]}-load"
    if (folder / f"{name}.json").exists():
        name = f"{at.replace(':', '').replace(' ', 'T')}-load"
    page, data = folder / f"{name}.md", folder / f"{name}.json"
    page.write_text(markdown(at, machine, size, rows))
    value = {"at": at, "machine": dict(machine), "size": asdict(size), "rows": [asdict(one) for one in rows]}
    data.write_text(json.dumps(value, indent=1) + "\n")
    return [page, data]
