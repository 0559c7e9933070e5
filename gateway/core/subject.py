"""The base subject: what a subject is about once reply marks, forward marks and tags are gone (rules, section D).

Facts behind the table: RFC 5256 section 2.1, and the marks that the localised versions of the common mail programs
write. Left out on purpose, since they more often begin a subject that means what it says: "Ref:" and "Réf." (a file
number), "FS:" (Icelandic, but elsewhere "for sale"), "FYI:", "HA:" in Latin letters.
"""

# The tables hold words and colons of other scripts, which look like Latin ones on purpose.
# ruff: noqa: RUF001
from __future__ import annotations

import re
import unicodedata

_MARKS_BY_LANGUAGE = {
    "English": "re, fw, fwd",
    "Arabic": "رد, إعادة توجيه",
    "Bulgarian and Serbian": "отг, препр, одг, прослеђено",
    "Chinese": "回复, 回覆, 答复, 答覆, 转发, 轉寄, 轉發",
    "Croatian and Slovenian": "odg, proslj",
    "Danish, Norwegian and Swedish": "sv, vs, vb, svar, videresendt",
    "Dutch": "antw, antwoord, doorst",
    "Finnish": "vs, vl, vastaus",
    "French": "tr, rép",
    "German": "aw, antwort, wg",
    "Greek": "απ, σχετ, πρθ",
    "Hebrew": "השב, תשובה, תגובה, העבר, הועבר",
    "Hungarian": "vá, válasz, továbbítás",
    "Indonesian and Malay": "bls, trs",
    "Italian": "rif, inoltra",
    "Japanese": "返信, 転送",
    "Korean": "회신, 답장, 전달",
    "Latvian and Welsh": "atb, yml",
    "Lithuanian": "ats, persiųsta",
    "Polish, Czech and Slovak": "odp, pd",
    "Portuguese": "res, enc",
    "Romanian": "răsp",
    "Russian and Ukrainian": "ответ, отв, на, пересл, відп",
    "Spanish": "rv, resp, reenv",
    "Thai": "ตอบ, ตอบกลับ, ส่งต่อ",
    "Turkish": "ynt, ilt",
    "Vietnamese": "trả lời, chuyển tiếp",
}
# Outlook's Italian marks (risposta, inoltro). One letter is little, so they count only as that program writes them:
# upper case, the colon at once, then a blank or the end. "I: robot" loses its mark by that; "i: robot", "I : robot"
# and "I:robot" keep it. The other way round, every answer from an Italian Outlook would begin a thread of its own.
_ONE_LETTER_MARK = re.compile(r"[RI](?:\[[0-9]{1,9}\]|\([0-9]{1,9}\)|\^[0-9]{1,9})?:(?: |\Z)")

# One mark: one or two words, a full stop, a counter, a plain or full-width colon. All repetitions are bounded.
_MARK = re.compile(
    r"([^\s:：\[\]()（）^.]{1,16}(?: [^\s:：\[\]()（）^.]{1,16})?)\.? ?"
    r"(?:\[ ?[0-9]{1,9} ?\]|\( ?[0-9]{1,9} ?\)|（[0-9]{1,9}）|\^[0-9]{1,9})? ?[:：] ?"
)
_TAG = re.compile(r"\[[^\[\]]*\] ?")
_FORWARD_TAIL = re.compile(r"\(fwd?\) ?\Z", re.IGNORECASE)
_TAIL_LENGTH = len("(fwd) ")

_INVISIBLE = frozenset(("Cf", "Cc", "Cs"))
KEY_CHARACTERS = 400


def base_subject(subject: str) -> str:
    """The subject without reply and forward marks and leading tags, white space folded, case kept.

    Marks always go: a subject of nothing but marks has the base "". Tags go while text remains: where nothing else is
    left, the last tag stays ("Re: [ticket 5]" gives "[ticket 5]"). Netscape's "[Fwd: x]" is unwrapped and Pine's
    "(fwd)" at the end dropped, as RFC 5256 does. Applying it twice changes nothing.
    """
    text = " ".join(subject.split())
    start, end, tag = 0, len(text), ""
    while True:
        start, end = _trim(text, start, end)
        if after := _after_mark(text, start, end):
            start = after
        elif inside := _inside_wrapped_forward(text, start, end):
            start, end = inside, end - 1
        elif found := _TAG.match(text, start, end):
            tag, start = found[0].rstrip(" "), found.end()
        elif tail := _FORWARD_TAIL.search(text, max(start, end - _TAIL_LENGTH), end):
            end = tail.start()
        else:
            return text[start:end] or (tag if tag == text else base_subject(tag))


def subject_key(base: str) -> str:
    """The key that equal base subjects share: Unicode's compatibility caseless form, invisible characters dropped.

    Only the first 400 characters count, before and after folding: that bounds the work (ordering a long run of
    combining marks takes quadratic time) and the index entry made of it.
    """
    if base.isascii() and base.isprintable():
        return _fold_blanks(base.casefold())
    seen = (letter for letter in base[:KEY_CHARACTERS] if letter.isspace() or _is_visible(letter))
    text = unicodedata.normalize("NFD", "".join(seen))
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text.casefold())
    return _fold_blanks(text)


def _is_visible(letter: str) -> bool:
    return unicodedata.category(letter) not in _INVISIBLE


def _fold_blanks(text: str) -> str:
    return " ".join(text.split())[:KEY_CHARACTERS].rstrip(" ")


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Moves both ends past blanks, and the start past direction marks that right-to-left mailers put before a mark."""
    while start < end and (text[start] == " " or unicodedata.category(text[start]) == "Cf"):
        start += 1
    while start < end and text[end - 1] == " ":
        end -= 1
    return start, end


def _after_mark(text: str, start: int, end: int) -> int:
    """Where the text goes on after the mark at `start`; 0 when there is no mark."""
    if found := _ONE_LETTER_MARK.match(text, start, end):
        return found.end()
    found = _MARK.match(text, start, end)
    return found.end() if found and _mark_key(found[1]) in _MARKS else 0


def _inside_wrapped_forward(text: str, start: int, end: int) -> int:
    """Where the text inside "[Fwd: …]" begins, when that bracket runs to the end; 0 when there is none."""
    if not (text.startswith("[", start, end) and text.endswith("]", start, end)):
        return 0
    closed = _TAG.match(text, start, end)
    return 0 if closed and closed.end() < end else _after_mark(text, start + 1, end - 1)


def _mark_key(word: str) -> str:
    """Folds the writings of one mark: case, width, composed or not, the dot that a Turkish capital I leaves behind."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    return unicodedata.normalize("NFC", folded.replace("\u0307", ""))


_MARKS = frozenset(_mark_key(mark) for marks in _MARKS_BY_LANGUAGE.values() for mark in marks.split(", "))
