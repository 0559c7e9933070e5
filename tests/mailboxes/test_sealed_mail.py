"""A sign-in link that went through a mailbox is not found there by those who read it (E2, E11)."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.outgoing import SENT
from gateway.store import tables
from gateway.store.engine import Tx
from gateway.store.outgoing import close_sealed, get_outgoing
from gateway.usecases.posting import send_link
from tests.mailboxes.fake_session import FakeServer
from tests.mailboxes.rig import KEYRING, MINUTE, Rig, ago, mail


async def test_a_copy_of_a_link_that_works_is_filed_from_no_folder(rig: Rig) -> None:
    server = FakeServer()
    account, box = key = await rig.connect(server, kind="shared", can_send=True)
    now, until = rig.clock.now, rig.clock.now + 15 * MINUTE

    def link(tx: Tx) -> bool:
        return send_link(tx, KEYRING, account, box, "ceo@acme.example", "Sign in", "canary", now, until)

    assert await rig.store.write(link)
    [row] = await rig.rows(tables.outgoing)
    for n, folder in enumerate((server.outbox, server.inbox)):
        folder.add(mail(2 * n, id=row.message_id), ago(0))
        folder.add(mail(2 * n + 1), ago(0))
    assert await rig.poller().look_into(key)
    assert sorted(await rig.subjects()) == ["Offer 1", "Offer 3"]

    def sent(tx: Tx) -> None:
        one = get_outgoing(tx, account, row.message)
        assert one is not None
        close_sealed(tx, one, SENT, now)
        assert get_outgoing(tx, account, row.message) == replace(
            one, state=SENT, waiting=(), sealed=b"", next_at=until
        ), "what it said is forgotten, and which mail it was is known as long as the link works"

    await rig.store.write(sent)
    server.outbox.add(mail(4, id=row.message_id), ago(0))
    server.outbox.add(mail(5), ago(0))
    rig.clock.pass_by(1)
    assert await rig.poller().look_into(key)
    assert sorted(await rig.subjects()) == ["Offer 1", "Offer 3", "Offer 5"]
