"""What happens in the midst of an import or between two looks: pauses, restarts, deletions, other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.store.engine import Place
from tests.mailboxes.certificates import Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.product import CLIENT, Firm, Product, letter, letters

STORES = ("sqlite",)
SECOND = timedelta(seconds=1)


def lately(days: float = 2) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@pytest.fixture
def own(place: Place, tmp_path: Path, dovecot: Dovecot, certificates: Authority) -> Iterator[Product]:
    """A server of the story's own, which it may stop."""
    made = Product(place, tmp_path, dovecot, certificates.file)
    yield made
    made.close()


def test_e4_a_server_that_is_told_to_stop_during_an_import_goes_on_with_it_after_its_start(own: Product) -> None:
    """The batch in hand is filed, the rest comes after the start: nothing twice, nothing left out."""
    token = own.serving.add_account("acme")
    firm, person = own.firm("acme", "dimas@acme.example", token), own.dovecot.person()
    person.append("INBOX", letters(1, 500), at=lately(), step=SECOND)
    id = firm.connect(person, wait=False)
    begun = firm.until(id, lambda box: (box["progress"] or {"done": 0})["done"] > 0)
    assert begun["progress"]["total"] == 500
    assert own.serving.stop() == 0
    own.serve()
    firm = own.firm("acme", "dimas@acme.example", token)
    firm.until(id, lambda box: box["state"] == "ready")
    assert [one["subject"] for one in firm.desk.all("/messages")] == [f"Offer {n}" for n in range(500, 0, -1)]
    assert firm.mailbox(id)["progress"] == {"done": 500, "total": 500}
    fetched = [line for line in person.commands() if "FETCH" in line.upper() and "BODY" in line.upper()]
    assert len(fetched) < 2 * 500 / 50


def test_e10_a_mailbox_that_is_paused_during_its_import_keeps_what_is_there_and_goes_on_later(firm: Firm) -> None:
    person = firm.person()
    person.append("INBOX", letters(1, 400), at=lately(), step=SECOND)
    id = firm.connect(person, wait=False)
    firm.until(id, lambda box: (box["progress"] or {"done": 0})["done"] > 0)
    firm.desk.patch(f"/mailboxes/{id}", state="paused")
    assert firm.mailbox(id)["state"] == "paused"
    firm.desk.patch(f"/mailboxes/{id}", state="ready")
    firm.desk.post(f"/mailboxes/{id}/sync", {})
    firm.until(id, lambda box: box["progress"]["done"] == 400 and box["state"] == "ready")
    assert [one["subject"] for one in firm.desk.all("/messages")] == [f"Offer {n}" for n in range(400, 0, -1)]


def test_e8_what_is_deleted_here_is_not_brought_back_by_another_look_or_by_other_numbers(firm: Firm) -> None:
    person, carol = firm.person(), firm.contact(CLIENT)
    person.append("INBOX", letters(1, 3), at=lately(), step=SECOND)
    id = firm.connect(person)
    [second] = [one for one in firm.messages() if one["subject"] == "Offer 2"]
    firm.desk.delete(f"/messages/{second['id']}")
    firm.sync(id)
    person.renew("INBOX")
    person.append("INBOX", [letter(2)])
    firm.sync(id)
    assert firm.subjects(contact=carol) == ["Offer 1", "Offer 3"]
    assert firm.subjects(folder="deleted") == ["Offer 2"]
    firm.desk.delete(f"/messages/{second['id']}", purge="true")
    person.renew("INBOX")
    firm.sync(id)
    assert firm.subjects(contact=carol) == ["Offer 1", "Offer 3"]
    assert len(person.uids("INBOX")) == 4


def test_e4_new_numbers_of_a_folder_that_was_imported_in_part_bring_in_nothing_older(firm: Firm) -> None:
    person = firm.person()
    person.append("INBOX", letters(1, 560), at=lately(), step=SECOND)
    id = firm.connect(person)
    person.renew("INBOX")
    person.append("INBOX", letters(561, 562))
    firm.sync(id)
    assert [one["subject"] for one in firm.desk.all("/messages")] == [f"Offer {n}" for n in range(562, 60, -1)]


def test_e_a_smart_address_in_cc_of_a_mailboxes_mail_has_no_effect(firm: Firm) -> None:
    person = firm.person()
    smart = firm.smart.replace("@", "+lead@")
    person.append("INBOX", [letter(1, to=person.address, cc=(smart,))], at=lately())
    person.append("Sent", [letter(2, author=person.address, to=CLIENT, cc=(smart,))], at=lately())
    id = firm.connect(person)
    assert firm.subjects(mailbox=id) == ["Offer 1", "Offer 2"]
    assert (firm.desk.all("/leads"), firm.desk.all("/contacts")) == ([], [])
