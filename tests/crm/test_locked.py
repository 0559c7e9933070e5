"""Mail that an admin may not open is nothing for a CRM."""

from __future__ import annotations

from crm_adapter.port import Delivered
from tests.crm.kommo_rig import Rig
from tests.web.boxes import add_reader, bring, change_box, connect
from tests.web.site import letter


async def test_kommo_gets_no_note_of_mail_in_a_mailbox_that_is_not_shared(kommo: Rig) -> None:
    dimas = await add_reader(kommo.site, "dimas@acme.example")
    box = await connect(kommo.site, dimas.email, dimas.id)
    await bring(kommo.site, box, letter("Offer", text="turquoise", files=[("a.pdf", "application/pdf", b"%PDF")]))
    outcomes = await kommo.tell()
    assert [one.note for one in outcomes if isinstance(one, Delivered) and "mailbox" in one.note] == [
        "it stands in a mailbox that its owner doesn't share"
    ]
    assert (kommo.notes, kommo.server.account.files) == ([], {})
    await change_box(kommo.site, box, share_with_admins=True)
    kommo.told.clear()
    await kommo.tell("message.filed")
    assert "turquoise" in kommo.notes[0]["params"]["text"]
