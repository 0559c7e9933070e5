"""The words by which mail programs of many languages announce what is not new: answers, originals, forwards, devices.

One row a language, so that a new one is a new row. All are compared as `fold` makes them;
what may stand around them (dashes, names, dates) is the business of `quotes`. Facts behind the table: what the
localised versions of the common mail programs write.
"""

# The tables hold letters of other scripts, which look like Latin ones on purpose.
# ruff: noqa: RUF001
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

# What ends "On Tuesday, Ann wrote:", or stands in it.
_WROTE = {
    "English": "wrote, writes",
    "Arabic": "كتب, كتبت",
    "Bulgarian": "написа",
    "Chinese": "写道, 寫道, 写到, 寫到, 写信给",
    "Croatian, Serbian and Slovenian": "napisao je, napisala je, "
    "je napisao, je napisala, piše, је написао, је написала",
    "Czech and Slovak": "napsal, napsala, napsal(a), napísal, napísala, napísal(a)",
    "Danish, Norwegian and Swedish": "skrev, skrev følgende, skrev följande, skreiv",
    "Dutch": "schreef, heeft geschreven, geschreven, het volgende geschreven",
    "Estonian": "kirjutas",
    "Finnish": "kirjoitti",
    "French": "a écrit, écrit, a ecrit",
    "German": "schrieb, schrieb folgendes, geschrieben, hat geschrieben",
    "Greek": "έγραψε, έγραψε τα εξής",
    "Hebrew": "כתב, כתבה, מאת, כתב/ה",
    "Hungarian": "ezt írta, írta, a következőt írta",
    "Indonesian and Malay": "menulis, tulis",
    "Italian": "ha scritto, scritto, scrive",
    "Japanese": "のメール, が書きました, wrote",
    "Korean": "님이 작성, 작성, 님이 쓴 글",
    "Latvian and Lithuanian": "rakstīja, rašė, parašė",
    "Polish": "napisał, napisała, napisał(a), napisał/a, pisze",
    "Portuguese": "escreveu",
    "Romanian": "a scris",
    "Russian": "пишет, писал, писала, писал(а), написал, написала, написал(а)",
    "Spanish": "escribió, escribio",
    "Thai": "เขียนว่า, เขียน",
    "Turkish": "şunu yazdı, yazdı, şunları yazdı",
    "Ukrainian": "пише, написав, написала, написав(ла)",
    "Vietnamese": "đã viết, viết",
}

# Between dashes, above the mail that is answered; Outlook writes it above a forward too.
_ORIGINAL = {
    "English": "original message, original appointment, reply message",
    "Arabic": "الرسالة الأصلية",
    "Bulgarian": "оригинално съобщение",
    "Chinese": "原始邮件, 原邮件, 原始郵件, 原始信息, 原始訊息, 回复的原邮件, 回覆的郵件",
    "Croatian, Serbian and Slovenian": "izvorna poruka, originalna poruka, izvorno sporočilo",
    "Czech and Slovak": "původní zpráva, původní e-mail, pôvodná správa",
    "Danish, Norwegian and Swedish": "oprindelig meddelelse, "
    "original meddelelse, original besked, opprinnelig melding, "
    "original melding, ursprungligt meddelande, originalmeddelande, ursprungsmeddelande",
    "Dutch": "oorspronkelijk bericht, origineel bericht, originele bericht",
    "Finnish": "alkuperäinen viesti",
    "French": "message d'origine, message original, courriel original, message initial",
    "German": "ursprüngliche nachricht, originalnachricht, original-nachricht, original nachricht, ursprüngliche mail",
    "Greek": "αρχικό μήνυμα",
    "Hebrew": "הודעה מקורית, ההודעה המקורית",
    "Hungarian": "eredeti üzenet",
    "Indonesian and Malay": "pesan asli, mesej asal",
    "Italian": "messaggio originale, messaggio originario",
    "Japanese": "元のメッセージ, オリジナルメッセージ",
    "Korean": "원본 메시지, 원본 메일, 원본메세지",
    "Polish": "wiadomość oryginalna, oryginalna wiadomość, original message",
    "Portuguese": "mensagem original",
    "Romanian": "mesaj original, mesajul original",
    "Russian": "исходное сообщение, оригинальное сообщение, исходное письмо",
    "Spanish": "mensaje original",
    "Thai": "ข้อความต้นฉบับ",
    "Turkish": "özgün ileti, orijinal mesaj, özgün mesaj, orijinal ileti",
    "Ukrainian": "оригінальне повідомлення, вихідне повідомлення",
    "Vietnamese": "thư gốc, tin nhắn gốc",
}

# Between dashes, or alone on a line with a colon, above the mail that is passed on.
_FORWARDED = {
    "English": "forwarded message, begin forwarded message, forwarded by, forwarded mail, forwarded email, "
    "forward message, start of forwarded message, message forwarded",
    "Arabic": "رسالة محولة, رسالة معاد توجيهها, بدء الرسالة المعاد توجيهها",
    "Bulgarian": "препратено съобщение",
    "Chinese": "转发的邮件, 转发邮件, 转发邮件信息, 转发的信息, "
    "轉寄郵件, 轉寄的郵件, 已轉寄的郵件, 轉寄信件, 开始转发的邮件, "
    "開始轉寄的郵件, 開始轉寄信件, 以下是转发的邮件",
    "Croatian, Serbian and Slovenian": "proslijeđena poruka, prosleđena poruka, posredovano sporočilo",
    "Czech and Slovak": "přeposlaná zpráva, předaná zpráva, začátek přeposílané zprávy, preposlaná správa",
    "Danish, Norwegian and Swedish": "videresendt meddelelse, "
    "videresendt besked, videresendt mail, videresendt melding, "
    "videresendt e-post, start på videresendt besked, "
    "start på videresendt e-mail, begynnelse på videresendt melding, "
    "vidarebefordrat meddelande, vidarebefordrat brev, vidarebefordrat mejl, vidarebefordrat mail, "
    "början på vidarebefordrat brev, början på vidarebefordrat mejl, vidaresänt meddelande",
    "Dutch": "doorgestuurd bericht, begin doorgestuurd bericht, doorgezonden bericht",
    "Finnish": "välitetty viesti, edelleenlähetetty viesti, välitetty viesti alkaa, aloita edelleenlähetetty viesti",
    "French": "message transféré, courriel transféré, message réexpédié, début du message transféré, "
    "début du message réexpédié, début du e-mail transféré, message transmis",
    "German": "weitergeleitete nachricht, weitergeleitete mail, anfang der weitergeleiteten nachricht, "
    "anfang der weitergeleiteten e-mail, beginn der weitergeleiteten nachricht, weitergeleitet von",
    "Greek": "προωθημένο μήνυμα, προωθούμενο μήνυμα",
    "Hebrew": "הודעה שהועברה, הודעה מועברת",
    "Hungarian": "továbbított üzenet, továbbított levél, továbbított levél kezdete",
    "Indonesian and Malay": "pesan terusan, pesan yang diteruskan, pesan diteruskan, mulai meneruskan pesan, "
    "mulai pesan terusan, mesej dimajukan",
    "Italian": "messaggio inoltrato, inizio messaggio inoltrato, inizio del messaggio inoltrato, messaggio rinviato",
    "Japanese": "転送メッセージ, 転送されたメッセージ, 転送されたメール, 転送メール, 転送されたメッセージの開始",
    "Korean": "전달된 메시지, 전달된 메일, 전달된 메시지 시작",
    "Polish": "przekazana wiadomość, wiadomość przekazana dalej, "
    "wiadomość przekazana, początek przekazywanej wiadomości, "
    "początek przekazanej wiadomości, treść przekazanej wiadomości",
    "Portuguese": "mensagem encaminhada, mensagem reencaminhada, início da mensagem encaminhada, "
    "início da mensagem reencaminhada, mensagem transmitida",
    "Romanian": "mesaj redirecționat, mesaj redirecţionat, mesajul redirecționat",
    "Russian": "пересылаемое сообщение, пересланное сообщение, пересылаемое письмо, перенаправленное сообщение, "
    "начало переадресованного сообщения, начало переадресованного письма, начало пересылаемого сообщения",
    "Spanish": "mensaje reenviado, inicio del mensaje reenviado, comienzo del mensaje reenviado, mensaje remitido",
    "Thai": "ข้อความที่ส่งต่อ",
    "Turkish": "iletilen mesaj, yönlendirilmiş ileti, yönlendirilen ileti, iletilmiş mesaj, yönlendirilen mesaj, "
    "ileti başlangıcı, iletilmiş ileti başlangıcı, başlangıç iletilen mesaj",
    "Ukrainian": "переслане повідомлення, пересланий лист, початок переадресованого повідомлення",
    "Vietnamese": "thư đã chuyển tiếp, thư được chuyển tiếp, bắt đầu thư được chuyển tiếp, chuyển tiếp thư",
}

# Labels of the header that Outlook and others repeat above a letter.
_FROM = {
    "English": "from",
    "Arabic": "من",
    "Bulgarian": "от",
    "Chinese": "发件人, 寄件者, 寄件人, 發件人",
    "Croatian, Serbian and Slovenian": "od, šalje, пошиљалац",
    "Czech, Polish and Slovak": "od, odesílatel, nadawca, odosielateľ",
    "Danish, Norwegian and Swedish": "fra, från, avsändare, frå",
    "Dutch": "van, afzender",
    "Finnish": "lähettäjä",
    "French": "de, expéditeur",
    "German": "von, absender",
    "Greek": "από",
    "Hebrew": "מאת",
    "Hungarian": "feladó",
    "Indonesian and Malay": "dari, daripada",
    "Italian": "da, mittente",
    "Japanese": "差出人, 送信者, from",
    "Korean": "보낸 사람, 보낸사람, 발신",
    "Latvian and Lithuanian": "no, nuo, sūtītājs, siuntėjas",
    "Portuguese": "de, remetente",
    "Romanian": "de la, expeditor",
    "Russian": "от, от кого, отправитель",
    "Spanish": "de, remitente",
    "Thai": "จาก",
    "Turkish": "kimden, gönderen",
    "Ukrainian": "від, від кого, відправник",
    "Vietnamese": "từ, người gửi",
}
_DATE = {
    "English": "sent, date, sent on, received, when",
    "Arabic": "تاريخ الإرسال, التاريخ",
    "Bulgarian": "изпратено, дата",
    "Chinese": "发送时间, 发送日期, 日期, 寄件日期, 傳送時間, 寄件時間, 時間, 时间, 已发送, 發送時間",
    "Croatian, Serbian and Slovenian": "poslano, poslato, datum, послато",
    "Czech, Polish and Slovak": "odesláno, datum, wysłano, wysłane, data, odoslané, dátum",
    "Danish, Norwegian and Swedish": "sendt, dato, skickat, datum, sänt",
    "Dutch": "verzonden, datum",
    "Finnish": "lähetetty, päivämäärä, päiväys",
    "French": "envoyé, date, envoyé le",
    "German": "gesendet, datum",
    "Greek": "στάλθηκε, ημερομηνία, εστάλη",
    "Hebrew": "נשלח, תאריך",
    "Hungarian": "elküldve, dátum, küldve",
    "Indonesian and Malay": "dikirim, tanggal, terkirim, dihantar, tarikh",
    "Italian": "inviato, data, spedito",
    "Japanese": "送信日時, 日時, 日付",
    "Korean": "보낸 날짜, 보낸날짜, 날짜, 일시",
    "Latvian and Lithuanian": "nosūtīts, datums, išsiųsta, data",
    "Portuguese": "enviado, enviada em, enviado em, enviada, data",
    "Romanian": "trimis, data, dată",
    "Russian": "отправлено, дата, отправлен",
    "Spanish": "enviado, fecha, enviado el, enviado a las",
    "Thai": "ส่ง, วันที่",
    "Turkish": "gönderilen, tarih, gönderildi, gönderme tarihi, gönderim",
    "Ukrainian": "надіслано, дата",
    "Vietnamese": "đã gửi, ngày, gửi",
}
_TO = {
    "English": "to, cc",
    "Arabic": "إلى, نسخة",
    "Bulgarian": "до",
    "Chinese": "收件人, 收件者, 抄送, 副本",
    "Croatian, Serbian and Slovenian": "za, prima, kopija, za primatelja, коме",
    "Czech, Polish and Slovak": "komu, do, kopie, dw, adresat, pre, kópia",
    "Danish, Norwegian and Swedish": "til, till, kopi, kopia",
    "Dutch": "aan",
    "Finnish": "vastaanottaja, kopio",
    "French": "à, a, pour, destinataire",
    "German": "an, empfänger",
    "Greek": "προς, κοιν",
    "Hebrew": "אל, עותק",
    "Hungarian": "címzett, másolatot kap",
    "Indonesian and Malay": "kepada, ke",
    "Italian": "a, destinatario, per",
    "Japanese": "宛先",
    "Korean": "받는 사람, 받는사람, 참조, 수신",
    "Latvian and Lithuanian": "kam, kopija, saņēmējs, gavėjas",
    "Portuguese": "para",
    "Romanian": "către, catre",
    "Russian": "кому, копия",
    "Spanish": "para",
    "Thai": "ถึง",
    "Turkish": "kime, kimden bilgi, alıcı, bilgi",
    "Ukrainian": "кому, копія",
    "Vietnamese": "đến, tới, người nhận",
}
_SUBJECT = {
    "English": "subject",
    "Arabic": "الموضوع",
    "Bulgarian": "относно, тема",
    "Chinese": "主题, 主旨, 主題, 标题",
    "Croatian, Serbian and Slovenian": "predmet, tema, naslov, zadeva, тема",
    "Czech, Polish and Slovak": "předmět, temat, predmet",
    "Danish, Norwegian and Swedish": "emne, ämne, rubrik",
    "Dutch": "onderwerp",
    "Finnish": "aihe",
    "French": "objet, sujet",
    "German": "betreff",
    "Greek": "θέμα",
    "Hebrew": "נושא, הנדון",
    "Hungarian": "tárgy",
    "Indonesian and Malay": "subjek, perihal, judul",
    "Italian": "oggetto",
    "Japanese": "件名",
    "Korean": "제목",
    "Latvian and Lithuanian": "temats, tēma, tema",
    "Portuguese": "assunto",
    "Romanian": "subiect",
    "Russian": "тема",
    "Spanish": "asunto",
    "Thai": "เรื่อง, หัวเรื่อง",
    "Turkish": "konu",
    "Ukrainian": "тема",
    "Vietnamese": "chủ đề, tiêu đề",
}

# How a line begins, or ends, that a telephone or a program put below the text by itself.
_DEVICE_BEGINS = {
    "English": "sent from my, sent from mail for, sent from outlook, sent from yahoo, sent from the, sent via, "
    "sent with proton, sent with mailspring, get outlook for, sent from proton, sent from gmail, sent on the go",
    "Chinese": "发自我的, 從我的, 从我的, 发送自, 傳送自, 寄自我的, 来自我的, 获取 outlook, 獲取 outlook, 取得 outlook",
    "Czech and Slovak": "odesláno z, odoslané z, odoslané zo, získat outlook",
    "Danish, Norwegian and Swedish": "sendt fra min, sendt fra mit, "
    "sendt fra outlook, sendt fra e-post, hent outlook, "
    "skickat från min, skickat från mitt, skickat från outlook, skickat från e-post, skaffa outlook, få outlook",
    "Dutch": "verzonden vanaf mijn, verstuurd vanaf mijn, verzonden met, verzonden vanuit, verstuurd vanuit, "
    "outlook voor, download outlook, outlook downloaden",
    "Finnish": "lähetetty iphonesta, lähetetty laitteesta, lähetetty puhelimesta, hanki outlook",
    "French": "envoyé de mon, envoyé depuis mon, envoyé à partir de, envoyé depuis, téléchargez outlook, "
    "obtenez outlook, obtenir outlook, télécharger outlook",
    "German": "gesendet von mein, gesendet mit, gesendet von mail, gesendet von outlook, "
    "diese nachricht wurde von mein, holen sie sich outlook, outlook für, laden sie outlook",
    "Hungarian": "elküldve az, iphone-ról küldve, küldve az",
    "Indonesian and Malay": "dikirim dari, terkirim dari, dapatkan outlook, dihantar daripada",
    "Italian": "inviato da, inviato dal, inviato dall, scarica outlook, ottieni outlook",
    "Japanese": "outlook for, ios 版 outlook, android 版 outlook",
    "Korean": "나의 iphone, 내 iphone, 내 갤럭시, outlook 다운로드",
    "Polish": "wysłane z, wysłano z, wysłane za pomocą, "
    "pobierz program outlook, pobierz aplikację outlook, uzyskaj outlook",
    "Portuguese": "enviado do meu, enviado a partir do, enviado pelo meu, enviado do, enviado via, enviado de, "
    "obter o outlook, obtenha o outlook",
    "Romanian": "trimis de pe, obțineți outlook",
    "Russian": "отправлено с, отправлено из, отправлено при помощи, послано с, скачать outlook, получить outlook",
    "Spanish": "enviado desde, enviado con, obtener outlook, enviado de mi, descargar outlook",
    "Turkish": "iphone'umdan gönderildi, outlook uygulamasını, outlook'u edinin",
    "Ukrainian": "надіслано з, відправлено з, завантажити outlook",
    "Vietnamese": "được gửi từ, đã gửi từ, tải outlook",
}
_DEVICE_ENDS = {
    "Chinese": "的 iphone, 的iphone 傳送, 的 iphone 傳送",
    "German": "iphone gesendet, ipad gesendet, smartphone gesendet, mobiltelefon gesendet, handy gesendet, "
    "galaxy smartphone gesendet, gerät gesendet",
    "Finnish": "iphonesta, ipadista",
    "Japanese": "iphoneから送信, ipadから送信, iphone から送信, ipad から送信, outlook を入手",
    "Korean": "에서 보냄, 에서 나의 iphone으로 보냄",
    "Turkish": "iphone'umdan gönderildi, ipad'imden gönderildi, telefonumdan gönderildi, cihazımdan gönderildi",
}

# Marks of a forward at the beginning of a subject; those that also mark an answer somewhere are left out.
_FORWARD_MARKS = (
    "fw, fwd, wg, tr, vb, videresendt, vl, doorst, rv, reenv, enc, inoltra, pd, ilt, trs, пересл, препр, "
    "转发, 轉寄, 轉發, 転送, 전달, העבר, הועבר, إعادة توجيه, továbbítás, "
    "chuyển tiếp, ส่งต่อ, yml, πρθ, proslj, persiųsta"
)


def fold(text: str) -> str:
    """The form in which texts are compared with the tables."""
    plain = unicodedata.normalize("NFC", text).casefold()
    return " ".join(plain.replace("\u0307", "").replace("\u2019", "'").split())


def _all(table: Mapping[str, str]) -> tuple[str, ...]:
    """Every entry, the longest first, so that an alternation tries those before what they begin with."""
    entries = {fold(entry) for row in table.values() for entry in row.split(", ")}
    return tuple(sorted(entries, key=lambda entry: (-len(entry), entry)))


def _any_of(entries: Iterable[str]) -> str:
    return "|".join(map(re.escape, entries))


def _apart(entries: Iterable[str]) -> str:
    """Entries as words of their own, where their script puts blanks between words."""
    words = tuple(entries)
    spaced = _any_of(word for word in words if ord(word[0]) < _UNSPACED)
    return rf"(?<!\w)(?:{spaced})|{_any_of(word for word in words if ord(word[0]) >= _UNSPACED)}"


def _labels() -> dict[str, frozenset[str]]:
    tables = {"from": _FROM, "date": _DATE, "to": _TO, "subject": _SUBJECT}
    named: dict[str, set[str]] = {}
    for kind, table in tables.items():
        for label in _all(table):
            named.setdefault(label, set()).add(kind)
    return {label: frozenset(kinds) for label, kinds in named.items()}


_UNSPACED = 0x0E00
LABELS = _labels()
"""What a label may name: from, date, to, subject."""
ORIGINAL = re.compile(_any_of(_all(_ORIGINAL)))
FORWARDED = re.compile(_any_of(_all(_FORWARDED)))
WROTE = re.compile(_apart(_all(_WROTE)))
DEVICE = re.compile(rf"(?:{_any_of(_all(_DEVICE_BEGINS))})|.{{0,60}}?(?:{_any_of(_all(_DEVICE_ENDS))})[.!]?\Z")
FORWARD_MARKS = frozenset(fold(mark) for mark in _FORWARD_MARKS.split(", "))
