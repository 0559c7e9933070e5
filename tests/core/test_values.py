"""Values that leave the core: the shape of a decision, replies, and resources as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.core import replies
from gateway.core.decision import as_json, auth_as_json
from gateway.core.envelope import Action
from gateway.core.facts import Auth
from gateway.core.refusals import Taken, Wrong
from gateway.core.replies import Reply
from gateway.core.resources import Message, Party, Source, Thread, rfc3339
from gateway.core.resources import as_json as resource_as_json
from tests.core.world import BOB, DIMAS, FACTS, LEAD, decided, known, mail_of


def test_a_decision_has_the_one_shape_of_explain_and_of_receipts() -> None:
    decision = decided(mail_of("Carol <Carol@Bücher.example>", f"{DIMAS}, <x", LEAD, subject="Re: Boats"))
    shape = as_json(replace(decision, steps=decision.steps[:1]))

    assert shape == {
        "verdict": "file",
        "code": 250,
        "enhanced": "2.6.0",
        "reply": "250 2.6.0 Filed: new lead, 1 new contact, on 1 card.",
        "rule": "B11",
        "account": "acme",
        "action": "lead",
        "direction": "incoming",
        "automatic": False,
        "duplicate_of": None,
        "primary": "Carol@xn--bcher-kva.example",
        "base_subject": "Boats",
        "unread": ["<x"],
        "participants": [
            {"role": "from", "address": "Carol@xn--bcher-kva.example", "name": "Carol", "kind": "client"},
            {"role": "to", "address": "dimas@acme.example", "name": "Dimas Putra", "kind": "team"},
            {"role": "cc", "address": "acme+lead@mail.kommo.com", "name": "", "kind": "smart"},
        ],
        "creates": {"contacts": [{"email": "carol@xn--bcher-kva.example", "name": "Carol"}], "lead": {"name": "Boats"}},
        "auth": {"spf": "none", "dkim": "none", "dmarc": "none", "arc": "none"},
        "authentic": None,
        "steps": [{"rule": "A1", "outcome": "ok", "detail": "mail.kommo.com is a gateway domain."}],
    }
    assert json.loads(json.dumps(shape)) == shape


def test_a_refusal_tells_the_people_too_and_creates_nothing() -> None:
    shape = as_json(decided(mail_of(DIMAS, BOB, ""), facts=replace(FACTS, contacts=known(BOB))))

    assert (shape["verdict"], shape["primary"]) == ("refuse", "bob@bluefin.example")
    assert shape["creates"] == {"contacts": [], "lead": None}


def test_a_decision_about_nobody_has_nulls() -> None:
    decision = decided(mail_of(DIMAS, DIMAS, LEAD))
    shape = as_json(replace(decision, account="", action=None))

    assert (shape["account"], shape["action"], shape["primary"]) == (None, None, None)


def test_results_of_authenticity_have_their_four_words() -> None:
    assert auth_as_json(Auth("pass", "fail", "none", "pass")) == {
        "spf": "pass", "dkim": "fail", "dmarc": "none", "arc": "pass",
    }  # fmt: skip


ALL_REPLIES = {name: one for name, one in vars(replies).items() if isinstance(one, Reply)} | {
    "wrong suffix": replies.wrong_suffix("acme", "mail.kommo.com"),
    "wrong suffix of nothing": replies.wrong_suffix("", "mail.kommo.com"),
    "hidden copy": replies.hidden_copy(LEAD),
    "only in To": replies.only_in_to(LEAD),
    "malformed": replies.malformed("there is no From header"),
    "bomb": replies.bomb("more than 1000 header lines"),
    "filed": replies.filed("Filed: on 1 card."),
}


@pytest.mark.parametrize("reply", ALL_REPLIES.values(), ids=ALL_REPLIES)
def test_a_reply_is_one_line_of_ascii_whose_codes_agree(reply: Reply) -> None:
    line = str(reply.with_link("https://gate.example/why/B1"))

    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 400
    assert line.startswith(f"{reply.code} {reply.enhanced} {reply.text} https://")
    assert str(reply.code)[0] == reply.enhanced[0]
    assert reply.positive == (reply.code < 300)


def test_actions_rank_and_are_written_in_the_address() -> None:
    assert sorted(Action, key=lambda one: one.rank) == [Action.ATTACH, Action.CONTACT, Action.LEAD]
    assert [one.suffix for one in Action] == ["", "+contact", "+lead"]


def test_a_resource_becomes_json_with_times_in_rfc_3339() -> None:
    source = Source("smtp", None, "inbox", "T1", 1_736_843_400_000)
    message = Message(
        "M1", None, "incoming", "Boats", Party("a@b.example", "A"), (), (), None, "Hello", (source,), (),
        ("C1",), (), (), "T1", None, {"spf": "none"},
    )  # fmt: skip
    shape = resource_as_json(message)

    assert shape["from"] == {"address": "a@b.example", "name": "A"}
    assert shape["sources"][0]["at"] == "2025-01-14T08:30:00.000Z"
    assert (shape["date"], shape["contacts"], shape["auth"]) == (None, ["C1"], {"spf": "none"})
    assert resource_as_json(Thread("T1", None, "Boats", 2, 0, "smart"))["last_at"] == "1970-01-01T00:00:00.000Z"


INSTANTS = {
    "the beginning": (0, "1970-01-01T00:00:00.000Z"),
    "a millisecond": (1, "1970-01-01T00:00:00.001Z"),
    "today": (1_795_458_137_042, "2026-11-23T18:22:17.042Z"),
    "the end": (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
}


@pytest.mark.parametrize(("milliseconds", "text"), INSTANTS.values(), ids=INSTANTS)
def test_an_instant_is_written_with_its_milliseconds(milliseconds: int, text: str) -> None:
    assert rfc3339(milliseconds) == text


def test_refused_changes_name_the_field_or_what_stands_in_the_way() -> None:
    assert Wrong("emails/0", "x is no address").field == "emails/0"
    assert Taken("has it", "C1").holder == "C1"
