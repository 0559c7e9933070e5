"""The rows `card` and `search`: a card with 50 mails, and finding a contact or mails, with few and many stored.

Each request goes over loopback HTTP with a token, as a program's would, so that the figure is the server's time and a
little more. Rounds at the two stores take turns. What the use case alone takes of it is told beside.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from urllib.parse import quote

from bench.figures import percentile
from bench.filling import FEWEST, MAILS_OF_A_REGULAR, STEPS, Filled, regulars
from bench.lines import Found, Line
from bench.machine import Watch
from bench.ours import Ours, Sqlite
from bench.peer import PeerError
from bench.run import Run, Yardstick
from bench.runner import Plan
from gateway.store.access import Principal, find_principal
from gateway.store.engine import Store
from gateway.usecases.show_cards import list_contacts
from gateway.usecases.show_mail import Filter, list_messages

GOAL_MS = 20.0
FLAT = 2.0
"""A median that grows by less than this from a thousand mails to a million is called flat."""
_REQUESTS = 100
_FEWEST, _ROUND_SECONDS = 5, 4.0
"""A round of slow answers ends before it has all its requests."""
_WARM_UP = 5
_MOST_REGULARS = 500


class Shown:
    """A filled store behind HTTP."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self.server = Ours(Sqlite(), roles=("http",))
        self.regulars: list[tuple[str, str]] = []
        self._connection: http.client.HTTPConnection | None = None
        self._headers: dict[str, str] = {}

    @property
    def mails(self) -> str:
        return f"{self.filled.mails - self.filled.mails % FEWEST:,} stored"

    @property
    def path(self) -> Path:
        return self.filled.folder / "store" / "smartgate.db"

    def start(self) -> None:
        self.server.prepare(self.filled.folder)
        self.server.serve()
        self.regulars = regulars(self.path, _MOST_REGULARS)
        self._headers = {"Authorization": f"Bearer {self.server.token}"}
        self._connection = http.client.HTTPConnection("127.0.0.1", self.server.ports["http"], timeout=60)

    def get(self, path: str) -> tuple[float, list[object]]:
        """Milliseconds to the last byte of the answer, and its rows. Raises PeerError for any other answer."""
        assert self._connection is not None
        begun = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        taken = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise PeerError(f"GET {path} was answered {answer.status}: {body[:200].decode(errors='replace')}")
        rows: list[object] = json.loads(body)["data"]
        return taken, rows

    def hang_up(self) -> None:
        """End the connection; the next request opens one."""
        if self._connection is not None:
            self._connection.close()

    def stop(self) -> None:
        self.hang_up()
        self.server.stop()


@contextmanager
def both(run: Run) -> Iterator[tuple[Shown, Shown]]:
    """A store with a thousand mails and one with many, each behind a server of its own."""
    few, many = (Shown(run.filled(mails)) for mails in (FEWEST, run.plan.stored))
    try:
        for shown in (few, many):
            shown.start()
        yield few, many
    finally:
        few.stop()
        many.stop()


def card(run: Run) -> Found:
    """A page of the 50 mails on a regular's card, another regular each time."""

    def paths(shown: Shown) -> list[str]:
        return [f"/v1/contacts/{one}/messages?limit={MAILS_OF_A_REGULAR}" for one, _ in shown.regulars]

    with both(run) as pair:
        lines, faults, others = _asked(run, pair, f"a card with {MAILS_OF_A_REGULAR} mails", paths, MAILS_OF_A_REGULAR)
        alone = asyncio.run(_alone(pair[1], _show_card))
    lines.append(Line(f"the use case alone, {pair[1].mails}: p99", alone, "ms", note="without HTTP and JSON"))
    return Found("card", tuple(lines), {}, tuple(faults), disturbance=others)


def search(run: Run) -> Found:
    """A contact by a part of its address that no other has, and mails by their words: few of them, or all there are."""

    def contact(shown: Shown) -> list[str]:
        return [f"/v1/contacts?q={quote(_part(address))}" for _, address in shown.regulars]

    def words(q: Callable[[str], str]) -> Callable[[Shown], list[str]]:
        return lambda shown: [f"/v1/messages?q={quote(q(address))}" for _, address in shown.regulars]

    asked: tuple[tuple[str, Callable[[Shown], list[str]], int], ...] = (
        ("a contact by a part of its address", contact, 1),
        ("mails by the address of a regular", words(str), MAILS_OF_A_REGULAR),
        ("mails by a word that all have", words(lambda _: "offer"), MAILS_OF_A_REGULAR),
        ("mails by the beginning of such a word", words(lambda _: "off"), MAILS_OF_A_REGULAR),
        ("mails by a phrase that all have", words(lambda _: '"lead mail kommo" off'), MAILS_OF_A_REGULAR),
    )
    lines: list[Line] = []
    faults: list[str] = []
    disturbance = 0.0
    with both(run) as pair:
        for what, paths, rows in asked:
            more, wrong, others = _asked(run, pair, what, paths, rows)
            lines, faults, disturbance = lines + more, faults + wrong, disturbance + others
        alone = asyncio.run(_alone(pair[1], _search))
    note = "without HTTP and JSON"
    lines.append(Line(f"the use case alone, a contact, {pair[1].mails}: p99", alone, "ms", note=note))
    return Found("search", tuple(lines), {}, tuple(faults), disturbance=disturbance)


def _asked(
    run: Run, pair: tuple[Shown, Shown], what: str, paths: Callable[[Shown], list[str]], rows: int
) -> tuple[list[Line], list[str], float]:
    """The same question at both stores: its lines, why not to believe them, and others' CPU."""
    turns = [cycle(paths(shown)) for shown in pair]
    taken: list[list[list[float]]] = [[], []]
    faults: list[str] = []
    watch = Watch(lambda: sum(shown.server.cpu_seconds() for shown in pair))
    for number in range(-1, run.plan.rounds):
        for at, shown in enumerate(pair):
            answers = list(_round(shown, turns[at], _REQUESTS if number >= 0 else _WARM_UP))
            wrong = sum(len(found) != rows for _, found in answers)
            faults += [f"{shown.mails}: {wrong} answers without {rows} rows"] if wrong else []
            if number >= 0:
                taken[at].append(sorted(ms for ms, _ in answers))
                run.stepped(f"{what}, {shown.mails} · round {number + 1}")
    lines = []
    medians = []
    for shown, rounds in zip(pair, taken, strict=True):
        p50, p99 = (tuple(percentile(one, of) for one in rounds) for of in (50, 99))
        medians.append(p50)
        shown_p50 = sorted(p50)[len(p50) // 2]
        note = f"p50 {shown_p50:.1f} ms; over HTTP, up to {_REQUESTS} requests a round"
        lines.append(Line(f"{what}, {shown.mails}: p99", p99, "ms", GOAL_MS, note=note))
    ratios = tuple(many / few for few, many in zip(*medians, strict=True))
    lines.append(
        Line(f"{pair[1].mails} against {pair[0].mails}: p50", ratios, "×", FLAT, "≤", 2, "flat means below that")
    )
    return lines, faults, watch.others()


def _round(shown: Shown, paths: Iterator[str], most: int) -> Iterator[tuple[float, list[object]]]:
    """Requests one after the other, on a connection of their own: the server closes one that was idle meanwhile."""
    shown.hang_up()
    until = time.monotonic() + _ROUND_SECONDS
    for number in range(most):
        if number < _FEWEST or time.monotonic() < until:
            yield shown.get(next(paths))


async def _alone(shown: Shown, ask: Callable[[Store, Principal, str, str], Awaitable[None]]) -> tuple[float, ...]:
    """The p99 of a round of calls in this process, on a store of its own."""
    store = Store(f"sqlite:///{shown.path}")
    store.start()
    try:
        now, token = time.time_ns() // 1_000_000, shown.server.token
        reader = await store.read(lambda tx: find_principal(tx, token, "api", now))
        if reader is None:
            raise PeerError("the token of the filled store is not taken")
        taken = []
        for number in range(_WARM_UP + _REQUESTS):
            begun = time.perf_counter()
            await ask(store, reader, *shown.regulars[number % len(shown.regulars)])
            taken.append((time.perf_counter() - begun) * 1000)
            if number >= _WARM_UP + _FEWEST and sum(taken) > _ROUND_SECONDS * 1000:
                break
        return (percentile(sorted(taken[_WARM_UP:]), 99),)
    finally:
        await store.stop()


async def _show_card(store: Store, reader: Principal, contact: str, _address: str) -> None:
    await list_messages(store, reader, None, MAILS_OF_A_REGULAR, Filter(cards=(contact,)))


async def _search(store: Store, reader: Principal, _contact: str, address: str) -> None:
    await list_contacts(store, reader, None, MAILS_OF_A_REGULAR, None, _part(address))


def _part(address: str) -> str:
    """What is searched for: not the beginning of the address, and nobody else's."""
    return address[1 : address.index("@") + 1]


def _steps(plan: Plan, questions: int = 1) -> int:
    return 2 * STEPS + 2 * plan.rounds * questions


CARD = Yardstick(
    "card", "a card with 50 mails, a thousand and a million stored", f"≤ {GOAL_MS:g} ms, flat", _steps, card
)
SEARCH = Yardstick(
    "search",
    "finding a contact, and mails by words, a thousand and a million stored",
    f"≤ {GOAL_MS:g} ms, flat",
    lambda plan: _steps(plan, 5),
    search,
)
