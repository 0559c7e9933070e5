"""What a server means by its words when it refuses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from gateway.mailboxes.troubles import refused

AT_LOG_IN = {
    # words: kind, milliseconds to wait
    "[AUTHENTICATIONFAILED] Invalid credentials (Failure)": ("auth", None),
    "[AUTHENTICATIONFAILED] Authentication failed. Please try again": ("auth", None),
    "[ALERT] Application-specific password required: https://support.example": ("auth", None),
    "LOGIN Login error, please use authorization code": ("auth", None),
    "[EXPIRED] The password is too old": ("auth", None),
    "[PRIVACYREQUIRED] Not without TLS": ("tls", None),
    "[UNAVAILABLE] Temporary authentication failure.": ("busy", None),
    "[INUSE] The mailbox is locked": ("busy", None),
    "[LIMIT] Rate limit hit": ("busy", None),
    "[ALERT] Too many simultaneous connections. (Failure)": ("busy", None),
    "Maximum number of connections from user+IP exceeded": ("busy", None),
    "AUTHENTICATE failed.": ("auth", None),
    "User is authenticated but not connected.": ("auth", None),
}
LATER = {
    "Request is throttled. Suggested Backoff Time: 299995 milliseconds": ("busy", 299_995),
    "Command Error. Request is throttled. Suggested Backoff Time: 60 seconds": ("busy", 60_000),
    "[UNAVAILABLE] Try again after 1500 ms": ("busy", 1_500),
    "[THROTTLED] Try again in 15 minutes": ("busy", 900_000),
    "[THROTTLED] Try again in 2h": ("busy", 7_200_000),
    "[LIMIT] try again in 99999999999": ("busy", 86_400_000),
    "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)": ("busy", None),
    "UID FETCH Server error - Please try again later": ("busy", None),
    "User is authenticated but not connected.": ("auth", None),
    "EXAMINE Unsafe Login. Please contact kefu@188.com for help": ("auth", None),
    "[AUTHENTICATIONFAILED] Session expired": ("auth", None),
    "[NONEXISTENT] Unknown Mailbox": ("gone", None),
    "[TRYCREATE] No such folder": ("gone", None),
    "[EXPUNGEISSUED] Some of the messages no longer exist.": ("protocol", None),
    "Command Argument Error. 12": ("protocol", None),
    "": ("protocol", None),
}


@pytest.mark.parametrize(("words", "meant"), AT_LOG_IN.items(), ids=AT_LOG_IN)
def test_at_the_log_in(words: str, meant: tuple[str, int | None]) -> None:
    trouble = refused(words, "imap.test", login=True)
    assert (trouble.kind, trouble.after_ms) == meant


@pytest.mark.parametrize(("words", "meant"), LATER.items(), ids=LATER)
def test_later(words: str, meant: tuple[str, int | None]) -> None:
    trouble = refused(words, "imap.test")
    assert (trouble.kind, trouble.after_ms) == meant


@pytest.mark.parametrize("words", [*AT_LOG_IN, *LATER])
def test_people_are_told_a_sentence_of_ours(words: str) -> None:
    for login in (True, False):
        says = refused(words, "imap.test", login=login).says
        assert not says.endswith(".")
        assert "imap.test" in says
        assert words == "" or words not in says


def test_where_an_app_password_is_wanted_that_is_said() -> None:
    says = refused("[ALERT] Application-specific password required", "imap.test", login=True).says
    assert "app password" in says


def says(call: ast.Call) -> str:
    """What a trouble made there ends in."""
    words = call.args[1]
    last = words.values[-1] if isinstance(words, ast.JoinedStr) else words
    return str(last.value) if isinstance(last, ast.Constant) else ""


def test_what_a_trouble_says_ends_without_a_full_stop_wherever_it_is_made() -> None:
    made = [
        says(node)
        for path in Path("gateway").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Trouble"
    ]
    assert len(made) > 50
    assert [one for one in made if one.endswith(".")] == []
