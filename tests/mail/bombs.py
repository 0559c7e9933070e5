"""Mails too large or too repetitive to keep as files: each stands just beyond a limit, or just within it (B3, B4b)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.mail.sample import Twin

_LEAD = "acme+lead@mail.kommo.com"
_CONTACT = "acme+contact@mail.kommo.com"
_BODY = b"Please call me back about the boats.\r\n"
_MADE = {"contacts": ["carol@example.net"], "lead": "Boats"}
_FILED: dict[str, Any] = {"verdict": "file", "code": 250, "enhanced": "2.6.0", "rule": "B11"}
_ODD_FILED = _FILED | {"action": "lead", "direction": "incoming", "primary": "carol@example.net"}
_LEAD_FILED = _ODD_FILED | {"creates": _MADE}
_ANY: dict[str, Any] = {}
_BOMB: dict[str, Any] = {"verdict": "refuse", "code": 554, "enhanced": "5.6.0", "rule": "B4b"}
_LOOP: dict[str, Any] = {"verdict": "refuse", "code": 554, "enhanced": "5.4.6", "rule": "B3"}


def bombs() -> dict[str, tuple[bytes, Twin]]:
    """Name → the bytes of a mail and what a file of the corpus would have beside it."""
    return _header_bombs() | _address_bombs() | _body_bombs()


def _header_bombs() -> dict[str, tuple[bytes, Twin]]:
    many_words = " ".join(["=?utf-8?B?" + "Qm9hdHMg" * 7 + "?="] * 300)
    return {
        "bomb-header-300-kib": _mail(
            "A header section of 300 KiB in many small fields is refused before anything parses it.",
            _BOMB,
            extra=[f"X-Pad-{n}: {'p' * 980}" for n in range(308)],
        ),
        "bomb-header-one-line-1-mb": _mail(
            "One header line of a megabyte must meet the byte limit and not the memory of a line reader.",
            _BOMB,
            extra=["X-Pad: " + "p" * 1_000_000],
        ),
        "bomb-header-folded-1-mb": _mail(
            "A single field folded over a megabyte of short lines is one header but far too many bytes.",
            _BOMB,
            extra=["X-Pad: start" + "\r\n " * 1_000 + ("\r\n " + "p" * 990) * 300],
        ),
        "bomb-header-1001-lines": _mail(
            "One line more than the thousand header lines allowed is refused however short the lines are.",
            _BOMB,
            extra=[f"X-{n}: 1" for n in range(1_001 - _OWN_LINES)],
        ),
        "edge-header-1000-lines": _mail(
            "A thousand header lines exactly are within the limit and the mail is filed.",
            _LEAD_FILED,
            extra=[f"X-{n}: 1" for n in range(1_000 - _OWN_LINES)],
        ),
        "loop-51-received": _mail(
            "Fifty-one Received fields mean the mail runs in a circle and is stopped.",
            _LOOP,
            extra=_received(51),
        ),
        "edge-50-received": _mail(
            "Fifty Received fields are a long way but no loop yet and the mail is filed.",
            _LEAD_FILED,
            extra=_received(50),
        ),
        "loop-before-two-authors": _mail(
            "A looping mail that also has two From fields is refused for the loop, which is asked first.",
            _LOOP,
            extra=[*_received(51), "From: Eve <eve@other.example>"],
        ),
        "bomb-100000-parameters": _mail(
            "A Content-Type with a hundred thousand parameters breaks the limit of the header section.",
            _BOMB,
            extra=["Content-Type: text/plain" + "".join(f";\r\n a{n}=b" for n in range(100_000))],
        ),
        "odd-20000-parameters": _mail(
            "A Content-Type with twenty thousand parameters on one line fits the limits and must be read in no time.",
            _LEAD_FILED,
            extra=["Content-Type: text/plain" + "".join(f"; a{n}=b" for n in range(20_000))],
        ),
        "odd-5000-filename-continuations": _mail(
            "A file name cut into five thousand continuations, the last one first, invites a quadratic join.",
            _LEAD_FILED,
            extra=["Content-Disposition: attachment" + "".join(f"; filename*{n}=x" for n in range(4_999, -1, -1))],
        ),
        "odd-long-encoded-word": _mail(
            "An encoded word of sixty thousand characters in the subject breaks RFC 2047 but no limit of ours.",
            _ODD_FILED | {"creates": {"contacts": ["carol@example.net"]}},
            subject="=?utf-8?B?" + "Qm9hdHMg" * 7_500 + "?=",
        ),
        "odd-300-adjacent-encoded-words": _mail(
            "Three hundred encoded words in one subject are one text without the spaces between the words.",
            _LEAD_FILED
            | {"base_subject": ("Boats " * 7 * 300).strip(), "creates": {"contacts": ["carol@example.net"]}},
            subject=many_words,
        ),
        "odd-5000-reply-marks": _mail(
            "Five thousand reply marks before one word must be stripped without recursion.",
            _LEAD_FILED | {"base_subject": "Boats"},
            subject="Re: " * 5_000 + "Boats",
        ),
    }


def _address_bombs() -> dict[str, tuple[bytes, Twin]]:
    crowd = [f"c{n:03}@example.net" for n in range(600)]
    first_twenty = ["carol@example.net", *crowd[:19]]
    return {
        "bomb-501-addresses": _mail(
            "More than five hundred addresses in one mail are a mailing and no conversation.",
            _BOMB,
            to=",\r\n ".join(crowd[:501]),
        ),
        "edge-500-addresses": _mail(
            "Five hundred addresses exactly, From and Cc included, are filed and twenty of them become contacts.",
            _FILED | {"creates": {"contacts": first_twenty, "lead": "Boats"}},
            to=",\r\n ".join(crowd[:498]),
        ),
        "edge-300-names-with-commas": _mail(
            'Three hundred people named "Last, First" are six hundred commas but only three hundred addresses.',
            _LEAD_FILED | {"creates": {"contacts": first_twenty}},
            to=",\r\n ".join(f'"Client, No. {n}" <{address}>' for n, address in enumerate(crowd[:300])),
        ),
        "edge-300-names-that-are-addresses": _mail(
            "Three hundred people shown under their own address are six hundred at-signs but three hundred addresses.",
            _LEAD_FILED | {"creates": {"contacts": first_twenty}},
            to=",\r\n ".join(f'"{address}" <{address}>' for address in crowd[:300]),
        ),
        "many-clients-25-to-contact": _mail(
            "Of twenty-five unknown clients the first twenty become contacts, author first, then To in order.",
            _FILED | {"action": "contact", "creates": {"contacts": first_twenty, "lead": None}},
            to=", ".join(crowd[:24]),
            smart=_CONTACT,
        ),
        "many-clients-same-address-400-times": _mail(
            "One address written four hundred times in To is one person and one participant.",
            _LEAD_FILED
            | {
                "participants": [
                    ["from", "carol@example.net", "Carol Jones", "client"],
                    ["to", "bob@bluefin.example", "", "client"],
                    ["cc", _LEAD, "", "smart"],
                ]
            },
            to=",\r\n ".join(["bob@bluefin.example"] * 400),
        ),
        "odd-comments-10000-deep": _mail(
            "Ten thousand nested comments before an address in To must not exhaust any stack.",
            _ODD_FILED | {"creates": {"lead": "Boats"}},
            to="(" * 10_000 + ")" * 10_000 + " dimas@acme.example",
        ),
        "odd-comments-10000-opened": _mail(
            "Ten thousand comments that open and never close leave To unread and the rest of the mail sound.",
            _LEAD_FILED,
            to="(" * 10_000 + " c001@example.net",
        ),
        "odd-10000-groups-opened": _mail(
            "Groups cannot nest, so ten thousand opened ones hold nobody and must not be followed downwards.",
            _ANY,
            to="g:" * 10_000 + ";",
        ),
        "odd-10000-commas": _mail(
            "A To of ten thousand commas is an address list with nobody in it.",
            _ANY,
            to="," * 10_000,
        ),
        "odd-backslashes-in-quotes": _mail(
            "Thirty thousand quoted pairs in one display name are slow for a pattern that tries every split.",
            _LEAD_FILED,
            to='"' + "\\a" * 30_000 + '" <dimas@acme.example>',
        ),
        "odd-quote-opened-100000": _mail(
            "A quoted string of a hundred thousand characters that never closes swallows the addresses behind it.",
            _ANY,
            to='"' + "x, " * 33_000 + "<c001@example.net>",
        ),
        "odd-local-part-50000": _mail(
            "A local part of fifty thousand characters can be no mailbox and must not hurt the mail's other people.",
            _ODD_FILED,
            to="x" * 50_000 + "@example.net, dimas@acme.example",
        ),
        "odd-route-10000": _mail(
            "A source route of ten thousand hops before an address is obsolete and must cost nothing.",
            _ANY,
            to="<" + ",".join(["@a.example"] * 10_000) + ":dimas@acme.example>",
        ),
        "odd-idn-labels-2000": _mail(
            "Two thousand non-ASCII labels in one domain make slow work for an IDNA encoder without a limit.",
            _ODD_FILED,
            to="x@" + "bücher." * 2_000 + "example, dimas@acme.example",
        ),
    }


def _body_bombs() -> dict[str, tuple[bytes, Twin]]:
    return {
        "odd-depth-50": _nested(50, "Fifty levels of multipart are as deep as mail may go and are filed."),
        "odd-depth-51": _nested(
            51, "At the fifty-first level reading stops, but the header is sound and the mail is kept."
        ),
        "odd-depth-1000": _nested(
            1_000, "A thousand levels of multipart must not recurse and what is unread stays attached."
        ),
        "odd-1001-parts": _flat(1_001, "One part more than a thousand is filed with the unread rest kept as it came."),
        "odd-100000-parts": _flat(
            100_000, "A hundred thousand tiny parts in under four megabytes must not become as many objects."
        ),
        "odd-rfc822-depth-200": _mail(
            "Two hundred messages forwarded one inside the other nest without any multipart.",
            _LEAD_FILED,
            extra=["Content-Type: message/rfc822"],
            body=b"Content-Type: message/rfc822\r\n\r\n" * 200 + _BODY,
        ),
        "odd-part-with-100000-parameters": _mail(
            "A hundred thousand parameters in a part's header do not make the header of the mail unsound.",
            _LEAD_FILED,
            extra=['Content-Type: multipart/mixed; boundary="b"'],
            body=b"--b\r\nContent-Type: text/plain"
            + b"".join(b"; a%d=b" % n for n in range(100_000))
            + b"\r\n\r\n"
            + _BODY
            + b"--b--\r\n",
        ),
        "odd-body-line-1-mb": _mail(
            "A body that is one line of a megabyte breaks RFC 5322 and is filed all the same.",
            _LEAD_FILED,
            body=b"x" * 1_000_000 + b"\r\n",
        ),
        "odd-body-of-boundary-prefixes": _mail(
            "Half a megabyte of lines that almost are the boundary makes a careless boundary search crawl.",
            _LEAD_FILED,
            extra=['Content-Type: multipart/mixed; boundary="' + "-" * 60 + '"'],
            body=b"\r\n".join([b"-" * 61] * 8_000) + b"\r\n",
        ),
        "odd-html-10000-deep": _mail(
            "Ten thousand nested elements in an HTML body must exhaust no stack when text is made of them.",
            _LEAD_FILED,
            extra=["Content-Type: text/html; charset=utf-8"],
            body=b"<div>" * 10_000 + b"boats" + b"</div>" * 10_000 + b"\r\n",
        ),
    }


_OWN_LINES = 7
"""Header lines of a mail of `_mail` before anything extra."""


def _mail(
    story: str,
    expect: dict[str, Any],
    *,
    to: str = "Dimas Putra <dimas@acme.example>",
    smart: str = _LEAD,
    subject: str = "Boats",
    extra: Iterable[str] = (),
    body: bytes = _BODY,
) -> tuple[bytes, Twin]:
    """Carol, whom nobody knows, writes to the team with a smart address in Cc; the arguments say what is odd."""
    lines = [
        "From: Carol Jones <carol@example.net>",
        f"To: {to}",
        f"Cc: {smart}",
        f"Subject: {subject}",
        "Date: Tue, 14 Jan 2025 09:30:00 +0100",
        f"Message-ID: <bomb-{len(story)}-{len(to)}-{len(body)}@example.net>",
        "MIME-Version: 1.0",
    ]
    header = "\r\n".join([*lines, *extra]).encode() + b"\r\n\r\n"
    return header + body, {"story": story, "rcpt": [smart], "sender": "carol@example.net", "expect": expect}


def _received(count: int) -> list[str]:
    return [
        f"Received: from h{n}.example by h{n + 1}.example with ESMTP id {n}; Tue, 14 Jan 2025 09:30:00 +0100"
        for n in range(count)
    ]


def _nested(depth: int, story: str) -> tuple[bytes, Twin]:
    """A text under `depth` levels of multipart, the mail itself being the first."""
    opened = b"".join(
        b'--b%d\r\nContent-Type: multipart/mixed; boundary="b%d"\r\n\r\n' % (n, n + 1) for n in range(depth - 1)
    )
    text = b"--b%d\r\nContent-Type: text/plain\r\n\r\n" % (depth - 1) + _BODY
    closed = b"".join(b"--b%d--\r\n" % n for n in reversed(range(depth)))
    body = opened + text + closed
    return _mail(story, _LEAD_FILED, extra=['Content-Type: multipart/mixed; boundary="b0"'], body=body)


def _flat(count: int, story: str) -> tuple[bytes, Twin]:
    body = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * count + b"--b--\r\n"
    return _mail(story, _LEAD_FILED, extra=['Content-Type: multipart/mixed; boundary="b"'], body=body)
