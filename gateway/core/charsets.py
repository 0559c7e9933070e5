"""From bytes to letters: by the charset a text is labelled with, or by what that label must have meant.

Labels are often wrong. A text is read by its label where that fits, else by the wider sets that mailers mean by the
label, else as UTF-8, and in the end by the label as far as it goes. What stands in no list is read as UTF-8, else as
windows-1252.
"""

from __future__ import annotations

import re
from encodings.aliases import aliases

# The character sets a mail may name. A list of what is allowed, since Python's codec registry also holds what is no
# character set: `zlib` and `bz2` unpack (a bomb), `rot13` and `hex` are no text, `idna` and `punycode` take quadratic
# time, `unicode_escape` lets a sender write any character past every check. `utf-7` is left out as well, as in
# browsers: it hides any text in plain ASCII and no mailer of this century writes it in a header. A name never reaches
# the registry unless it stands here, because the registry keeps every unknown name in memory for ever.
_TEXT_CODECS = """
    ascii utf_8 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le latin_1 iso8859_2 iso8859_3 iso8859_4
    iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10 iso8859_11 iso8859_13 iso8859_14 iso8859_15
    iso8859_16 cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp437 cp720 cp737 cp775 cp850 cp852
    cp855 cp857 cp858 cp860 cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp1125 koi8_r koi8_t koi8_u kz1048
    ptcp154 tis_620 mac_roman mac_croatian mac_cyrillic mac_greek mac_iceland mac_latin2
    mac_romanian mac_turkish gb2312 gbk gb18030 hz big5
    big5hkscs cp950 shift_jis shift_jisx0213 cp932 euc_jp euc_jis_2004 euc_jisx0213 iso2022_jp iso2022_jp_1
    iso2022_jp_2 iso2022_jp_3 iso2022_jp_2004 iso2022_jp_ext euc_kr iso2022_kr cp949 johab
"""
# What mailers write when they mean the wider set that contains it.
_MEANT = {
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_OTHER_NAMES = {
    "big5_eten": "big5",
    "cn_big5": "big5",
    "cn_gb": "gb2312",
    "cp20866": "koi8_r",
    "cp21866": "koi8_u",
    "cp28591": "latin_1",
    "cp28592": "iso8859_2",
    "cp28595": "iso8859_5",
    "cp28605": "iso8859_15",
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "cp51932": "euc_jp",
    "cp65001": "utf_8",
    "cp_850": "cp850",
    "dos_866": "cp866",
    "eucjp_ms": "euc_jp",
    "gb_2312_80": "gb2312",
    "iso8859_1": "latin_1",
    "iso_2022_jp_ms": "iso2022_jp",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_8_i": "iso8859_8",
    "koi8": "koi8_r",
    "koi8_ru": "koi8_u",
    "ms936": "gbk",
    "unicode_1_1_utf_8": "utf_8",
    "utf8mb3": "utf_8",
    "utf8mb4": "utf_8",
    "windows_874": "cp874",
    "windows_936": "gbk",
    "windows_949": "cp949",
    "windows_950": "cp950",
    "x_euc_jp": "euc_jp",
    "x_euc_kr": "euc_kr",
    "x_gbk": "gbk",
    "x_mac_ce": "mac_latin2",
    "x_mac_centraleurroman": "mac_latin2",
    "x_mac_chinesesimp": "gb2312",
    "x_mac_chinesetrad": "big5",
    "x_mac_croatian": "mac_croatian",
    "x_mac_cyrillic": "mac_cyrillic",
    "x_mac_greek": "mac_greek",
    "x_mac_icelandic": "mac_iceland",
    "x_mac_japanese": "shift_jis",
    "x_mac_korean": "euc_kr",
    "x_mac_roman": "mac_roman",
    "x_mac_romanian": "mac_romanian",
    "x_mac_turkish": "mac_turkish",
    "x_mac_ukrainian": "mac_cyrillic",
    "x_sjis": "shift_jis",
    "x_windows_949": "cp949",
    "x_windows_950": "cp950",
    "x_x_big5": "big5",
}


def _labels() -> dict[str, str]:
    codecs = frozenset(_TEXT_CODECS.split())
    named = {codec: codec for codec in codecs} | _OTHER_NAMES
    named |= {alias: codec for alias, codec in aliases.items() if codec in codecs}
    return {label: _MEANT.get(codec, codec) for label, codec in named.items()}


_CODEC_OF = _labels()
_NOT_IN_LABELS = re.compile(r"[^a-z0-9]+")

# The wider sets that may be meant where a text does not fit its label.
_WIDER = {
    "big5": ("cp950", "big5hkscs"),
    "cp950": ("big5hkscs",),
    "cp932": ("shift_jisx0213",),
    "euc_jp": ("euc_jisx0213",),
    "iso2022_jp": ("iso2022_jp_ext",),
}
_MARKS = (
    (b"\xff\xfe\0\0", "utf_32"),
    (b"\0\0\xfe\xff", "utf_32"),
    (b"\xff\xfe", "utf_16"),
    (b"\xfe\xff", "utf_16"),
    (b"\xef\xbb\xbf", "utf_8"),
)
_MARKS_BEGIN = frozenset(mark[:1] for mark, _ in _MARKS)
# Their bytes are ASCII, so they would pass for UTF-8.
_SEVEN_BIT = ("iso2022", "hz")
_JAPANESE = "iso2022_jp"
_ESCAPE = re.compile(rb"\x1b(\([BJI]|\$[@B])")
_PROBE = 4_096


def safe_codec(label: str) -> str | None:
    """The Python codec for a charset name in mail, None when it is unknown or no character set."""
    return _CODEC_OF.get(_NOT_IN_LABELS.sub("_", label.lower()).strip("_"))


def decode(raw: bytes, label: str) -> str:
    """The text, whatever the bytes; a byte order mark wins over the label. What fits nothing becomes U+FFFD."""
    codec = (raw[:1] in _MARKS_BEGIN and _marked(raw)) or safe_codec(label)
    if codec in ("utf_16", "utf_32"):
        return _without_mark(raw.decode(_with_byte_order(raw, codec), "replace"))
    for name in _candidates(codec):
        try:
            return _without_mark(raw.decode(name))
        except ValueError:
            continue
    if codec == "utf_8":
        text = raw.decode("utf-8", "replace")
        if 2 * text.count("\ufffd") < sum(not sign.isascii() for sign in text):
            return _without_mark(text)
    return raw.decode("cp1252", "replace") if codec in (None, "ascii", "utf_8") else read_as(codec, raw)


def _marked(raw: bytes) -> str | None:
    return next((codec for mark, codec in _MARKS if raw.startswith(mark)), None)


def read_as(codec: str, raw: bytes) -> str:
    """By one codec, as far as it goes."""
    if codec != _JAPANESE:
        return raw.decode(codec, "replace")
    try:
        return raw.decode(codec)
    except ValueError:
        return _microsoft_japanese(raw)


def _candidates(codec: str | None) -> tuple[str, ...]:
    if codec is None:
        return ("utf_8",)
    wider = _WIDER.get(codec, ())
    return (codec, *wider) if codec.startswith(_SEVEN_BIT) else (codec, *wider, "utf_8")


def _with_byte_order(raw: bytes, codec: str) -> str:
    """For UTF-16 and UTF-32 without a mark: the order in which more ASCII letters come out."""
    if any(raw.startswith(mark) for mark, marked in _MARKS if marked == codec):
        return codec
    width = 2 if codec == "utf_16" else 4
    big, little = raw[:_PROBE:width].count(0), raw[width - 1 : _PROBE : width].count(0)
    return f"{codec}_{'be' if big > little else 'le'}"


def _without_mark(text: str) -> str:
    return text.removeprefix("\ufeff")


def _microsoft_japanese(raw: bytes) -> str:
    """ISO-2022-JP as Microsoft writes it: with numbers in circles and other signs of its own, and half-width kana."""
    pieces = _ESCAPE.split(raw)
    text = [pieces[0].decode("ascii", "replace")]
    for escape, data in zip(pieces[1::2], pieces[2::2], strict=True):
        if escape.startswith(b"$"):
            text.append(_shifted(data).decode("cp932", "replace"))
        elif escape == b"(I":
            text.append(bytes(octet | 0x80 for octet in data).decode("cp932", "replace"))
        else:
            text.append(data.decode("ascii", "replace"))
    return "".join(text)


def _shifted(data: bytes) -> bytes:
    """Pairs of JIS X 0208 as Shift_JIS; bytes that are no pair stay."""
    shifted, at = bytearray(), 0
    while at < len(data):
        pair = data[at : at + 2]
        if len(pair) == 2 and min(pair) >= 0x21 and max(pair) <= 0x7E:
            row, cell = pair
            lead = (row - 0x21 >> 1) + (0x81 if row < 0x5F else 0xC1)
            trail = cell + (0x1F if cell < 0x60 else 0x20) if row % 2 else cell + 0x7E
            shifted += bytes((lead, trail))
            at += 2
        else:
            shifted.append(data[at])
            at += 1
    return bytes(shifted)
