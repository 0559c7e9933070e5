"""What of a text is new, in the languages people write to each other in; nothing of it is ever lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.quotes import MARKERS, Block, new_text, passes_on, split

INTRODUCTIONS = {
    "English": "On Tue, 14 Jan 2025 at 09:50, Bob Miller <bob@bluefin.example> wrote:",
    "English, Apple": "On 14 Jan 2025, at 09:50, Bob Miller <bob@bluefin.example> wrote:",
    "English, Thunderbird": "On 14/01/2025 09:50, Bob Miller wrote:",
    "Arabic": "في الثلاثاء، 14 يناير 2025 في 9:50 ص تمت كتابة ما يلي بواسطة Bob <bob@bluefin.example>:",
    "Chinese": "Bob Miller <bob@bluefin.example> 于2025年1月14日周二 09:50写道：",
    "Chinese, Taiwan": "Bob Miller <bob@bluefin.example> 於 2025年1月14日 週二 上午9:50寫道：",
    "Czech": "út 14. 1. 2025 v 9:50 odesílatel Bob <bob@bluefin.example> napsal:",
    "Danish": "Den tir. 14. jan. 2025 kl. 09.50 skrev Bob Miller <bob@bluefin.example>:",
    "Dutch": "Op di 14 jan 2025 om 09:50 schreef Bob Miller <bob@bluefin.example>:",
    "Finnish": "ti 14. tammik. 2025 klo 9.50 Bob Miller (bob@bluefin.example) kirjoitti:",
    "French": "Le mar. 14 janv. 2025 à 09:50, Bob Miller <bob@bluefin.example> a écrit :",
    "German": "Am Di., 14. Jan. 2025 um 09:50 Uhr schrieb Bob Miller <bob@bluefin.example>:",
    "German, Thunderbird": "Am 14.01.25 um 09:50 schrieb Bob Miller:",
    "Greek": "Στις Τρί 14 Ιαν 2025 στις 9:50 π.μ., ο χρήστης Bob <bob@bluefin.example> έγραψε:",
    "Hungarian": "Bob Miller <bob@bluefin.example> ezt írta (időpont: 2025. jan. 14., K, 9:50):",
    "Indonesian": "Pada tanggal Sel, 14 Jan 2025 pukul 09.50 Bob Miller <bob@bluefin.example> menulis:",
    "Italian": "Il giorno mar 14 gen 2025 alle ore 09:50 Bob Miller <bob@bluefin.example> ha scritto:",
    "Japanese": "2025年1月14日(火) 9:50 Bob Miller <bob@bluefin.example>:",
    "Korean": "2025년 1월 14일 (화) 오전 9:50, Bob Miller <bob@bluefin.example>님이 작성:",
    "Norwegian": "tir. 14. jan. 2025 kl. 09:50 skrev Bob Miller <bob@bluefin.example>:",
    "Polish": "wt., 14 sty 2025 o 09:50 Bob Miller <bob@bluefin.example> napisał(a):",
    "Polish, Thunderbird": "W dniu 14.01.2025 o 09:50, Bob Miller pisze:",
    "Portuguese": "Em ter., 14 de jan. de 2025 às 09:50, Bob Miller <bob@bluefin.example> escreveu:",
    "Romanian": "În mar., 14 ian. 2025 la 09:50, Bob Miller <bob@bluefin.example> a scris:",
    "Russian": "вт, 14 янв. 2025 г. в 09:50, Bob Miller <bob@bluefin.example>:",
    "Russian, Thunderbird": "14.01.2025 09:50, Bob Miller пишет:",
    "Spanish": "El mar, 14 ene 2025 a las 9:50, Bob Miller (<bob@bluefin.example>) escribió:",
    "Swedish": "Den tis 14 jan. 2025 kl 09:50 skrev Bob Miller <bob@bluefin.example>:",
    "Turkish": "Bob Miller <bob@bluefin.example>, 14 Oca 2025 Sal, 09:50 tarihinde şunu yazdı:",
    "Ukrainian": "вт, 14 січ. 2025 р. о 09:50 Bob Miller <bob@bluefin.example> пише:",
    "Vietnamese": "Vào Th 3, 14 thg 1, 2025 vào lúc 09:50 Bob <bob@bluefin.example> đã viết:",
}


def kinds(text: str, *, forwarded: bool = False) -> list[tuple[str, str]]:
    """The blocks without the blank lines around them; joined they are the text."""
    blocks = split(text, forwarded=forwarded)
    assert "".join(block.text for block in blocks) == MARKERS.sub("", text)
    return [(block.kind, block.text.strip()) for block in blocks]


@pytest.mark.parametrize("line", INTRODUCTIONS.values(), ids=INTRODUCTIONS)
def test_a_quote_begins_with_who_wrote_it(line: str) -> None:
    quote = f"{line}\n\n> Boats?"
    assert kinds(f"Yes.\n\n{quote}\n\nPS Two.") == [("new", "Yes."), ("quote", quote), ("new", "PS Two.")]


@pytest.mark.parametrize("line", INTRODUCTIONS.values(), ids=INTRODUCTIONS)
def test_a_quote_without_signs_runs_to_the_end(line: str) -> None:
    assert kinds(f"Yes.\n\n{line}\n\nBoats?\n\nBob") == [("new", "Yes."), ("quote", f"{line}\n\nBoats?\n\nBob")]


@pytest.mark.parametrize("line", INTRODUCTIONS.values(), ids=INTRODUCTIONS)
def test_what_introduces_a_quote_may_be_broken_into_two_lines(line: str) -> None:
    for place in [place for place, sign in enumerate(line) if sign == " " and len(line) // 3 < place][::2]:
        broken = f"{line[:place]}\n{line[place + 1 :]}"
        assert kinds(f"Yes.\n\n{broken}\n> Boats?")[0] == ("new", "Yes."), broken


ORIGINALS = {
    "English": ("-----Original Message-----", "From: Bob", "Sent: Tuesday", "To: Ana", "Subject: Boats"),
    "Chinese": ("-----邮件原件-----", "发件人: Bob", "发送时间: 2025年1月14日", "收件人: Ana", "主题: Boats"),
    "Chinese, phones": (
        "------------------ 原始邮件 ------------------",
        "发件人：Bob",
        "发送时间：x",
        "收件人：y",
        "主题：z",
    ),
    "Danish": ("-----Oprindelig meddelelse-----", "Fra: Bob", "Sendt: 14. januar", "Til: Ana", "Emne: Boats"),
    "Dutch": ("-----Oorspronkelijk bericht-----", "Van: Bob", "Verzonden: x", "Aan: Ana", "Onderwerp: Boats"),
    "French": ("-----Message d’origine-----", "De : Bob", "Envoyé : mardi", "À : Ana", "Objet : Boats"),
    "German": ("-----Ursprüngliche Nachricht-----", "Von: Bob", "Gesendet: Dienstag", "An: Ana", "Betreff: Boats"),
    "Indonesian": ("-----Pesan Asli-----", "Dari: Bob", "Dikirim: Selasa", "Kepada: Ana", "Subjek: Boats"),
    "Italian": ("-----Messaggio originale-----", "Da: Bob", "Inviato: martedì", "A: Ana", "Oggetto: Boats"),
    "Japanese": ("-----元のメッセージ-----", "差出人: Bob", "送信日時: x", "宛先: Ana", "件名: Boats"),
    "Korean": ("-----원본 메시지-----", "보낸 사람: Bob", "보낸 날짜: x", "받는 사람: Ana", "제목: Boats"),
    "Norwegian": ("-----Opprinnelig melding-----", "Fra: Bob", "Sendt: tirsdag", "Til: Ana", "Emne: Boats"),
    "Polish": ("-----Wiadomość oryginalna-----", "Od: Bob", "Wysłano: wtorek", "Do: Ana", "Temat: Boats"),
    "Portuguese": ("-----Mensagem original-----", "De: Bob", "Enviada em: terça", "Para: Ana", "Assunto: Boats"),
    "Russian": ("-----Исходное сообщение-----", "От: Bob", "Отправлено: x", "Кому: Ana", "Тема: Boats"),
    "Spanish": ("-----Mensaje original-----", "De: Bob", "Enviado el: martes", "Para: Ana", "Asunto: Boats"),
    "Swedish": ("-----Ursprungligt meddelande-----", "Från: Bob", "Skickat: x", "Till: Ana", "Ämne: Boats"),
    "Turkish": ("-----Özgün İleti-----", "Kimden: Bob", "Gönderilen: Salı", "Kime: Ana", "Konu: Boats"),
}


@pytest.mark.parametrize("rows", ORIGINALS.values(), ids=ORIGINALS)
def test_the_original_below_an_answer_is_a_quote(rows: tuple[str, ...]) -> None:
    whole, header = "\n".join((*rows, "", "Boats?")), "\n".join((*rows[1:], "", "Boats?"))

    assert kinds(f"Yes.\n\n{whole}") == [("new", "Yes."), ("quote", whole)]
    assert kinds(f"Yes.\n\n{header}") == [("new", "Yes."), ("quote", header)]
    bold = header.replace(rows[1], f"*{rows[1].replace(':', ':*', 1)}")
    assert kinds(f"Yes.\n\n{bold}")[0] == ("new", "Yes.")


@pytest.mark.parametrize("rows", ORIGINALS.values(), ids=ORIGINALS)
def test_an_original_is_a_letter_to_read_where_it_was_passed_on(rows: tuple[str, ...]) -> None:
    whole = "\n".join((*rows, "", "Boats?"))

    assert kinds(f"See below.\n\n{whole}", forwarded=True) == [("new", "See below."), ("forward", whole)]
    assert kinds(whole) == [("forward", whole)]
    assert kinds(f"-- \nCarol\n\n{whole}") == [("signature", "-- \nCarol"), ("forward", whole)]


FORWARDS = {
    "English": "---------- Forwarded message ---------",
    "English, Apple": "Begin forwarded message:",
    "Lotus": "----- Forwarded by Bob/Bluefin on 14.01.2025 09:50 -----",
    "Chinese": "---------- 转发的邮件 ----------",
    "Danish": "---------- Videresendt meddelelse ---------",
    "Dutch, Apple": "Begin doorgestuurd bericht:",
    "French": "---------- Message transféré ----------",
    "French, Apple": "Début du message réexpédié :",
    "German": "-------- Weitergeleitete Nachricht --------",
    "German, Apple": "Anfang der weitergeleiteten Nachricht:",
    "Indonesian": "---------- Pesan terusan ---------",
    "Italian": "-------- Messaggio Inoltrato --------",
    "Norwegian": "---------- Videresendt melding ----------",
    "Polish": "---------- Przekazana wiadomość ----------",
    "Portuguese": "---------- Mensagem encaminhada ---------",
    "Russian": "-------- Пересылаемое сообщение --------",
    "Spanish": "---------- Mensaje reenviado ----------",
    "Spanish, Apple": "Inicio del mensaje reenviado:",
    "Swedish": "---------- Vidarebefordrat meddelande ----------",
    "Turkish": "---------- İletilen mesaj ---------",
}


@pytest.mark.parametrize("mark", FORWARDS.values(), ids=FORWARDS)
def test_a_letter_that_is_passed_on_is_no_mere_quote(mark: str) -> None:
    letter = f"{mark}\nFrom: Bob\n\nBoats?\n\n> Old"
    assert kinds(f"See below.\n\n{letter}") == [("new", "See below."), ("forward", letter)]
    quoted = f"{mark}\n\n> From: Bob\n>\n> Boats?"
    assert kinds(f"See below.\n\n{quoted}\n\nCarol") == [("new", "See below."), ("forward", quoted), ("new", "Carol")]


DEVICES = {
    "English": "Sent from my iPhone",
    "English, Outlook": "Get Outlook for iOS<https://aka.ms/o0ukef>",
    "Chinese": "发自我的iPhone",
    "Danish": "Sendt fra min iPhone",
    "Dutch": "Verstuurd vanaf mijn iPhone",
    "Finnish": "Lähetetty iPhonesta",
    "French": "Envoyé de mon iPhone",
    "German": "Von meinem iPhone gesendet",
    "Indonesian": "Dikirim dari iPhone saya",
    "Italian": "Inviato da iPhone",
    "Japanese": "iPhoneから送信",
    "Korean": "나의 iPhone에서 보냄",
    "Norwegian": "Sendt fra min iPhone",
    "Polish": "Wysłane z iPhone'a",
    "Portuguese": "Enviado do meu iPhone",
    "Russian": "Отправлено с iPhone",
    "Spanish": "Enviado desde mi iPhone",
    "Swedish": "Skickat från min iPhone",
    "Turkish": "iPhone’umdan gönderildi",
}


@pytest.mark.parametrize("line", DEVICES.values(), ids=DEVICES)
def test_what_a_telephone_adds_is_a_signature(line: str) -> None:
    assert kinds(f"Yes.\n\n{line}\n\n> Boats?") == [("new", "Yes."), ("signature", line), ("quote", "> Boats?")]


LONG = "\n".join(["a paragraph", *(f"line {n}" for n in range(15))])
SPLIT = {
    # story: text, its blocks
    "nothing": ("", []),
    "blank lines": ("\n \n", [("new", "")]),
    "one line": ("Yes.", [("new", "Yes.")]),
    "blank lines before a quote": ("\n\n> Boats?", [("quote", "> Boats?")]),
    "answers between quotes": (
        "> Boats?\n\nYes.\n> How many?\nTwo.",
        [("quote", "> Boats?"), ("new", "Yes."), ("quote", "> How many?"), ("new", "Two.")],
    ),
    "a signature": ("Yes.\n-- \nCarol\n+1", [("new", "Yes."), ("signature", "-- \nCarol\n+1")]),
    "a signature above a quote": (
        "Yes.\n-- \nCarol\n\nBob wrote:\n> Boats?\n\nPS",
        [("new", "Yes."), ("signature", "-- \nCarol"), ("quote", "Bob wrote:\n> Boats?"), ("new", "PS")],
    ),
    "a signature whose blank was lost": ("Yes.\n--\nCarol", [("new", "Yes."), ("signature", "--\nCarol")]),
    "dashes that divide a long text": (f"Yes.\n--\n{LONG}", [("new", f"Yes.\n--\n{LONG}")]),
    "a long signature is one where its blank is there": (
        f"Yes.\n-- \n{LONG}\n--",
        [("new", "Yes."), ("signature", f"-- \n{LONG}\n--")],
    ),
    "a sentence that ends with a colon": ("In 2025 I wrote:\nOne.\nTwo.", [("new", "In 2025 I wrote:\nOne.\nTwo.")]),
    "an introduction in a language we don't know": (
        "Yes.\nDie 14 Ianuarii, Bob\nscripsit:\n> Boats?",
        [("new", "Yes."), ("quote", "Die 14 Ianuarii, Bob\nscripsit:\n> Boats?")],
    ),
    "a list below a colon": ("We need:\n- boats\n- oars", [("new", "We need:\n- boats\n- oars")]),
    "an exact introduction and nothing below": (
        "Yes.\nOn 14 Jan 2025 at 09:50 Bob wrote:",
        [("new", "Yes."), ("quote", "On 14 Jan 2025 at 09:50 Bob wrote:")],
    ),
    "a sentence like a telephone's": (
        "Sent from my office was a parcel.\nDid it come?",
        [("new", "Sent from my office was a parcel.\nDid it come?")],
    ),
    "a From that is no header": ("From: here on\nit is new.", [("new", "From: here on\nit is new.")]),
    "a From in the last line": ("From: here", [("new", "From: here")]),
    "the line that Outlook draws": (
        f"Yes.\n{'_' * 32}\nFrom: Bob\n\nBoats?",
        [("new", "Yes."), ("quote", f"{'_' * 32}\nFrom: Bob\n\nBoats?")],
    ),
    "a line drawn between paragraphs": (f"Yes.\n{'_' * 32}\nNo.", [("new", f"Yes.\n{'_' * 32}\nNo.")]),
    "a short line above a From": ("Yes.\n---\nFrom: here", [("new", "Yes.\n---\nFrom: here")]),
    "a short line above a header": (
        "Yes.\n---\nFrom: Bob\nTo: Ana",
        [("new", "Yes."), ("quote", "---\nFrom: Bob\nTo: Ana")],
    ),
    "a line at the end": ("Yes.\n-----", [("new", "Yes.\n-----")]),
    "a long text between dashes": (f"-- {'x' * 120} --", [("new", f"-- {'x' * 120} --")]),
    "an unknown text between dashes": ("--- Boats ---\nTwo", [("new", "--- Boats ---\nTwo")]),
    "a line that is too long to mean anything": (f"{'x' * 600}:\n> a", [("quote", f"{'x' * 600}:\n> a")]),
    "an introduction that is too long": (
        f"Yes.\n\n{'x' * 300}\n{'y ' * 150} 2025 wrote:\nBoats?",
        [("new", f"Yes.\n\n{'x' * 300}\n{'y ' * 150} 2025 wrote:\nBoats?")],
    ),
    "a quote of a forward": (
        "> ---------- Forwarded message ---------\n> From: Bob",
        [("forward", "> ---------- Forwarded message ---------\n> From: Bob")],
    ),
    "an answer to a forward that was quoted": (
        "Yes.\n> They wrote: forwarded message\n> a\n> b\n> c",
        [("new", "Yes."), ("quote", "> They wrote: forwarded message\n> a\n> b\n> c")],
    ),
    "an original with signs": (
        "Yes.\n-----Original Message-----\n> Boats?\n\nPS",
        [("new", "Yes."), ("quote", "-----Original Message-----\n> Boats?"), ("new", "PS")],
    ),
    "an original that is empty": (
        "Yes.\n-----Original Message-----\n",
        [("new", "Yes."), ("quote", "-----Original Message-----")],
    ),
    "HTML says what is quoted": ("Yes.\ufdd0\nBoats?\ufdd4 PS", [("new", "Yes."), ("quote", "Boats?"), ("new", "PS")]),
    "HTML says where a letter begins": ("Yes.\n\ufdd1Bob:\nBoats?", [("new", "Yes."), ("quote", "Bob:\nBoats?")]),
    "HTML says that a letter is passed on": (
        "See.\n\ufdd1--- Forwarded message ---\nBoats?",
        [("new", "See."), ("forward", "--- Forwarded message ---\nBoats?")],
    ),
    "HTML says what is a signature": (
        "Yes.\n\ufdd3Carol\n\n+1\ufdd4\nPS",
        [("new", "Yes."), ("signature", "Carol\n\n+1"), ("new", "PS")],
    ),
    "an indented text below an introduction": (
        "Yes.\n14.01.2025, 09:50, Bob <b@x>:\n\ufdd2Boats?\n\nTwo\n\ufdd4PS",
        [("new", "Yes."), ("quote", "14.01.2025, 09:50, Bob <b@x>:\nBoats?\n\nTwo"), ("new", "PS")],
    ),
    "an indented text": ("He said\n\ufdd2To be.\nOr not.\ufdd4\nYes.", [("new", "He said\nTo be.\nOr not.\nYes.")]),
    "a letter below a drawn line, in any language": (
        "Yes.\n\ufdd2A: 1\n\nB: 2\nC： 3\ufdd4\nBoats?",
        [("new", "Yes."), ("quote", "A: 1\n\nB: 2\nC： 3\nBoats?")],
    ),
}


@pytest.mark.parametrize(("text", "blocks"), SPLIT.values(), ids=SPLIT)
def test_a_text_is_split(text: str, blocks: list[tuple[str, str]]) -> None:
    assert kinds(text) == blocks


SUBJECTS = {
    "Fwd: Boats": True,
    "FW: Boats": True,
    "WG: Boats": True,
    "转发：Boats": True,
    "İLT: Boats": True,
    "Fwd[2]: Boats": True,
    "[Fwd: Boats]": True,
    "Re: Fwd: Boats": False,
    "Boats": False,
    "": False,
}


@pytest.mark.parametrize(("subject", "forward"), SUBJECTS.items(), ids=SUBJECTS)
def test_a_subject_tells_whether_a_letter_is_passed_on(subject: str, forward: bool) -> None:
    assert passes_on(subject) is forward


PIECES = [
    ">",
    "> a",
    "\n",
    "\n\n",
    " ",
    "a",
    "-- ",
    "--",
    ":",
    "On 14 Jan 2025 at 9:50",
    "<b@x>",
    "wrote:",
    "From: x",
    "To: y",
    "Sent: z",
    "Subject: s",
    "-----Original Message-----",
    "Forwarded message",
    "_" * 32,
    "Sent from my x",
    "\ufdd0",
    "\ufdd1",
    "\ufdd2",
    "\ufdd3",
    "\ufdd4",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(), st.booleans())
def test_the_blocks_of_any_text_are_the_text(text: str, forwarded: bool) -> None:
    blocks = split(text, forwarded=forwarded)
    assert "".join(block.text for block in blocks) == MARKERS.sub("", text)
    assert all(one.kind != other.kind for one, other in pairwise(blocks))


HOSTILE = [
    ">",
    ">\n",
    "> ",
    "On ",
    "On On wrote:\n",
    "On 2025 9:50 wrote:\n",
    ":\n",
    ">\n:\n",
    "--\n",
    "\n",
    "From:\n",
    "-----\n",
    "____________________\n\n",
    "Sent from my\n\n",
    "wrote " * 80 + ":\n",
    "\ufdd0\ufdd4",
    "\ufdd2\n",
    "From: x\nTo: y\n",
    "9:50 <b@c>:\n\ufdd2x\ufdd4\n",
]


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
def test_a_megabyte_of_anything_is_split(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert sum(len(block.text) for block in split(text)) == len(MARKERS.sub("", text))


def test_only_so_much_of_a_text_is_looked_at_and_the_rest_is_kept() -> None:
    text = "a\n" * 200_000 + "\ufdd0> quoted"
    assert split(text) == (Block("new", text.replace("\ufdd0", "")),)


def test_new_text_is_what_is_new() -> None:
    assert new_text("Yes.\n> Boats?\nTwo.\n-- \nCarol") == "Yes.\nTwo.\n"


def test_a_text_of_nothing_but_marks_for_as_far_as_it_is_looked_at_is_new() -> None:
    assert split("\ufdd0" * 300_000 + "x") == (Block("new", "x"),)
