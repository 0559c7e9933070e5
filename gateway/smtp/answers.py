"""What this door says by itself, before and around the replies of the desk (RFC 5321 section 4.2, RFC 3463)."""

from __future__ import annotations

import textwrap

from gateway.core.replies import Reply

RULES: dict[Reply, str] = {}
"""The rule behind a reply, for the address of the page that explains it; replies about plain syntax have none."""


def _ruled(rule: str, code: int, enhanced: str, text: str) -> Reply:
    reply = Reply(code, enhanced, text)
    RULES[reply] = rule
    return reply


SENDER_OK = Reply(250, "2.1.0", "Sender ok")
OK = Reply(250, "2.0.0", "Ok")
BYE = Reply(221, "2.0.0", "Goodbye")
VRFY = Reply(252, "2.5.0", "We don't say which addresses exist; send the mail and its recipient will be checked")
HELP = Reply(214, "2.0.0", "Commands: EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP")

BARE_LF = _ruled("B4a", 500, "5.5.2", "A command must end with CR LF; this line ended with LF alone and was ignored")
CONTROL_CHARACTER = _ruled("B4a", 500, "5.5.2", "A command can't hold NUL or a CR without LF; this line was ignored")
NOT_UTF8 = Reply(500, "5.5.2", "This line is neither ASCII nor UTF-8 and was ignored")
LINE_TOO_LONG = _ruled("A8", 500, "5.5.2", "This command line is too long and was ignored")
UNKNOWN_COMMAND = Reply(500, "5.5.2", "We don't know this command")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "This server doesn't offer this command")
NO_LOGIN = Reply(502, "5.5.1", "Smart addresses have no login: send without a user name and password")

NEED_HELLO = Reply(503, "5.5.1", "Say EHLO first")
NESTED_MAIL = Reply(503, "5.5.1", "A mail has already begun: send RSET to begin another")
NEED_MAIL = Reply(503, "5.5.1", "Say MAIL FROM first")
NEED_RECIPIENT = Reply(503, "5.5.1", "Say RCPT TO first")
NO_VALID_RECIPIENT = Reply(554, "5.5.1", "No valid recipients: each of them was refused")
NO_RECIPIENT_NOW = Reply(451, "4.5.1", "No recipient could be taken right now: please try again later")

HELLO_SYNTAX = Reply(501, "5.5.4", "Syntax: EHLO followed by the name of your server, in ASCII and without spaces")
MAIL_SYNTAX = Reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [SIZE=n] [BODY=7BIT|8BITMIME] [SMTPUTF8]")
RCPT_SYNTAX = Reply(501, "5.5.4", "Syntax: RCPT TO:<address>")
NO_ARGUMENT = Reply(501, "5.5.4", "This command takes no argument")
VRFY_SYNTAX = Reply(501, "5.5.4", "Syntax: VRFY address")
MAIL_PARAMETER = Reply(555, "5.5.4", "MAIL FROM knows the parameters SIZE, BODY and SMTPUTF8 only")
RCPT_PARAMETER = Reply(555, "5.5.4", "RCPT TO takes no parameters here")
BAD_SENDER = Reply(501, "5.1.7", "The sender's address isn't written as an e-mail address")
SENDER_TOO_LONG = Reply(501, "5.1.7", "The sender's address is too long: at most 256 octets")
BAD_RECIPIENT = Reply(501, "5.1.3", "The recipient's address isn't written as an e-mail address")
RECIPIENT_TOO_LONG = Reply(
    501, "5.1.3", "The recipient's address is too long: at most 256 octets, 64 of them before the @"
)
NEED_SMTPUTF8 = Reply(553, "5.6.7", "An address that isn't ASCII needs the parameter SMTPUTF8 in MAIL FROM")

TOO_BIG = _ruled("A8", 552, "5.3.4", "This message is larger than we take")
TOO_MANY_RECIPIENTS = _ruled("A8", 452, "4.5.3", "Too many recipients: send the others in another mail")
TROUBLE = _ruled(
    "B10", 451, "4.3.0", "We can't take this mail right now. Nothing is lost: your mail server will try again."
)
DISK_FULL = _ruled(
    "B10", 452, "4.3.1", "We have no room for this mail right now. Nothing is lost: your mail server will try again."
)

TOO_MANY_SESSIONS = _ruled("A8", 421, "4.3.2", "Too many connections at the moment: please try again later")
TOO_MANY_ERRORS = _ruled("A8", 421, "4.7.0", "Too many commands that make no sense: goodbye")
ENDLESS_LINE = _ruled("A8", 421, "4.7.0", "This line doesn't end: goodbye")
ENDLESS_MESSAGE = _ruled("A8", 421, "4.3.4", "This message is far larger than we take: goodbye")
NOT_MAIL = _ruled("A8", 421, "4.7.0", "This is a mail server, not a web server: goodbye")
TIMED_OUT = _ruled("A8", 421, "4.4.2", "We waited too long for the next command: goodbye")
MESSAGE_TIMED_OUT = _ruled("A8", 421, "4.4.2", "We waited too long for the end of the message: goodbye")
SHUTTING_DOWN = _ruled("A8", 421, "4.3.2", "This server is being restarted: please try again in a moment")
SESSION_TROUBLE = _ruled(
    "B10", 421, "4.3.0", "We can't go on right now. Nothing is lost: your mail server will try again."
)

START_MAIL = b"354 End the message with <CR><LF>.<CR><LF>\r\n"
_ROOM = 480


def on_wire(reply: Reply) -> bytes:
    """The octets of a reply; in several lines where one would pass 512 octets (RFC 5321 section 4.5.3.1.5).

    What isn't printable ASCII becomes a question mark, so that no text can end the line or begin another reply.
    """
    text = reply.text
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if " " <= c <= "~" else "?" for c in text)
    if len(text) <= _ROOM:
        return f"{reply.code} {reply.enhanced} {text}\r\n".encode("ascii")
    *first, last = textwrap.wrap(text, _ROOM, break_on_hyphens=False)
    lines = [f"{reply.code}-{reply.enhanced} {part}\r\n" for part in first]
    return "".join([*lines, f"{reply.code} {reply.enhanced} {last}\r\n"]).encode("ascii")
