"""A mail that a real client sends through the real port is read back over the API; a hidden copy is told what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tests.e2e.clients import (
    CLIENTS,
    NEEDS,
    SHEET,
    SMART,
    TEAM,
    Letter,
    Line,
    Told,
    install_nodemailer,
    line_to,
    need,
)
from tests.serving import Api, Serving

TRACE = re.compile(rb"Received: [^\r\n]+(?:\r\n[ \t][^\r\n]+)*\r\n")
ADVICE = f"{SMART} works only as a visible Cc, not Bcc. Move it to Cc and send again:"


@dataclass(frozen=True, slots=True)
class Client:
    """A client by its name, and the folder it works in."""

    name: str
    folder: Path

    def sends(self, letter: Letter, line: Line) -> Told:
        return CLIENTS[self.name](line.port, letter, self.folder)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Serving, Api]]:
    """A server with the account `acme`, and what its owner sees."""
    serving = Serving(tmp_path_factory.mktemp("office"))
    token = serving.add_account()
    serving.start()
    api = Api(serving.url, token)
    try:
        yield serving, api
    finally:
        api.close()
        serving.kill()


@pytest.fixture(scope="module")
def nodemailer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nodemailer")
    install_nodemailer(folder)
    return folder


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.e2e] if name in NEEDS else []) for name in CLIENTS],
)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Client:
    """Each client in turn, where it can be had."""
    name: str = request.param
    need(*NEEDS.get(name, ()))
    if name == "nodemailer":
        return Client(name, request.getfixturevalue("nodemailer"))
    return Client(name, tmp_path)


@pytest.fixture
def line(office: tuple[Serving, Api]) -> Iterator[Line]:
    with line_to(office[0].smtp) as one:
        yield one


def test_a_mail_with_the_address_in_cc_becomes_a_contact_a_lead_a_thread_and_a_message(
    office: tuple[Serving, Api], client: Client, line: Line
) -> None:
    _, api = office
    letter = Letter(client.name, visible=True)
    told = client.sends(letter, line)
    assert told.success, told.said

    (contact,) = api.get("/contacts", email=letter.client)["data"]
    assert (contact["name"], contact["emails"]) == ("Carol Jones", [letter.client])
    (lead,) = api.get("/leads", contact=contact["id"])["data"]
    assert (lead["name"], lead["status"], lead["main_contact"]) == (letter.subject, "open", contact["id"])
    (listed,) = api.get("/messages", lead=lead["id"])["data"]
    message = api.get(f"/messages/{listed['id']}")
    assert message["message_id"] == letter.id
    assert (message["direction"], message["from"]["address"]) == ("outgoing", TEAM)
    assert (message["contacts"], message["leads"]) == ([contact["id"]], [lead["id"]])
    assert [one["address"] for one in message["to"] + message["cc"]] == [letter.client, SMART]
    assert message["text"].strip().replace("\r\n", "\n") == letter.text.strip()
    thread = api.get(f"/threads/{message['thread']}")
    assert (thread["client"], thread["subject"], thread["count"]) == (letter.client, letter.subject, 1)

    (file,) = message["attachments"]
    assert (file["filename"], file["content_type"], file["size"]) == ("offer.csv", "text/csv", len(SHEET))
    assert api.bytes(f"/messages/{message['id']}/attachments/{file['n']}") == SHEET
    raw, sent = api.bytes(f"/messages/{message['id']}/raw"), line.content()
    assert raw.endswith(sent)
    assert TRACE.fullmatch(raw.removesuffix(sent)), raw.removesuffix(sent)


def test_a_mail_with_the_address_in_bcc_is_refused_and_its_sender_reads_what_to_do(
    office: tuple[Serving, Api], client: Client, line: Line
) -> None:
    _, api = office
    letter = Letter(client.name, visible=False)
    told = client.sends(letter, line)
    assert not told.success
    assert SMART.encode() not in line.content(), "the client itself takes Bcc out of the header"
    assert "550" in told.said
    assert f"5.7.1 {ADVICE}" in told.said

    (receipt,) = api.get("/receipts", message_id=letter.id)["data"]
    assert (receipt["verdict"], receipt["decision"]["rule"]) == ("refuse", "B1")
    assert receipt["reply"].startswith(f"550 5.7.1 {ADVICE} ")
    assert (receipt["sender"], receipt["recipients"], receipt["message"]) == (TEAM, [SMART], None)
    assert api.get("/contacts", email=letter.client)["data"] == []
    why = receipt["reply"].split()[-1]
    assert why in told.said
    page = httpx2.get(why, trust_env=False)
    assert page.status_code == 200
    assert not [private for private in (letter.client, letter.subject, TEAM) if private in page.text]
