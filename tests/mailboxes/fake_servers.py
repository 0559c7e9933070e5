"""Somebody else's mail servers, for tests: they count log-ins, know passwords, and ask for consent as providers do."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import urlencode

from gateway.core.mailboxes import GOOGLE, MICROSOFT, PASSWORD, Credential, Found, Server, Servers
from gateway.core.refusals import Wrong
from gateway.usecases.mail_servers import Copy, Parcel, Passed, Place, Tried, Trouble

ACCESS, REFRESH = "access-canary-5a7d", "refresh-canary-91c3"
REFUSED = Trouble("auth", "the server refuses this password")
MOST_REFUSED = 2
"""Log-ins with one wrong password that a server bears; whoever tries a third time locks people out (E10)."""


@dataclass
class FakeServers:
    """The door of mailboxes, over servers that only these tests know.

    passwords: by address. clients: providers that an app is set up for. folders: what a log-in finds that may be the
    folder of sent mail. down: hosts that can't be reached. no_smtp: hosts whose server for sending refuses.
    patient: it bears any number of wrong log-ins. says: what comes next of sending, else a mail is taken for all.
    parcels: mails that were taken, or may have been. sent: the folder of sent mail, by address. keeper: it puts what is
    sent there by itself, which is seen after so many looks (lags). no_sent: there is no such folder.
    """

    passwords: dict[str, str] = field(default_factory=dict)
    clients: frozenset[str] = frozenset((GOOGLE, MICROSOFT))
    folders: tuple[str, ...] = ()
    down: frozenset[str] = frozenset()
    no_smtp: frozenset[str] = frozenset()
    patient: bool = False
    logins: list[tuple[str, str]] = field(default_factory=list)
    discovered: list[str] = field(default_factory=list)
    challenges: dict[str, str] = field(default_factory=dict)
    says: list[Passed | Trouble] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    sent: dict[str, list[bytes]] = field(default_factory=dict)
    keeper: bool = False
    lags: int = 0
    looks: list[Copy] = field(default_factory=list)
    look_trouble: list[Trouble] = field(default_factory=list)
    no_sent: bool = False
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def discover(self, address: str) -> Found | Wrong:
        self.discovered.append(address)
        domain = address.rpartition("@")[2]
        if domain == "nowhere.example":
            return Wrong("address", "no mail server of nowhere.example was found")
        servers = Servers(Server(f"imap.{domain}", 993), Server(f"smtp.{domain}", 465))
        auth = {"gmail.com": GOOGLE, "outlook.com": MICROSOFT}.get(domain, PASSWORD)
        name = {GOOGLE: "Gmail", MICROSOFT: "Outlook.com"}.get(auth, domain)
        page = "https://passwords.example/make" if auth != PASSWORD else None
        sure = domain != "guessed.example"
        return Found(address, domain, name, servers, auth, page, "table" if sure else "guess", sure)

    async def check_servers(self, servers: Servers) -> Wrong | None:
        for name, server in (("imap", servers.imap), ("smtp", servers.smtp)):
            if server is not None and server.port == 25:
                return Wrong(f"{name}/port", "port 25 is for servers; allowed: any other")
            if server is not None and server.host.replace(".", "").isdigit():
                return Wrong(f"{name}/host", "an IP address proves nothing of itself; allowed: a server's name")
        return None

    async def try_login(self, address: str, servers: Servers, credential: Credential) -> Tried:
        if servers.imap.host in self.down:
            return Tried(Trouble("network", f"{servers.imap.host} can't be reached"))
        tries = (address, credential.secret)
        if not self._lets_in(address, credential):
            assert self.patient or self.logins.count(tries) < MOST_REFUSED, (
                "a third log-in with a wrong password locks people out"
            )
            self.logins.append(tries)
            return Tried(REFUSED)
        self.logins.append(tries)
        smtp = Trouble("auth", "sending is refused") if servers.smtp and servers.smtp.host in self.no_smtp else None
        return Tried(None, smtp, self.folders)

    async def fetch(self, address: str, servers: Servers, credential: Credential, place: Place) -> bytes | Trouble:
        return Trouble("gone", "it is no longer there")

    async def send(self, address: str, servers: Servers, credential: Credential, parcel: Parcel) -> Passed | Trouble:
        if not self._lets_in(address, credential):
            return REFUSED
        said = self.says.pop(0) if self.says else Passed()
        refused = len(said.refused) + len(said.later) == len(parcel.recipients) if isinstance(said, Passed) else True
        if not refused or (isinstance(said, Trouble) and said.kind == "unknown"):
            self.parcels.append(parcel)
            if self.keeper:
                self.sent.setdefault(address, []).append(parcel.message)
        return said

    async def keep_sent(
        self, address: str, servers: Servers, credential: Credential, copy: Copy
    ) -> bool | Trouble | None:
        self.looks.append(copy)
        if self.look_trouble:
            return self.look_trouble.pop(0)
        if self.no_sent:
            return None
        self.lags -= 1
        there = self.sent.setdefault(address, [])
        if self.lags < 0 and any(copy.message_id.encode() in one for one in there):
            return True
        if copy.message is None:
            return False
        there.append(copy.message)
        return True

    def keeps_copies(self, servers: Servers) -> bool:
        return self.keeper

    def consent_url(self, provider: str, state: str, verifier: str, redirect: str, address: str) -> str | None:
        if provider not in self.clients:
            return None
        digest = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        self.challenges[state] = digest
        query = {"state": state, "code_challenge": digest, "redirect_uri": redirect, "login_hint": address}
        return f"https://{provider}.example/consent?{urlencode(query)}"

    def consent(self, state: str, redirect: str) -> str:
        """Somebody consents at the provider's page: the code that it sends the browser back with."""
        code = f"code-{len(self.codes)}"
        self.codes[code] = (self.challenges[state], redirect)
        return code

    async def redeem(self, provider: str, code: str, verifier: str, redirect: str) -> Credential | Trouble:
        """A code is good once, for who has the verifier of its challenge (RFC 7636 section 4.6)."""
        digest = base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if self.codes.pop(code, None) != (digest, redirect):
            return Trouble("revoked", "this code is not good")
        return Credential(provider, REFRESH, ACCESS, 3_600_000)

    async def renew(self, credential: Credential) -> Credential | Trouble:
        return Trouble("revoked", "nobody consents any more")

    def _lets_in(self, address: str, credential: Credential) -> bool:
        if credential.kind != PASSWORD:
            return credential.access == ACCESS
        return self.passwords.get(address) == credential.secret
