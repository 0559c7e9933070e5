"""Looks at a real server that lets in by access token and asks a real authorisation server whose it is (E10)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest

from config.providers import OAuth as Place
from gateway.core.mailboxes import AUTH_FAILED, READY, Credential
from gateway.mailboxes.network import Network
from gateway.mailboxes.oauth import App, OAuth
from gateway.mailboxes.web_client import Reply, ask
from gateway.store import tables
from gateway.store.engine import Place as StoreAt
from gateway.store.engine import Store
from tests.mailboxes.authorisation_server import AuthorisationServer
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.mails import Letter
from tests.mailboxes.person import Person
from tests.mailboxes.real_rig import RealRig, before, look_until
from tests.mailboxes.rig import Key, Renewing

STORES = ("sqlite",)
BACK, VERIFIER = "http://127.0.0.1/back", "v" * 43


@dataclass
class Side:
    """A mailbox that is connected by consent, and the two servers it lives on."""

    rig: RealRig
    signing: AuthorisationServer
    person: Person
    key: Key

    async def state(self) -> str:
        return str((await self.rig.row(self.key)).state)


@pytest.fixture
async def side(
    place: StoreAt, tmp_path: Path, certificates: Authority, dovecots: Callable[..., Dovecot]
) -> AsyncIterator[Side]:
    store = Store(place)
    store.start()
    rig = RealRig(place, tmp_path / "blobs", store)
    await rig.open_account()
    tls = certificates.certificate().context(tmp_path)
    async with AuthorisationServer({"ours": "our-secret"}, tls) as signing:
        person = dovecots(introspection=f"{signing.url}/introspect").person()
        person.append("INBOX", [Letter(n).raw for n in range(3)], at=before(1))
        network = Network(private=True, authorities=certificates.file)
        page = Place(f"{signing.url}/authorize", f"{signing.url}/token", "mail")
        oauth = OAuth(network, {"google": App("ours", "our-secret", page)}, lambda: rig.clock() / 1000)
        rig.door = cast("Renewing", oauth)
        credential = await consented(oauth, network, person.address)
        yield Side(rig, signing, person, await rig.connect_person(person, credential=credential))
        await rig.close()


async def consented(oauth: OAuth, network: Network, address: str) -> Credential:
    """The tokens of somebody who consented at once."""
    url = oauth.consent_url("google", "state", VERIFIER, BACK, address)
    assert url is not None
    reply = await ask(network, url, seconds=10)
    assert isinstance(reply, Reply)
    [code] = parse_qs(urlsplit(reply.fields["location"]).query)["code"]
    found = await oauth.redeem("google", code, VERIFIER, BACK)
    assert isinstance(found, Credential)
    return found


async def test_e10_a_token_lets_in_and_is_renewed_when_its_time_comes(side: Side) -> None:
    await side.rig.look(side.key)
    assert (await side.state(), await side.rig.count(tables.messages)) == (READY, 3)
    assert side.signing.refreshes == 0
    side.rig.clock.pass_by(58)
    await side.rig.look(side.key)
    assert (await side.state(), side.signing.refreshes) == (READY, 1)
    assert (side.person.logins(), side.person.refusals()) == (2, 0)


async def test_e10_a_token_that_ended_early_is_renewed_within_the_look(side: Side) -> None:
    await side.rig.look(side.key)
    side.signing.expire()
    side.person.append("INBOX", [Letter(9).raw])
    await side.rig.look(side.key)
    assert (await side.state(), await side.rig.count(tables.messages)) == (READY, 4)
    assert (side.signing.refreshes, side.signing.most_at_once) == (1, 1)
    assert (side.person.logins(), side.person.refusals()) == (2, 1)


async def test_e10_consent_that_is_withdrawn_ends_the_looks(side: Side) -> None:
    await side.rig.look(side.key)
    side.signing.revoke(side.person.address)
    poller = side.rig.poller(idle=0)
    await look_until(poller, side.rig, [40] * 10)
    assert await side.state() == AUTH_FAILED
    assert side.signing.refreshes == 1
    assert side.person.logins() == 1
    assert side.person.refusals() <= 1
