"""What has to hold where a server refuses: passwords, tokens, and when it wants to be left alone; a real Dovecot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from config.providers import OAuth as SignIn
from gateway.core.mailboxes import AUTH_FAILED, GOOGLE, IMPORTING, READY, Credential, Servers
from gateway.mailboxes.idle import Key
from gateway.mailboxes.network import Network
from gateway.mailboxes.oauth import App, OAuth
from gateway.mailboxes.session import Session
from gateway.mailboxes.web_client import Reply, ask
from gateway.store import tables
from gateway.store.engine import Place, Store
from gateway.usecases.mail_servers import Trouble
from tests.mailboxes.authorisation_server import AuthorisationServer
from tests.mailboxes.certificates import Authority
from tests.mailboxes.conftest import Secure
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.fault_proxy import FaultProxy
from tests.mailboxes.person import Person
from tests.mailboxes.processes import Processes, wait_until
from tests.mailboxes.real_rig import RealRig
from tests.mailboxes.rig import MINUTE, Clock, Renewing, Rig, look_at_all, mail
from tests.mailboxes.sessions import authority, session_with
from tests.mailboxes.transcripts import TLS, Step, answered, logged_in, serving

STORES = ("sqlite",)
pytestmark = pytest.mark.e2e
BACK, VERIFIER = "http://127.0.0.1/back", "v" * 43


@pytest.fixture
async def real(place: Place, tmp_path: Path) -> AsyncIterator[RealRig]:
    """At the time that it is."""
    store = Store(place)
    store.start()
    made = RealRig(place, tmp_path / "blobs", store, clock=Clock(int(time.time() * 1000)))
    await made.open_account()
    yield made
    await made.close()


async def test_a_wrong_password_is_tried_twice_and_never_again_until_there_is_a_new_one(
    real: RealRig, dovecot: Dovecot
) -> None:
    """Line 21, by Dovecot's log, for a day and beside a second poller."""
    person = dovecot.person()
    key = await real.connect_person(person)
    person.set_password("another one")
    pollers = [real.poller(real.another_store()) for _ in range(2)]
    for _ in range(48):
        for poller in pollers:
            await look_at_all(poller)
        real.clock.pass_by(30)
    assert (person.refusals(), person.logins()) == (2, 0)
    row = await real.row(key)
    assert (row.state, row.next_sync_at) == (AUTH_FAILED, None)
    assert await real.events("mailbox.auth_failed") == 1


def test_a_password_that_is_changed_while_news_are_waited_for_stops_the_mailbox_until_the_new_one_is_given(
    tmp_path: Path, certificates: Authority, dovecot: Dovecot
) -> None:
    """Line 22: who is in stays in; the server then ends the connection, as many do."""
    person = dovecot.person()
    with Processes(tmp_path, certificates.file) as product:
        id = product.connect(person)
        poller = product.poller()
        product.wait_for(id, "ready")
        wait_until(lambda: "IDLE" in str(person.commands()), person.commands)
        person.set_password("a new one")
        person.append("INBOX", [mail(1)])
        wait_until(lambda: len(product.api.all("/messages")) == 1, lambda: product.mailbox(id))
        dovecot.run("kick", person.address)
        assert person.refusals() == 0
        product.api.post(f"/mailboxes/{id}/sync", {})
        wait_until(lambda: product.mailbox(id)["error"], lambda: product.mailbox(id))
        assert (product.mailbox(id)["state"], person.refusals()) == ("ready", 1)
        product.api.post(f"/mailboxes/{id}/sync", {})
        product.wait_for(id, "auth_failed")
        assert person.refusals() == 2
        person.append("INBOX", [mail(2)])
        done = product.web.json("mailbox", "set", id, "--account", "acme", "--password-file", "-", stdin=b"a new one\n")
        assert done["state"] in ("importing", "ready")
        wait_until(lambda: len(product.api.all("/messages")) == 2, lambda: product.mailbox(id))
        assert (product.mailbox(id)["state"], product.mailbox(id)["error"], person.refusals()) == ("ready", "", 2)
        events = [event["type"] for event in product.api.all("/events")]
        assert events.count("mailbox.auth_failed") == 1
        assert poller.stop() == 0


@dataclass
class Tokens(Renewing):
    """A door that renews at a real authorisation server."""

    oauth: OAuth | None = None

    async def renew(self, credential: Credential) -> Credential | Trouble:
        assert self.oauth is not None
        return await self.oauth.renew(credential)


@dataclass
class SignedIn:
    """Somebody whose mailbox is opened with tokens."""

    rig: RealRig
    server: AuthorisationServer
    person: Person
    key: Key
    proxy: FaultProxy


@pytest.fixture
async def signed_in(
    real: RealRig, dovecots: Callable[..., Dovecot], secure: Secure, authorities: Path
) -> AsyncIterator[SignedIn]:
    async with AuthorisationServer({"our-app": "secret"}, secure("localhost")) as server:
        network = Network(private=True, authorities=authorities)
        place = SignIn(f"{server.url}/authorize", f"{server.url}/token", "mail")
        oauth = OAuth(network, {GOOGLE: App("our-app", "secret", place)}, real.clock)
        dovecot = await asyncio.to_thread(dovecots, introspection=server.introspection)
        person = dovecot.person()
        person.append("INBOX", [mail(n) for n in range(1, 201)])
        url = oauth.consent_url(GOOGLE, "state", VERIFIER, BACK, person.address) or ""
        reply = await ask(network, url, seconds=10)
        assert isinstance(reply, Reply)
        code = reply.fields["location"].partition("code=")[2].partition("&")[0]
        credential = await oauth.redeem(GOOGLE, code, VERIFIER, BACK)
        assert isinstance(credential, Credential)
        real.door = Tokens(oauth=oauth)
        with FaultProxy(dovecot.imaps) as proxy:
            key = await real.connect_person(person, proxy.port, credential=credential)
            yield SignedIn(real, server, person, key, proxy)


async def test_a_token_that_ends_amid_an_import_is_renewed_once_and_the_import_goes_on(signed_in: SignedIn) -> None:
    """Line 23."""
    rig, server, poller = signed_in.rig, signed_in.server, signed_in.rig.poller(idle=0)
    signed_in.proxy.cut_after = 50_000
    await poller.look_into(signed_in.key)
    assert 0 < await rig.count(tables.messages) < 200
    server.expire()
    signed_in.proxy.resume()
    rig.clock.pass_by(2)
    await poller.look_into(signed_in.key)
    row = await rig.row(signed_in.key)
    assert (row.state, row.tries, row.error) == (READY, 0, "")
    assert await rig.count(tables.messages) == 200
    assert server.refreshes == 1
    assert (signed_in.person.logins(), signed_in.person.refusals()) == (2, 1)


async def test_consent_that_is_withdrawn_stops_the_mailbox_and_nothing_is_asked_any_more(signed_in: SignedIn) -> None:
    """Line 23: invalid_grant."""
    rig, server, poller = signed_in.rig, signed_in.server, signed_in.rig.poller(idle=0)
    await poller.look_into(signed_in.key)
    server.revoke(signed_in.person.address)
    for _ in range(12):
        rig.clock.pass_by(31)
        await look_at_all(poller)
    row = await rig.row(signed_in.key)
    assert (row.state, row.next_sync_at, server.refreshes) == (AUTH_FAILED, None, 1)
    assert await rig.events("mailbox.auth_failed") == 1
    assert await rig.count(tables.messages) == 200


async def test_a_refresh_that_takes_long_is_the_only_one_whoever_else_wants_the_mailbox(signed_in: SignedIn) -> None:
    """Line 23: the server ends all tokens of whoever refreshes twice with one."""
    rig, server = signed_in.rig, signed_in.server
    server.expire()
    server.gate = asyncio.Event()
    pollers = [rig.poller(rig.another_store(), idle=0) for _ in range(4)]
    looks = [asyncio.create_task(poller.look_into(signed_in.key)) for poller in pollers]
    await server.arrived.acquire()
    while sum(look.done() for look in looks) < 3:
        await asyncio.wait([look for look in looks if not look.done()], return_when=asyncio.FIRST_COMPLETED)
    server.gate.set()
    assert sorted(await asyncio.gather(*looks)) == [False, False, False, True]
    assert (server.refreshes, server.most_at_once) == (1, 1)
    assert (await rig.row(signed_in.key)).state == READY


async def test_a_server_that_has_enough_connections_is_left_alone_and_looked_into_afterwards(
    real: RealRig, dovecots: Callable[..., Dovecot]
) -> None:
    """Line 24: Dovecot's [LIMIT] is no wrong password, however often it comes."""
    person = dovecots(mail_max_userip_connections="1").person()
    key = await real.connect_person(person)
    poller = real.poller(idle=0)
    with person.client():
        for _ in range(4):
            before = await real.row(key)
            await look_at_all(poller)
            row = await real.row(key)
            assert (row.state, row.tries, row.failures) == (IMPORTING, 0, before.failures + 1)
            real.clock.now = row.next_sync_at
    await look_at_all(poller)
    row = await real.row(key)
    assert (row.state, row.failures, row.error) == (READY, 0, "")
    assert person.refusals() == 0


THROTTLED: dict[str, tuple[list[Step], int]] = {
    "before the log-in": ([TLS, "S: * BYE [UNAVAILABLE] Try again in 900 seconds"], 900_000),
    "at the log-in": (
        [*logged_in()[:-1], "S: {tag} NO [LIMIT] Request is throttled. Suggested Backoff Time: 600000 milliseconds"],
        600_000,
    ),
    "afterwards": (
        [
            *logged_in(),
            *answered('LIST "" "*"', r'S: * LIST (\Noselect) "/" ""')[:1],
            "S: {tag} NO [INUSE] Request is throttled. Suggested Backoff Time: 600000 milliseconds",
        ],
        600_000,
    ),
}


@pytest.fixture
def throttled(request: pytest.FixtureRequest, rig: Rig) -> Iterator[int]:
    steps, wait = request.param
    with serving(steps, authority().server) as server:

        def opened(_: str, __: Servers, credential: Credential) -> Session:
            return session_with(server, credential)

        rig.real = opened
        yield wait


@pytest.mark.parametrize("throttled", THROTTLED.values(), ids=THROTTLED, indirect=True)
async def test_a_server_that_says_when_to_come_back_is_not_asked_before(rig: Rig, throttled: int) -> None:
    """Line 24: in milliseconds, as Exchange says it, or in seconds."""
    key = await rig.connect(host="imap.test")
    poller = rig.poller(idle=0)
    assert await look_at_all(poller) == 1
    row = await rig.row(key)
    assert (row.state, row.tries) == (IMPORTING, 0)
    assert throttled <= row.next_sync_at - rig.clock.now <= throttled * 1.3
    rig.clock.pass_by(throttled / MINUTE - 0.01)
    assert await look_at_all(poller) == 0
