"""The server under load: `smartgate serve` with limits that end soon, and what can be seen of it from outside."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import trustme

from tests.serving import PATIENCE, Serving

PROXY = "127.0.0.2"
"""Who calls from here is a load balancer and names its peer; who calls from another address of this machine is spared
where limits are counted by address (A8)."""
KIB, MIB = 1024, 1024 * 1024
_TICK = "import gateway.jobs.pulse as pulse; pulse.EVERY_SECONDS = 0.01"
_HURRIED = """
from dataclasses import replace
import gateway.app as app
import gateway.smtp.wire as wire
wire._PACE_SECONDS = {seconds}
usual = app.smtp_limits
app.smtp_limits = lambda *given: replace(usual(*given), handshake_seconds={seconds}, proxy_seconds={seconds})
"""
"""Limits of the door that are no settings."""
_SAMPLE = re.compile(r"^([a-z_]+(?:\{[^}]*\})?) ([-+0-9.e]+|\+Inf)$", re.MULTILINE)
_BUCKET = re.compile(r'smartgate_loop_lag_seconds_bucket\{le="([^"]+)"\}')


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the slow ones may stay, in seconds. hurried: what is no setting is as short as `data`, which only a
    short run asks for; else it is the 30 seconds that everybody gets. rate: bytes a second that a mail must come with.
    """

    idle: int
    data: int
    rate: int
    hurried: bool = False

    @property
    def door(self) -> float:
        """For a PROXY header, for a handshake, and until a mail is first asked whether it is slow."""
        return float(self.data if self.hurried else 30)


class House:
    """A server with one account, listening for SMTP with TLS and PROXY, and for LMTP."""

    def __init__(self, folder: Path, pace: Pace, **settings: str) -> None:
        authority = trustme.CA()
        self.trust = authority
        cert = folder / "cert.pem"
        issued = authority.issue_cert("mx.mail.kommo.com")
        cert.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
        own = {
            "LMTP_LISTEN": "127.0.0.1:0",
            "TLS_CERT": str(cert),
            "PROXY_PROTOCOL_FROM": PROXY,
            "AUTHENTICITY": "off",
            "LOG_LEVEL": "warning",
            "SESSION_IDLE_SECONDS": str(pace.idle),
            "DATA_SECONDS": str(pace.data),
            "DATA_BYTES_PER_SECOND": str(pace.rate),
        }
        spoil = _TICK + (_HURRIED.format(seconds=pace.data) if pace.hurried else "")
        self.pace = pace
        self.serving = Serving(folder, spoil=spoil)
        self.serving.set(**own | settings)

    @contextmanager
    def open(self) -> Iterator[House]:
        self.serving.add_account()
        self.serving.start()
        try:
            yield self
        finally:
            self.serving.kill()

    @property
    def smtp(self) -> tuple[str, int]:
        return self.serving.smtp

    @property
    def lmtp(self) -> tuple[str, int]:
        host, _, port = self.serving.lmtp.rpartition(":")
        return host, int(port)

    def memory(self) -> int:
        """Resident bytes (proc(5), statm)."""
        pages = Path(f"/proc/{self.serving.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def spools(self) -> int:
        """Bytes on disk that only an open file of the server holds: mails on their way."""
        found = 0
        for entry in Path(f"/proc/{self.serving.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if str(entry.readlink()).endswith("(deleted)"):
                    found += entry.stat().st_blocks * 512
        return found

    def figures(self) -> dict[str, float]:
        """What `/metrics` tells, by name and labels."""
        told = httpx2.get(f"{self.serving.url}/metrics", timeout=PATIENCE, trust_env=False).text
        return {name: float(value) for name, value in _SAMPLE.findall(told)}

    def trouble(self) -> list[str]:
        """What must stand nowhere in the log."""
        said = self.serving.said()
        return ["an exception nobody caught"] * ("Traceback" in said) + ["a fault"] * ("_failed" in said)


def lag(before: dict[str, float], after: dict[str, float], share: float = 0.99) -> float:
    """The bound in milliseconds that so many ticks kept between two readings of the figures."""
    counts: Sequence[tuple[float, float]] = sorted(
        (float(found[1].replace("+Inf", "inf")), count - before.get(name, 0.0))
        for name, count in after.items()
        if (found := _BUCKET.fullmatch(name))
    )
    total = counts[-1][1]
    return next(bound for bound, count in counts if count >= share * total) * 1000
