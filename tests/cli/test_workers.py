"""`serve --workers` on a real PostgreSQL: one server to everybody outside, several processes inside."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import Server
from tests.serving import PATIENCE, Api, Serving

pytestmark = pytest.mark.postgresql
WORKERS = 3
SMART = "acme+lead@mail.kommo.com"
Office = Callable[..., Serving]


@pytest.fixture
def office(tmp_path: Path, postgresql: Server) -> Iterator[Office]:
    """Makes servers with several workers on a database of their own; not started."""
    made: list[Serving] = []
    names: list[str] = []

    def maker(**settings: str) -> Serving:
        names.append(postgresql.make())
        place: dict[str, Any] = {"DATABASE_URL": postgresql.url(names[-1]), "BLOB_URL": f"file://{tmp_path}/blobs"}
        made.append(Serving(tmp_path, options=("--workers", str(WORKERS)), **(place | settings)))
        return made[-1]

    yield maker
    for one in made:
        one.kill()
    for name in names:
        postgresql.drop(name)


def mail(number: int) -> bytes:
    lines = [
        "From: dimas@acme.example",
        f"To: client{number}@bluefin.example",
        f"Cc: {SMART}",
        f"Subject: Offer {number}",
    ]
    return "\r\n".join([*lines, f"Message-ID: <{number}@acme.example>", "", "Hello", ""]).encode()


def send(serving: Serving, number: int) -> None:
    with smtplib.SMTP(*serving.smtp, timeout=PATIENCE) as client:
        client.sendmail("dimas@acme.example", [SMART], mail(number))


def send_all(serving: Serving, numbers: Sequence[int]) -> None:
    """Some at one time, so that every worker has something to do."""
    threads = [threading.Thread(target=send, args=(serving, number)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)


def workers(serving: Serving) -> list[int]:
    """Process ids, in some order."""
    return [int(pid) for pid in Path(f"/proc/{serving.pid}/task/{serving.pid}/children").read_text().split()]


def figure(serving: Serving, name: str) -> float:
    with urllib.request.urlopen(f"{serving.url}/metrics", timeout=PATIENCE) as answer:
        text = answer.read().decode()
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if re.match(rf"{name}[ {{]", line))


def test_several_workers_file_as_one_server_and_one_that_is_killed_is_not_missed(office: Office) -> None:
    serving = office(LMTP_LISTEN="127.0.0.1:0")
    token = serving.add_account()
    serving.start()
    before = workers(serving)
    assert len(before) == WORKERS
    send_all(serving, range(20))
    assert [figure(serving, "smartgate_mails_total") for _ in range(6)] == [20] * 6, "whoever answers tells the sum"
    os.kill(before[1], signal.SIGKILL)
    send_all(serving, range(20, 40))
    assert figure(serving, "smartgate_mails_total") == 40
    assert figure(serving, "smartgate_workers_restarted_total") == 1
    assert len(set(workers(serving)) & set(before)) == WORKERS - 1
    with closing(Api(serving.url, token)) as api:
        filed = sorted(message["message_id"] for message in api.all("/messages"))
        assert filed == sorted(f"<{number}@acme.example>" for number in range(40))
        assert len(api.all("/leads")) == len(api.all("/contacts")) == 40
    assert serving.stop() == 0
    assert "Traceback" not in serving.said()


def test_a_server_told_to_stop_lets_a_mail_that_comes_in_end_at_whatever_worker_it_is(office: Office) -> None:
    serving = office()
    token = serving.add_account()
    serving.start()
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(smtplib.SMTP(*serving.smtp, timeout=PATIENCE))) for _ in range(6)]
        for client in clients:
            client.ehlo()
            client.mail("dimas@acme.example")
            client.rcpt(SMART)
            assert client.docmd("DATA")[0] == 354
        serving.terminate()
        for number, client in enumerate(clients):
            client.send(mail(number) + b".\r\n")
        assert [client.getreply()[0] for client in clients] == [250] * 6
    assert serving.wait() == 0
    serving.start()
    with closing(Api(serving.url, token)) as api:
        assert len(api.all("/messages")) == 6
    assert serving.stop() == 0


def test_a_parent_that_is_killed_leaves_nobody_behind_who_holds_its_ports(office: Office, tmp_path: Path) -> None:
    serving = office(LMTP_LISTEN=f"unix:{tmp_path}/lmtp")
    serving.start()
    with closing(socket.create_connection(serving.smtp, timeout=PATIENCE)) as peer:
        assert peer.recv(3) == b"220"
        os.kill(serving.pid, signal.SIGKILL)
        serving.wait()
        while peer.recv(1_000):
            pass
    serving.set(SMTP_LISTEN=":".join(map(str, serving.smtp)), HTTP_LISTEN=":".join(map(str, serving.http)))
    serving.start()
    send_to_nobody = smtplib.SMTP(*serving.smtp, timeout=PATIENCE)
    assert send_to_nobody.noop()[0] == 250
    send_to_nobody.close()
    assert serving.stop() == 0


def test_limits_by_address_hold_for_all_workers_together(office: Office) -> None:
    serving = office(PROXY_PROTOCOL_FROM="127.0.0.1", MAX_SESSIONS_PER_ADDRESS="4")
    serving.start()
    greetings = []
    with ExitStack() as stack:
        for _ in range(9):
            peer = stack.enter_context(closing(socket.create_connection(serving.smtp, timeout=PATIENCE)))
            peer.sendall(b"PROXY TCP4 198.51.100.7 192.0.2.1 4000 25\r\n")
            greetings.append(peer.recv(3))
        assert greetings == [b"220"] * 4 + [b"421"] * 5
    assert serving.stop() == 0


WRONG = {
    "a port in use": ({"HTTP_LISTEN": "127.0.0.1:{taken}"}, r"SMARTGATE_HTTP_LISTEN 127.0.0.1:\d+: can't listen there"),
    "no certificate": ({"TLS_CERT": "{folder}/none.pem"}, r"SMARTGATE_TLS_CERT .*no usable certificate and key"),
    "no database": ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, r"the store postgresql://"),
}


@pytest.mark.parametrize(("settings", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_in_one_line_before_any_worker_is_there(
    office: Office, tmp_path: Path, settings: dict[str, str], told: str
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = other.getsockname()[1]
        chosen = {name: value.format(taken=taken, folder=tmp_path) for name, value in settings.items()}
        said = office(**chosen).run("serve", "--workers", "2")
    assert (said.returncode, said.stdout) == (1, b"")
    assert re.match(told, said.stderr.decode())
    assert said.stderr.count(b"\n") == 1
