"""Which folder of a mailbox is which: the inbox, and the one of sent mail, in whatever language (rule E3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.mailboxes import CHOOSE

SENT_NAMES: dict[str, tuple[str, ...]] = {
    "en": ("Sent", "Sent Items", "Sent Messages", "Sent Mail", "Sent-Mail", "Sent Objects"),
    "de": ("Gesendet", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten", "Gesendete"),
    "fr": ("Envoyés", "Éléments envoyés", "Messages envoyés", "Objets envoyés", "Courrier envoyé"),
    "es": ("Enviados", "Elementos enviados", "Mensajes enviados", "Correo enviado"),
    "pt": ("Enviadas", "Itens enviados", "Mensagens enviadas", "E-mails enviados"),
    "it": ("Inviata", "Posta inviata", "Inviati", "Inviate", "Messaggi inviati", "Elementi inviati"),
    "nl": ("Verzonden", "Verzonden items", "Verzonden berichten"),
    "ca": ("Enviats", "Elements enviats", "Enviat"),
    "ro": ("Trimise", "Elemente trimise", "Mesaje trimise", "Trimis"),
    "da": ("Sendt", "Sendt post", "Sendte elementer", "Sendte beskeder"),
    "nb": ("Sendte", "Sendte e-poster", "Sendte meldinger", "Sendte objekter"),
    "sv": ("Skickat", "Skickade objekt", "Skickade meddelanden", "Skickade"),
    "fi": ("Lähetetyt", "Lähetetyt viestit", "Lähetetyt kohteet"),
    "is": ("Sendur póstur",),
    "et": ("Saadetud", "Saadetud kirjad", "Saadetud üksused"),
    "lv": ("Nosūtītie", "Nosūtītās ziņas", "Nosūtītās", "Nosūtītie vienumi"),
    "lt": ("Išsiųsti", "Išsiųsti laiškai", "Išsiųstieji", "Išsiųsti elementai"),
    "pl": ("Wysłane", "Elementy wysłane", "Wiadomości wysłane"),
    "cs": ("Odeslané", "Odeslaná pošta", "Odeslané zprávy", "Odeslané položky"),
    "sk": ("Odoslané", "Odoslaná pošta", "Odoslané správy", "Odoslané položky"),
    "sl": ("Poslano", "Poslana pošta", "Poslane", "Poslani predmeti"),
    "hr": ("Poslane poruke", "Poslane stavke", "Poslato"),
    "hu": ("Elküldött", "Elküldött elemek", "Elküldött üzenetek", "Elküldöttek", "Elküldött levelek"),
    "sq": ("Të dërguara", "Të dërguar"),
    "tr": ("Gönderilmiş", "Gönderilmiş öğeler", "Gönderilenler", "Gönderilmiş postalar", "Gönderilen"),
    "az": ("Göndərilənlər",),
    "el": ("Απεσταλμένα", "Σταλθέντα", "Απεσταλμένα στοιχεία"),
    "ru": ("Отправленные", "Отправленная почта", "Отправленные письма"),
    "uk": ("Надіслані", "Відправлені", "Надіслані елементи", "Надіслана пошта"),
    "be": ("Адпраўленыя", "Пасланыя", "Адпраўлена"),
    "bg": ("Изпратени", "Изпратена поща", "Изпратени писма", "Изпратени елементи"),
    "sr": ("Послато", "Послате", "Poslate poruke", "Послате ставке"),
    "mk": ("Испратени", "Пратени", "Испратено"),
    "kk": ("Жіберілген", "Жіберілгендер", "Жіберілген хаттар"),
    "hy": ("Ուղարկված",),
    "ka": ("გაგზავნილი", "გაგზავნილები"),
    "he": ("נשלחו", "פריטים שנשלחו", "דואר שנשלח", "נשלח"),
    "ar": ("المرسلة", "العناصر المرسلة", "البريد المرسل", "المرسل", "الرسائل المرسلة"),
    "fa": ("ارسال شده", "موارد ارسال شده", "فرستاده شده"),
    "hi": ("भेजे गए", "प्रेषित", "भेजा गया"),
    "bn": ("প্রেরিত", "পাঠানো হয়েছে"),
    "th": ("ส่งแล้ว", "ที่ส่งแล้ว", "รายการที่ส่ง", "จดหมายที่ส่งแล้ว"),
    "vi": ("Đã gửi", "Thư đã gửi", "Mục đã gửi"),
    "id": ("Terkirim", "Pesan terkirim", "Item terkirim", "Surat terkirim"),
    "ms": ("Dihantar", "Item dihantar", "Mel dihantar"),
    "zh": ("已发送", "已发送邮件", "已发邮件", "已发送消息", "已发信息", "已傳送郵件", "寄件備份", "已寄出"),
    "ja": ("送信済み", "送信済みアイテム", "送信済みメール", "送信済みトレイ", "送信済みメッセージ"),
    "af": ("Gestuur", "Gestuurde items"),
    "eu": ("Bidalia", "Bidalitakoak", "Bidalita"),
    "cy": ("Anfonwyd", "Danfonwyd"),
    "fy": ("Ferstjoerd",),
    "ga": ("Seolta",),
    "tl": ("Naipadala", "Padala"),
    "mr": ("पाठवलेले", "पाठविलेले"),
    "pa": ("ਭੇਜੇ",),
    "ur": ("بھیجے گئے",),
    "gu": ("મોકલેલા",),
    "ta": ("அனுப்பியவை", "அனுப்பிய அஞ்சல்"),
    "te": ("పంపించబడింది",),
    "ml": ("അയച്ചവ",),
    "si": ("යැවූ",),
    "am": ("የተላኩ",),
    "mn": ("Илгээсэн",),
    "uz": ("Юборилган",),
    "ko": ("보낸 편지함", "보낸편지함", "보낸메일함", "보낸 메일함", "보낸 항목", "보냄", "발신 메시지"),
}
"""What programs and providers call the folder of sent mail, by language; those of one language by how common they are.
"""

_NOT_READ = frozenset(
    "\\" + name
    for name in (
        *("all", "allmail", "archive", "drafts", "flagged", "important", "inbox", "junk"),
        *("noselect", "nonexistent", "spam", "starred", "trash"),
    )
)
"""Flags of folders that are never opened: RFC 6154's, RFC 9051's, RFC 8457's and those of the old XLIST."""
NO_SENT = "Sent mail isn't read: the server has no folder that it could be in."
_NOT_TOLD = "Sent mail isn't read: the server doesn't say which folder it is in."
_NOT_THERE = "The folder that was chosen for sent mail isn't there, or is none to read; the one that was found is read."
_MOST_SHOWN = 20
_BELOW = ("INBOX", "[Gmail]", "[Google Mail]")
_UNSEEN = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0xFEFF))


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder as LIST tells it. path: decoded. flags: in lower case. delimiter: None where there are no levels."""

    path: str
    flags: frozenset[str]
    delimiter: str | None


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Where folders of one's own begin, and where those of others do (RFC 2342)."""

    own: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


NO_NAMESPACES = Namespaces()


def find_inbox(listed: Sequence[Listed]) -> str:
    """INBOX, whatever the case (RFC 9051 section 5.1), or what an old XLIST flags as such."""
    named = next((one.path for one in listed if one.path.upper() == "INBOX"), None)
    flagged = next((one.path for one in listed if r"\inbox" in one.flags), None)
    return named or flagged or "INBOX"


def find_sent(listed: Sequence[Listed], spaces: Namespaces = NO_NAMESPACES) -> str | None:
    """The folder that is flagged as that of sent mail (RFC 6154), whatever it is called; else one by its name."""
    own = [one for one in listed if _readable(one) and not _foreign(one, spaces)]
    flagged = sorted((one.path for one in own if r"\sent" in one.flags), key=len)
    if flagged:
        return flagged[0]
    named = [(rank, one.path) for one in own if (rank := _RANKS.get(_name(one, spaces))) is not None]
    return min(named)[1] if named else None


def candidates(listed: Sequence[Listed], spaces: Namespaces = NO_NAMESPACES) -> tuple[str, ...]:
    """What somebody may choose from: folders of one's own that are neither the inbox nor flagged as anything else."""
    return tuple(one.path for one in listed if _readable(one) and not _foreign(one, spaces))


def words_about_sent(chosen: str | None, found: str | None, candidates: Sequence[str] = ()) -> str:
    """What the owner is told of the folder of sent mail (E3); nothing where it is as it should be.

    chosen: by their word. found: the one that is read. candidates: what they may choose from, where there is none.
    """
    if found is None:
        shown = ", ".join(candidates[:_MOST_SHOWN])
        return f"{_NOT_TOLD}{CHOOSE}{shown}." if shown else NO_SENT
    return "" if chosen is None or chosen == found else _NOT_THERE


def is_about_sent(error: str) -> bool:
    """Whether what is wrong with a mailbox is its folder of sent mail, which its owner can choose (E3)."""
    return error.startswith((NO_SENT, _NOT_TOLD, _NOT_THERE))


def _readable(one: Listed) -> bool:
    return not one.flags & _NOT_READ and one.path.upper() != "INBOX"


def _foreign(one: Listed, spaces: Namespaces) -> bool:
    return any(prefix and one.path.startswith(prefix) for prefix in spaces.foreign)


def _name(one: Listed, spaces: Namespaces) -> str:
    """What a folder of the first level is called, folded; of a deeper one its path, which is nobody's name."""
    below = [name + one.delimiter for name in _BELOW] if one.delimiter else []
    for prefix in (*spaces.own, *below):
        if prefix and one.path.upper().startswith(prefix.upper()):
            return _folded(one.path[len(prefix) :])
    return _folded(one.path)


def _folded(name: str) -> str:
    """Compared without case, unseen signs and kinds of blanks, composed (NFC)."""
    return " ".join(unicodedata.normalize("NFC", name).translate(_UNSEEN).casefold().split())


_RANKS = {
    _folded(name): rank
    for rank, name in reversed(list(enumerate(name for names in SENT_NAMES.values() for name in names)))
}
