"""Every mail of the corpus goes through the port, and `explain` says beforehand what SMTP will answer."""

from __future__ import annotations

import pytest

from tests.mail import Sample, corpus, differences
from tests.scenarios.house import House


@pytest.mark.parametrize("sample", corpus(), ids=lambda sample: sample.name)
async def test_a_mail_of_the_corpus_gets_the_verdict_that_the_rules_demand(house: House, sample: Sample) -> None:
    explained = await house.explain(sample.raw, *sample.rcpt, sender=sample.sender)
    sender = sample.sender
    if sender is None:
        sender = next((one["address"] for one in explained["participants"] if one["role"] == "from"), "x@example.net")
    utf8 = not sender.isascii()
    handed = await house.hand(sample.raw, *sample.rcpt, sender=sender, utf8=utf8)

    assert differences(sample.expect, explained) == [], sample.story
    assert handed.code == 250 or 500 <= handed.code < 600, handed.reply
    assert handed.reply.split()[:2] == explained["reply"].split()[:2]
    if handed.code == 250:
        assert explained["verdict"] in ("file", "hold")
        ended = sample.raw if sample.raw.endswith(b"\r\n") else sample.raw + b"\r\n"
        assert (await house.raw(handed.id))[1] == (ended if sample.raw else b"")
    if any(one.startswith("250") for one in handed.recipients):
        decision = (await house.receipts())[-1]["decision"]
        assert {**decision, "reply": ""} == {**explained, "reply": ""}
