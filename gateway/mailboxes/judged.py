"""A session whose server is looked up and judged when it is opened, each time anew (`mailboxes.network`)."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.mailboxes import Credential, Server
from gateway.mailboxes.imap import ImapSession
from gateway.mailboxes.network import Network
from gateway.mailboxes.session import SessionError
from gateway.usecases.mail_servers import Trouble


class JudgedSession(ImapSession):
    """A `session.Session` with the server of a mailbox, over a way out. user: the log-in name."""

    def __init__(self, server: Server, user: str, credential: Credential, network: Network) -> None:
        super().__init__(server, user, credential, (), network.tls)
        self._network = network

    def open(self) -> None:
        """See `Session`. Raises SessionError, too, where nobody may connect there."""
        found = self._network.judged_addresses(self._way.host, self._way.port)
        if isinstance(found, Trouble):
            raise SessionError(found)
        self._way = replace(self._way, addresses=found)
        super().open()
