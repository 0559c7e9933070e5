"""Logs: one event a line, keys in both forms, nothing a peer sends can forge a line, and no body, ever."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway import logs


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def written(form: str, level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    logs.configure(level, form, stream)
    return stream


def test_the_console_form_is_an_event_and_its_keys() -> None:
    stream = written("console")
    structlog.get_logger().info("mail.refused", account="acme", rule="B1")
    assert stream.getvalue().endswith("[info] mail.refused account='acme' rule='B1'\n")


def test_the_json_form_is_one_object_a_line() -> None:
    stream = written("json")
    structlog.get_logger().info("mail.filed", account="acme", size=3)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["account"], line["size"], line["level"]) == ("mail.filed", "acme", 3, "info")


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_a_peer_sends_neither_starts_a_line_nor_colours_the_terminal(form: str) -> None:
    stream = written(form)
    structlog.get_logger().info("mail.refused", helo="a\r\n2030 [info] mail.filed\x1b[31m")
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_a_long_value_is_cut() -> None:
    stream = written("json")
    structlog.get_logger().info("mail.refused", sender="x" * 10_000)
    assert json.loads(stream.getvalue())["sender"] == "x" * logs.LONGEST + "… (10000 characters)"


def test_less_important_events_are_left_out() -> None:
    stream = written("console", level="warning")
    structlog.get_logger().info("mail.filed")
    structlog.get_logger().warning("store.slow")
    assert "mail.filed" not in stream.getvalue()
    assert "store.slow" in stream.getvalue()


@pytest.mark.parametrize(("level", "heard"), [("debug", ["warned", "failed"]), ("error", ["failed"])])
def test_libraries_are_heard_from_warnings_upward(level: str, heard: list[str]) -> None:
    stream = written("json", level)
    library = logging.getLogger("mail.log")
    library.info("each command line")
    library.warning("warned")
    library.error("failed")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["said"] for line in lines] == heard
    assert {(line["event"], line["logger"]) for line in lines} == {("library", "mail.log")}


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_no_local_values(form: str) -> None:
    stream = written(form)
    body = "".join(["the mail's ", "own words"])
    try:
        raise OSError(28, "No space left on device")
    except OSError:
        structlog.get_logger().exception("store.fault", size=len(body))
    assert "No space left on device" in stream.getvalue()
    assert body not in stream.getvalue()
