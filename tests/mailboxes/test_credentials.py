"""Log-ins that are refused, and tokens that end (E10), on both stores."""

from __future__ import annotations

import asyncio
import json

from gateway.core.mailboxes import AUTH_FAILED, GOOGLE, IMPORTING, READY, Credential, about_credential, credential_of
from gateway.sealing import Keyring
from gateway.usecases.mail_servers import Trouble
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.rig import KEYRING, MINUTE, NOW, Key, Rig, look_at_all


async def test_a_wrong_password_is_tried_exactly_twice_and_then_somebody_has_to_act(rig: Rig) -> None:
    server = FakeServer(password="another")
    key = await rig.connect(server)
    poller = rig.poller()
    for _ in range(50):
        await look_at_all(poller)
        rig.clock.pass_by(30)
    assert server.log_ins == 2
    row = await rig.row(key)
    assert (row.state, row.error, row.next_sync_at) == (AUTH_FAILED, "The server refuses the password.", None)
    assert await rig.events("mailbox.auth_failed") == 1


async def test_a_log_in_that_a_click_has_refused_meanwhile_counts(rig: Rig) -> None:
    server = FakeServer(password="another")
    key = await rig.connect(server)
    loop = asyncio.get_running_loop()

    def before(call: str) -> None:
        if call == "open":
            asyncio.run_coroutine_threadsafe(rig.set(key, tries=1), loop).result(30)

    server.before = before
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries, server.log_ins) == (AUTH_FAILED, 2, 1)
    assert await rig.events("mailbox.auth_failed") == 1


async def test_a_password_that_works_again_forgives_the_log_in_before(rig: Rig) -> None:
    server = FakeServer(password="another")
    key = await rig.connect(server)
    await rig.poller().look_into(key)
    assert (await rig.row(key)).tries == 1
    server.password = "right"
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries, row.failures, row.error) == (READY, 0, 0, "")


async def test_the_network_between_two_refused_log_ins_gives_no_third(rig: Rig) -> None:
    server = FakeServer(password="another")
    key = await rig.connect(server)
    poller = rig.poller()
    for refuses in (None, Trouble("network", "It is away."), None, None):
        server.refuses = refuses
        await poller.look_into(key)
    assert server.log_ins == 3
    assert (await rig.row(key)).state == AUTH_FAILED


def google(access: str, minutes: float, secret: str = "refresh-1") -> Credential:
    return Credential(GOOGLE, secret, access, NOW + int(minutes * MINUTE))


async def test_a_token_that_is_about_to_end_is_renewed_and_kept_before_it_is_used(rig: Rig) -> None:
    server = FakeServer(password="new")
    key = await rig.connect(server, credential=google("old", 2))
    kept: list[bytes] = []
    loop = asyncio.get_running_loop()

    def before(call: str) -> None:
        if call == "open":
            kept.append(asyncio.run_coroutine_threadsafe(rig.row(key), loop).result().credential)

    server.before = before
    rig.door.answers = [google("new", 60, "refresh-2")]
    await rig.poller().look_into(key)
    assert (await rig.row(key)).state == READY
    assert rig.door.renewals == ["refresh-1"]
    opened = [_opened(key, sealed) for sealed in kept]
    assert opened == [google("new", 60, "refresh-2")]
    await rig.poller().look_into(key)
    assert rig.door.renewals == ["refresh-1"]


def _opened(key: Key, sealed: bytes) -> Credential:
    return credential_of(json.loads(KEYRING.open(sealed, about_credential(*key))))


async def test_a_token_that_is_refused_though_it_should_hold_is_renewed_once(rig: Rig) -> None:
    server = FakeServer(password="new")
    key = await rig.connect(server, credential=google("old", 60))
    rig.door.answers = [google("new", 60)]
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries) == (READY, 0)
    assert server.log_ins == 2


async def test_new_tokens_that_are_refused_as_well_count_as_a_log_in(rig: Rig) -> None:
    server = FakeServer(password="none")
    key = await rig.connect(server, credential=google("old", 60))
    rig.door.answers = [google("new", 60)]
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries) == (IMPORTING, 1)


async def test_consent_that_was_withdrawn_needs_a_new_sign_in_and_is_asked_for_no_more(rig: Rig) -> None:
    server = FakeServer()
    key = await rig.connect(server, credential=google("old", 0))
    rig.door.answers = [Trouble("revoked", "Sign in with Google again.")]
    poller = rig.poller()
    for _ in range(3):
        await look_at_all(poller)
        rig.clock.pass_by(90)
    row = await rig.row(key)
    assert (row.state, row.error) == (AUTH_FAILED, "Sign in with Google again.")
    assert (server.log_ins, len(rig.door.renewals)) == (0, 1)
    assert await rig.events("mailbox.auth_failed") == 1


async def test_two_pollers_never_renew_a_token_at_one_time(rig: Rig) -> None:
    server = FakeServer(password="new")
    key = await rig.connect(server, credential=google("old", 0))
    rig.door.answers = [google("new", 60, "refresh-2")]
    pollers = [rig.poller(rig.another_store()) for _ in range(3)]
    looked = await asyncio.gather(*(poller.look_into(key) for poller in pollers))
    assert sorted(looked) == [False, False, True]
    assert rig.door.renewals == ["refresh-1"]


async def test_a_credential_that_no_key_opens_is_nobodys_log_in(rig: Rig) -> None:
    server = FakeServer()
    key = await rig.connect(server)
    sealed = Keyring(["another key"]).seal(b"{}", "elsewhere")
    await rig.set(key, credential=sealed)
    await rig.poller().look_into(key)
    row = await rig.row(key)
    assert (row.state, row.tries, server.log_ins) == (IMPORTING, 0, 0)
    assert row.error.startswith("The credential of this mailbox can't be opened")
