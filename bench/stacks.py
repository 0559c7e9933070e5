"""What sampled stacks say: which functions are at work, and who: Python, SQLite, the kernel, another library. Pure.

A stack is a line of frames, outermost first, separated by semicolons, and the number of samples it was seen in, as
py-spy writes it: `function (file.py:line)` for Python, `function (library.so)` or `function (file.c:line)` for C.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Stack = tuple[str, ...]
PYTHON, SQLITE, KERNEL, SYNC, WAITING = "Python", "SQLite", "the kernel", "the disk's sync", "waiting"

_WAITS = ("acquire_lock", "pthread_cond", "take_gil", "futex")
_SLEEPS = ("epoll_wait", "poll", "select")
_SYNCS = ("fdatasync", "fsync")
_NAMES = """
    accept accept4 close epoll_ctl fcntl fcntl64 fstat fstat64 ftruncate ftruncate64 getpid getrandom ioctl link linkat
    lseek lseek64 mmap munmap open open64 openat openat64 pread pread64 pwrite pwrite64 read recv recvfrom recvmsg
    send sendmsg sendto stat unlink write writev
"""
_CALLS = frozenset(_NAMES.split())
_WHERE = re.compile(r" \(([^()]*)\)$")
_C_LIBRARY = re.compile(r"lib(c|m|pthread)[.-]")
_LIBRARY = re.compile(r"([^/]+?)(\.cpython[^/]*|\.abi3)?\.so[.0-9]*$")


def read(lines: Iterable[str]) -> Counter[Stack]:
    """Stacks with their samples."""
    found: Counter[Stack] = Counter()
    for line in lines:
        frames, _, count = line.rstrip("\n").rpartition(" ")
        if frames and count.isdigit():
            found[tuple(frames.split(";"))] += int(count)
    return found


def owner(stack: Stack) -> str:
    """Who is at work where a stack was seen; a call into the C library is its caller's, one into the kernel the
    kernel's."""
    if any(wait in frame for frame in stack[-5:] for wait in _WAITS):
        return WAITING
    leaf = name(stack[-1])
    if leaf in _SLEEPS:
        return WAITING
    if leaf in _SYNCS:
        return SYNC
    if leaf in _CALLS and _C_LIBRARY.match(_place(stack[-1])):
        return KERNEL
    return next((whose for frame in reversed(stack) if (whose := _of(frame))), PYTHON)


def name(frame: str) -> str:
    """The function of a frame, without its place."""
    return _WHERE.sub("", frame)


def _place(frame: str) -> str:
    found = _WHERE.search(frame)
    return found[1] if found else ""


def _of(frame: str) -> str:
    """Whose code a frame is; "" for the C library, which works for others."""
    place = _place(frame)
    if _C_LIBRARY.match(place):
        return ""
    if "libsqlite3" in place or place.startswith("sqlite3"):
        return SQLITE
    library = _LIBRARY.search(place)
    return library[1] if library and not library[1].startswith(("libpython", "python")) else PYTHON


def shares(stacks: Counter[Stack]) -> list[tuple[str, float]]:
    """Who is at work in which share of the samples in which somebody is, greatest first."""
    whose: Counter[str] = Counter()
    for stack, count in stacks.items():
        whose[owner(stack)] += count
    del whose[WAITING]
    total = sum(whose.values())
    return [(one, count / total) for one, count in whose.most_common()] if total else []


@dataclass(frozen=True, slots=True)
class Cost:
    """One function. alone: its share without those it calls; below: with them."""

    function: str
    alone: float
    below: float


def costs(stacks: Counter[Stack]) -> list[Cost]:
    """Functions with their shares, by what they take alone. A line number is no part of a function."""
    alone: Counter[str] = Counter()
    below: Counter[str] = Counter()
    busy = working(stacks)
    for stack, count in busy.items():
        functions = [_function(frame) for frame in stack]
        alone[functions[-1]] += count
        below.update(dict.fromkeys(functions, count))
    total = sum(busy.values()) or 1
    return [
        Cost(one, alone[one] / total, count / total) for one, count in sorted(below.items(), key=lambda f: -alone[f[0]])
    ]


def working(stacks: Counter[Stack]) -> Counter[Stack]:
    """Without those that only wait."""
    return Counter({stack: count for stack, count in stacks.items() if owner(stack) != WAITING})


def _function(frame: str) -> str:
    """A frame without what changes within a function: the line, or the address where the library names none."""
    return re.sub(r":[0-9]+\)$", ")", re.sub(r"^0x[0-9a-f]+ ", "(unnamed) ", frame))


@dataclass(slots=True)
class Flame:
    """A function among its callers: samples, and what it called."""

    frame: str
    stack: Stack = ()
    samples: int = 0
    calls: dict[str, Flame] = field(default_factory=dict)

    def walk(self, depth: int = 0, before: int = 0) -> Iterator[tuple[Flame, int, int]]:
        """Itself and all below: each with its depth and the samples left of it."""
        yield self, depth, before
        for call in sorted(self.calls.values(), key=lambda one: one.frame):
            yield from call.walk(depth + 1, before)
            before += call.samples


def flame(stacks: Counter[Stack]) -> Flame:
    """All stacks as one tree, from where they part: what is below in all of them says nothing."""
    busy = working(stacks)
    shared = _shared([stack for stack, count in busy.items() if count])
    root = Flame("all")
    for stack, count in busy.items():
        root.samples += count
        at = root
        for depth, frame in enumerate(stack[shared:]):
            key = _function(frame)
            at = at.calls.setdefault(key, Flame(key, stack[: shared + depth + 1]))
            at.samples += count
    return root


def _shared(stacks: Sequence[Stack]) -> int:
    """How many frames the most of them begin with: those of the thread with the event loop."""
    if not stacks:
        return 0
    depth = 0
    while True:
        heads = Counter(_function(stack[depth]) for stack in stacks if len(stack) > depth + 1)
        most = heads.most_common(1)
        if not most or most[0][1] < len(stacks) * 0.9:
            return 0 if depth == 0 else depth
        depth += 1
