"""How much one listener takes from the world before it says stop (rule A8)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SmtpLimits:
    """The bounds of one SMTP listener; every one of them ends in a reply, never in a silent hang-up (A8).

    max_message_bytes: what SIZE announces (RFC 1870); counted after dot-unstuffing.
    max_recipients: RCPT commands a transaction; RFC 5321 section 4.5.3.1.8 wants at least 100.
    max_sessions: connections open at once.
    max_line: octets of a command line with its CRLF; RFC 5321 section 4.5.3.1.4 asks for 512, SMTPUTF8 paths need more.
    idle_seconds: from one command to the next (RFC 5321 section 4.5.3.2.7: at least 300).
    data_seconds: for the whole message, from 354 to the final dot.
    max_command_errors: commands that made no sense, since the last mail that was taken.
    """

    max_message_bytes: int = 35 * 1024 * 1024
    max_recipients: int = 100
    max_sessions: int = 1000
    max_line: int = 2048
    idle_seconds: float = 300.0
    data_seconds: float = 900.0
    max_command_errors: int = 20
