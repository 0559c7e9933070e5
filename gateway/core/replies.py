"""Every SMTP reply that a rule gives, in one table (RFC 5321 section 4.2; enhanced codes RFC 3463, RFC 7372).

A refusal says in words a sender understands what happened and what to do; the door adds the link that explains it.
All text is ASCII, one line, and holds nothing private: only the smart address the sender used is ever named.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply to a command: code, enhanced code and a plain sentence, ASCII, one line."""

    code: int
    enhanced: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.enhanced} {self.text}"

    @property
    def positive(self) -> bool:
        return 200 <= self.code < 300

    def with_link(self, url: str) -> Reply:
        """The same reply with the address of the page that explains it."""
        return Reply(self.code, self.enhanced, f"{self.text} {url}")


RECIPIENT_OK = Reply(250, "2.1.5", "OK")
RECIPIENT_RENAMED = Reply(250, "2.1.5", "OK, but this address has changed; ask your team for the new one")
NOT_OUR_DOMAIN = Reply(550, "5.7.1", "Relaying denied: we take mail for our own smart addresses only.")
NO_ACCOUNT = Reply(550, "5.1.1", "No account has this address. Check its spelling.")
ADDRESS_CHANGED = Reply(550, "5.1.6", "This address has changed. Ask the team you write to for the new one.")
ONE_ACCOUNT = Reply(
    452, "4.5.3", "One account a transaction: your mail server sends this recipient its own copy in a moment."
)
LOOP = Reply(554, "5.4.6", "This mail has passed through too many servers; it seems to go in circles.")
BOUNCE = Reply(550, "5.7.1", "A smart address sends nothing, so nothing can bounce to it.")
FROM_US = Reply(550, "5.7.1", "A smart address can't be the sender: it only receives.")
STRANGER = Reply(550, "5.7.1", "Only people this team knows can write here.")
NOBODY_TO_ADD = Reply(
    550, "5.7.1", "There is no client in From, To or Cc; the text of a forwarded message is not read."
)
HELD = Reply(250, "2.6.0", "Held for review by the team.")
ALREADY_HELD = Reply(250, "2.6.0", "Already held for review by the team; nothing doubled.")
ALREADY_FILED = Reply(250, "2.6.0", "Already filed; nothing doubled.")
ALREADY_DELETED = Reply(250, "2.6.0", "Already filed and since deleted; it stays deleted.")
FOR_OPERATORS = Reply(250, "2.6.0", "Kept for the operators.")


def wrong_suffix(slug: str, domain: str) -> Reply:
    """Rule A3: names the three addresses that exist. Tells nothing about whether the account does."""
    name = slug or "name"
    return Reply(
        550,
        "5.1.1",
        f"There is no such ending. Use {name}@{domain}, {name}+contact@{domain} or {name}+lead@{domain}.",
    )


def hidden_copy(address: str) -> Reply:
    """Rule B1: the address stands in no visible header."""
    return Reply(550, "5.7.1", f"{address} works only as a visible Cc, not Bcc. Move it to Cc and send again:")


def only_in_to(address: str) -> Reply:
    """Rule B1: the address stands in To only."""
    return Reply(550, "5.7.1", f"{address} works only in Cc. Move it to Cc, forwards too, and send again:")


def malformed(reason: str) -> Reply:
    """Rule B4."""
    return Reply(550, "5.6.0", f"This mail's header is malformed: {reason}.")


def bomb(reason: str) -> Reply:
    """Rule B4b."""
    return Reply(554, "5.6.0", f"This mail is beyond what we read: {reason}.")


def filed(done: str) -> Reply:
    """Rule B11: what was done, in a few words."""
    return Reply(250, "2.6.0", done)
