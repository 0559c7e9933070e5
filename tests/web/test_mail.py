"""What was filed comes back over the API: messages, their text, bytes and files, threads and receipts."""

from __future__ import annotations

import threading
from email import message_from_bytes
from struct import pack
from typing import Any

import pytest

from gateway.core.body import Content, content
from gateway.store.blobs import BlobError, BlobStore
from gateway.usecases import show_mail
from tests.web.site import CLIENT, Site, letter

SMART = "acme+lead@mail.kommo.com"


async def one(site: Site, path: str, **params: str) -> dict[str, object]:
    answer = await site.api.get(f"/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert len(data) == 1
    row: dict[str, object] = data[0]
    return row


async def test_a_filed_mail_stands_on_its_contact_lead_and_thread(site: Site) -> None:
    assert (await site.hand(letter("Offer for the machine"))).startswith("250")
    message, contact = await one(site, "messages"), await one(site, "contacts")
    lead, thread = await one(site, "leads"), await one(site, "threads")
    assert contact["emails"] == ["bob@bluefin.example"]
    assert (contact["name"], contact["first_name"], contact["last_name"]) == ("Bob Miller", "Bob", "Miller")
    assert contact["leads"] == [lead["id"]]
    assert (lead["name"], lead["status"], lead["price"]) == ("Offer for the machine", "open", 0)
    assert (lead["contacts"], lead["main_contact"]) == ([contact["id"]], contact["id"])
    assert (thread["client"], thread["subject"], thread["count"]) == ("bob@bluefin.example", "Offer for the machine", 1)
    assert (message["contacts"], message["leads"], message["customers"]) == ([contact["id"]], [lead["id"]], [])
    assert (message["thread"], message["mailbox"], message["locked"]) == (thread["id"], None, False)
    assert message["direction"] == "outgoing"
    assert message["from"] == {"address": "ana@acme.example", "name": "Ana Putri"}
    assert message["to"] == [{"address": "bob@bluefin.example", "name": "Bob Miller"}]
    assert message["cc"] == [{"address": SMART, "name": ""}]
    assert message["date"] == "2026-11-23T02:42:17.000Z"
    assert message["snippet"] == "Hello Bob"
    assert message["auth"] == {"spf": "none", "dkim": "none", "dmarc": "none", "arc": "none"}
    assert [(source["road"], source["folder"], source["thread"]) for source in message["sources"]] == [  # type: ignore[attr-defined]
        ("smtp", "sent", thread["id"])
    ]
    assert "text" not in message


async def test_one_message_comes_with_its_text_and_clean_html(site: Site) -> None:
    mail = letter().replace(b"text/plain", b"text/html").replace(b"Hello Bob", b"<b>Hello</b><script>alert(1)</script>")
    await site.hand(mail)
    listed = await one(site, "messages")
    shown = (await site.api.get(f"/v1/messages/{listed['id']}")).json()
    assert shown["html"] == "<b>Hello</b>\n"
    assert shown["text"].strip() == "Hello"
    assert {name: value for name, value in shown.items() if name in listed} == listed
    assert set(shown) - set(listed) == {
        "text",
        "html",
        "reply_text",
        "blocks",
        "calendar",
        "protected",
        "remote_images",
    }
    assert shown["remote_images"] is False


async def test_one_message_tells_what_is_new_in_its_text(site: Site) -> None:
    quote = "On Tue, 14 Jan 2025 at 09:50, Bob <bob@bluefin.example> wrote:\n> Boats?\n"
    await site.hand(letter("Re: Boats", text=f"Two, please.\n\n{quote}"))
    listed = await one(site, "messages")
    shown = (await site.api.get(f"/v1/messages/{listed['id']}")).json()
    assert listed["snippet"] == shown["reply_text"] == "Two, please."
    assert shown["blocks"] == [{"kind": "new", "text": "Two, please.\n\n"}, {"kind": "quote", "text": quote}]
    assert (shown["calendar"], shown["protected"]) == ([], None)


async def test_one_message_tells_its_invitation_and_how_it_is_protected(site: Site) -> None:
    event = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Boats\r\nDTSTART:20250120T090000Z\r\n"
    who = b"ORGANIZER;CN=Eve:mailto:eve@evil.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    files = [("boats.ics", "application/ics", event + who), ("smime.p7s", "application/pkcs7-signature", b"0")]
    await site.hand(letter(files=files))
    listed = await one(site, "messages")
    shown = (await site.api.get(f"/v1/messages/{listed['id']}")).json()
    invitation = shown["calendar"][0]
    assert (invitation["method"], invitation["summary"]) == ("REQUEST", "Boats")
    assert (invitation["start"], invitation["end"], invitation["zone"]) == ("2025-01-20T09:00:00Z", "", "")
    assert invitation["organizer"] == {"address": "eve@evil.example", "name": "Eve", "answer": ""}
    assert shown["protected"] == "smime-signed"
    assert len(shown["contacts"]) == 1, "whoever stands in an invitation is no participant (C1)"


async def test_a_file_inside_of_winmail_dat_is_listed_and_handed_over(site: Site) -> None:
    inner = [(0x69002, b"\1"), (0x18010, b"offer.txt\0"), (0x6800F, b"2 boats")]
    stream = pack("<IH", 0x223E9F78, 1) + b"".join(pack("<BII", 2, tag, len(d)) + d + b"\0\0" for tag, d in inner)
    await site.hand(letter(files=[("winmail.dat", "application/ms-tnef", stream)]))
    listed = await one(site, "messages")
    assert [(file["n"], file["filename"], file["size"]) for file in listed["attachments"]] == [  # type: ignore[attr-defined]
        (1, "winmail.dat", len(stream)),
        (2, "offer.txt", 7),
    ]
    assert (await site.api.get(f"/v1/messages/{listed['id']}/attachments/1")).content == stream
    assert (await site.api.get(f"/v1/messages/{listed['id']}/attachments/2")).content == b"2 boats"


async def test_a_picture_of_the_html_is_told_apart_from_a_file(site: Site) -> None:
    picture = b"Content-Type: image/png\r\nContent-ID: <i@x>\r\n\r\npng\r\n--b--\r\n"
    body = (
        b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>Hi</b>\r\n--b\r\n"
    )
    header = letter().partition(b"\r\n\r\n")[0].partition(b"\r\nContent-Type")[0]
    await site.hand(header + b"\r\n" + body + picture)
    listed = (await site.api.get("/v1/messages")).json()["data"][0]["attachments"]
    assert [(file["content_id"], file["inline"], file["filename"]) for file in listed] == [("i@x", True, "part-1.png")]


async def test_html_shows_its_own_pictures_and_those_of_others_when_they_are_wanted(site: Site) -> None:
    logo = ("logo.png", "image/png", b"png")
    page = "<img src='cid:logo@x'><img src='https://shop.example/1.png'>"
    mail = letter(text=page, files=[logo]).replace(b"text/plain", b"text/html", 1)
    await site.hand(
        mail.replace(b"Content-Disposition: attachment", b"Content-ID: <logo@x>\r\nContent-Disposition: inline")
    )
    id = (await one(site, "messages"))["id"]
    blocked = (await site.api.get(f"/v1/messages/{id}")).json()
    shown = (await site.api.get(f"/v1/messages/{id}?images=show")).json()
    own = f'<img src="/v1/messages/{id}/attachments/1">'
    assert blocked["html"] == f'{own}<img data-blocked-src="https://shop.example/1.png">\n'
    assert shown["html"] == f'{own}<img src="https://shop.example/1.png">\n'
    assert blocked["remote_images"] is shown["remote_images"] is True
    assert (await site.api.get(f"/v1/messages/{id}/attachments/1")).content == b"png"
    wrong = await site.api.get(f"/v1/messages/{id}?images=all")
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/images")


async def test_only_a_short_mail_is_read_while_everybody_waits(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[bool] = []

    def read(*given: Any, **limits: Any) -> Content:
        waiting.append(threading.current_thread() is threading.main_thread())
        return content(*given, **limits)

    monkeypatch.setattr(show_mail, "content", read)
    await site.hand(letter("Short"))
    await site.hand(letter("Long", text="Hello Bob " * 2_000))
    for row in (await site.api.get("/v1/messages")).json()["data"]:
        assert (await site.api.get(f"/v1/messages/{row['id']}")).json()["text"].startswith("Hello Bob")
    assert waiting == [False, True]


async def test_the_raw_bytes_come_back_after_our_trace_fields(site: Site) -> None:
    mail = letter()
    await site.hand(mail)
    answer = await site.api.get(f"/v1/messages/{(await one(site, 'messages'))['id']}/raw")
    assert answer.headers["content-type"] == "message/rfc822"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.content.endswith(mail)
    assert answer.content.startswith(b"Received: ")
    assert message_from_bytes(answer.content)["Subject"] == "Offer"


async def test_a_large_mail_is_handed_over_in_pieces(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    mail = letter(text="large words\n" * 200_000)
    await site.hand(mail)
    monkeypatch.setattr(BlobStore, "load", _away)
    answer = await site.api.get(f"/v1/messages/{(await one(site, 'messages'))['id']}/raw")
    assert answer.status_code == 200
    assert answer.content.endswith(mail)


@pytest.mark.parametrize(
    ("fault", "status"),
    [(BlobError("can't be reached"), 503), (FileNotFoundError(2, "no such object"), 404)],
    ids=["away", "lost"],
)
async def test_a_large_mail_that_cannot_be_opened_is_no_fault_of_ours(
    site: Site, monkeypatch: pytest.MonkeyPatch, fault: OSError, status: int
) -> None:
    await site.hand(letter(text="large words\n" * 200_000, files=[("a.txt", "text/plain", b"x")]))
    message = (await one(site, "messages"))["id"]

    def fail(*_: object) -> bytes:
        raise fault

    for how in ("load", "pieces"):
        monkeypatch.setattr(BlobStore, how, fail)
    browser = await site.console()
    paths = [f"/v1/messages/{message}{end}" for end in ("", "/raw", "/attachments/1")]
    answers = [await site.api.get(path) for path in paths] + [await browser.get(f"/mail/{message}/raw")]
    for answer in answers:
        assert (answer.status_code, answer.headers.get("retry-after")) == (status, "5" if status == 503 else None)


def _away(*_: object) -> bytes:
    raise BlobError("nothing is loaded as a whole")


FILES = {
    # type as sent       the type it is handed over with
    "application/pdf": "application/pdf",
    "image/png": "image/png",
    "text/html": "application/octet-stream",
    "image/svg+xml": "application/octet-stream",
    "application/xhtml+xml": "application/octet-stream",
    "text/xml": "application/octet-stream",
    "text/javascript": "application/octet-stream",
}


@pytest.mark.parametrize(("kind", "given"), FILES.items(), ids=FILES)
async def test_an_attachment_comes_back_whole_and_harmless(site: Site, kind: str, given: str) -> None:
    data = bytes(range(256)) * 9
    await site.hand(letter(files=[("käse.bin", kind, data)]))
    message = await one(site, "messages")
    assert [(file["n"], file["size"], file["available"]) for file in message["attachments"]] == [(1, len(data), True)]  # type: ignore[attr-defined]
    answer = await site.api.get(f"/v1/messages/{message['id']}/attachments/1")
    assert answer.content == data
    assert answer.headers["content-type"] == given
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''k%C3%A4se.bin")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert (await site.api.get(f"/v1/messages/{message['id']}/attachments/2")).status_code == 404


async def test_messages_are_found_by_card_thread_mailbox_folder_and_words(site: Site) -> None:
    await site.hand(letter("Grinders", text="two of them"))
    await site.hand(
        letter("Re: Beans", author=CLIENT, to="ana@acme.example", text="arabica"), sender="bob@bluefin.example"
    )
    page = (await site.api.get("/v1/messages")).json()["data"]
    incoming, outgoing = page
    contact = (await one(site, "contacts"))["id"]
    found = {
        "folder=inbox": [incoming],
        "folder=sent": [outgoing],
        "mailbox=smart": [incoming, outgoing],
        "mailbox=none": [],
        f"contact={contact}": [incoming, outgoing],
        f"lead={outgoing['leads'][0]}&contact={contact}": [row for row in page if outgoing["leads"][0] in row["leads"]],
        f"thread={incoming['thread']}": [incoming],
        "q=arabica": [incoming],
        "q=GRINDERS": [outgoing],
        "q=bluefin": [incoming, outgoing],
        "q=%25": [],
        "folder=held": [],
        "folder=deleted": [],
        "contact=none": [],
    }
    for query, rows in found.items():
        assert (await site.api.get(f"/v1/messages?{query}")).json()["data"] == rows, query
    card = (await site.api.get(f"/v1/contacts/{contact}/messages")).json()
    assert card == {"data": [incoming, outgoing], "next": None}


async def test_a_refused_mail_leaves_a_receipt_that_says_why(site: Site) -> None:
    reply = await site.hand(letter(cc=""))
    receipt = await one(site, "receipts", verdict="refuse")
    assert receipt["reply"] == reply
    assert reply.startswith("550 5.7.1 acme+lead@mail.kommo.com works only as a visible Cc")
    assert reply.endswith(f"http://crm.example/why/{receipt['id']}")
    assert (receipt["sender"], receipt["recipients"]) == ("ana@acme.example", [SMART])
    assert (receipt["peer"], receipt["helo"], receipt["message"]) == ("192.0.2.7", "mx.acme.example", None)
    assert receipt["decision"]["rule"] == "B1"  # type: ignore[index]
    assert (await site.api.get(f"/v1/receipts/{receipt['id']}")).json() == receipt
    assert (await site.api.get("/v1/messages")).json()["data"] == []


async def test_receipts_are_found_by_verdict_message_id_and_sender(site: Site) -> None:
    await site.hand(letter("One", id="<one@acme.example>"))
    await site.hand(letter("Two", cc="", id="<two@acme.example>"), sender="Priya@acme.example")
    refused, filed = (await site.api.get("/v1/receipts")).json()["data"]
    found = {
        "verdict=file": [filed],
        "verdict=refuse": [refused],
        "verdict=hold": [],
        "message_id=one@acme.example": [filed],
        "message_id=<one@acme.example>": [filed],
        "message_id=two@acme.example": [refused],
        "sender=priya@ACME.example": [refused],
    }
    for query, rows in found.items():
        assert (await site.api.get(f"/v1/receipts?{query}")).json()["data"] == rows, query


async def test_explain_gives_the_decision_and_stores_nothing(site: Site) -> None:
    answer = await site.api.post("/v1/explain", params={"rcpt": SMART}, content=letter())
    assert answer.status_code == 200
    assert (answer.json()["verdict"], answer.json()["rule"]) == ("file", "B11")
    hidden = await site.api.post("/v1/explain", params={"rcpt": SMART}, content=letter(cc=""))
    assert (hidden.status_code, hidden.json()["rule"]) == (200, "B1")
    for resource in ("messages", "contacts", "leads", "receipts", "events"):
        assert (await site.api.get(f"/v1/{resource}")).json()["data"] == []


async def test_explain_says_nothing_about_another_account(site: Site) -> None:
    mail = letter(cc="other@mail.kommo.com")
    answer = await site.api.post("/v1/explain", params={"rcpt": "other@mail.kommo.com"}, content=mail)
    assert answer.status_code == 404
    assert "creates" not in answer.text


OPERATORS = {
    "postmaster": ["postmaster@mail.kommo.com"],
    "abuse in brackets": ["<ABUSE@in.example>"],
    "postmaster without a domain": ["postmaster"],
    "ours after theirs": ["postmaster@mail.kommo.com", SMART],
    "theirs after a wrong one": ["acme+x@mail.kommo.com", "postmaster@mail.kommo.com"],
}


@pytest.mark.parametrize("rcpt", OPERATORS.values(), ids=OPERATORS)
async def test_explain_says_nothing_about_the_operators_mail(site: Site, rcpt: list[str]) -> None:
    mail = letter(cc="")
    assert (await site.hand(mail, "postmaster@mail.kommo.com")).startswith("250")
    answer = await site.api.post("/v1/explain", params={"rcpt": rcpt}, content=mail)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (404, "#/rcpt")
    assert "duplicate" not in answer.text


NOBODYS = {
    # story                     rcpt                          the rule that refuses it
    "another domain": ("acme@elsewhere.example", "A1"),
    "no such account": ("nobody@mail.kommo.com", "A2"),
    "no such ending": ("nobody+x@mail.kommo.com", "A3"),
    "an ending of ours": ("acme+x@mail.kommo.com", "A3"),
}


@pytest.mark.parametrize(("rcpt", "rule"), NOBODYS.values(), ids=NOBODYS)
async def test_explain_tells_why_an_address_is_refused(site: Site, rcpt: str, rule: str) -> None:
    answer = await site.api.post("/v1/explain", params={"rcpt": rcpt}, content=letter())
    assert (answer.status_code, answer.json()["verdict"], answer.json()["rule"]) == (200, "refuse", rule)


async def test_explain_takes_mail_only(site: Site) -> None:
    form = await site.api.post("/v1/explain", params={"rcpt": SMART}, json={})
    assert form.status_code == 415


async def test_events_tell_what_happened_oldest_first(site: Site) -> None:
    await site.hand(letter())
    await site.hand(letter("Two", cc=""))
    events = (await site.api.get("/v1/events")).json()["data"]
    told = ["contact.created", "lead.created", "message.filed", "message.refused"]
    assert [event["type"] for event in events] == told
    assert [event["id"] for event in events] == sorted(event["id"] for event in events)
    only = (await site.api.get("/v1/events?type=lead.created")).json()["data"]
    assert [event["subject"] for event in only] == [(await one(site, "leads"))["id"]]


async def test_who_has_read_all_events_goes_on_from_the_last_ones_id(site: Site) -> None:
    await site.hand(letter())
    read = (await site.api.get("/v1/events")).json()
    await site.hand(letter(subject="Another"))

    more = (await site.api.get("/v1/events", params={"after": read["data"][-1]["id"]})).json()["data"]

    assert read["next"] is None
    assert more
    assert {event["id"] for event in more}.isdisjoint(event["id"] for event in read["data"])
