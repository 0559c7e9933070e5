"""Messages fetched from servers of every kind: in few round trips, without their files, and none stops the others."""

from __future__ import annotations

import pytest

from gateway.core.body import content
from gateway.core.mail import read_mail
from gateway.core.remote import RemoteFile
from gateway.core.skeleton import TEXT_BYTES, with_sizes
from gateway.mailboxes import fetching, imap
from gateway.mailboxes.fetching import FIRST_BYTES, HEADER_BYTES, WHOLE_BYTES
from gateway.mailboxes.session import Fetched, SessionError
from tests.mailboxes.sessions import authority, reading, session_with
from tests.mailboxes.transcripts import Step, answered, literal, opened, serving

FIRST = f"(UID INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[[]]<0.{FIRST_BYTES}>)"
ALONE = f"(UID INTERNALDATE RFC822.SIZE BODY.PEEK[[]HEADER]<0.{HEADER_BYTES}>)"
AT = b'INTERNALDATE "30-Nov-2026 10:00:00 +0000"'
MOMENT = 1_796_032_800_000
PLAIN = b'("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 7 1 NIL NIL NIL NIL)'
PDF = (
    b'("application" "pdf" ("name" "a.pdf") NIL NIL "base64" 80000000 NIL ("attachment" ("filename" "a.pdf")) NIL NIL)'
)
MIXED = b"(" + PLAIN + PDF + b' "mixed" ("boundary" "b") NIL NIL NIL)'


def message(n: int, body: bytes = b"Hello\r\n", *, kind: bytes = b"text/plain", more: bytes = b"") -> bytes:
    header = b"From: bob@x.example\r\nSubject: Mail %d\r\nMessage-ID: <%d@x.example>\r\nContent-Type: %b\r\n"
    return header % (n, n, kind) + more + b"\r\n" + body


def nameless(body: bytes) -> bytes:
    return b"From: bob@x.example\r\nSubject: No id\r\n\r\n" + body


def told(n: int, uid: int, *items: bytes) -> bytes:
    """One answer to FETCH."""
    return b"* %d FETCH (UID %d %b)\r\n" % (n, uid, b" ".join(items))


def first(n: int, mail: bytes, *, structure: bytes = PLAIN, size: int | None = None) -> bytes:
    """The answer to the first question about message n, whose UID is ten times that."""
    start = literal(mail[:FIRST_BYTES])
    sized = b"RFC822.SIZE %d" % (len(mail) if size is None else size)
    return told(n, 10 * n, AT, sized, b"BODYSTRUCTURE " + structure, b"BODY[]<0> " + start)


def fetched(uids: str, items: str, *lines: Step) -> list[Step]:
    return answered(f"UID FETCH {uids} {items}", *lines)


def test_most_mail_is_had_in_one_round_trip_as_it_is() -> None:
    mails = [message(n) for n in (1, 2, 3)]
    steps = fetched("10,20,30", FIRST, *(first(n, mail) for n, mail in enumerate(mails, 1)))
    with reading(*steps) as session:
        found = session.fetch([30, 10, 20])

    assert found == [Fetched(10 * n, mail, True, (), MOMENT, len(mail)) for n, mail in enumerate(mails, 1)]


def test_a_server_that_tells_without_an_end_of_one_message_is_believed_up_to_a_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mail = message(1)
    monkeypatch.setattr(imap, "_MOST_VALUES", 1_000)
    flood = [told(1, 10, b"X%d (%b)" % (n, b"()" * 90)) for n in range(30)]
    alone = told(1, 10, AT, b"RFC822.SIZE %d" % len(mail), b"BODY[HEADER] " + literal(mail))
    steps = [
        *fetched("10", FIRST, *flood, first(1, mail)),
        *fetched("10", ALONE, alone),
        *fetched("10", "(UID BODY.PEEK[[]])", told(1, 10, b"BODY[] " + literal(mail))),
    ]
    with reading(*steps) as session:
        assert [one.message for one in session.fetch([10])] == [mail]


def test_nothing_is_ever_asked_that_marks_a_message_as_seen() -> None:
    mail = message(1, b"x" * 20_000)
    steps = [
        *opened(),
        *fetched("10", FIRST, first(1, mail)),
        *fetched("10", f"(UID BODY.PEEK[[]1]<0.{TEXT_BYTES}>)", told(1, 10, b"BODY[1]<0> " + literal(b"x" * 20_000))),
        *fetched("10", "(UID BODY.PEEK[[]2]<0.101>)", told(1, 10, b"BODY[2]<0> NIL")),
    ]
    with serving(steps, authority().server) as server:
        session = session_with(server)
        session.open()
        session.examine("INBOX")
        assert session.fetch([10])[0].message == mail
        with pytest.raises(SessionError):
            session.part(10, "2", 100)
        session.close()

    said = " ".join(server.heard)
    assert "SELECT" not in said
    assert "STORE" not in said
    assert "BODY[" not in said
    assert "RFC822 " not in said


def test_e7_a_large_mail_is_had_by_its_text_alone() -> None:
    mail = message(1, b"--b\r\n" + b"x" * 20_000, kind=b'multipart/mixed; boundary="b"')
    steps = [
        *fetched("10", FIRST, first(1, mail, structure=MIXED, size=60_000_000)),
        *fetched("10", f"(UID BODY.PEEK[[]1]<0.{TEXT_BYTES}>)", told(1, 10, b"BODY[1]<0> " + literal(b"Hello\r\n"))),
    ]
    with reading(*steps) as session:
        before = session.moved
        [found] = session.fetch([10])
        assert session.moved - before < 300_000

    assert not found.whole
    assert found.size == 60_000_000
    assert found.files == (RemoteFile(1, "2", "base64", 80_000_000, 58_461_537),)
    assert found.message is not None
    read = with_sizes(read_mail(found.message), found.files)
    assert read.outline.snippet == "Hello"
    assert [(one.filename, one.size) for one in read.outline.attachments] == [("a.pdf", 58_461_537)]


def test_texts_of_the_same_sections_are_asked_for_together() -> None:
    mail = message(1, b"--b\r\n" + b"x" * 20_000, kind=b'multipart/mixed; boundary="b"')
    texts = [told(n, 10 * n, b"BODY[1]<0> " + literal(b"Text %d" % n)) for n in (1, 2)]
    steps = [
        *fetched("10,20", FIRST, first(1, mail, structure=MIXED), first(2, mail, structure=MIXED)),
        *fetched("10,20", f"(UID BODY.PEEK[[]1]<0.{TEXT_BYTES}>)", *texts),
    ]
    with reading(*steps) as session:
        found = session.fetch([10, 20])

    assert [read_mail(one.message or b"").outline.snippet for one in found] == ["Text 1", "Text 2"]


def test_a_long_header_is_asked_for_and_one_beyond_the_limits_is_cut() -> None:
    line = b"X: " + b"x" * 990 + b"\r\n"
    mails = {1: message(1, more=line * 20), 2: message(2, more=line * (HEADER_BYTES // len(line) + 1))}
    headers = {n: mail.removesuffix(b"Hello\r\n")[:HEADER_BYTES] for n, mail in mails.items()}
    steps = [
        *fetched("10,20", FIRST, *(first(n, mail) for n, mail in mails.items())),
        *fetched(
            "10,20",
            f"(UID BODY.PEEK[[]HEADER]<0.{HEADER_BYTES}>)",
            *(told(n, 10 * n, b"BODY[HEADER]<0> " + literal(header)) for n, header in headers.items()),
        ),
        *fetched(
            "10,20",
            f"(UID BODY.PEEK[[]1]<0.{TEXT_BYTES}>)",
            *(told(n, 10 * n, b"BODY[1]<0> " + literal(b"Hello\r\n")) for n in mails),
        ),
    ]
    with reading(*steps) as session:
        one, other = session.fetch([10, 20])

    assert one.message == mails[1]
    assert other.message is not None
    assert len(other.message) < len(mails[2])
    assert read_mail(other.message).subject == "Mail 2"
    assert read_mail(other.message).outline.snippet == "Hello"


def test_b9_a_mail_without_a_message_id_is_had_as_it_is() -> None:
    mails = [nameless(b"Hello\r\n"), nameless(b"x" * 20_000)]
    steps = [
        *fetched("10,20", FIRST, first(1, mails[0]), first(2, mails[1])),
        *fetched("20", "(UID BODY.PEEK[[]])", told(2, 20, b"BODY[] " + literal(mails[1]))),
    ]
    with reading(*steps) as session:
        found = session.fetch([10, 20])

    assert [(one.message, one.whole) for one in found] == [(mail, True) for mail in mails]


WHOLE_INSTEAD = {
    # story: what the server says of its structure
    "there is none": b"NIL",
    "it is no structure": b'("text")',
    "it tells of one part, where the header tells of several": PLAIN,
    "it is too deep": b"(" * 1_000 + PLAIN + b' "mixed")' * 1_000,
    "it counts nothing": b'(("text" "plain" NIL NIL NIL "7bit" 0 0) "mixed")',
}


@pytest.mark.parametrize("structure", WHOLE_INSTEAD.values(), ids=WHOLE_INSTEAD)
def test_a_message_whose_structure_can_not_be_trusted_is_had_as_a_whole(structure: bytes) -> None:
    mail = message(1, b"--b\r\n\r\nHello\r\n--b--" + b"\r\n" * 10_000, kind=b"multipart/mixed; boundary=b")
    steps = [
        *fetched("10", FIRST, first(1, mail, structure=structure)),
        *fetched("10", "(UID BODY.PEEK[[]])", told(1, 10, b"BODY[] " + literal(mail))),
    ]
    with reading(*steps) as session:
        assert session.fetch([10]) == [Fetched(10, mail, True, (), MOMENT, len(mail))]


def test_whole_messages_that_are_too_much_together_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "HELD_BYTES", 50_000)
    mails = [message(n, b"x" * 20_000) for n in (1, 2, 3)]
    steps = fetched("10,20,30", FIRST, *(first(n, mail, structure=b"NIL") for n, mail in enumerate(mails, 1)))
    for n in (1, 2):
        steps += fetched(f"{n}0", "(UID BODY.PEEK[[]])", told(n, 10 * n, b"BODY[] " + literal(mails[n - 1])))
    with reading(*steps) as session:
        found = session.fetch([10, 20, 30])

    assert [one.message for one in found] == [mails[0], mails[1], None]
    assert [(one.late, one.at, one.size) for one in found[2:]] == [(True, MOMENT, len(mails[2]))]


def test_texts_that_are_too_much_together_are_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "HELD_BYTES", 50_000)
    monkeypatch.setattr(fetching, "_TEXTS_AT_ONCE", 1)
    mails = [message(n, b"x" * 60_000) for n in (1, 2)]
    text = told(1, 10, b"BODY[1]<0> " + literal(b"x" * 60_000))
    steps = [
        *fetched("10,20", FIRST, *(first(n, mail) for n, mail in enumerate(mails, 1))),
        *fetched("10", f"(UID BODY.PEEK[[]1]<0.{TEXT_BYTES}>)", text),
    ]
    with reading(*steps) as session:
        assert [(one.message, one.late) for one in session.fetch([10, 20])] == [(mails[0], False), (None, True)]


def test_a_broken_structure_costs_its_own_message_another_question_and_no_other() -> None:
    broken, sound = message(1), message(2)
    head = broken.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    steps = [
        *fetched("10,20", FIRST, first(1, broken, structure=b'("text" "plain" ("name" "a"b")'), first(2, sound)),
        *fetched("10", ALONE, told(1, 10, AT, b"RFC822.SIZE %d" % len(broken), b"BODY[HEADER] " + literal(head))),
        *fetched("10", "(UID BODY.PEEK[[]])", told(1, 10, b"BODY[] " + literal(broken))),
    ]
    with reading(*steps) as session:
        found = session.fetch([10, 20])

    assert [(one.uid, one.message, one.at) for one in found] == [(10, broken, MOMENT), (20, sound, MOMENT)]


def test_a_header_beyond_all_limits_is_not_fetched_to_its_end_where_the_structure_is_broken() -> None:
    header = b"Subject: Mail 1\r\n" + (b"X: " + b"y" * 900 + b"\r\n") * 300
    size = b"RFC822.SIZE %d" % (WHOLE_BYTES + 1)
    steps = [
        *fetched("10", FIRST, told(1, 10, AT, size, b'BODYSTRUCTURE ("text" "a"b")')),
        *fetched("10", ALONE, told(1, 10, AT, size, b"BODY[HEADER]<0> " + literal(header[:HEADER_BYTES]))),
    ]
    with reading(*steps) as session:
        [found] = session.fetch([10])

    assert found.message is not None
    assert read_mail(found.message).subject == "Mail 1"
    assert found.message.count(b"X: y") == (HEADER_BYTES - 17) // 905


def test_a_refused_batch_is_asked_for_one_by_one() -> None:
    mails = {1: message(1), 3: message(3)}
    heads = {n: b"BODY[HEADER] " + literal(mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n") for n, mail in mails.items()}
    steps: list[Step] = [f"C: UID FETCH 10,20,30 {FIRST}", "S: {tag} BAD Command Argument Error. 12"]
    for n, mail in mails.items():
        if n == 3:
            steps += [f"C: UID FETCH 20 {ALONE}", "S: {tag} NO cannot open message"]
        steps += fetched(f"{n}0", ALONE, told(n, 10 * n, AT, b"RFC822.SIZE %d" % len(mail), heads[n]))
        steps += fetched(f"{n}0", "(UID BODY.PEEK[[]])", told(n, 10 * n, b"BODY[] " + literal(mail)))
    with reading(*steps) as session:
        found = session.fetch([10, 20, 30])

    assert [(one.uid, one.message, bool(one.error)) for one in found] == [
        (10, mails[1], False),
        (20, None, True),
        (30, mails[3], False),
    ]


def test_those_that_are_gone_are_left_out() -> None:
    mail = message(2)
    with reading(*fetched("10,20", FIRST, "S: * 1 EXPUNGE", first(2, mail))) as session:
        assert [one.uid for one in session.fetch([10, 20])] == [20]


def test_one_that_goes_in_between_is_left_out_and_the_others_stay() -> None:
    mail = message(2)
    steps: list[Step] = [
        f"C: UID FETCH 10,20 {FIRST}",
        first(2, mail),
        "S: {tag} NO [EXPUNGEISSUED] Some of the requested messages no longer exist.",
        *fetched("10", ALONE),
    ]
    with reading(*steps) as session:
        assert [(one.uid, one.message) for one in session.fetch([10, 20])] == [(20, mail)]


def test_what_others_do_meanwhile_is_no_answer_to_us() -> None:
    mail = message(1)
    between: list[Step] = ["S: * 1 FETCH (FLAGS (\\Seen))", "S: * 9 EXISTS", "S: * 7 FETCH (UID 70 FLAGS (\\Seen))"]
    steps = fetched("10", FIRST, *between, first(1, mail), *between, "S: * 1 FETCH (UID 10 FLAGS (\\Seen))")
    with reading(*steps) as session:
        assert [(one.uid, one.message) for one in session.fetch([10])] == [(10, mail)]


UNTIDY = {
    "in lower case": lambda answer: answer.replace(b"FETCH (UID", b"fetch (uid").replace(b"BODY[]", b"body[]"),
    "with blanks": lambda answer: answer.replace(b"* 1 FETCH (UID 10 ", b"*  1   FETCH  ( UID  10  "),
    "in two answers": lambda answer: answer.replace(b" BODY[]", b")\r\n* 1 FETCH (UID 10 BODY[]"),
    "with the UID last": lambda answer: answer.replace(b"(UID 10 ", b"(").removesuffix(b")\r\n") + b" UID 10)\r\n",
    "with a bare line feed": lambda answer: answer.removesuffix(b")\r\n") + b")\n",
}


@pytest.mark.parametrize("change", UNTIDY.values(), ids=UNTIDY)
def test_untidy_answers_are_read(change: object) -> None:
    assert callable(change)
    mail = message(1, b"a\0b\r\n")
    with reading(*fetched("10", FIRST, change(first(1, mail)))) as session:
        assert [one.message for one in session.fetch([10])] == [mail]


def test_without_a_date_of_the_server_that_of_the_mail_is_taken() -> None:
    mail = message(1, more=b"Date: Mon, 30 Nov 2026 10:00:00 +0000\r\n")
    answer = first(1, mail).replace(AT, b'INTERNALDATE "00-Xxx-0000"')
    with reading(
        *fetched("10", FIRST, answer), *fetched("20", FIRST, first(2, message(2)).replace(AT, b"X NIL"))
    ) as session:
        assert session.fetch([10])[0].at == MOMENT
        assert session.fetch([20])[0].at == 0


def test_a_message_that_can_be_had_in_no_way_says_so() -> None:
    mail = message(1, b"x" * 20_000)
    steps: list[Step] = [
        *fetched("10", FIRST, first(1, mail, structure=b"NIL")),
        "C: UID FETCH 10 (UID BODY.PEEK[[]])",
        "S: {tag} NO internal error",
    ]
    with reading(*steps) as session:
        [found] = session.fetch([10])
    assert (found.uid, found.message, found.size) == (10, None, len(mail))
    assert found.error


def test_a_message_too_large_to_be_had_as_a_whole_is_its_header_and_a_note() -> None:
    mail = message(1, b"x" * 20_000)
    with reading(*fetched("10", FIRST, first(1, mail, structure=b"NIL", size=WHOLE_BYTES + 1))) as session:
        [found] = session.fetch([10])

    assert found.message is not None
    assert not found.whole
    assert read_mail(found.message).subject == "Mail 1"
    assert "too large" in content(found.message, max_parts=9, max_depth=9).text


def test_whole_messages_come_with_their_files() -> None:
    mail = message(1, b"--b\r\n" + b"x" * 20_000, kind=b'multipart/mixed; boundary="b"')
    small = message(2, b"--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--\r\n", kind=b'multipart/mixed; boundary="b"')
    steps = [
        *fetched("10,20", FIRST, first(1, mail, structure=MIXED), first(2, small, structure=MIXED)),
        *fetched("10", "(UID BODY.PEEK[[]])", told(1, 10, b"BODY[] " + literal(mail))),
    ]
    with reading(*steps) as session:
        found = session.fetch([10, 20], whole=True)
    assert [(one.message, one.whole, one.files) for one in found] == [(mail, True, ()), (small, True, ())]


def test_a_hundred_are_asked_for_at_one_time() -> None:
    steps = [
        *fetched(
            "1:100",
            FIRST,
            *(told(n, n, AT, b"RFC822.SIZE 9", b"BODY[]<0> " + literal(message(n))) for n in range(1, 101)),
        ),
        *fetched("101", FIRST, told(101, 101, AT, b"RFC822.SIZE 9", b"BODY[]<0> " + literal(message(101)))),
    ]
    with reading(*steps) as session:
        assert [one.uid for one in session.fetch(range(1, 102))] == list(range(1, 102))


def test_nothing_is_asked_for_nothing() -> None:
    with reading() as session:
        assert session.fetch([]) == []


THROTTLED = {
    "Gmail": ("NO [OVERQUOTA] Account exceeded command or bandwidth limits.", "busy", None),
    "Exchange": ("BAD Request is throttled. Suggested Backoff Time: 299995 milliseconds", "busy", 299_995),
    "Yahoo": ("NO [LIMIT] UID FETCH Rate limit hit.", "busy", None),
    "Exchange, which never let us in": ("BAD User is authenticated but not connected.", "auth", None),
}


@pytest.mark.parametrize(("answer", "kind", "wait"), THROTTLED.values(), ids=THROTTLED)
def test_a_throttled_mailbox_is_no_fault_of_a_message(answer: str, kind: str, wait: int | None) -> None:
    with reading(f"C: UID FETCH 10 {FIRST}", f"S: {{tag}} {answer}") as session:
        with pytest.raises(SessionError) as raised:
            session.fetch([10])
        assert (raised.value.trouble.kind, raised.value.trouble.after_ms) == (kind, wait)
