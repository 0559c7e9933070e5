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
    data_bytes_per_second: what a message must bring on average, looked at every half minute.
    handshake_seconds: for a TLS handshake. proxy_seconds: for a PROXY header.
    max_command_errors: commands that made no sense, since the last mail that was taken.
    max_commands: commands of any kind, accepted recipients left out, since the last mail that was decided on.
    max_unknown_recipients: refused recipients since the last mail that was taken.
    tarpit_seconds: what a suspected harvester waits for each answer.

    By address, where the peer is neither local nor a trusted relay (`gateway.smtp.visitors`):
    sessions_per_address: connections open at once. connections_per_minute, mails_per_minute: rates.
    names_per_hour: what an address block may learn about which smart addresses exist.
    """

    max_message_bytes: int = 35 * 1024 * 1024
    max_recipients: int = 100
    max_sessions: int = 1000
    max_line: int = 2048
    idle_seconds: float = 300.0
    data_seconds: float = 900.0
    data_bytes_per_second: float = 256.0
    handshake_seconds: float = 30.0
    proxy_seconds: float = 30.0
    max_command_errors: int = 20
    max_commands: int = 1000
    max_unknown_recipients: int = 20
    tarpit_seconds: float = 1.0
    sessions_per_address: int = 50
    connections_per_minute: int = 300
    mails_per_minute: int = 600
    names_per_hour: int = 10
