"""The server's life as a process: told to stop in the middle of a mail, started where it can't, out of room."""

from __future__ import annotations

import os
import random
import smtplib
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.disks import Disk, small_disk
from tests.serving import PATIENCE, Api, Serving

TEAM = "dimas@acme.example"
SMART = "acme+lead@mail.kommo.com"
ROW, FILE = 220_000, 500_000
"""Sizes of a text that is kept in its row, and of one that is kept in a file."""
AS_NOBODY_SPECIAL = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--") if os.geteuid() == 0 else ()
"""Takes from root the power to write where the mode of a folder forbids it."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail to one client; hidden: the smart address stands in no header."""

    n: int
    size: int = 500
    hidden: bool = False

    @property
    def id(self) -> str:
        return f"<{self.n}@acme.example>"

    @property
    def content(self) -> bytes:
        text = random.Random(self.n).randbytes(self.size // 2).hex()
        lines = [f"From: {TEAM}", f"To: client{self.n}@bluefin.example", f"Subject: Offer {self.n}"]
        lines += [] if self.hidden else [f"Cc: {SMART}"]
        lines += [f"Message-ID: {self.id}", ""]
        return "\r\n".join([*lines, *(text[at : at + 76] for at in range(0, len(text), 76)), ""]).encode()


def send(serving: Serving, letter: Letter) -> str:
    """Hands a letter over; the reply that decided."""
    with smtplib.SMTP(*serving.smtp, local_hostname="client.example", timeout=PATIENCE) as client:
        try:
            client.sendmail(TEAM, [SMART], letter.content)
        except smtplib.SMTPDataError as refused:
            code, text = refused.smtp_code, refused.smtp_error
            return f"{code} {text if isinstance(text, str) else text.decode()}"
        return "250"


@contextmanager
def connection(serving: Serving) -> Iterator[smtplib.SMTP]:
    """A connection that is let go without QUIT: the server may have said its 421 by then."""
    with closing(smtplib.SMTP(*serving.smtp, local_hostname="client.example", timeout=PATIENCE)) as client:
        yield client


@pytest.mark.parametrize("size", [20_000, 400_000], ids=["in memory", "on disk"])
def test_a_mail_whose_data_is_under_way_when_the_server_is_told_to_stop_is_filed_and_answered(
    serving: Serving, size: int
) -> None:
    serving.add_account()
    serving.start()
    letter = Letter(1, size)
    half = len(letter.content) // 2
    with connection(serving) as idle, connection(serving) as busy:
        busy.ehlo()
        busy.mail(TEAM)
        busy.rcpt(SMART)
        assert busy.docmd("DATA")[0] == 354
        busy.send(letter.content[:half])
        serving.terminate()
        assert idle.getreply()[0] == 421
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(serving.smtp, timeout=PATIENCE)
        busy.send(letter.content[half:] + b".\r\n")
        assert busy.getreply()[0] == 250
    assert serving.wait() == 0
    (traced,) = serving.json("trace", "--account", "acme", "--message-id", "1@acme.example")
    assert (traced["verdict"], traced["sender"], traced["recipients"]) == ("file", TEAM, [SMART])
    assert traced["decision"]["rule"] == "B11"
    assert "Traceback" not in serving.said()


def test_an_idle_server_told_to_stop_twice_still_ends_with_nought(serving: Serving) -> None:
    serving.start()
    with connection(serving) as idle:
        serving.terminate()
        serving.terminate()
        assert idle.getreply()[0] == 421
    assert serving.wait() == 0


@pytest.fixture
def locked_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be made."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    yield folder
    folder.chmod(0o755)


def _fails(serving: Serving) -> list[str]:
    """What `serve` says on standard error when it ends at once with 1; nothing else comes of it."""
    done = serving.run("serve")
    assert (done.returncode, done.stdout) == (1, b"")
    return done.stderr.decode().splitlines()


def test_a_store_in_a_folder_that_may_only_be_read_is_told_in_one_line(tmp_path: Path, locked_folder: Path) -> None:
    (said,) = _fails(Serving(tmp_path, store=locked_folder, prefix=AS_NOBODY_SPECIAL))
    assert said == f"the store {locked_folder / 'smartgate.db'} can't be made: Permission denied"


def test_a_store_whose_folder_cannot_be_made_is_told_in_one_line(tmp_path: Path, locked_folder: Path) -> None:
    (said,) = _fails(Serving(tmp_path, store=locked_folder / "inner", prefix=AS_NOBODY_SPECIAL))
    assert said == f"the folder {locked_folder / 'inner'} of the store can't be made: Permission denied"


def test_a_store_in_a_folder_that_may_not_be_entered_is_told_in_one_line(tmp_path: Path, locked_folder: Path) -> None:
    locked_folder.chmod(0o000)
    (said,) = _fails(Serving(tmp_path, store=locked_folder, prefix=AS_NOBODY_SPECIAL))
    assert said == f"the store {locked_folder / 'smartgate.db'} can't be made: Permission denied"


def test_secrets_in_a_folder_that_may_not_be_entered_are_told_in_one_line(tmp_path: Path, locked_folder: Path) -> None:
    locked_folder.chmod(0o000)
    (said,) = _fails(Serving(tmp_path, prefix=AS_NOBODY_SPECIAL, SECRETS_DIR=str(locked_folder)))
    assert said.startswith(f"SMARTGATE_SECRETS_DIR: '{locked_folder}' is no folder we may enter; allowed:")


def test_a_store_that_may_only_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    serving = Serving(tmp_path, prefix=AS_NOBODY_SPECIAL)
    serving.add_account()
    serving.database.chmod(0o444)
    serving.database.parent.chmod(0o555)
    try:
        (said,) = _fails(serving)
    finally:
        serving.database.parent.chmod(0o755)
    assert said.startswith(f"the store {serving.database} ")


def test_a_folder_of_large_mails_that_may_only_be_read_is_told_in_one_line(tmp_path: Path, locked_folder: Path) -> None:
    (said,) = _fails(Serving(tmp_path, prefix=AS_NOBODY_SPECIAL, BLOB_URL=f"file://{locked_folder / 'blobs'}"))
    assert said == f"the folder {locked_folder / 'blobs'} of large mails can't be used: Permission denied"


def test_a_web_port_in_use_is_told_in_one_line_and_leaves_the_mail_port_free(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        where = f"127.0.0.1:{other.getsockname()[1]}"
        (said,) = _fails(Serving(tmp_path, HTTP_LISTEN=where))
    assert said.startswith(f"SMARTGATE_HTTP_LISTEN {where}: can't listen there (")


def test_every_wrong_setting_is_told_in_a_line_of_its_own(tmp_path: Path) -> None:
    said = _fails(Serving(tmp_path, SMTP_LISTEN="here", MAX_RECIPIENTS="many", LOG_LEVEL="loud"))
    names = ("SMARTGATE_SMTP_LISTEN", "SMARTGATE_MAX_RECIPIENTS", "SMARTGATE_LOG_LEVEL")
    wrong = ("'here'", "'many'", "'loud'")
    for name, value in zip(names, wrong, strict=True):
        assert [line for line in said if line.startswith(name) and value in line and "allowed" in line], said
    assert len(said) == 3


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as one:
        yield one


@pytest.fixture
def cramped(tmp_path: Path, disk: Disk) -> Iterator[Serving]:
    """A server whose store lies on a small disk."""
    one = Serving(tmp_path, store=disk.folder)
    yield one
    one.kill()


def test_a_full_disk_defers_mail_leaves_nothing_half_written_and_is_over_once_there_is_room(
    cramped: Serving, disk: Disk
) -> None:
    token = cramped.add_account()
    cramped.start()
    letters = [Letter(n, (500, ROW, FILE, 500)[n % 4], hidden=n % 4 == 3) for n in range(1, 13)]
    assert send(cramped, Letter(0)) == "250"
    disk.fill(cramped.pid)
    while_full = {letter: send(cramped, letter) for letter in letters}
    deferred = [letter for letter, reply in while_full.items() if reply.startswith(("451 4.3.0 ", "452 4.3.1 "))]
    assert set(deferred) >= {letter for letter in letters if letter.size == FILE}, "there is no room for a file"
    assert {letter.size for letter in deferred} >= {ROW, FILE}
    with closing(Api(cramped.url, token)) as api:
        taken = {letter.id for letter, reply in while_full.items() if reply == "250"}
        assert {message["message_id"] for message in api.all("/messages")} == {Letter(0).id, *taken}
        assert len(api.all("/receipts")) == 1 + len(letters) - len(deferred), "no refusal without its receipt"

        disk.free(cramped.pid)
        again = {letter: send(cramped, letter) for letter in deferred}
        codes = {letter.n: reply[:3] for letter, reply in (while_full | again).items()}
        assert codes == {letter.n: "550" if letter.hidden else "250" for letter in letters}
        kept = {message["message_id"]: message["id"] for message in api.all("/messages")}
        sent = [Letter(0), *(letter for letter in letters if not letter.hidden)]
        assert len(api.all("/messages")) == len(api.all("/leads")) == len(api.all("/contacts")) == len(sent)
        for letter in sent:
            assert api.bytes(f"/messages/{kept[letter.id]}/raw").endswith(b"\r\n" + letter.content)
    assert cramped.stop() == 0
    with closing(sqlite3.connect(cramped.database)) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        named = {name.decode() for (name,) in store.execute("SELECT data FROM bodies WHERE codec = 'file'")}
    files = {path.name for path in (disk.folder / "blobs").rglob("*") if path.is_file()}
    assert files == named
    assert len(files) == 3
