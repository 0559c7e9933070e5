"""What this door says by itself, before and around the replies of the desk (RFC 5321 section 4.2, RFC 3463)."""

from __future__ import annotations

import textwrap

from gateway.core.replies import Reply

RULES: dict[Reply, str] = {}
"""The rule behind a reply, for the address of the page that explains it; replies about plain syntax have none."""


LIMITS: dict[Reply, str] = {}
"""The name under which a reply about a limit is counted (A8)."""


def _ruled(rule: str, code: int, enhanced: str, text: str) -> Reply:
    reply = Reply(code, enhanced, text)
    RULES[reply] = rule
    return reply


def _limit(name: str, code: int, enhanced: str, text: str) -> Reply:
    reply = _ruled("A8", code, enhanced, text)
    LIMITS[reply] = name
    return reply


SENDER_OK = Reply(250, "2.1.0", "Sender ok")
OK = Reply(250, "2.0.0", "Ok")
BYE = Reply(221, "2.0.0", "Goodbye")
VRFY = Reply(252, "2.5.0", "We don't say which addresses exist; send the mail and its recipient will be checked")
HELP = Reply(214, "2.0.0", "Commands: EHLO HELO STARTTLS MAIL RCPT DATA RSET NOOP QUIT VRFY HELP")
HELP_LMTP = Reply(214, "2.0.0", "Commands: LHLO STARTTLS MAIL RCPT DATA RSET NOOP QUIT VRFY HELP")

BARE_LF = _ruled("B4a", 500, "5.5.2", "A command must end with CR LF; this line ended with LF alone and was ignored")
CONTROL_CHARACTER = _ruled("B4a", 500, "5.5.2", "A command can't hold NUL or a CR without LF; this line was ignored")
NOT_UTF8 = Reply(500, "5.5.2", "This line is neither ASCII nor UTF-8 and was ignored")
LINE_TOO_LONG = _limit("line", 500, "5.5.2", "This command line is too long and was ignored")
UNKNOWN_COMMAND = Reply(500, "5.5.2", "We don't know this command")
NOT_IMPLEMENTED = Reply(502, "5.5.1", "This server doesn't offer this command")
NO_LOGIN = Reply(502, "5.5.1", "Smart addresses have no login: send without a user name and password")

NEED_TLS = Reply(530, "5.7.0", "Say STARTTLS first: this server takes mail over encrypted connections only")
NO_TLS = Reply(502, "5.5.1", "This server doesn't offer STARTTLS here")
ALREADY_TLS = Reply(503, "5.5.1", "This connection is encrypted already")
BEGIN_TLS = Reply(220, "2.0.0", "Ready to start TLS")
BEHIND_STARTTLS = Reply(421, "4.7.0", "Nothing may be sent behind STARTTLS before the answer: goodbye")

NEED_HELLO = Reply(503, "5.5.1", "Say EHLO first")
NESTED_MAIL = Reply(503, "5.5.1", "A mail has already begun: send RSET to begin another")
NEED_MAIL = Reply(503, "5.5.1", "Say MAIL FROM first")
NEED_RECIPIENT = Reply(503, "5.5.1", "Say RCPT TO first")
NO_VALID_RECIPIENT_LMTP = Reply(503, "5.5.1", "No valid recipients: each of them was refused")
NO_VALID_RECIPIENT = Reply(554, "5.5.1", "No valid recipients: each of them was refused")
NO_RECIPIENT_NOW = Reply(451, "4.5.1", "No recipient could be taken right now: please try again later")

NEED_LHLO = Reply(503, "5.5.1", "Say LHLO first")
NOT_SMTP = Reply(500, "5.5.1", "This is LMTP: say LHLO")
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

TOO_BIG = _limit("size", 552, "5.3.4", "This message is larger than we take")
TOO_MANY_RECIPIENTS = _limit("recipients", 452, "4.5.3", "Too many recipients: send the others in another mail")
TROUBLE = _ruled(
    "B10", 451, "4.3.0", "We can't take this mail right now. Nothing is lost: your mail server will try again."
)
DISK_FULL = _ruled(
    "B10", 452, "4.3.1", "We have no room for this mail right now. Nothing is lost: your mail server will try again."
)

TOO_MANY_SESSIONS = _limit("sessions", 421, "4.3.2", "Too many connections at the moment: please try again later")
TOO_MANY_ERRORS = _limit("errors", 421, "4.7.0", "Too many commands that make no sense: goodbye")
ENDLESS_LINE = _limit("line", 421, "4.7.0", "This line doesn't end: goodbye")
ENDLESS_MESSAGE = _limit("size", 421, "4.3.4", "This message is far larger than we take: goodbye")
TOO_MANY_COMMANDS = _limit("commands", 421, "4.7.0", "Too many commands without a mail: goodbye")
TOO_MANY_UNKNOWN = _limit("unknown", 421, "4.7.0", "Too many recipients that don't exist: goodbye")
TOO_MANY_CONNECTIONS = _limit(
    "connections", 421, "4.7.0", "Too many connections from your address in a short time: please try again later"
)
TOO_MANY_SESSIONS_OF_ADDRESS = _limit(
    "address", 421, "4.7.0", "Too many connections from your address at one time: please try again later"
)
TOO_MANY_MAILS = _limit(
    "mails", 450, "4.7.1", "Too many mails from your address in a short time: please try again later"
)
NO_MORE_NAMES = _limit(
    "names", 450, "4.7.1", "Too many recipients that don't exist, from your network: please try again later"
)
NO_PROXY_HEADER = Reply(421, "4.7.0", "This port takes your connections with a PROXY header only")
NOT_MAIL = _ruled("A8", 421, "4.7.0", "This is a mail server, not a web server: goodbye")
TIMED_OUT = _limit("idle", 421, "4.4.2", "We waited too long for the next command: goodbye")
MESSAGE_TIMED_OUT = _limit("slow", 421, "4.4.2", "This message came too slowly, its end not at all: goodbye")
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
