"""Mail clients as people run them, and a line in between that keeps what they sent."""

from __future__ import annotations

import json
import re
import shutil
import smtplib
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.serving import PATIENCE

TEAM = "dimas@acme.example"
SMART = "acme+lead@mail.kommo.com"
NODEMAILER = "nodemailer@7"
SHEET = b"Customer;Offer\r\nCarol;\xe2\x82\xac 12,500\r\n\x00\xff" * 40
_SENDER_JS = """
const {job, port, to, cc, bcc, sheet} = JSON.parse(process.argv[1]);
const transport = require("nodemailer").createTransport({host: "127.0.0.1", port, ignoreTLS: true});
transport.sendMail({
  envelope: {from: job.from, to: [job.smart]}, from: job.from, to, cc, bcc, subject: job.subject,
  messageId: job.id, text: job.text,
  attachments: [{filename: "offer.csv", content: Buffer.from(sheet, "base64"), contentType: "text/csv"}],
}).then(done => console.log(done.response), fault => { console.error(fault.message); process.exit(1); });
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one client with the smart address in Cc, or with visible=False in Bcc."""

    name: str
    visible: bool

    @property
    def subject(self) -> str:
        return f"Espresso machines, {self.name}"

    @property
    def id(self) -> str:
        return f"<{self.name}-{'cc' if self.visible else 'bcc'}@acme.example>"

    @property
    def client(self) -> str:
        return f"carol.{self.name}{'' if self.visible else '.hidden'}@bluefin.example"

    text = "Dear Carol,\n.\nthe line above is a single dot.\n..and this one begins with two.\nGrüße, Dimas\n"


@dataclass(frozen=True, slots=True)
class Told:
    """What the client let its user see, and whether it called the sending a success."""

    success: bool
    said: str


class Line:
    """A port that passes everything on to another and keeps what the client said."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.heard = b""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def content(self) -> bytes:
        """The message behind DATA as it was before dots were doubled (RFC 5321 section 4.5.2)."""
        self._thread.join(PATIENCE)
        stuffed = re.search(rb"\r\nDATA(\r\n.*?\r\n)\.\r\n", self.heard, re.DOTALL | re.IGNORECASE)
        assert stuffed is not None, self.heard
        return stuffed[1].replace(b"\r\n.", b"\r\n")[2:]

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def _run(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        with client, socket.create_connection(self._target) as server:
            back = threading.Thread(target=_pass_on, args=(server, client))
            back.start()
            for piece in _pieces(client):
                self.heard += piece
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)
            back.join(PATIENCE)


def _pieces(sock: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            piece = sock.recv(1 << 16)
        except OSError:
            return
        if not piece:
            return
        yield piece


def _pass_on(giver: socket.socket, taker: socket.socket) -> None:
    for piece in _pieces(giver):
        try:
            taker.sendall(piece)
        except OSError:
            return


@contextmanager
def line_to(target: tuple[str, int]) -> Iterator[Line]:
    line = Line(target)
    try:
        yield line
    finally:
        line.close()


def _run(command: list[str], stdin: bytes = b"", folder: Path | None = None) -> Told:
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=PATIENCE, cwd=folder, check=False)
    return Told(done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace"))


def _written(letter: Letter) -> EmailMessage:
    """The mail as Python's own library writes it; it takes Bcc along, which the client that sends it must drop."""
    message = EmailMessage()
    message["From"], message["To"] = TEAM, f"Carol Jones <{letter.client}>"
    message["Cc" if letter.visible else "Bcc"] = SMART
    message["Subject"], message["Message-ID"] = letter.subject, letter.id
    message.set_content(letter.text)
    message.add_attachment(SHEET, maintype="text", subtype="csv", filename="offer.csv")
    return message


def smtplib_sends(port: int, letter: Letter, folder: Path) -> Told:
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as client:
        try:
            client.send_message(_written(letter), TEAM, [SMART])
        except smtplib.SMTPDataError as refused:
            return Told(False, str(refused))
    return Told(True, "")


def msmtp_sends(port: int, letter: Letter, folder: Path) -> Told:
    options = ["--host=127.0.0.1", f"--port={port}", "--tls=off", "--auth=off", f"--from={TEAM}", "--file=/dev/null"]
    return _run(["msmtp", *options, "--", SMART], _written(letter).as_bytes())


def swaks_sends(port: int, letter: Letter, folder: Path) -> Told:
    sheet = folder / "offer.csv"
    sheet.write_bytes(SHEET)
    header = [f"--h-To=Carol Jones <{letter.client}>", f"--h-Subject={letter.subject}", f"--h-Message-Id={letter.id}"]
    header += [f"--h-Cc={SMART}"] if letter.visible else []
    envelope = ["--server=127.0.0.1", f"--port={port}", f"--from={TEAM}", f"--to={SMART}"]
    parts = [f"--body={letter.text}", "--attach-type=text/csv", "--attach-name=offer.csv", f"--attach=@{sheet}"]
    return _run(["swaks", *envelope, *header, *parts])


def nodemailer_sends(port: int, letter: Letter, folder: Path) -> Told:
    job = {"from": TEAM, "smart": SMART, "subject": letter.subject, "id": letter.id, "text": letter.text}
    where = {"port": port, "to": f"Carol Jones <{letter.client}>", "cc" if letter.visible else "bcc": SMART}
    given = json.dumps({"job": job, **where, "sheet": b64encode(SHEET).decode()})
    return _run(["node", "-e", _SENDER_JS, given], folder=folder)


def need(*programs: str) -> None:
    """Skips where a program is missing, and says which package brings it."""
    packages = {"node": "nodejs", "mbsync": "isync"}
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install {packages.get(program, program)}")


def install_nodemailer(folder: Path) -> None:
    """Nodemailer into a folder of its own; skips where it can't be had."""
    told = _run(["npm", "install", "--no-audit", "--no-fund", f"--prefix={folder}", NODEMAILER], folder=folder)
    if not told.success:
        pytest.skip(f"{NODEMAILER} is missing, npm can't install it: {told.said.strip()[-300:]}")


Send = Callable[[int, Letter, Path], Told]
CLIENTS: dict[str, Send] = {
    "smtplib": smtplib_sends,
    "swaks": swaks_sends,
    "msmtp": msmtp_sends,
    "nodemailer": nodemailer_sends,
}
NEEDS = {"swaks": ("swaks",), "msmtp": ("msmtp",), "nodemailer": ("node", "npm")}
"""Programs beyond Python that a client consists of."""
