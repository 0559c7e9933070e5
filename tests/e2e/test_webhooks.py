"""Events arrive, signed, in order and without a gap, at a receiver of Node that dies, from a server that is killed."""

from __future__ import annotations

import json
import smtplib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import PATIENCE, Api, Serving

pytestmark = pytest.mark.e2e
MAILS, CLIENTS = 1_000, 25


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Receiver:
    """A process of Node on one port; what it heard stays in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file, self.port = folder, folder / "heard.jsonl", _free_port()
        self.file.touch()
        self._process: subprocess.Popen[str] | None = None

    def start(self, secret: str, *how: str) -> None:
        command = ["node", "receiver.mjs", str(self.port), secret, str(self.file), *how]
        self._process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "listening\n"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines() if line.endswith("}")]

    def wait(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        until = time.monotonic() + PATIENCE
        while not enough(heard := self.heard):
            assert time.monotonic() < until, f"only {len(heard)} were heard"
            time.sleep(0.1)
        return heard


@pytest.fixture
def receiver(library: Path, tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(library)
    yield made
    made.kill()
    made.file.unlink()


def _begin(serving: Serving, receiver: Receiver, api: Callable[[str], Api]) -> tuple[Api, str, str]:
    """A server with an account whose filed mails are told to the receiver: its API, the endpoint, its secret."""
    serving.set(WEBHOOK_ALLOW_PRIVATE="true", AUTHENTICITY="off")
    token = serving.add_account()
    serving.start()
    opened = api(token)
    url = f"http://127.0.0.1:{receiver.port}/hook"
    made = opened.post("/endpoints", {"url": url, "types": ["message.filed"]})
    return opened, made["id"], made["secret"]


def _mail(serving: Serving, first: int, last: int) -> None:
    with smtplib.SMTP(*serving.smtp, timeout=PATIENCE) as client:
        for n in range(first, last):
            to = f"client{n % CLIENTS}@example.net"
            people = f"From: dimas@acme.example\r\nTo: {to}\r\nCc: acme@mail.kommo.com"
            text = f"{people}\r\nSubject: Offer\r\nMessage-ID: <{n}@x>\r\n\r\nHello {n}\r\n"
            client.sendmail("dimas@acme.example", ["acme@mail.kommo.com"], text)


def test_a_receiver_that_is_killed_twice_misses_nothing_and_hears_each_conversation_in_order(
    serving: Serving, receiver: Receiver, api: Callable[[str], Api]
) -> None:
    opened, _, secret = _begin(serving, receiver, api)
    receiver.start(secret)
    sent = 0
    for part in range(4):
        _mail(serving, sent, sent := (part + 1) * MAILS // 4)
        if part in (1, 2):
            receiver.wait(lambda heard, least=part * 150: len(heard) > least)  # type: ignore[misc]
            receiver.kill()
            _mail(serving, sent, sent := sent + 20)
            _await_a_try_in_vain(opened)
            receiver.start(secret)
    heard = receiver.wait(lambda heard: len({one["webhook"] for one in heard}) == MAILS)
    assert all(one["genuine"] for one in heard)
    filed = [one for one in opened.all("/events") if one["type"] == "message.filed"]
    assert {one["webhook"]: one["id"] for one in heard} == {one["id"]: one["subject"] for one in filed}
    for thread in {one["thread"] for one in heard}:
        told = [one["webhook"] for one in _first_told(heard) if one["thread"] == thread]
        assert told == sorted(told)


def _await_a_try_in_vain(opened: Api) -> None:
    """Until something has met a receiver that is not there, and waits to be tried again."""
    until = time.monotonic() + PATIENCE
    while not any(one["attempts"] and one["state"] == "waiting" for one in opened.all("/deliveries")):
        assert time.monotonic() < until, "nothing was tried in vain"
        time.sleep(0.1)


def _first_told(heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was heard without repeats, each where it came first."""
    return list({one["webhook"]: one for one in heard}.values())


def test_a_server_that_is_killed_while_it_tells_tells_again_with_the_same_id(
    serving: Serving, receiver: Receiver, api: Callable[[str], Api]
) -> None:
    _, endpoint, secret = _begin(serving, receiver, api)
    receiver.start(secret, "hang")
    _mail(serving, 0, 1)
    receiver.wait(lambda heard: len(heard) == 1)
    serving.kill()
    receiver.kill()
    receiver.start(secret)
    serving.start()
    first, second = receiver.wait(lambda heard: len(heard) == 2)
    assert first == second
    assert first["genuine"]
    until = time.monotonic() + PATIENCE
    while (state := serving.json("delivery", "list", "--account", "acme")[0])["state"] != "delivered":
        assert time.monotonic() < until, state
        time.sleep(0.1)
    assert state["endpoint"] == endpoint
