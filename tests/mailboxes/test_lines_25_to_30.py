"""What has to hold of large and broken mail, of certificates, of addresses, and of rights: the product, a Dovecot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway.store import schema
from tests.mailboxes import mails
from tests.mailboxes.certificates import KINDS, Authority
from tests.mailboxes.dovecot import Dovecot
from tests.mailboxes.fault_proxy import FaultProxy
from tests.mailboxes.mails import File, Letter
from tests.mailboxes.person import Person
from tests.mailboxes.processes import Processes, wish
from tests.mailboxes.rig import mail
from tests.mailboxes.spoiling import SpoilingServer
from tests.serving import Api

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, certificates: Authority) -> Iterator[Processes]:
    """One for all tests here, with a poller."""
    with Processes(tmp_path_factory.mktemp("product"), certificates.file) as made:
        made.poller()
        yield made


def subjects(api: Api, id: str) -> list[str]:
    """Of the mails of a mailbox that somebody may read."""
    return sorted(one["subject"] for one in api.get("/messages", mailbox=id, limit=200)["data"] if not one["locked"])


def only_message(product: Processes, id: str) -> dict[str, Any]:
    """The one message of a mailbox, as it is opened."""
    [row] = product.api.get("/messages", mailbox=id)["data"]
    shown: dict[str, Any] = product.api.get(f"/messages/{row['id']}")
    return shown


def test_a_mail_of_sixty_megabytes_moves_little_for_its_card_and_its_file_comes_whole_on_a_click(
    product: Processes, dovecot: Dovecot
) -> None:
    """Line 25."""
    person, letter = dovecot.person(), mails.large()
    person.append("INBOX", [letter.raw])
    product.api.post("/contacts", {"name": "Carol", "emails": ["carol@client.example"]})
    with FaultProxy(dovecot.imaps) as proxy:
        id = product.connect(person, proxy.port)
        product.wait_for(id, "ready")
        moved = proxy.down + proxy.up
        shown = only_message(product, id)
        assert moved <= 300_000
        assert len(shown["contacts"]) == 1
        [file] = shown["attachments"]
        assert (file["filename"], file["available"], file["size"]) == ("plans.zip", True, 60_000_000)
        found = product.api.bytes(f"/messages/{shown['id']}/attachments/1")
        assert sha256(found).hexdigest() == sha256(letter.content()).hexdigest()
        assert proxy.down > 60_000_000
    assert set(person.flags("INBOX").values()) == {frozenset()}


def test_a_file_is_found_under_new_numbers_and_once_it_is_deleted_there_that_is_said(
    product: Processes, dovecot: Dovecot
) -> None:
    """Line 26."""
    person, letter = dovecot.person(), Letter(1, files=(File("offer.pdf", 90_000),), seed="deleted")
    person.append("INBOX", [mail(1), letter.raw])
    id = product.connect(person)
    product.wait_for(id, "ready")
    [row] = [one for one in product.api.get("/messages", mailbox=id)["data"] if one["attachments"]]
    path = f"/messages/{row['id']}/attachments/1"
    new = person.renew("INBOX")
    assert product.api.bytes(path) == letter.content()
    person.expunge("INBOX", [max(new.values())])
    answer = product.api.ask("GET", path)
    assert answer.status_code == 410
    assert "no longer on the mail server" in answer.json()["detail"]
    shown = product.api.get(f"/messages/{row['id']}")
    assert [file["available"] for file in shown["attachments"]] == [False]
    assert shown["text"].startswith("Letter 1.")


def test_mail_that_gets_programs_into_trouble_keeps_none_of_the_others_away(
    product: Processes, dovecot: Dovecot
) -> None:
    """Line 27: a depth of a thousand, NUL, no end, no author, no mail at all, raw octets."""
    person = dovecot.person()
    person.append("INBOX", [mail(1), *(make() for make in mails.ODD.values()), mail(2)])
    id = product.connect(person)
    shown = product.wait_for(id, "ready")
    assert shown["progress"] == {"done": len(mails.ODD) + 2, "total": len(mails.ODD) + 2}
    found = subjects(product.api, id)
    assert {"Offer 1", "Offer 2"} <= set(found)
    assert len(found) + shown["unread"] == len(mails.ODD) + 2
    assert shown["error"] == ""


BROKEN = {
    "not closed": (b"BODYSTRUCTURE (", b"BODYSTRUCTURE (("),
    "without a type": (b'BODYSTRUCTURE ("text"', b"BODYSTRUCTURE (NIL"),
    "no list": (b"BODYSTRUCTURE (", b"BODYSTRUCTURE NIL X-OLD ("),
    "of another mail": (b'BODYSTRUCTURE ("text" "plain"', b'BODYSTRUCTURE (("text" "plain") ("text" "html")'),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN)
def test_a_structure_that_is_broken_stops_nothing(
    product: Processes, dovecot: Dovecot, certificates: Authority, tmp_path: Path, spoil: tuple[bytes, bytes]
) -> None:
    """Line 27: the whole mail is read instead, or it is put aside; what follows goes on."""
    person = dovecot.person()
    person.append("INBOX", [mail(1), mail(2)])
    with SpoilingServer(dovecot.imap, certificates.certificate().context(tmp_path), *spoil) as server:
        id = product.connect(person, server.port)
        shown = product.wait_for(id, "ready")
        assert server.spoilt
    assert subjects(product.api, id) == ["Offer 1", "Offer 2"]
    assert shown["unread"] == 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "good"])
def test_a_certificate_that_proves_nothing_is_refused_before_the_password_is_sent(
    product: Processes, dovecots: Callable[..., Dovecot], kind: str
) -> None:
    """Line 28."""
    server = dovecots(certificate=kind)
    person = server.person()
    for port, security in ((server.imaps, "tls"), (server.imap, "starttls")):
        imap = {"host": "localhost", "port": port, "security": security}
        answer = product.api.ask("POST", "/mailboxes", json=wish(person) | {"imap": imap})
        assert answer.status_code == 422, answer.text
        assert "certificate" in answer.text
    assert (person.logins(), person.refusals()) == (0, 0)


def test_without_tls_no_password_is_sent_and_with_it_both_ports_do(
    product: Processes, dovecot: Dovecot, dovecots: Callable[..., Dovecot]
) -> None:
    """Line 28: STARTTLS that is stripped is as good as none."""
    stripped = dovecots(ssl="no").person()
    imap = {"host": "localhost", "port": stripped.dovecot.imap, "security": "starttls"}
    answer = product.api.ask("POST", "/mailboxes", json=wish(stripped) | {"imap": imap})
    assert answer.status_code == 422, answer.text
    assert (stripped.logins(), stripped.refusals()) == (0, 0)
    well = dovecot.person()
    product.connect(well, imap=imap | {"port": dovecot.imap})
    assert product.api.ask("POST", "/mailboxes", json=wish(stripped) | {"imap": imap | {"security": "none"}}).is_error


PRIVATE = "not on the public internet"


def server_at(host: str, port: int = 993) -> dict[str, Any]:
    return {"imap": {"host": host, "port": port, "security": "tls"}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an IDN domain": ({"address": "ana@bücher.example"}, "internationalised"),
    "an IDN domain in ASCII": ({"address": "ana@xn--bcher-kva.example"}, "internationalised"),
    "an address at a number": ({"address": "ana@[192.0.2.7]"}, "by its number"),
    "a number as server": (server_at("127.0.0.1"), "is an IP address"),
    "a number in another form": (server_at("0x7f000001"), "is an IP address"),
    "a number of IPv6": (server_at("[::1]"), "is an IP address"),
    "port 25": (server_at("imap.loop.example", 25), "the port between mail servers"),
    "this machine": (server_at("localhost"), PRIVATE),
    "a name for this machine": (server_at("imap.loop.example"), PRIVATE),
    "a name for an inner network": (server_at("imap.inner.example"), PRIVATE),
    "a name for a cloud's own data": (server_at("imap.cloud.example"), PRIVATE),
    "a name that is both": (server_at("imap.both.example"), PRIVATE),
    "a name for an inner address of IPv6": (server_at("imap.six.example"), PRIVATE),
}
ZONES: dict[str, list[tuple[str, Any]]] = {
    "imap.loop.example": [("A", "127.0.0.1")],
    "imap.inner.example": [("A", "10.0.0.5")],
    "imap.cloud.example": [("A", "169.254.169.254")],
    "imap.both.example": [("A", "9.9.9.9"), ("A", "127.0.0.1")],
    "imap.six.example": [("AAAA", "::ffff:127.0.0.1"), ("AAAA", "fd00::5")],
    "found.example": [("MX", (10, "mx.found.example"))],
    "_imaps._tcp.found.example": [("SRV", "0 0 993 imap.loop.example")],
}


def test_addresses_and_servers_that_cannot_be_are_refused_in_words_and_nobody_connects(
    tmp_path: Path, certificates: Authority, dovecot: Dovecot
) -> None:
    """Line 29, where private addresses are not allowed, also through the DNS."""
    person = dovecot.person()
    with (
        FaultProxy(dovecot.imaps) as proxy,
        Processes(tmp_path, certificates.file, MAILBOX_ALLOW_PRIVATE="false") as product,
    ):
        product.names.publish(ZONES)
        for name, (change, words) in REFUSED.items():
            given = wish(person, proxy.port) | change
            if "imap" in change and change["imap"]["port"] == 993:
                given["imap"]["port"] = proxy.port
            answer = product.api.ask("POST", "/mailboxes", json=given)
            assert answer.status_code == 422, (name, answer.text)
            assert words in answer.json()["detail"], name
            assert person.password not in answer.text
        assert product.api.ask("GET", "/mailboxes/discover", params={"address": "ana@found.example"}).is_error
        assert product.api.get("/mailboxes")["data"] == []
        assert proxy.lines == []


def test_a_server_of_pop3_is_refused(
    product: Processes, dovecot: Dovecot, certificates: Authority, tmp_path: Path
) -> None:
    """Line 29."""
    person, greeting = dovecot.person(), (b"* OK ", b"+OK POP3 ")
    with SpoilingServer(dovecot.imap, certificates.certificate().context(tmp_path), *greeting) as server:
        answer = product.api.ask("POST", "/mailboxes", json=wish(person, server.port))
    assert answer.status_code == 422, answer.text
    assert (person.logins(), person.refusals()) == (0, 0)


def test_who_reads_personal_and_shared_mailboxes(product: Processes, dovecot: Dovecot) -> None:
    """Line 30: rights over the API, on the mail itself."""
    rita, carl = product.user("rita@acme.example"), product.user("carl@acme.example", shared_mail=True)
    own, common = dovecot.person(), dovecot.person()
    own.append("INBOX", [mail(1, subject="Private", id="<private@x>")])
    common.append("INBOX", [mail(2, subject="Shared", id="<shared@x>")])
    assert rita.ask("POST", "/mailboxes", json=wish(common) | {"kind": "shared"}).status_code == 403
    personal, shared = product.connect(own, api=rita), product.connect(common, kind="shared")
    for id in (personal, shared):
        product.wait_for(id, "ready")
    everybody = (rita, carl, product.api)

    def readers(id: str) -> list[list[str]]:
        return [subjects(api, id) for api in everybody]

    assert readers(personal) == [["Private 1"], [], []]
    assert readers(shared) == [[], ["Shared 2"], ["Shared 2"]]
    assert [api.ask("GET", f"/mailboxes/{personal}").status_code for api in everybody] == [200, 404, 200]
    assert [api.ask("GET", f"/mailboxes/{shared}").status_code for api in everybody] == [404, 200, 200]
    assert rita.ask("PATCH", f"/mailboxes/{personal}", json={"share_with_admins": True}).status_code == 200
    assert readers(personal) == [["Private 1"], [], ["Private 1"]]
    assert carl.ask("PATCH", f"/mailboxes/{personal}", json={"kind": "shared"}).status_code == 404
    assert product.api.ask("PATCH", f"/mailboxes/{personal}", json={"kind": "shared"}).status_code == 200
    assert readers(personal) == [[], ["Private 1"], ["Private 1"]]


def credential(product: Processes, id: str) -> bytes | None:
    with schema.transaction(product.place, reading=True) as tx:
        query = text("SELECT credential FROM mailboxes WHERE id = :id")
        found = tx.execute(query, {"id": id}).scalar_one()
    return None if found is None else bytes(found)


def holding(product: Processes, octets: bytes) -> list[str]:
    """The files of the store in which they stand."""
    files = [path for path in Path(product.place).parent.rglob("*") if path.is_file()]
    return [path.name for path in files if octets in path.read_bytes()]


@pytest.mark.parametrize("emails", ["keep", "delete"])
def test_a_mailbox_that_is_disconnected_leaves_no_credential_and_its_mail_or_none(
    product: Processes, dovecot: Dovecot, somebody_else: Person, emails: str
) -> None:
    """Line 30: also while a poller waits for its news; connected again, nothing is there twice."""
    person = dovecot.person()
    person.append("INBOX", [mail(n, subject=emails, id=f"<{emails}{n}@x>") for n in range(3)])
    id = product.connect(person)
    product.wait_for(id, "ready")
    sealed = credential(product, id)
    assert sealed is not None
    assert holding(product, sealed)
    other = credential(product, product.connect(somebody_else))
    assert product.api.ask("DELETE", f"/mailboxes/{id}", params={"emails": emails}).status_code == 204
    assert credential(product, id) is None
    assert holding(product, sealed) == []
    assert other is not None
    assert holding(product, other)
    assert product.mailbox(id)["state"] == "disconnected"
    names = [f"{emails} {n}" for n in range(3)]
    assert subjects(product.api, id) == (names if emails == "keep" else [])
    log_ins = person.logins()
    assert product.api.ask("POST", f"/mailboxes/{id}/sync").status_code == 409
    assert product.connect(person) == id
    product.wait_for(id, "ready")
    assert subjects(product.api, id) == names
    assert person.logins() > log_ins
    assert person.uids("INBOX") == [1, 2, 3]


@pytest.fixture
def somebody_else(dovecot: Dovecot) -> Person:
    """Somebody else, whose mailbox stays."""
    return dovecot.person()
