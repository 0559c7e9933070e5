"""Texts are read in the charset that is meant, whatever the label says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.charsets import decode
from gateway.core.words import decode_words

CIRCLED = b"\x1b$B-!%F\x1b(B ok"
CASES = {
    # story: bytes, label, text
    "gb18030": ("你好€".encode("gb18030"), "gb18030", "你好€"),
    "gbk": ("你好".encode("gbk"), "GBK", "你好"),
    "gb2312 that holds more": ("镕".encode("gbk"), "gb2312", "镕"),
    "the Chinese code page": ("你好".encode("gbk"), "windows-936", "你好"),
    "hz": (b"~{VPND~} ok", "hz-gb-2312", "中文 ok"),
    "hz cut in a letter": (b"~{VPN", "hz", "中\ufffd"),
    "big5": ("中文".encode("big5"), "big5", "中文"),
    "big5 with Microsoft's letters": ("碁銹".encode("cp950"), "Big5", "碁銹"),
    "big5 with Hong Kong's letters": ("啫嘢".encode("big5hkscs"), "big5", "啫嘢"),
    "shift_jis with numbers in circles": ("①テスト".encode("cp932"), "shift_jis", "①テスト"),
    "iso-2022-jp": ("テスト".encode("iso2022_jp"), "ISO-2022-JP", "テスト"),
    "iso-2022-jp with numbers in circles": (CIRCLED, "iso-2022-jp", "①テ ok"),
    "the same by Microsoft's names": (CIRCLED, "cp50220", "①テ ok"),
    "iso-2022-jp with half-width kana": (b"\x1b$B-!\x1b(I1\x1b(B.", "iso-2022-jp-ms", "①ｱ."),
    "iso-2022-jp cut in a character": (b"\x1b$B%F%", "iso-2022-jp", "テ%"),
    "iso-2022-jp of every row": (b"\x1b$B-!0!P#\x1b(B", "iso-2022-jp", "①亜丕"),
    "iso-2022-jp with line ends inside": (b"\x1b$B-!\n%F\x1b(B", "iso-2022-jp", "①\nテ"),
    "euc-jp": ("テスト".encode("euc_jp"), "euc-jp", "テスト"),
    "euc-jp with numbers in circles": (b"\xad\xa1", "eucJP-ms", "①"),
    "euc-kr": ("안녕".encode("euc_kr"), "euc-kr", "안녕"),
    "ks_c_5601-1987 that holds more": ("똠방각하".encode("cp949"), "ks_c_5601-1987", "똠방각하"),
    "koi8-r": ("Привет".encode("koi8_r"), "koi8-r", "Привет"),
    "koi8-u": ("Київ".encode("koi8_u"), "koi8-ru", "Київ"),
    "windows-1251": ("Привет".encode("cp1251"), "windows-1251", "Привет"),
    "iso-8859-1 that is windows-1252": (b"\x80 \x93x\x94", "iso-8859-1", "€ “x”"),
    "iso-8859-9 that is windows-1254": (b"\x80", "iso-8859-9", "€"),
    "cp-850": (b"\x84", "cp-850", "ä"),
    "visual Hebrew": ("שלום".encode("iso8859_8"), "iso-8859-8-i", "שלום"),
    "the Macintosh": (b"\x8a", "macintosh", "ä"),
    "the Macintosh by its other name": (b"\x8a", "x-mac-roman", "ä"),
    "the Macintosh in Central Europe": ("č".encode("mac_latin2"), "x-mac-ce", "č"),
    "the Macintosh in Kyiv": ("Ж".encode("mac_cyrillic"), "x-mac-ukrainian", "Ж"),
    "x-user-defined": (b"H\xe4", "x-user-defined", "Hä"),
    "a charset nobody knows": ("Grüße".encode(), "x-none", "Grüße"),
    "unknown-8bit": (b"Gr\xfc\xdfe", "unknown-8bit", "Grüße"),
    "no label at all": ("Grüße".encode(), "", "Grüße"),
    "utf8mb4": ("😀".encode(), "utf8mb4", "😀"),
    "a name in quotes": ("ä".encode(), "'utf-8'", "ä"),
    "us-ascii that is UTF-8": ("Grüße".encode(), "us-ascii", "Grüße"),
    "us-ascii that is windows-1252": (b"Gr\xfc\xdfe", "us-ascii", "Grüße"),
    "utf-8 that is windows-1252": (b"Gr\xfc\xdfe", "utf-8", "Grüße"),
    "utf-8 with one broken letter": ("Grüße, grüße".encode() + b"\xff", "utf-8", "Grüße, grüße\ufffd"),
    "utf-8 with a mark and one broken letter": (b"\xef\xbb\xbf" + "Grüße".encode() + b"\xff", "", "Grüße\ufffd"),
    "utf-16 with a mark": ("Hé".encode("utf-16"), "utf-16", "Hé"),
    "utf-16 without a mark": ("Hello".encode("utf-16-le"), "utf-16", "Hello"),
    "utf-16 without a mark, the other way round": ("Hello".encode("utf-16-be"), "utf-16", "Hello"),
    "utf-16 that says its order": ("Hé".encode("utf-16-be"), "utf-16be", "Hé"),
    "utf-16 cut in a letter": ("Hi".encode("utf-16-le")[:-1], "utf-16", "H\ufffd"),
    "utf-16 that is not told": ("Hé".encode("utf-16"), "us-ascii", "Hé"),
    "utf-32 without a mark": ("Hé".encode("utf-32-be"), "utf-32", "Hé"),
    "utf-32 with a mark": ("Hé".encode("utf-32"), "", "Hé"),
    "utf-32 with a mark, the other way round": (b"\0\0\xfe\xff" + "Hé".encode("utf-32-be"), "utf-32", "Hé"),
    "utf-7 is shown as it is written": (b"+AGE-", "utf-7", "+AGE-"),
    "a codec that is no charset": (b"uryyb", "rot13", "uryyb"),
    "a code page by its number": ("Привет".encode("koi8_r"), "cp20866", "Привет"),
}


@pytest.mark.parametrize(("raw", "label", "text"), CASES.values(), ids=CASES)
def test_a_text_is_read_in_the_charset_that_is_meant(raw: bytes, label: str, text: str) -> None:
    assert decode(raw, label) == text


def test_a_japanese_subject_keeps_its_numbers_in_circles() -> None:
    assert decode_words(b"=?iso-2022-jp?B?GyRCLSElRhsoQiBvaw==?=") == "①テ ok"


LABELS = ["utf-8", "utf-16", "utf-32", "iso-2022-jp", "hz", "big5", "euc-jp", "gb18030", "us-ascii", "x", ""]
BYTES = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"\x1b$B", b"\x1b(I", b"\x1b(B", b"-!", b"~{", b"\xff\xfe", b"a"]), max_size=20
).map(b"".join)


@given(BYTES, st.sampled_from(LABELS))
def test_any_bytes_are_read_by_any_label(raw: bytes, label: str) -> None:
    assert isinstance(decode(raw, label), str)
