"""Senders that behave as mail servers do: what has no answer is sent again, what was refused for now as well."""

from __future__ import annotations

import random
import re
import smtplib
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.serving import PATIENCE

SMALL, LARGE, HUGE = (10, 4_000), (140_000, 300_000), (600_000, 900_000)
"""Random bytes that become twice as many letters of a text. Beyond 256 KiB a mail is kept in a file, unless it came so
fast that its end was there before anybody could open one; a huge one never does."""
TEAM = "dimas@acme.example"
SMART, ALSO_SMART = "acme+lead@mail.kommo.com", "bolt+lead@mail.kommo.com"
Address = tuple[str, int]
Hand = Callable[[Address, "Letter", Callable[[], None]], str]
"""Hands one letter to the server at an address and gives the last reply; calls back at each step on the way."""


@dataclass(frozen=True, slots=True)
class Road:
    """How mail is handed over: by the word that begins a session, and for whom. By LMTP each account answers (A6)."""

    hello: str
    recipients: tuple[str, ...]

    @property
    def accounts(self) -> tuple[str, ...]:
        return tuple(address.partition("+")[0] for address in self.recipients)

    @property
    def answers(self) -> int:
        """Replies to a message."""
        return len(self.recipients) if self.hello == "LHLO" else 1


SMTP, LMTP = Road("EHLO", (SMART,)), Road("LHLO", (SMART, ALSO_SMART))


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail of a conversation with one client, as it goes over the wire."""

    id: str
    client: str
    subject: str
    sender: str
    content: bytes


def letters(
    seed: int,
    count: int,
    conversations: int,
    clients: int,
    large_every: int,
    large: tuple[int, int] = LARGE,
    road: Road = SMTP,
) -> list[Letter]:
    """Mails in which both sides of each conversation write in turn; every so many-th is too large for a row."""
    chance = random.Random(seed)
    return [
        letter(chance, n, n % conversations, n % conversations % clients, SMALL if n % large_every else large, road)
        for n in range(count)
    ]


def letter(
    chance: random.Random, n: int, conversation: int, client: int, size: tuple[int, int], road: Road = SMTP
) -> Letter:
    """The nth mail, of a conversation with a client; its text is twice as many letters as `size` says."""
    text = chance.randbytes(chance.randint(*size)).hex()
    subject, reply = f"Offer {conversation}", n >= 2 * conversation and n != conversation
    who = f"client{client}@bluefin.example"
    sender, to = (TEAM, who) if n % 3 else (who, TEAM)
    lines = [f"From: {sender}", f"To: {to}", f"Cc: {', '.join(road.recipients)}", f"Subject: {'Re: ' * reply}{subject}"]
    lines += [f"Message-ID: <{n}@acme.example>", "Date: Mon, 23 Nov 2026 10:00:00 +0000"]
    body = [text[at : at + 76] for at in range(0, len(text), 76)]
    return Letter(f"<{n}@acme.example>", who, subject, sender, "\r\n".join([*lines, "", *body, ""]).encode())


class Fleet:
    """Senders that share one pile of letters until each was answered for good.

    acknowledged: Message-ID → the id in the reply that said it was filed. deferred, refused: every other reply.
    unanswered: how often a letter went out again because the connection was lost. later_seconds: how long who
    was put off, or lost the connection, waits before the next try; 0: not at all, and after a loss until it is aimed.
    """

    def __init__(self, pile: Sequence[Letter], hands: Sequence[Hand], later_seconds: float = 0.0) -> None:
        self.acknowledged: dict[str, str] = {}
        self.deferred: list[str] = []
        self.refused: list[str] = []
        self.unanswered = 0
        self._pile, self._count, self._hands = deque(pile), len(pile), hands
        self._later_seconds = later_seconds
        self._target: Address | None = None
        self._steps, self._over = 0, False
        self._fault: BaseException | None = None
        self._news = threading.Condition()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._work, args=(hand,)) for hand in self._hands]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            with self._news:
                self._over = True
                self._news.notify_all()
            for thread in threads:
                thread.join(PATIENCE)

    def aim(self, target: Address | None) -> None:
        """Says where the server listens now; they stay away from where a connection was lost. None: nobody begins."""
        with self._news:
            self._target = target
            self._news.notify_all()

    @property
    def steps(self) -> int:
        """How many steps the senders made together."""
        return self._steps

    def promised(self) -> dict[str, str]:
        """What was acknowledged so far."""
        with self._news:
            return dict(self.acknowledged)

    def wait_for_step(self, number: int) -> None:
        """Returns as soon as the senders together came so far, or have nothing left to send."""
        self._wait(lambda: self._steps >= number or self._done)

    def wait_for_an_answer(self) -> None:
        """Returns as soon as one more letter is acknowledged, or nothing is left to send."""
        before = len(self.promised())
        self._wait(lambda: len(self.acknowledged) > before or self._done)

    def wait_for_all(self) -> None:
        self._wait(lambda: self._done)

    @property
    def _done(self) -> bool:
        return len(self.acknowledged) + len(self.refused) >= self._count

    def _wait(self, true: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: true() or self._fault is not None, PATIENCE), "the senders are stuck"
        if self._fault is not None:
            raise self._fault

    def _work(self, hand: Hand) -> None:
        try:
            while (job := self._next()) is not None:
                target, letter = job
                try:
                    self._note(letter, hand(target, letter, self._step))
                except (OSError, smtplib.SMTPServerDisconnected):
                    self._again(letter, target)
        except BaseException as fault:
            with self._news:
                self._fault = fault
                self._news.notify_all()

    def _next(self) -> tuple[Address, Letter] | None:
        with self._news:
            self._news.wait_for(lambda: self._over or self._done or bool(self._target and self._pile))
            return (
                None if self._over or self._target is None or not self._pile else (self._target, self._pile.popleft())
            )

    def _step(self) -> None:
        with self._news:
            self._steps += 1
            self._news.notify_all()

    def _again(self, letter: Letter, target: Address) -> None:
        with self._news:
            self.unanswered += 1
            if self._later_seconds:
                self._news.wait_for(lambda: self._over, self._later_seconds)
            elif self._target == target:
                self._target = None
            self._pile.append(letter)
            self._news.notify_all()

    def _note(self, letter: Letter, reply: str) -> None:
        with self._news:
            if reply.startswith("250 "):
                found = re.search(r"\bid=(\w+)", reply)
                self.acknowledged[letter.id] = found[1] if found else ""
            elif reply.startswith("4"):
                self.deferred.append(reply)
                self._news.wait_for(lambda: self._over, self._later_seconds)
                self._pile.append(letter)
            else:
                self.refused.append(reply)
            self._news.notify_all()


def by_smtplib(target: Address, letter: Letter, step: Callable[[], None]) -> str:
    """Python's own client: a connection a mail, a command at a time."""
    with smtplib.SMTP(*target, local_hostname="client.example", timeout=PATIENCE) as client:
        step()
        try:
            client.sendmail(letter.sender, [SMART], letter.content)
        except smtplib.SMTPRecipientsRefused as refusals:
            code, words = next(iter(refusals.recipients.values()))
            return f"{code} {words!r}"
        except smtplib.SMTPResponseException as refusal:
            return f"{refusal.smtp_code} {refusal.smtp_error!r}"
    step()
    return "250 "


class Pipelining:
    """A sender that keeps its connection and sends its commands in one go; a step half way and at the end of a mail."""

    def __init__(self) -> None:
        self._sock: socket.socket | None = None
        self._target: Address | None = None

    def __call__(self, target: Address, letter: Letter, step: Callable[[], None]) -> str:
        try:
            return self._hand(self._connected(target), letter, step)
        except OSError:
            self.leave()
            raise

    def _hand(self, sock: socket.socket, letter: Letter, step: Callable[[], None]) -> str:
        sock.sendall(f"MAIL FROM:<{letter.sender}>\r\nRCPT TO:<{SMART}>\r\nDATA\r\n".encode())
        begun = [_hear(sock) for _ in range(3)]
        if not begun[2].startswith("354"):
            self.leave()
            return next(reply for reply in begun if not reply.startswith("250"))
        half = len(letter.content) // 2
        sock.sendall(letter.content[:half])
        step()
        sock.sendall(letter.content[half:] + b".\r\n")
        step()
        reply = _hear(sock)
        step()
        return reply

    def _connected(self, target: Address) -> socket.socket:
        if self._sock is None or self._target != target:
            self.leave()
            self._sock, self._target = socket.create_connection(target, timeout=PATIENCE), target
            _hear(self._sock)
            self._sock.sendall(b"EHLO client.example\r\n")
            _hear(self._sock)
        return self._sock

    def leave(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def _hear(sock: socket.socket) -> str:
    """The last line of one reply. Raises ConnectionError when the server has gone before its end."""
    heard = b""
    while not re.search(rb"(?:\A|\n)\d{3} [^\n]*\n\Z", heard):
        piece = sock.recv(1)
        if not piece:
            raise ConnectionError("the server has gone")
        heard += piece
    return heard.decode().splitlines()[-1]
