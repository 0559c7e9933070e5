"""Base subjects and their keys: which mails of one client stand in one thread (rules, section D)."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.subject import KEY_CHARACTERS, base_subject, subject_key

MARKS = """
    Re RE re Fwd FW Fw AW Aw WG SV VS VB VL Antw Antwoord Antwort Doorst Rif RV RES ENC TR Odp PD YNT İLT ILT Bls Trs
    Ответ ОТВ На Пересл ΑΠ ΣΧΕΤ ΠΡΘ Vá Továbbítás ATB YML Odg Ats
    回复 回覆 答复 答覆 转发 轉寄 轉發 返信 転送 회신 답장 전달 رد השב תגובה ตอบ R I
"""


@pytest.mark.parametrize("mark", [*MARKS.split(), "إعادة توجيه", "Trả lời", "Chuyển tiếp"])
def test_every_known_mark_is_stripped(mark: str) -> None:
    assert base_subject(f"{mark}: Offer") == "Offer"


WRITINGS = {
    "counter in square brackets": "RE[2]: Offer",
    "counter in round brackets": "Re(2): Offer",
    "counter with a caret": "Re^12: Offer",
    "counter after a blank": "Re [2]: Offer",
    "counter in full-width brackets": "回复（3）：Offer",
    "counter of a one-letter mark": "R[2]: Offer",
    "blank before the colon": "Re : Offer",
    "no-break space before the colon": "Re\u00a0: Offer",
    "full-width colon": "回复：Offer",
    "no blank after the colon": "Re:Offer",
    "full stop": "Antw.: Offer",
    "full-width letters": "ＲＥ：Offer",
    "a composed letter taken apart": "Va\u0301: Offer",
    "a direction mark in front": "\u200fRe: Offer",
    "repeated": "Re: RE: re: Offer",
    "repeated without blanks": "Re:Re:Offer",
    "mixed languages": "AW: Antw: 回复: Fwd: Offer",
    "one-letter marks repeated": "R: R: I: Offer",
    "tag before": "[ticket 5] Offer",
    "tags before": "[EXT][ticket 5] Offer",
    "empty tag": "[] Offer",
    "tag between marks": "Re: [EXT] AW: [ticket 5] Offer",
    "tag before a mark": "[EXT] Re: Offer",
    "wrapped forward": "[Fwd: Offer]",
    "wrapped forward of a tagged subject": "Re: [Fwd: [list] Offer]",
    "wrapped twice": "[Fwd: [Fwd: Offer]]",
    "forward mark at the end": "Offer (fwd)",
    "forward mark at the end, all ways mixed": "Re: [Fwd: [x] Offer (Fwd)] (fwd)",
    "white space": " \t Re:\r\n  Offer  ",
}


@pytest.mark.parametrize("subject", WRITINGS.values(), ids=WRITINGS)
def test_however_a_mark_is_written_the_base_is_the_same(subject: str) -> None:
    assert base_subject(subject) == "Offer"


KEPT = {
    "plain": ("Offer", "Offer"),
    "case and inner white space": ("Re:  Our   Offer", "Our Offer"),
    "a word that is no mark": ("Note: Offer", "Note: Offer"),
    "a mark without colon": ("Re Offer", "Re Offer"),
    "a mark in the middle": ("Offer Re: price", "Offer Re: price"),
    "a file number": ("Ref: 4711", "Ref: 4711"),
    "for sale": ("FS: bicycle", "FS: bicycle"),
    "a small letter is no Italian mark": ("i: robot", "i: robot"),
    "a blank before the colon is no Italian mark": ("I : robot", "I : robot"),
    "no blank behind is no Italian mark": ("I:robot", "I:robot"),
    "a capital I with a blank is the Italian mark": ("I: robot", "robot"),
    "a tag in the middle": ("Offer [x] price", "Offer [x] price"),
    "tags within tags are no tag": ("[a [b]] Offer", "[a [b]] Offer"),
    "an open bracket": ("[ticket Offer", "[ticket Offer"),
    "a forward in brackets that end early is a tag": ("[Fwd: a] b [c]", "b [c]"),
    "a forward in brackets with only a mark behind": ("[Fwd: Offer] Re:", "Offer"),
    "a tag that is a mark": ("[Re] Offer", "Offer"),
    "nothing": ("", ""),
    "only blanks": (" \t ", ""),
    "only marks": ("Re: Fwd: AW:", ""),
    "only a mark at the end": ("Re: (fwd)", ""),
    "only an empty wrapped forward": ("[Fwd: ]", ""),
    "only a tag": ("[ticket 5]", "[ticket 5]"),
    "only a mark and a tag": ("Re: [ticket 5]", "[ticket 5]"),
    "only a tag and a mark": ("[ticket 5] Re:", "[ticket 5]"),
    "only tags: the last stays": ("[EXT] [ticket 5]", "[ticket 5]"),
    "the seed's example": ("Re: Salam dari tim perusahaan", "Salam dari tim perusahaan"),
}


@pytest.mark.parametrize(("subject", "base"), KEPT.values(), ids=KEPT)
def test_what_is_text_stays_text(subject: str, base: str) -> None:
    assert base_subject(subject) == base


SAME_KEY = {
    "case": ("Our Offer", "OUR OFFER"),
    "case of other scripts": ("ОТЧЁТ Ю", "отчёт ю"),
    "sharp s": ("Straße", "STRASSE"),
    "composed and taken apart": ("Caf\u00e9", "Cafe\u0301"),
    "full-width letters": ("ＯＦＦＥＲ", "offer"),
    "ligature": ("\ufb01nal offer", "final offer"),
    "a control character": ("Of\x00fer", "Offer"),
    "zero-width characters": ("Of\u200bfer \u200ex", "Offer x"),
    "a zero-width character before a combining mark": ("e\u200b\u0301", "é"),
    "white space": ("a \t b", "a b"),
    "white space beside other letters": ("é\u2003b", "é b"),
}


@pytest.mark.parametrize(("one", "other"), SAME_KEY.values(), ids=SAME_KEY)
def test_subjects_that_read_alike_share_a_key(one: str, other: str) -> None:
    assert subject_key(one) == subject_key(other)


def test_other_subjects_have_other_keys() -> None:
    subjects = ("Offer", "Offers", "Öffer", "Offer 2", "")
    assert len({subject_key(subject) for subject in subjects}) == len(subjects)


ANYTHING = st.text(st.characters(codec=None), max_size=60) | st.text(
    "Re:[Fwd] ()\u200f：I^2回复İ\u0307\ud800", max_size=40
)


@given(ANYTHING)
@settings(max_examples=400)
def test_stripping_twice_changes_nothing(subject: str) -> None:
    base = base_subject(subject)
    assert base_subject(base) == base
    assert base == " ".join(base.split())


@given(ANYTHING)
def test_a_reply_has_the_base_of_what_it_answers(subject: str) -> None:
    assert base_subject("Re: " + subject) == base_subject(subject)


@given(ANYTHING)
@settings(max_examples=400)
def test_a_key_is_its_own_key_and_can_be_stored(subject: str) -> None:
    key = subject_key(subject)
    assert subject_key(key) == key
    assert len(key.encode()) <= 4 * KEY_CHARACTERS


HOSTILE = {
    "marks": "Re: " * 250_000,
    "tags": "[a]" * 300_000,
    "open brackets": "[" * 1_000_000,
    "wrapped forwards that never close": "[Fwd:" * 200_000,
    "wrapped forwards that close": "[Fwd:" * 150_000 + "]" * 150_000,
    "forward tails": "(fwd)" * 200_000,
    "one word": "x" * 1_000_000,
    "direction marks": "\u200f" * 1_000_000,
    "combining marks in the slow order": "a" + "\u0301\u0323" * 500_000,
    "signs that grow eighteenfold": "\ufdfa" * 300_000,
}


@pytest.mark.parametrize("subject", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_made_to_stall_still_gives_a_short_key(subject: str) -> None:
    key = subject_key(base_subject(subject))
    assert len(key) <= KEY_CHARACTERS
    assert unicodedata.is_normalized("NFKC", key)
