"""Signed and encrypted mail: its parts stay whole, its text says what it is, and ciphertext is never the text."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.body import attachment, content, outline
from gateway.core.header import read_header
from gateway.core.protection import SENTENCES, without_armour
from tests.core.test_mime import TEXT, multipart

LIMITS: dict[str, Any] = {"max_parts": 9, "max_depth": 5}
CIPHER = b"-----BEGIN PGP MESSAGE-----\n\nhQEMA0000000\n=abcd\n-----END PGP MESSAGE-----"
PGP_SIGNATURE = b"Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n-----BEGIN PGP SIGNATURE-----"
SMIME_SIGNATURE = b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nMIAG"
VERSION = b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1"
CLOSED = b"Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n" + CIPHER
SIGNED_DATA = bytes.fromhex("3080 0609 2a864886f70d010702 a080")
CLEAR = (
    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\n- -- \nCarol\n"
    "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
)


def pkcs7(parameters: str, data: bytes = b"0", kind: str = "application/pkcs7-mime") -> bytes:
    return f"Content-Type: {kind}{parameters}\r\n\r\n".encode() + data


MAILS = {
    # story: message, what protects it, its text, its files
    "S/MIME, encrypted": (pkcs7("; smime-type=enveloped-data; name=smime.p7m"), "smime-encrypted", None, ["smime.p7m"]),
    "S/MIME by its old name": (pkcs7("", kind="application/x-pkcs7-mime"), "smime-encrypted", None, ["part-1"]),
    "S/MIME by nothing but the file's name": (
        pkcs7("; name=smime.p7m", kind="application/octet-stream"),
        "smime-encrypted",
        None,
        ["smime.p7m"],
    ),
    "S/MIME, wrapped in a signature": (
        pkcs7("; smime-type=Signed-Data; name=smime.p7m"),
        "smime-signed",
        None,
        ["smime.p7m"],
    ),
    "S/MIME, wrapped, and the type doesn't say": (pkcs7("", SIGNED_DATA), "smime-signed", None, ["part-1"]),
    "S/MIME, signed": (
        multipart(TEXT, SMIME_SIGNATURE, kind="signed"),
        "smime-signed",
        "Hello",
        ["smime.p7s"],
    ),
    "PGP, signed": (multipart(TEXT, PGP_SIGNATURE, kind="signed"), "pgp-signed", "Hello", ["signature.asc"]),
    "PGP, encrypted": (
        multipart(VERSION, CLOSED, kind="encrypted"),
        "pgp-encrypted",
        None,
        ["part-1", "encrypted.asc"],
    ),
    "PGP in the text": (b"\r\n" + CIPHER, "pgp-encrypted", None, []),
    "PGP in the text, cut off": (b"\r\n" + CIPHER[:40], "pgp-encrypted", None, []),
    "PGP in the HTML": (b"Content-Type: text/html\r\n\r\n<pre>\n" + CIPHER + b"</pre>", "pgp-encrypted", None, []),
    "PGP in text and HTML": (
        multipart(b"\r\n" + CIPHER, b"Content-Type: text/html\r\n\r\n<pre>\n" + CIPHER, kind="alternative"),
        "pgp-encrypted",
        None,
        [],
    ),
    "PGP, signed in the text": (b"\r\n" + CLEAR.encode(), "pgp-signed", "Hello\n-- \nCarol\n", []),
    "PGP, a key in the text": (b"\r\n-----BEGIN PGP PUBLIC KEY-----\n", None, "-----BEGIN PGP PUBLIC KEY-----\n", []),
    "nothing": (TEXT, None, "Hello", []),
    "a file that is none of it": (
        multipart(TEXT, pkcs7("; name=a.bin", kind="application/octet-stream")),
        None,
        "Hello",
        ["a.bin"],
    ),
}


@pytest.mark.parametrize(("message", "protected", "text", "files"), MAILS.values(), ids=MAILS)
def test_a_protected_mail_says_so(message: bytes, protected: str | None, text: str | None, files: list[str]) -> None:
    found = content(message, **LIMITS)
    sketch = outline(message, read_header(message), **LIMITS)

    assert found.protected == protected
    assert found.text == (SENTENCES[protected or ""] if text is None else text)
    assert [one.filename for one in sketch.attachments] == files
    assert "hQEMA" not in f"{found.text}{found.html}{sketch.snippet}"
    assert sketch.snippet == (
        found.text[:159].rstrip() + "…"
        if text is None and len(found.text) > 160
        else "Hello"
        if text and "Hello" in text
        else found.text.strip()
    )


def test_what_stands_beside_an_encrypted_part_is_shown_below_the_sentence() -> None:
    message = multipart(multipart(VERSION, CLOSED, kind="encrypted", boundary="i"), b"\r\n<the list>")
    assert content(message, **LIMITS).text == f"{SENTENCES['pgp-encrypted']}\n\n<the list>"


def test_a_protected_part_comes_back_byte_for_byte() -> None:
    found = attachment(multipart(VERSION, CLOSED, kind="encrypted"), 2, **LIMITS)
    assert found is not None
    assert found[1] == CIPHER


ARMOURED = {
    "no armour": ("Hello", "Hello", None),
    "words around it": (f"Hi\n{CIPHER.decode()}\nBye", "Hi\n\nBye", "pgp-encrypted"),
    "two of them": (f"{CIPHER.decode()}\n{CIPHER.decode()}\n", "\n\n", "pgp-encrypted"),
    "signed": (CLEAR, "Hello\n-- \nCarol\n", "pgp-signed"),
    "signed, with words below": (f"{CLEAR}PS", "Hello\n-- \nCarol\nPS", "pgp-signed"),
    "signed around what is encrypted": (
        f"-----BEGIN PGP SIGNED MESSAGE-----\n\n{CIPHER.decode()}\n",
        "\n",
        "pgp-encrypted",
    ),
    "named in a sentence": ("a -----BEGIN PGP MESSAGE-----", "a -----BEGIN PGP MESSAGE-----", None),
}


@pytest.mark.parametrize(("text", "without", "kind"), ARMOURED.values(), ids=ARMOURED)
def test_armour_is_taken_off(text: str, without: str, kind: str | None) -> None:
    assert without_armour(text) == (without, kind)


@pytest.mark.parametrize("what", ["MESSAGE", "SIGNED MESSAGE", "SIGNATURE"])
def test_a_megabyte_of_armour_is_taken_off(what: str) -> None:
    line = f"-----BEGIN PGP {what}-----\n"
    assert len(without_armour(line * (1_000_000 // len(line)))[0]) <= 1_000_000
