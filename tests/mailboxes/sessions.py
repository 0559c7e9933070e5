"""Sessions with servers that speak from a script."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from functools import cache

from gateway.core.mailboxes import PASSWORD, STARTTLS, TLS, Credential, Server
from gateway.mailboxes.imap import ImapSession
from gateway.mailboxes.session import SessionError
from gateway.usecases.mail_servers import Trouble
from tests.mailboxes.transcripts import HOST, Authority, Step, Transcript, opened, serving

USER = "ann@acme.example"
SECRET = "correct horse"


@cache
def authority() -> Authority:
    return Authority()


def session_with(
    server: Transcript, credential: Credential | None = None, *, starttls: bool = False, seconds: float = 20.0
) -> ImapSession:
    place = Server(HOST, server.port, STARTTLS if starttls else TLS)
    used = credential or Credential(PASSWORD, SECRET)
    return ImapSession(place, USER, used, ["127.0.0.1"], authority().client, seconds=seconds)


@contextlib.contextmanager
def talking(*steps: Step, seconds: float = 20.0) -> Iterator[ImapSession]:
    """A session that is open, and ends with the script."""
    with serving(steps, authority().server) as server:
        session = session_with(server, seconds=seconds)
        try:
            session.open()
            yield session
        finally:
            session.close()


@contextlib.contextmanager
def reading(*steps: Step, capabilities: Sequence[str] = (), exists: int = 3) -> Iterator[ImapSession]:
    """A session whose inbox is open."""
    with talking(*opened(*capabilities, exists=exists), *steps) as session:
        session.examine("INBOX")
        yield session


def trouble_of(session: ImapSession) -> Trouble:
    """Why it can't be opened."""
    try:
        session.open()
    except SessionError as error:
        return error.trouble
    finally:
        session.close()
    raise AssertionError("it was opened")
