"""Killed again and again under load, the server keeps each mail it acknowledged, whole and once (B9, B10, B11)."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.crash.fleet import Fleet, Letter, Pipelining, by_smtplib, letters
from tests.serving import Api, Serving

SEED, COUNT, CONVERSATIONS, CLIENTS, LARGE_EVERY, KILLS = 20261123, 200, 40, 30, 9, 5
STEPS = 500
"""The senders make somewhat more steps than this before the last letter is answered."""


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    one = Serving(tmp_path)
    yield one
    one.kill()


def test_what_was_acknowledged_before_a_kill_is_there_once_and_so_is_what_was_sent_again(serving: Serving) -> None:
    pile = letters(SEED, COUNT, CONVERSATIONS, CLIENTS, LARGE_EVERY)
    token = serving.add_account()
    keeping = [Pipelining() for _ in range(3)]
    fleet = Fleet(pile, [*keeping, by_smtplib, by_smtplib, by_smtplib])
    serving.start()
    with fleet.at_work():
        for moment in sorted(random.Random(SEED).sample(range(10, STEPS), KILLS)):
            fleet.aim(serving.smtp)
            fleet.wait_for_step(moment)
            serving.kill()
            serving.start()
        fleet.aim(serving.smtp)
        fleet.wait_for_all()
    for sender in keeping:
        sender.leave()
    assert (fleet.deferred, fleet.refused) == ([], [])
    assert fleet.unanswered, "no kill came in the middle of anything"

    with closing(Api(serving.url, token)) as api:
        _assert_filed_once(api, pile, fleet)
        _assert_cards_not_doubled(api, pile)
        _assert_whole(api, pile)
    assert serving.stop() == 0
    assert "Traceback" not in serving.said()
    _assert_store_sound(serving, pile)


def _assert_filed_once(api: Api, pile: list[Letter], fleet: Fleet) -> None:
    kept = {message["message_id"]: message["id"] for message in api.all("/messages")}
    assert Counter(message["message_id"] for message in api.all("/messages")) == Counter(one.id for one in pile)
    told = {letter: id for letter, id in fleet.acknowledged.items() if id}
    assert told, "some sender hears the whole reply"
    assert told == {letter: kept[letter] for letter in told}
    filed = [event["subject"] for event in api.all("/events") if event["type"] == "message.filed"]
    assert sorted(filed) == sorted(kept.values())


def _assert_cards_not_doubled(api: Api, pile: list[Letter]) -> None:
    contacts = {contact["id"]: contact["emails"] for contact in api.all("/contacts")}
    assert sorted(contacts.values()) == sorted([client] for client in {letter.client for letter in pile})
    leads = {lead["id"]: lead for lead in api.all("/leads")}
    assert sorted(lead["name"] for lead in leads.values()) == sorted({letter.subject for letter in pile})
    letter_of = {letter.id: letter for letter in pile}
    for message in api.all("/messages"):
        letter = letter_of[message["message_id"]]
        assert [leads[lead]["name"] for lead in message["leads"]] == [letter.subject]
        assert [contacts[contact] for contact in message["contacts"]] == [[letter.client]]
    made = Counter(event["type"] for event in api.all("/events"))
    assert (made["contact.created"], made["lead.created"]) == (len(contacts), len(leads))
    assert sum(thread["count"] for thread in api.all("/threads")) == len(pile)


def _assert_whole(api: Api, pile: list[Letter]) -> None:
    content = {letter.id: letter.content for letter in pile}
    for message in api.all("/messages"):
        assert api.bytes(f"/messages/{message['id']}/raw").endswith(b"\r\n" + content[message["message_id"]])


def _assert_store_sound(serving: Serving, pile: list[Letter]) -> None:
    """No file is torn (its name is the hash of its content) and no spool is left; a file no mail names holds one."""
    files = [path for path in (serving.database.parent / "blobs").rglob("*") if path.is_file()]
    assert [path for path in files if sha256(path.read_bytes()).hexdigest() != path.name] == []
    assert {path.name for path in files} <= {sha256(letter.content).hexdigest() for letter in pile}
    with closing(sqlite3.connect(serving.database)) as store:
        named = {name.decode() for (name,) in store.execute("SELECT data FROM bodies WHERE codec = 'file'")}
        assert named
        assert named <= {path.name for path in files}
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
