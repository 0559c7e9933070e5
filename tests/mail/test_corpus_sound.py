"""The corpus is whole: every mail has its story and an expectation in the words of the decision."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.mail import FOLDER, Sample, corpus, differences

DECISION = {
    "verdict", "code", "enhanced", "rule", "action", "direction", "automatic", "primary", "base_subject", "unread",
    "participants", "creates",
}  # fmt: skip
RULE = re.compile(r"A[1-8]|B(1|2|3|4[abc]?|5|6|7|8[ab]?|9|10|11)")
REPLIES = {"file": {250}, "hold": {250}, "refuse": {550, 552, 554}}
SAMPLES = {sample.name: sample for sample in corpus()}


@pytest.fixture(params=list(SAMPLES.values()), ids=list(SAMPLES))
def sample(request: pytest.FixtureRequest) -> Sample:
    one: Sample = request.param
    return one


def test_every_mail_has_its_twin_and_every_twin_its_mail() -> None:
    mails, twins = ({path.stem for path in FOLDER.glob(f"*.{ending}")} for ending in ("eml", "json"))
    assert mails == twins


def test_the_corpus_is_large_and_no_name_is_used_twice() -> None:
    assert len(corpus()) == len(SAMPLES) >= 80


def test_no_two_mails_tell_the_same_story_or_have_the_same_bytes_and_envelope() -> None:
    stories = Counter(sample.story for sample in SAMPLES.values())
    mails = Counter((sample.raw, sample.rcpt, sample.sender) for sample in SAMPLES.values())
    assert [story for story, times in stories.items() if times > 1] == []
    assert [rcpt for (_, rcpt, _), times in mails.items() if times > 1] == []


def test_a_story_is_one_sentence(sample: Sample) -> None:
    assert re.fullmatch(r"[^a-z\s].*[.]", sample.story)
    assert len(sample.story.split()) >= 6


def test_an_expectation_speaks_the_language_of_the_decision(sample: Sample) -> None:
    expect = sample.expect
    assert set(expect) <= DECISION
    assert not expect or expect["code"] in REPLIES[expect["verdict"]]
    assert expect.get("action", "lead") in {"attach", "contact", "lead"}
    assert expect.get("direction", "incoming") in {"incoming", "outgoing"}
    assert RULE.fullmatch(expect.get("rule", "B11"))
    assert re.fullmatch(r"[25]\.\d\.\d+", expect.get("enhanced", "2.6.0"))


def test_expected_people_are_written_as_the_decision_writes_them(sample: Sample) -> None:
    for role, address, _, kind in sample.expect.get("participants", []):
        assert role in {"from", "to", "cc"}
        assert kind in {"team", "client", "smart"}
        assert address.rpartition("@")[2] == address.rpartition("@")[2].lower().encode("ascii").decode()


def test_what_is_created_is_named_by_address_and_lead(sample: Sample) -> None:
    creates = sample.expect.get("creates", {})
    assert set(creates) <= {"contacts", "lead", "names"}
    assert set(creates.get("names", {})) <= set(creates.get("contacts", []))


def test_a_mail_can_be_handed_over_as_it_stands(sample: Sample) -> None:
    assert sample.rcpt
    assert sample.raw.endswith(b"\n")


DECIDED = {
    "verdict": "file",
    "participants": [{"role": "to", "address": "Carol@example.net", "name": "Carol", "kind": "client"}],
    "unread": ["not an address"],
    "creates": {"contacts": [{"email": "carol@example.net", "name": "Carol"}], "lead": None},
}


@pytest.mark.parametrize(
    ("expect", "found"),
    [
        ({"verdict": "file"}, 0),
        ({"verdict": "refuse"}, 1),
        ({"participants": [["to", "Carol@example.net", "Carol", "client"]]}, 0),
        ({"participants": [["to", "Carol@example.net", None, "client"]]}, 0),
        ({"participants": [["cc", "Carol@example.net", "Carol", "client"]]}, 2),
        ({"participants": []}, 1),
        ({"unread": ["an address"]}, 0),
        ({"unread": ["nobody"]}, 1),
        ({"unread": []}, 1),
        ({"creates": {"contacts": ["CAROL@example.net"], "names": {"carol@example.net": "Carol"}, "lead": None}}, 0),
        ({"creates": {"contacts": [], "names": {"carol@example.net": "Bob"}, "lead": "Boats"}}, 3),
    ],
)
def test_a_decision_that_falls_short_is_told_apart(expect: dict[str, object], found: int) -> None:
    assert len(differences(expect, DECIDED)) == found
