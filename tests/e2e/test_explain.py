"""The command line says beforehand what the running server will answer, and afterwards what it did."""

from __future__ import annotations

import json
import logging
import smtplib
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from gateway.cli import app
from tests.mail import Sample, corpus
from tests.scenarios.house import make_world
from tests.serving import PATIENCE, Serving

MAILS = 20


@pytest.fixture
def _log_as_before() -> Iterator[None]:
    """Commands set the log up for their own standard error."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    logging.root.handlers[:], logging.root.level = handlers, level


def _envelope(sample: Sample, explained: dict[str, Any]) -> str:
    """The sender that `explain` supposes where the corpus names none: the author."""
    if sample.sender is not None:
        return sample.sender
    authors = [one["address"] for one in explained["participants"] if one["role"] == "from"]
    return authors[0] if authors else "x@example.net"


def _hand(serving: Serving, sample: Sample, sender: str) -> tuple[str, bool]:
    """Hands over the bytes of a sample: code and enhanced code of the last reply, and whether DATA was begun."""
    with closing(smtplib.SMTP(*serving.smtp, local_hostname="client.example", timeout=PATIENCE)) as client:
        client.ehlo()
        client.command_encoding = "utf-8"
        client.docmd("MAIL", f"FROM:<{sender}>{'' if sender.isascii() else ' SMTPUTF8'}")
        heard = [client.docmd("RCPT", f"TO:<{rcpt}>") for rcpt in sample.rcpt]
        begun = any(code == 250 for code, _ in heard)
        if begun:
            assert client.docmd("DATA")[0] == 354
            stuffed = (b"\r\n" + sample.raw).replace(b"\r\n.", b"\r\n..")[2:]
            client.send(stuffed + (b"" if stuffed.endswith(b"\r\n") or not stuffed else b"\r\n") + b".\r\n")
            heard.append(client.getreply())
        assert client.docmd("QUIT")[0] == 221
    code, text = heard[-1]
    return f"{code} {text.decode().split()[0]}", begun


@pytest.mark.usefixtures("_log_as_before")
def test_explain_and_the_server_agree_on_mails_of_the_corpus_one_after_the_other(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mail changes what the next one meets: contacts known, conversations begun."""
    serving.database.parent.mkdir()
    make_world(serving.database)
    serving.start()
    monkeypatch.setenv("SMARTGATE_DATABASE_URL", f"sqlite:///{serving.database}")

    every = corpus()
    samples = every[:: len(every) // MAILS][:MAILS]
    assert {sample.expect.get("verdict") for sample in samples} >= {"file", "refuse"}
    for sample in samples:
        given = [option for rcpt in sample.rcpt for option in ("--rcpt", rcpt)]
        given += [] if sample.sender is None else ["--sender", sample.sender]
        explained = _ask(sample.raw, "explain", "-", *given)
        told, begun = _hand(serving, sample, _envelope(sample, explained))
        assert told == " ".join(explained["reply"].split()[:2]), sample.story
        if begun:
            (traced,) = _ask(b"", "trace", "--limit", "1")
            assert {**traced["decision"], "reply": ""} == {**explained, "reply": ""}, sample.story


def test_explain_as_a_program_of_its_own_sees_what_the_server_filed_a_moment_ago(serving: Serving) -> None:
    serving.add_account()
    serving.start()
    sample = next(one for one in corpus() if one.name == "people-to-and-cc")
    first = serving.json("explain", "-", "--rcpt", sample.rcpt[0], stdin=sample.raw)
    assert (first["verdict"], first["duplicate_of"]) == ("file", None)
    told, _ = _hand(serving, sample, _envelope(sample, first))
    assert told == "250 2.6.0"
    again = serving.json("explain", "-", "--rcpt", sample.rcpt[0], stdin=sample.raw)
    (traced,) = serving.json("trace", "--account", "acme", "--verdict", "file")
    assert (again["rule"], again["duplicate_of"]) == ("B9", traced["message"])


def _ask(stdin: bytes, *arguments: str) -> Any:
    """What a command says with --json; in this process, on the store of the other."""
    result = CliRunner().invoke(app, [*arguments, "--json"], input=stdin)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)
