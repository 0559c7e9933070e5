"""The row `pages`: every page of the console, with 100,000 mails stored, on SQLite and on PostgreSQL.

The pages are found as a person finds them: by plain links, from the home page. Of each kind (its path without ids) one
is asked for again and again, over loopback HTTP with a session, as its admin's browser does; what is told is the
server's time and a little more, and how large the page is. The PostgreSQL store is that of SQLite, moved there by
`smartgate backup` and `restore`.
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from bench.figures import percentile
from bench.filling import STEPS
from bench.lines import Found, Line
from bench.machine import Watch
from bench.ours import Ours, Sqlite
from bench.peer import PeerError
from bench.postgresql import Postgresql
from bench.run import Run, Yardstick

STORED = 100_000
GOAL_MS, GOAL_KB = 100.0, 100.0
_ASKED_AGAIN = 10
_MOST_PAGES = 400
_ID = re.compile(r"[0-9A-Z]{26}")
_LEFT_OUT = ("/sign-out", "/sign-in", "/static/", "/v1/", "/feed", "/mailboxes/consent")
"""What is no page of the console, or does something, or never ends."""
_OWNER = ("token", "create", "--account", "acme", "--user", "dimas@acme.example", "--json")


class _Links(HTMLParser):
    """The plain links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


@dataclass
class _Console:
    """A signed-in browser without a screen. faults: links that lead nowhere."""

    server: Ours
    cookie: str = ""
    faults: list[str] = field(default_factory=list)
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.ports["http"], timeout=60)
        link = json.loads(self.server.said(*_OWNER))["sign_in_url"]
        self.connection.request("GET", urlsplit(link).path)
        answer = self.connection.getresponse()
        answer.read()
        self.cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
        if not self.cookie:
            raise PeerError(f"the sign-in link was answered {answer.status}, without a session")

    def get(self, path: str) -> tuple[float, bytes]:
        """Milliseconds to the last byte, and the page. Raises PeerError for anything but a page."""
        begun = time.perf_counter()
        self.connection.request("GET", path, headers={"Cookie": self.cookie, "Accept": "text/html"})
        answer = self.connection.getresponse()
        body = answer.read()
        taken = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise PeerError(f"GET {path} was answered {answer.status}")
        return taken, body if "text/html" in (answer.getheader("content-type") or "") else b""

    def kinds(self) -> dict[str, str]:
        """A page of each kind that plain links lead to from the home page: kind → its path."""
        found, waiting, seen = {}, ["/"], {"/"}
        while waiting and len(seen) < _MOST_PAGES:
            path = waiting.pop(0)
            kind = _kind(path)
            if kind in found:
                continue
            try:
                _, body = self.get(path)
            except PeerError as fault:
                self.faults.append(str(fault))
                continue
            if not body:
                continue
            found[kind] = path
            links = _Links()
            links.feed(body.decode())
            for link in links.found:
                target = urlsplit(urljoin(f"http://console{path}", link))
                local = target.path + (f"?{target.query}" if target.query else "")
                if target.netloc == "console" and local not in seen and not local.startswith(_LEFT_OUT):
                    seen.add(local)
                    waiting.append(local)
        return found


def _kind(path: str) -> str:
    """What kind of page it is: its path without ids, and the names of what is asked for."""
    bare, _, query = path.partition("?")
    names = sorted({part.partition("=")[0] for part in query.split("&") if part})
    return _ID.sub("ID", bare) + (f"?{','.join(names)}" if names else "")


def pages(run: Run) -> Found:
    """Every kind of page on both stores."""
    lines: list[Line] = []
    details: dict[str, object] = {}
    faults: list[str] = []
    filled = run.filled(STORED)
    watch = Watch(lambda: 0.0)
    for server in _servers(run, filled.folder):
        with _served(server):
            console = _Console(server)
            kinds = console.kinds()
            faults += console.faults
            taken: dict[str, list[float]] = {kind: [] for kind in kinds}
            sizes = {}
            for number in range(-1, run.plan.rounds):
                for kind, path in kinds.items():
                    rounds = sorted(console.get(path)[0] for _ in range(_ASKED_AGAIN if number >= 0 else 1))
                    taken[kind] += [percentile(rounds, 95)] if number >= 0 else []
                    sizes[kind] = len(console.get(path)[1])
                run.stepped(f"{server.database.name} · round {number + 1}")
        slowest = max(kinds, key=lambda kind: sorted(taken[kind])[len(taken[kind]) // 2])
        largest = max(kinds, key=lambda kind: sizes[kind])
        what = f"{server.database.name}, {STORED:,} stored"
        note = f"{slowest}, of {len(kinds)} kinds of pages; 95 of {_ASKED_AGAIN * 10} requests are quicker"
        lines.append(Line(f"{what}: the slowest page", tuple(taken[slowest]), "ms", GOAL_MS, note=note))
        lines.append(Line(f"{what}: the largest page", (sizes[largest] / 1000,), "kB", GOAL_KB, note=largest))
        details[server.database.name] = {
            kind: {"p95_ms": [round(one, 1) for one in taken[kind]], "bytes": sizes[kind]} for kind in kinds
        }
    return Found("pages", tuple(lines), faults=tuple(faults), details=details, disturbance=watch.others())


def _servers(run: Run, folder: Path) -> Iterator[Ours]:
    """The filled store on SQLite, then the same on PostgreSQL."""
    here = Ours(Sqlite(), roles=("http",))
    here.prepare(folder)
    yield here
    moved = folder / "pages-postgresql"
    for one in (folder, moved):
        one.mkdir(exist_ok=True)
        one.chmod(0o755)  # PostgreSQL runs as somebody else
    backup = moved / "backup.zip"
    here.database.start(folder)
    here.said("backup", str(backup))
    there = Ours(Postgresql(), roles=("http",))
    there.folder = moved
    there.database.start(moved)
    try:
        there.said("db", "upgrade")
        there.said("restore", str(backup))
        run.stepped("moved to PostgreSQL")
    except PeerError:
        there.stop()
        raise
    backup.unlink()
    yield there


@contextmanager
def _served(server: Ours) -> Iterator[None]:
    server.serve()
    try:
        yield
    finally:
        server.stop()


PAGES = Yardstick(
    "pages",
    f"every page of the console, {STORED:,} stored",
    f"≤ {GOAL_MS:g} ms and {GOAL_KB:g} kB",
    lambda plan: STEPS + 1 + 2 * (plan.rounds + 1),
    pages,
)
