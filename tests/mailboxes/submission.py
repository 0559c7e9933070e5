"""Debian's Postfix as the server for sending of the stand's people: a private instance, for one test (RFC 6409).

It lets in by TLS who has a password at the stand's Dovecot, and delivers into the mailboxes there. Who is not there is
refused at once; at `unknown.example` nobody is, which it finds out only later and reports.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from bench.peer import Tree, waited
from tests.mailboxes.dovecot import Dovecot
from tests.serving import PATIENCE

_PROGRAMS = Path("/usr/lib/postfix/sbin")
_MAIN = """\
compatibility_level = 3.6
myhostname = smtp.acme.example
mydestination =
mynetworks =
alias_maps =
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_peername_lookup = no
minimal_backoff_time = 1s
queue_run_delay = 1s
message_size_limit = 20000000
smtputf8_enable = {utf8}
smtpd_tls_cert_file = {dovecot}/server.pem
smtpd_tls_key_file = {dovecot}/server.pem
smtpd_sasl_type = dovecot
smtpd_sasl_path = {dovecot}/submission
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
virtual_mailbox_domains = acme.example, client.example
virtual_mailbox_maps = regexp:{folder}/people
virtual_transport = deliver
deliver_destination_recipient_limit = 1
default_transport = smtp:[127.0.0.1]:{world}
smtp_dns_support_level = disabled
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
"""
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes -o smtpd_tls_security_level=encrypt
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
pickup unix n - n 60 1 pickup
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
deliver unix - n n - - pipe
  flags=R user={owner} argv=/bin/sh {folder}/deliver ${{recipient}}
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
flush unix n - n 1000? 0 flush
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
_PEOPLE = "/^(p|bob)[0-9]*@(acme|client)\\.example$/ there\n"
_DELIVER = """\
folder={homes}/$1/Maildir
mkdir -p $folder/tmp $folder/new $folder/cur
cat > $folder/tmp/$$.$PPID && mv $folder/tmp/$$.$PPID $folder/new/$(date +%s%N).$$
"""


def need_postfix() -> None:
    """Skips where Postfix can't be run, and says what it needs."""
    if not (_PROGRAMS / "master").exists():
        pytest.skip("postfix is missing: apt-get install postfix")
    if os.geteuid() != 0:
        pytest.skip("postfix is started by root only")


class Submission:
    """Use it with `with`. dovecot: whose people send and get mail. utf8: it takes addresses beyond ASCII."""

    def __init__(self, dovecot: Dovecot, *, utf8: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="smartgate-postfix-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.port = _free_port()
        for name in ("etc", "queue", "data"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        self._world = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Nobody)
        self._world.daemon_threads = True
        threading.Thread(target=self._world.serve_forever, daemon=True).start()
        world = self._world.server_address[1]
        main = _MAIN.format(folder=self.folder, dovecot=dovecot.folder, utf8="yes" if utf8 else "no", world=world)
        master = _MASTER.format(port=self.port, folder=self.folder, owner=dovecot.homes.owner())
        (self.folder / "etc" / "main.cf").write_text(main)
        (self.folder / "etc" / "master.cf").write_text(master)
        (self.folder / "people").write_text(_PEOPLE)
        (self.folder / "deliver").write_text(_DELIVER.format(homes=dovecot.homes))
        self._tree: Tree | None = None

    def __enter__(self) -> Submission:
        self._command("postfix", "check")
        self._tree = Tree([str(_PROGRAMS / "master"), "-c", str(self.folder / "etc"), "-d"], self.folder)
        assert self._tree.came_up(self._listens, PATIENCE), self._tree.said() + self.log()
        return self

    def __exit__(self, *_: object) -> None:
        if self._tree is not None:
            self._tree.stop()
        self._world.shutdown()
        self._world.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def drained(self) -> None:
        """Waits until every mail has left the queue, reports too."""
        assert waited(lambda: not self._command("postqueue", "-j").strip(), PATIENCE), self.log()

    def log(self) -> str:
        path = self.folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def _command(self, program: str, *arguments: str) -> str:
        command = [f"/usr/sbin/{program}", "-c", str(self.folder / "etc"), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


class _Nobody(socketserver.StreamRequestHandler):
    """A mail server of the world that knows nobody."""

    def handle(self) -> None:
        self.wfile.write(b"220 world.example SMTP\r\n")
        while line := self.rfile.readline():
            refused = line[:4].upper() == b"RCPT"
            self.wfile.write(b"550 5.1.1 There is nobody of that name\r\n" if refused else b"250 Ok\r\n")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
