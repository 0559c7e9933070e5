"""`serve` and `demo` as real programs: started, mailed to, told to stop."""

from __future__ import annotations

import json
import re
import shlex
import signal
import smtplib
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT, Program, Said, Start

MAIL = (
    "From: Ana <ana@acme.example>\r\nTo: Pat <pat@client.example>\r\nCc: acme+lead@mail.kommo.com\r\n"
    "Subject: Offer\r\nMessage-ID: <1@acme.example>\r\n\r\nHello\r\n"
)


def command(folder: Path, *arguments: str) -> Said:
    """Another program on the same store."""
    return Program(*arguments, folder=folder).end(None)


def send(address: tuple[str, int], recipient: str = "acme+lead@mail.kommo.com") -> tuple[int, str]:
    with smtplib.SMTP(*address, timeout=30) as client:
        client.ehlo()
        client.mail("ana@acme.example")
        code, reply = client.rcpt(recipient)
        if code < 400:
            code, reply = client.data(MAIL)
        return code, reply.decode()


def get(url: str, token: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@contextmanager
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield other.getsockname()[1]


def test_a_server_takes_a_mail_shows_it_over_http_and_drains_when_told_to_stop(start: Start, tmp_path: Path) -> None:
    added = command(tmp_path, "account", "add", "acme", "--name", "A", "--owner", "ana@acme.example", "--json")
    server = start("serve")
    where = server.listeners(2)
    assert send(where["smtp"])[0] == 250
    host, port = where["http"]
    leads = get(f"http://{host}:{port}/v1/leads", added.json["token"])
    assert [lead["name"] for lead in leads["data"]] == ["Offer"]
    traced = command(tmp_path, "trace", "--account", "acme", "--message-id", "1@acme.example", "--json").json
    fields = {"id", "at", "peer", "helo", "sender", "recipients", "size", "verdict", "reply", "decision", "message"}
    assert fields <= traced[0].keys()
    assert traced[0]["verdict"] == traced[0]["decision"]["verdict"] == "file"
    said = server.end()
    assert (said.status, said.out) == (0, "")
    assert "Traceback" not in said.err


def test_the_very_next_recipient_sees_what_a_command_changed(start: Start, tmp_path: Path) -> None:
    server = start("serve", "--only", "smtp")
    smtp = server.listeners(1)["smtp"]
    with smtplib.SMTP(*smtp, timeout=30) as client:
        client.ehlo()
        client.mail("ana@acme.example")
        assert client.rcpt("acme@mail.kommo.com")[0] == 550
        command(tmp_path, "account", "add", "acme", "--name", "A", "--owner", "ana@acme.example")
        assert client.rcpt("acme@mail.kommo.com")[0] == 250
        client.rset()
        command(tmp_path, "account", "rename", "acme", "apex")
        client.mail("ana@acme.example")
        assert client.rcpt("acme@mail.kommo.com")[1].startswith(b"5.1.6")
        assert client.rcpt("apex@mail.kommo.com")[0] == 250
    assert server.end().status == 0


def test_the_operators_trace_their_own_mail(start: Start, tmp_path: Path) -> None:
    server = start("serve", "--only", "smtp")
    assert send(server.listeners(1)["smtp"], "postmaster@mail.kommo.com")[0] == 250
    server.end()
    assert len(command(tmp_path, "trace", "--postmaster", "--json").json) == 1
    assert "postmaster" in command(tmp_path, "trace").out


def test_lmtp_is_served_beside_smtp_and_answers_each_account(start: Start, tmp_path: Path) -> None:
    for slug in ("acme", "bolt"):
        command(tmp_path, "account", "add", slug, "--name", slug, "--owner", f"ana@{slug}.example")
    path = tmp_path / "lmtp"
    server = start("serve", LMTP_LISTEN=f"unix:{path}")
    said = server.addresses(3)
    assert list(said) == ["smtp", "lmtp", "http"]
    assert said["lmtp"] == f"unix:{path}"
    with closing(smtplib.LMTP(str(path))) as client:
        client.ehlo()
        client.mail("pat@client.example")
        assert [client.rcpt(f"{slug}@mail.kommo.com")[0] for slug in ("acme", "bolt")] == [250, 250]
        first = client.data(MAIL.replace("acme+lead", "acme"))
        second = client.getreply()
    assert (first[0], first[1][:5]) == (250, b"2.6.0")
    assert (second[0], second[1][:5]) == (550, b"5.7.1")
    assert b"bolt@mail.kommo.com works only as a visible Cc" in second[1]
    assert server.end().status == 0
    assert not path.exists()


def test_a_large_mail_by_lmtp_is_kept_for_each_account(start: Start, tmp_path: Path) -> None:
    for slug in ("acme", "bolt"):
        command(tmp_path, "account", "add", slug, "--name", slug, "--owner", f"ana@{slug}.example")
    server = start("serve", "--only", "lmtp", LMTP_LISTEN="127.0.0.1:0")
    large = MAIL.replace("acme+lead@mail.kommo.com", "acme@mail.kommo.com, bolt@mail.kommo.com") + "x" * 70 * 15_000
    with closing(smtplib.LMTP(*server.listeners(1)["lmtp"])) as client:
        client.ehlo()
        client.mail("pat@client.example")
        for slug in ("acme", "bolt"):
            client.rcpt(f"{slug}@mail.kommo.com")
        assert [client.data(large)[0], client.getreply()[0]] == [250, 250]
    kept = [path.name for path in tmp_path.glob("var/blobs/*/*/*")]
    assert len(kept) == 2
    assert len(set(kept)) == 1
    assert server.end().status == 0


def test_lmtp_alone_needs_an_address(start: Start) -> None:
    said = start("serve", "--only", "lmtp").end(None)
    assert (said.status, said.out) == (1, "")
    assert said.err == "SMARTGATE_LMTP_LISTEN is not set: the role lmtp needs an address to listen on\n"


def test_a_certificate_that_cannot_be_used_is_told_in_one_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("Dear diary")
    said = start("serve", TLS_CERT=str(tmp_path / "cert.pem")).end(None)
    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert said.err.startswith(f"SMARTGATE_TLS_CERT {tmp_path}/cert.pem: no usable certificate and key (")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_told_to_stop_ends_with_nought(start: Start, number: signal.Signals) -> None:
    server = start("serve", "--only", "http")
    assert list(server.listeners(1)) == ["http"]
    assert server.end(number).status == 0


def test_a_port_in_use_is_told_in_one_line(start: Start) -> None:
    with taken_port() as port:
        said = start("serve", SMTP_LISTEN=f"127.0.0.1:{port}").end(None)
    assert said.status == 1
    assert said.out == ""
    assert re.fullmatch(rf"SMARTGATE_SMTP_LISTEN 127\.0\.0\.1:{port}: can't listen there \(.*\).*\n", said.err)


def test_a_store_that_cannot_be_used_is_told_in_one_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("Dear diary " * 999)
    said = start("serve", DATABASE_URL=f"sqlite:///{tmp_path / 'diary.txt'}").end(None)
    assert (said.status, said.out, said.err.count("\n")) == (1, "", 1)
    assert "is no SQLite database" in said.err


def test_output_into_a_pipe_that_closes_early_is_no_drama(tmp_path: Path) -> None:
    program = f"{shlex.quote(sys.executable)} -c 'from gateway.cli import main; main()' config show | true"
    done = subprocess.run(["sh", "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_the_demo_plays_its_mails_shows_their_cards_and_does_so_again(start: Start) -> None:
    for _ in range(2):
        said = start("demo", "--once").end(None)
        assert (said.status, said.err) == (0, "")
        codes = re.findall(r"^   . (?:Filed|Refused) +(\d{3} \d\.\d\.\d)", said.out, re.MULTILINE)
        assert codes == ["250 2.6.0"] * 4 + ["550 5.7.1", "550 5.1.1"] + ["250 2.6.0"] * 2
        assert "Already filed" in said.out
        cards = said.out.partition("What stands in the CRM now")[2].partition("Look at it")[0]
        assert re.findall(r"^  (\w+ \w+)  <", cards, re.MULTILINE) == ["Elif Kaya", "Tom Berg"]
    assert cards.count("    lead ") == 2, "one lead a run, never one for the answer"
    assert start("demo", "--once", "--fresh").end(None).out.count("    lead ") == 1


def test_a_demo_is_not_cleared_while_it_runs_and_what_it_offers_to_copy_works(start: Start) -> None:
    demo = start("demo")
    said = []
    assert demo.process.stdout is not None
    for line in demo.process.stdout:
        said.append(line.strip())
        if line.startswith("Serving."):
            break
    typed = next(line for line in said if line.startswith("python3 -c"))
    done = subprocess.run([sys.executable, *shlex.split(typed)[1:]], capture_output=True, text=True, check=True)
    assert done.stdout == "sent\n"
    curl = shlex.split(next(line for line in said if line.startswith("curl")))
    leads = get(curl[3], curl[2].removeprefix("Authorization: Bearer "))["data"]
    assert "My first lead" in [lead["name"] for lead in leads]
    link = next(line for line in said if "/sign-in/" in line)
    with urllib.request.urlopen(urllib.request.Request(link, method="HEAD"), timeout=30) as answer:
        assert answer.status == 200
    second = start("demo", "--fresh", "--once").end(None)
    assert (second.status, second.out) == (1, "")
    assert second.err == "another demo runs in var/demo: end it first, or name another --folder\n"
    assert demo.end(signal.SIGINT).status == 0


def test_the_demo_takes_free_ports_where_the_usual_ones_are_taken(start: Start) -> None:
    with taken_port() as port:
        said = start("demo", "--once", SMTP_LISTEN=f"127.0.0.1:{port}").end(None)
    assert said.status == 0
    assert f"(127.0.0.1:{port} is taken)" in said.out
