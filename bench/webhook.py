"""The row `webhook`: how long after its mail an event arrives at a receiver on loopback, at 500 events a second.

The clock starts when the mail's text has ended, which the event tells, so that deciding and the commit are in it.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.request import Request, urlopen

from bench.figures import percentile
from bench.lines import Found, Line
from bench.machine import Watch
from bench.ours import Ours
from bench.peer import PeerError
from bench.run import Run, Yardstick

GOAL_SECONDS = 1.0
PER_SECOND = 500
ARRIVES_WITHIN = 60.0
_SECONDS, _SESSIONS, _CLIENTS = 10.0, 20, 400
_MAIL = (
    "From: dimas@acme.example\r\nTo: client{n}@example.net\r\nCc: acme@mail.kommo.com\r\nSubject: Offer\r\n"
    "Message-ID: <{id}@client.example>\r\n\r\n{text}\r\n.\r\n"
)
_TEXT = "Good morning, here is what we talked about.\r\n" * 20


class Receiver:
    """Answers 204 to everything. waits: seconds from each event's moment to its arrival, by the event's id."""

    def __init__(self) -> None:
        self.waits: dict[str, float] = {}
        self.repeats = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                body = json.loads(await reader.readexactly(int(fields["content-length"])))
                self.repeats += fields["webhook-id"] in self.waits
                happened = datetime.fromisoformat(body["timestamp"]).timestamp()
                self.waits.setdefault(fields["webhook-id"], time.time() - happened)
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        writer.close()


def webhook(run: Run) -> Found:
    """Mails at an even pace, each of which is one event; a fresh store for all rounds."""
    slowest, middle, others, faults = [], [], [], []
    with run.folder() as name:
        server = Ours(roles=("smtp", "http", "deliveries"), settings={"WEBHOOK_ALLOW_PRIVATE": "true"})
        server.start(Path(name))
        try:
            for number in range(run.plan.rounds):
                watch = Watch(server.cpu_seconds)
                receiver, sent = asyncio.run(_round(server, number, run.plan.seconds or _SECONDS))
                others.append(watch.others())
                waits = sorted(receiver.waits.values())
                slowest.append(percentile(waits, 95))
                middle.append(percentile(waits, 50))
                if len(waits) != sent:
                    faults.append(f"{sent} mails were filed and {len(waits)} events arrived")
                run.stepped(f"webhook · {number + 1}")
        finally:
            server.stop()
        used = {"smartgate, webhooks": {**server.configuration(), "roles": "smtp, http, deliveries"}}
    note = (
        f"{PER_SECOND} events a second of {_CLIENTS} conversations to one endpoint; the same process files their mails"
    )
    lines = (
        Line("from mail to webhook, slowest twentieth (p95)", tuple(slowest), "s", GOAL_SECONDS, digits=3, note=note),
        Line("from mail to webhook, median", tuple(middle), "s", digits=3),
    )
    return Found("webhook", lines, used, tuple(faults), disturbance=max(others))


async def _round(server: Ours, number: int, seconds: float) -> tuple[Receiver, int]:
    receiver = Receiver()
    await receiver.open()
    endpoint = await asyncio.to_thread(_subscribe, server, receiver.port)
    total = int(PER_SECOND * seconds)
    begun = time.monotonic()
    senders = [_send(server.port, number, first, total, begun) for first in range(_SESSIONS)]
    sent = sum(await asyncio.gather(*senders))
    until = time.monotonic() + ARRIVES_WITHIN
    while len(receiver.waits) < sent and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await asyncio.to_thread(_call, server, "DELETE", f"/endpoints/{endpoint}", None)
    receiver.close()
    return receiver, sent


async def _send(port: int, number: int, first: int, total: int, begun: float) -> int:
    """Every so-manieth mail of a round, each at its time; how many were filed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(b"EHLO client.example\r\n")
    while (await reader.readline())[3:4] == b"-":
        pass
    filed = 0
    for n in range(first, total, _SESSIONS):
        await asyncio.sleep(max(0.0, begun + n / PER_SECOND - time.monotonic()))
        writer.write(b"MAIL FROM:<dimas@acme.example>\r\nRCPT TO:<acme@mail.kommo.com>\r\nDATA\r\n")
        for _ in range(3):
            await reader.readline()
        writer.write(_MAIL.format(n=n % _CLIENTS, id=f"{number}.{n}", text=_TEXT).encode())
        filed += (await reader.readline()).startswith(b"250")
    writer.close()
    return filed


def _subscribe(server: Ours, port: int) -> str:
    body = {"url": f"http://127.0.0.1:{port}/hook", "types": ["message.filed"]}
    return str(json.loads(_call(server, "POST", "/endpoints", body))["id"])


def _call(server: Ours, method: str, path: str, body: object) -> bytes:
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    request = Request(f"http://127.0.0.1:{server.ports['http']}/v1{path}", data, headers, method=method)
    try:
        with urlopen(request, timeout=60) as answer:
            told: bytes = answer.read()
            return told
    except OSError as error:
        raise PeerError(f"{method} {path} failed: {error}") from error


WEBHOOK = Yardstick("webhook", "from mail to webhook", f"p95 ≤ {GOAL_SECONDS:g} s", lambda plan: plan.rounds, webhook)
