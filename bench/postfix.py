"""The peer: Debian's Postfix as a private instance that accepts durably into its queue and delivers nothing.

Its own configuration, queue, data and port under one folder; a system-wide Postfix is neither read nor touched. Where
a choice had to be made it is the one that favours Postfix: no chroot, no anvil, no client name look-up, no stress
mode, any recipient of our domain accepted, no queue manager at work (held mail is never scheduled). It logs each mail,
as it does everywhere, into its own file.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.peer import PeerError, Tree, greets

_PROGRAMS = Path("/usr/lib/postfix/sbin")

_MAIN = {
    "compatibility_level": "3.6",
    "myhostname": "peer.bench.example",
    "mydestination": "",
    "relay_domains": "mail.kommo.com",
    "mynetworks": "127.0.0.0/8",
    "recipient_delimiter": "+",
    "local_recipient_maps": "",
    "alias_maps": "",
    "alias_database": "",
    "inet_interfaces": "loopback-only",
    "inet_protocols": "ipv4",
    "smtpd_recipient_restrictions": "check_recipient_access static:HOLD, permit",
    "smtpd_peername_lookup": "no",
    "smtpd_client_connection_count_limit": "0",
    "default_process_limit": "300",
    "in_flow_delay": "0",
}
# service, type, private, unprivileged, chroot, wakeup, process limit, command: Debian's table without chroot
_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
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
proxymap unix - - n - - proxymap
showq unix n - n - - showq
flush unix n - n 1000? 0 flush
tlsmgr unix - - n 1000? 1 tlsmgr
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """Postfix on a loopback port, everything of it under one folder."""

    name = "postfix"

    def __init__(self) -> None:
        self._folder = Path()
        self._tree: Tree | None = None
        self._port = 0

    @property
    def port(self) -> int:
        return self._port

    def start(self, folder: Path) -> None:
        install()
        if os.geteuid() != 0:
            raise PeerError(
                "Postfix is started by root only (its daemons run as user postfix): run the bench with sudo"
            )
        self._folder = folder
        self._port = _free_port()
        self._configure()
        command = [str(_PROGRAMS / "master"), "-c", str(folder / "etc"), "-d"]
        self._tree = Tree(command, folder)
        if not self._tree.came_up(lambda: greets(self._port), 15):
            said = self._tree.said() or self._logged()
            self.stop()
            raise PeerError(
                f"Postfix ended or did not answer on port {self._port} within 15 s; it said: {said or 'nothing'}"
            )

    def cpu_seconds(self) -> float:
        return self._tree.cpu_seconds() if self._tree else 0.0

    def kept(self) -> int:
        """Queue files on hold; the name of the folder is Postfix's own (qmgr(8))."""
        return sum(1 for entry in os.scandir(self._folder / "queue" / "hold") if entry.is_file())

    def configuration(self) -> Mapping[str, str]:
        """Everything that differs from Postfix's defaults (postconf -n), with its version."""
        lines = _postconf("-c", str(self._folder / "etc"), "-n").splitlines()
        settings = dict(line.split(" =", 1) for line in lines if " =" in line)
        hidden = ("config_directory", "queue_directory", "data_directory", "maillog_file", "maillog_file_prefixes")
        shown = {name: value.strip() for name, value in settings.items() if name not in hidden}
        return {"version": _postconf("-d", "-h", "mail_version").strip(), **shown}

    def stop(self) -> None:
        if self._tree:
            self._tree.stop()
            self._tree = None

    @property
    def _log(self) -> Path:
        return self._folder / "mail.log"

    def _logged(self) -> str:
        return self._log.read_text(errors="replace")[-2000:].strip() if self._log.exists() else ""

    def _configure(self) -> None:
        """Write main.cf and master.cf and let Postfix make its folders, with its own owners and modes."""
        etc, queue, data = (self._folder / name for name in ("etc", "queue", "data"))
        for folder in (etc, queue, data):
            folder.mkdir(mode=0o755)
        shutil.chown(data, "postfix")
        places = {"queue_directory": str(queue), "data_directory": str(data), "maillog_file": str(self._log)}
        main = {**_MAIN, **places, "maillog_file_prefixes": str(self._folder)}
        (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
        (etc / "master.cf").write_text(_MASTER.format(port=self._port))
        command = ["/usr/sbin/postfix", "-c", str(etc), "check"]
        checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if checked.returncode:
            raise PeerError(f"Postfix finds its configuration wrong: {checked.stderr.strip()}")


def install() -> None:
    """Make sure that Postfix is there. Root gets it installed, without a system-wide configuration or service."""
    if (_PROGRAMS / "master").exists():
        return
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None:
        raise PeerError("Postfix, the peer of this bench, is not installed: sudo apt-get install postfix")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    answer = "postfix postfix/main_mailer_type select No configuration\n"
    subprocess.run(["debconf-set-selections"], input=answer, text=True, env=env, check=False)
    command = [apt, "install", "-y", "--no-install-recommends", "postfix"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    if not (_PROGRAMS / "master").exists():
        raise PeerError(f"apt-get install postfix failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _postconf(*arguments: str) -> str:
    command = ["/usr/sbin/postconf", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
