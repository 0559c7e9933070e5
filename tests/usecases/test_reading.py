"""What is read in the event loop and what beside it: the loop is never kept for more than a few milliseconds."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest

from gateway.core.mail import DEFAULT_LIMITS, Limits, Mail, read_mail
from gateway.store.blobs import BlobStore, Spool
from gateway.usecases import reading, reading_process
from gateway.usecases.reading import READ_IN_LOOP, MailReader, soon_read

HEAD = b"From: a@b.example\r\nTo: c@d.example\r\n"
SOON = {
    # story                               message                                           in the loop
    "an ordinary mail": (HEAD + b"\r\nHello\r\n", True),
    "no body at all": (HEAD, True),
    "a body as large as is read at once": (HEAD + b"\r\n" + b"x" * (READ_IN_LOOP - len(HEAD) - 2), True),
    "one octet more": (HEAD + b"\r\n" + b"x" * (READ_IN_LOOP - len(HEAD) - 1), False),
    "a header of many kilobytes": (HEAD + b"X: " + b"x" * 16_384 + b"\r\n\r\nHello", False),
    "a header that does not end": (HEAD + b"X: " + b"x" * 16_384, False),
    "a hundred parts": (HEAD + b"\r\n" + b"--b\r\n\r\nx\r\n" * 100, True),
    "a thousand parts": (HEAD + b"\r\n" + b"--b\r\n\r\nx\r\n" * 1_000, False),
}


@pytest.mark.parametrize(("message", "soon"), SOON.values(), ids=SOON)
def test_b4b_what_takes_long_is_read_off_the_loop(message: bytes, soon: bool) -> None:
    assert soon_read(message) is soon


LARGE = HEAD + b"Subject: Offer\r\n\r\n" + b"words " * 100_000
MANY_PARTS = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 1_000


@pytest.fixture
async def reader() -> AsyncIterator[MailReader]:
    apart = MailReader(DEFAULT_LIMITS, apart=True)
    await apart.start()
    yield apart
    await apart.stop()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    blobs = BlobStore(tmp_path / "blobs")
    blobs.prepare()
    spool = blobs.open_spool()
    spool.write(LARGE)
    return spool


def children() -> list[int]:
    listed = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text("ascii")
    return [int(number) for number in listed.split()]


def own(process: int) -> bool:
    return b"reading_process" in Path(f"/proc/{process}/cmdline").read_bytes()


def reader_of() -> int:
    (process,) = [one for one in children() if own(one)]
    return process


def environment_of(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


async def test_what_is_read_apart_is_what_is_read_here(reader: MailReader, spool: Spool) -> None:
    assert await reader.read(spool) == read_mail(LARGE)
    assert await reader.read(MANY_PARTS) == read_mail(MANY_PARTS)
    assert await reader.read(HEAD) == read_mail(HEAD)


async def test_the_bounds_hold_apart_too(spool: Spool) -> None:
    few = Limits(mime_parts=10)
    apart = MailReader(few, apart=True)
    assert (await apart.read(MANY_PARTS)).outline == read_mail(MANY_PARTS, few).outline
    await apart.stop()


async def test_a_process_that_is_killed_is_started_anew(reader: MailReader, spool: Spool) -> None:
    first = reader_of()
    os.kill(first, signal.SIGKILL)
    assert await reader.read(spool) == read_mail(LARGE)
    assert reader_of() != first


async def test_where_no_process_can_be_had_a_thread_reads(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert await MailReader(DEFAULT_LIMITS, apart=True).read(spool) == read_mail(LARGE)


async def test_where_the_process_cannot_open_the_file_a_thread_reads(
    reader: MailReader, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Spool, "path", "/nowhere/spool")
    assert await reader.read(spool) == read_mail(LARGE)


async def test_a_mail_that_ends_every_process_is_read_in_a_thread(
    reader: MailReader, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(process: object, request: bytes) -> object:
        raise EOFError

    monkeypatch.setattr(reading, "_exchange", lost)
    assert await reader.read(spool) == read_mail(LARGE)


async def test_an_exchange_that_is_broken_off_gives_nobody_the_wrong_mail(reader: MailReader, spool: Spool) -> None:
    first = asyncio.create_task(reader.read(spool))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await reader.read(MANY_PARTS) == read_mail(MANY_PARTS)


async def test_the_process_sees_no_setting_of_ours(monkeypatch: pytest.MonkeyPatch, spool: Spool) -> None:
    monkeypatch.setenv("SMARTGATE_SECRET_KEY", "a canary")
    apart = MailReader(DEFAULT_LIMITS, apart=True)
    await apart.read(spool)
    assert b"canary" not in environment_of(reader_of())
    await apart.stop()


async def test_the_process_heeds_no_signal_and_ends_with_its_input(reader: MailReader, spool: Spool) -> None:
    assert await reader.read(spool) == read_mail(LARGE)
    process = reader_of()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(process, number)
    assert await reader.read(spool) == read_mail(LARGE)
    await reader.stop()
    assert [one for one in children() if own(one)] == []
    assert isinstance(await reader.read(spool), Mail)


def test_a_server_that_ends_in_the_middle_of_asking_ends_the_process_quietly() -> None:
    whole = reading_process.frame((HEAD, DEFAULT_LIMITS))
    for cut in (0, 3, reading_process.LENGTH.size, len(whole) - 1):
        answers = BytesIO()
        reading_process.answer_all(BytesIO(whole + whole[:cut]), answers)
        assert answers.getvalue() == reading_process.frame(read_mail(HEAD))
