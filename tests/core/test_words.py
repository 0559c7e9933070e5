"""Encoded words: whatever a mailer wrote into a header, one clean line of text comes out."""

import base64
import codecs
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.charsets import safe_codec
from gateway.core.words import decode_phrase, decode_words, unfold


def word(text: str, charset: str = "utf-8") -> bytes:
    return b"=?" + charset.encode() + b"?B?" + base64.b64encode(text.encode(charset)) + b"?="


def is_clean(text: str) -> bool:
    unwanted = any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)
    turning = any(letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for letter in text)
    return not unwanted and not turning and text == " ".join(text.split())


TEXTS = {
    "plain": (b"Offer", "Offer"),
    "nothing": (b"", ""),
    "Q": (b"=?utf-8?Q?M=C3=BCller_GmbH?=", "Müller GmbH"),
    "B": (b"=?UTF-8?B?TcO8bGxlcg==?=", "Müller"),
    "small letters": (b"=?utf-8?q?M=c3=bcller?=", "Müller"),
    "text around": (b"Offer =?utf-8?Q?f=C3=BCr?= you", "Offer für you"),
    "no blank around": (b"Re:=?utf-8?Q?f=C3=BCr?=you", "Re:füryou"),
    "neighbours lose the blank between them": (b"=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"),
    "neighbours without a blank": (b"=?utf-8?Q?a?==?utf-8?Q?b?=", "ab"),
    "folded neighbours": (b"=?utf-8?Q?a?=\r\n\t =?utf-8?B?Yg==?=", "ab"),
    "a blank inside the word stays": (b"=?utf-8?Q?a_?= =?utf-8?Q?b?=", "a b"),
    "text between words keeps its blanks": (b"=?utf-8?Q?a?= - =?utf-8?Q?b?=", "a - b"),
    "blanks before the first and after the last word": (b" =?utf-8?Q?a?= ", "a"),
    "a character cut in two": (b"=?utf-8?Q?M=C3?= =?utf-8?Q?=BCller?=", "Müller"),
    "a character cut in two between B and Q": (b"=?utf-8?B?TcM=?= =?UTF-8?Q?=BCller?=", "Müller"),
    "neighbours of two charsets": (b"=?iso-8859-1?Q?=FC?= =?utf-8?Q?=C3=BC?=", "üü"),
    "language (RFC 2231)": (b"=?iso-8859-1*de?Q?M=FCller?=", "Müller"),
    "language changes inside a character": (b"=?utf-8*de?Q?M=C3?= =?utf-8*en?Q?=BCller?=", "Müller"),
    "raw blanks inside Q": (b"=?utf-8?Q?our new offer?=", "our new offer"),
    "raw question mark inside Q": (b"=?utf-8?Q?Why not? Why?=", "Why not? Why"),
    "Q text that begins with an equals sign": (b"=?utf-8?Q?=41?=", "A"),
    "bad Q escapes stay": (b"=?utf-8?Q?100=ZZ?=", "100=ZZ"),
    "empty word": (b"a =?utf-8?Q??= b", "a b"),
    "B without padding": (b"=?utf-8?B?TcO8bGxlcg?=", "Müller"),
    "B with foreign bytes": (b"=?utf-8?B?TcO8 b*Gx-lcg==?=", "Müller"),
    "B joined from padded pieces": (b"=?utf-8?B?YQ==Yg==?=", "ab"),
    "B with a letter too many": (b"=?utf-8?B?YWJjZ?=", "abc"),
    "B with one letter": (b"x=?utf-8?B?Y?=", "x"),
    "an unended word is text": (b"=?utf-8?Q?abc", "=?utf-8?Q?abc"),
    "a word of an unknown encoding is text": (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
    "an empty charset with a language": (b"=?*de?Q?M=FCller?=", "Müller"),
    "raw UTF-8": ("Müller €".encode(), "Müller €"),
    "raw windows-1252": (b"M\xfcller \x80 5", "Müller € 5"),
    "raw bytes that windows-1252 lacks": (b"M\xfcller \x81", "Müller \ufffd"),
    "raw UTF-8 beside a word": ("für =?utf-8?Q?a?=".encode(), "für a"),
    "ASCII that is not": (b"=?us-ascii?Q?M=C3=BCller?=", "Müller"),
    "broken UTF-8": (b"=?utf-8?Q?M=FCller?=", "M\ufffdller"),
    "latin-1 is meant as windows-1252": (b"=?iso-8859-1?Q?=80?=", "€"),
    "latin-9": (b"=?iso-8859-15?Q?=A4?=", "€"),
    "gb2312 is meant as gb18030": (word("镕", "gb18030").replace(b"gb18030", b"gb2312"), "镕"),
    "Japanese": (word("見積もり", "iso-2022-jp"), "見積もり"),
    "Russian": (word("Ответ", "koi8-r"), "Ответ"),
    "Korean under its usual label": (word("회신", "euc-kr").replace(b"euc-kr", b"ks_c_5601-1987"), "회신"),
    "logical Hebrew": (word("תגובה", "iso-8859-8").replace(b"8859-8", b"8859-8-i"), "תגובה"),
    "UTF-16 with half a pair": (b"=?utf-16le?B?PdgB?=", "\ufffd"),
    "an unknown charset that is UTF-8": (b"=?x-unknown?Q?M=C3=BCller?=", "Müller"),
    "an unknown charset that is not": (b"=?x-unknown?Q?M=FCller?=", "Müller"),
    "a codec that unpacks": (
        b"=?zlib?B?eJxLBAAAYgBi?= x",
        "xœKbb x",
    ),
    "a codec that writes any character": (b"=?unicode_escape?Q?=5Cu202e?=", "\\u202e"),
    "a codec that hides text": (b"=?utf-7?Q?+AGEAYg-?=", "+AGEAYg-"),
    "a path for a charset": (b"=?../../etc/passwd?Q?a?=", "a"),
    "line ends and tabs are blanks": (b"a\r\n b\tc\nd\re", "a b c d e"),
    "line ends inside a word": (b"=?utf-8?Q?a=0D=0ABcc:_x?=", "a Bcc: x"),
    "NUL, escape and DEL are dropped": (b"a\x00b\x1bc\x7fd", "abcd"),
    "C1 controls are dropped, NEL is a line end": (b"a\xc2\x9bb\xc2\x85c", "ab c"),
    "overrides of direction are dropped": ("a\u202eb\u2066c\u2069d".encode(), "abcd"),
    "line and paragraph separators are blanks": ("a\u2028b\u2029c".encode(), "a b c"),
    "byte order mark": (b"\xef\xbb\xbfOffer", "Offer"),
    "surrogates written as UTF-8": (b"a\xed\xa0\x80b", "aí €b"),
    "runs of blanks": (b"  a \t  b  ", "a b"),
}


@pytest.mark.parametrize(("raw", "text"), TEXTS.values(), ids=TEXTS)
def test_a_subject_is_read_as_its_sender_meant_it(raw: bytes, text: str) -> None:
    assert decode_words(raw) == text


PHRASES = {
    "atoms": (b"Bob Builder", "Bob Builder"),
    "quoted": (b'"Builder, Bob"', "Builder, Bob"),
    "escaped quotes": (b'"Bob \\"The\\" Builder"', 'Bob "The" Builder'),
    "escaped backslash": (b'"Bob \\\\ Builder"', "Bob \\ Builder"),
    "quoted and atoms": (b'"Dr." Bob "Builder"', "Dr. Bob Builder"),
    "encoded word": (b"=?utf-8?Q?M=C3=BCller?= Bob", "Müller Bob"),
    "encoded word inside quotes": (b'"=?utf-8?Q?M=C3=BCller=2C_Bob?="', "Müller, Bob"),
    "two encoded words inside quotes": (b'"=?utf-8?Q?M=C3?= =?utf-8?Q?=BCller?="', "Müller"),
    "an encoded word beside a quoted one": (b'=?utf-8?Q?M=C3=BCller?= "Bob"', "Müller Bob"),
    "raw quotes inside an encoded word": (b'=?utf-8?Q?"Bob"?=', "Bob"),
    "encoded quotes stay for the tidying": (b"=?utf-8?Q?=22Bob=22?=", '"Bob"'),
    "raw UTF-8 inside quotes": ('"Müller"'.encode(), "Müller"),
    "a quote that is never closed": (b'"Bob Builder', "Bob Builder"),
    "a quote that ends in a backslash": (b'"Bob\\', "Bob"),
    "folded inside quotes": (b'"Bob\r\n Builder"', "Bob Builder"),
    "empty quotes": (b'""', ""),
}


@pytest.mark.parametrize(("raw", "name"), PHRASES.values(), ids=PHRASES)
def test_a_display_name_is_read_through_quotes_and_encodings(raw: bytes, name: str) -> None:
    assert decode_phrase(raw) == name


FOLDS = {
    "no fold": (b"a b", b"a b"),
    "blank": (b"a\r\n b", b"a b"),
    "tab": (b"a\r\n\tb", b"a\tb"),
    "bare LF": (b"a\n b", b"a b"),
    "a line end that is no fold stays": (b"a\r\nb\r\n", b"a\r\nb\r\n"),
    "two folds": (b"a\r\n \r\n b", b"a  b"),
}


@pytest.mark.parametrize(("raw", "line"), FOLDS.values(), ids=FOLDS)
def test_unfolding_takes_out_the_line_end_before_a_blank(raw: bytes, line: bytes) -> None:
    assert unfold(raw) == line


CODECS = {
    "usual": ("UTF-8", "utf_8"),
    "alias": ("csISOLatin2", "iso8859_2"),
    "wider than its name": ("iso-8859-1", "cp1252"),
    "Windows name": ("windows-1251", "cp1251"),
    "punctuation and blanks": (" Shift_JIS ", "cp932"),
    "unknown": ("x-user-defined", None),
    "nothing": ("", None),
    "not a text": ("base64", None),
    "not a charset": ("rot13", None),
    "quadratic": ("punycode", None),
    "hiding": ("utf-7", None),
    "no ASCII": ("ütf-8", None),
}


@pytest.mark.parametrize(("label", "codec"), CODECS.values(), ids=CODECS)
def test_only_character_sets_are_taken_for_one(label: str, codec: str | None) -> None:
    assert safe_codec(label) == codec


LABELS = """
    us-ascii utf-8 utf-16 utf-16be utf-16le utf-32 iso-8859-1 iso-8859-2 iso-8859-3 iso-8859-4 iso-8859-5 iso-8859-6
    iso-8859-7 iso-8859-8 iso-8859-8-i iso-8859-9 iso-8859-10 iso-8859-13 iso-8859-14 iso-8859-15 iso-8859-16
    windows-874 windows-1250 windows-1251 windows-1252 windows-1253 windows-1254 windows-1255 windows-1256 windows-1257
    windows-1258 ibm437 ibm850 ibm852 ibm855 ibm866 koi8-r koi8-u macintosh x-mac-cyrillic tis-620 gb2312 gbk gb18030
    hz-gb-2312 big5 big5-hkscs shift_jis x-sjis euc-jp iso-2022-jp iso-2022-jp-2 euc-kr ks_c_5601-1987 iso-2022-kr
"""


@pytest.mark.parametrize("label", LABELS.split())
def test_every_charset_of_real_mail_is_known_and_takes_any_bytes(label: str) -> None:
    codec = safe_codec(label)
    assert codec is not None
    assert codecs.lookup(codec).name
    octets = base64.b64encode(bytes(range(256)) * 3)
    assert is_clean(decode_words(b"=?" + label.encode() + b"?B?" + octets + b"?="))


PIECES = st.sampled_from(
    [
        b"=?",
        b"?=",
        b"utf-8",
        b"?Q?",
        b"?b?",
        b"=E2=80=AE",
        b"=0D=0A",
        b"4oCu",
        b" ",
        b"\r\n ",
        b'"',
        b"\\",
        b"\x00",
        b"*de",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=4), max_size=30).map(b"".join))
@settings(max_examples=500)
def test_whatever_the_bytes_the_text_is_clean(raw: bytes) -> None:
    assert is_clean(decode_words(raw))
    assert is_clean(decode_phrase(raw))


@given(st.sampled_from(LABELS.split()), st.binary(max_size=80))
@settings(max_examples=400)
def test_whatever_a_charset_decodes_to_is_clean(label: str, octets: bytes) -> None:
    assert is_clean(decode_words(b"=?" + label.encode() + b"?B?" + base64.b64encode(octets) + b"?="))


@given(st.text(st.characters(codec="utf-8"), max_size=60).filter(is_clean), st.integers(1, 20))
def test_a_text_cut_anywhere_into_words_comes_back_whole(text: str, size: int) -> None:
    octets = text.replace("\ufeff", "").encode()
    chunks = [octets[start : start + size] for start in range(0, len(octets), size)]
    raw = b"\r\n ".join(b"=?utf-8?B?" + base64.b64encode(chunk) + b"?=" for chunk in chunks)
    assert decode_words(raw) == " ".join(octets.decode().split())


HOSTILE = {
    "heads without an end": b"=?a?q?" * 170_000,
    "half heads": b"=?" * 500_000,
    "words of one letter": b"=?a?q?=?=" * 110_000,
    "padding": b"=?utf-8?b?" + b"=" * 1_000_000 + b"?=",
    "half pairs": b"=?utf-16le?b?" + b"2AA=" * 250_000 + b"?=",
    "quotes that never close": b'"\\' * 500_000,
    "escaped quotes": b'\\"' * 500_000,
    "folds": b"\r\n " * 300_000,
    "blanks": b" " * 1_000_000,
    "controls": b"\x00" * 1_000_000,
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_made_to_stall_is_read_in_one_pass(raw: bytes) -> None:
    assert is_clean(decode_words(raw))
    assert is_clean(decode_phrase(raw))
