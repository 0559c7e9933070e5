"""The reasons in English, the language that every other falls back to."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.web.reasons.shape import Around, Reason

_SEND = "Send. If it worked, you hear nothing more. If not, you get a mail like the one that brought you here."
_REPLY_ALL = "Open the mail in your *Sent* folder and choose *Reply all*. That keeps the people and the subject."
_RIGHT_ADDRESS = "Ask the colleague who gave you the address how it is spelled."

REASONS: Mapping[str, Reason] = {
    "A1": Reason(
        "This server takes no mail for that domain.",
        "You sent a mail to {address} through a server that takes mail for smart addresses only, and this is none.",
        ("Check the part after the @ sign.", _RIGHT_ADDRESS, "Put the right address in Cc and send again."),
        "the domain isn’t one of ours",
        "{mail} was sent to a domain that isn’t ours",
        "Check the part after the @ sign in the address.",
    ),
    "A2": Reason(
        "No team has this address.",
        "You sent a mail to {address}. Nobody here has that name: it may be misspelled, or the team may be gone.",
        ("Check the spelling before the @ sign.", _RIGHT_ADDRESS, "Put the right address in Cc and send again."),
        "no account has this name",
        "{mail} was sent to an account that doesn’t exist",
        "Check the spelling of the address before the @ sign.",
    ),
    "A3": Reason(
        "The ending after the plus sign doesn’t exist.",
        "You sent a mail to {address}. A team has three addresses: without an ending, with +contact and with +lead.",
        (
            _REPLY_ALL,
            "Put the address in Cc: as it is to file the mail, with +contact to add people, with +lead to open a lead.",
            _SEND,
        ),
        "the ending doesn’t exist; +contact and +lead do",
        "{mail} was sent to an ending that doesn’t exist",
        "Ask for it to be sent again, with one of your three addresses in Cc.",
    ),
    "A4": Reason(
        "This address has changed.",
        "You sent a mail to {address}. The team has another name now, and its addresses changed with it.",
        ("Ask the team you write to for its new address.", "Replace the old one in your contacts.", _SEND),
        "a former name of this account",
        "{mail} was sent to your former address",
        "Tell the sender your new address. The former one stays reserved to you.",
    ),
    "A6": Reason(
        "This mail goes to several teams, one at a time.",
        "Each team gives its own answer, so your mail server delivers the mail to {address} on its own in a moment.",
        ("There is nothing to do: your mail server tries again by itself.",),
        "another account comes first; the mail server tries again",
        "{mail} is on its way again",
        "There is nothing to do: the sender’s mail server tries again by itself.",
        once=True,
    ),
    "A8": Reason(
        "Too much came from this mail server at once.",
        "Your mail server sent more, or larger, mail than we take. A mail that is too large is not taken at all; "
        "everything else is only late.",
        (
            "Where the mail is too large, send it again with a link in place of the attachment.",
            "In all other cases wait: your mail server tries again by itself.",
        ),
        "beyond a limit",
        "{mail} was beyond a limit",
        "Where the mail is too large, ask for a link in place of the attachment.",
    ),
    "B1": Reason(
        "The address was in Bcc. It only works in Cc.",
        "You sent a mail with {address} as a hidden copy. That address files mail for a team, and it does so only when "
        "everyone on the mail can see it.",
        (_REPLY_ALL, "Put this address in *Cc*, and leave Bcc empty:", _SEND),
        "hidden copy: the address was in Bcc",
        "{mail} was sent with a hidden copy",
        "Ask for it to be sent again with the address in Cc.",
        envelope="Bcc",
    ),
    "B1-to": Reason(
        "The address was in To. It only works in Cc.",
        "You sent a mail to {address}. That address files mail between you and your client, so it stands beside them, "
        "in Cc. This holds for forwarded mail too.",
        (
            "Open the mail in your *Sent* folder and write it to your client.",
            "Put this address in *Cc*, not in To:",
            _SEND,
        ),
        "the address was in To, not in Cc",
        "{mail} was sent to the address itself",
        "Ask for it to be sent again with the address in Cc. That holds for forwarded mail too.",
        envelope="To",
    ),
    "B2": Reason(
        "A notice of a mail system came to an address that sends nothing.",
        "A bounce or a similar notice was sent to {address}. A smart address never sends, so no notice belongs to it.",
        ("There is nothing to do. If you run the mail server, look for who forges this address as a sender.",),
        "a bounce, and a smart address sends nothing",
        "{mail} is a bounce",
        "There is nothing to do: a smart address sends nothing, so no bounce belongs to it.",
    ),
    "B3": Reason(
        "This mail goes round in circles.",
        "It passed through so many servers on its way to {address} that one of them must be sending it back.",
        ("Look for a forwarding rule that leads back to its own start.", "Remove that rule and send the mail again."),
        "it goes round in circles",
        "{mail} goes round in circles",
        "Look for a forwarding rule that leads back to its own start.",
    ),
    "B4": Reason(
        "The head of this mail can’t be read.",
        "Your mail program wrote a From line, or other lines above the text, in a form that doesn’t say for certain "
        "who wrote the mail. It was sent to {address}.",
        ("Send it again from a usual mail program, with one address in From.",),
        "its header is malformed",
        "{mail} has a malformed header",
        "Ask for it to be sent again from a usual mail program. The reply below says what is wrong with it.",
    ),
    "B4a": Reason(
        "Your mail server ended a line in a way mail doesn’t allow.",
        "Lines of mail end with two characters, a carriage return and a line feed. One of them was missing.",
        ("If you run the mail server, bring it up to date and send again.",),
        "a line ended in a way mail doesn’t allow",
        "{mail} broke the rules of mail",
        "The sender’s mail server has to be brought up to date.",
    ),
    "B4b": Reason(
        "This mail is built in a way we don’t read.",
        "It has more header lines, addresses or parts within parts than any usual mail. It was sent to {address}.",
        ("Send it again as a plain new mail, with fewer people on it.",),
        "beyond what we read",
        "{mail} is beyond what we read",
        "Ask for it to be sent again as a plain new mail.",
    ),
    "B4c": Reason(
        "A smart address can’t be the sender.",
        "The mail says that a smart address wrote it. Such an address only receives, so the mail can’t be genuine.",
        ("Choose your own address in From and send again.", _SEND),
        "it says a smart address wrote it",
        "{mail} says a smart address wrote it",
        "A smart address sends nothing. Whoever wrote this has to choose an address of their own in From.",
    ),
    "B5": Reason(
        "We can’t tell that this mail is from the domain it names.",
        "The domain in From asks that mail be refused which doesn’t prove that it comes from there, and this mail to "
        "{address} doesn’t prove it.",
        (
            "Send from the mail service of your own domain.",
            "If you run that domain: sign its mail (DKIM), or list this mail server (SPF).",
        ),
        "not proven to be from the domain it names",
        "{mail} isn’t proven to be from the domain it names",
        "The sender’s domain asks for such mail to be refused. Whoever runs it can sign its mail.",
    ),
    "B7": Reason(
        "Only people this team knows can write here.",
        "You sent a mail with {address} in Cc. Its team takes mail from its own people and their clients only.",
        ("Write to the person you know in that team, without this address.",),
        "a stranger, and only known people may write here",
        "{mail} was written by a stranger",
        "To let the author in, make them a contact. You can also let strangers write to you.",
    ),
    "B8": Reason(
        "There was no client on the mail.",
        "You sent a mail to {address}, which makes a contact or a lead of the client on it. From, To and Cc named only "
        "people of the team. The text of a forwarded mail isn’t read.",
        ("Write to your client, or reply to them.", "Put this address in *Cc*:", _SEND),
        "no client in From, To or Cc",
        "{mail} has no client on it",
        "Ask for a mail that has the client in To or Cc. The text of a forwarded mail isn’t read.",
    ),
    "B10": Reason(
        "We can’t take mail at this moment.",
        "Something on our side is out of order for a short while. Your mail to {address} is not lost.",
        ("There is nothing to do: your mail server tries again by itself.",),
        "trouble on our side; the mail server tries again",
        "{mail} couldn’t be taken for a moment",
        "There is nothing to do: the sender’s mail server tries again by itself.",
        once=True,
    ),
}

OTHER = Reason(
    "This mail was not taken.",
    "A mail to {address} was refused. The words below are what your mail server was told.",
    ("Show this page to the colleague who gave you the address.",),
    "not taken",
    "{mail} was refused",
    "The reply below says why.",
)

AROUND = Around(
    title="Why your mail was not filed",
    language="Language",
    safe="The other people you wrote to are not affected.",
    safe_why="Only the copy to this address was refused, and its text was not kept.",
    right="How to do it right",
    now="What happens now",
    wrong="What happened",
    works="What works",
    client="your client",
    nobody="nobody",
    told="What your mail server was told",
    stuck="Still stuck? Show this page to the colleague who gave you the address.",
    receipt="They can look up receipt {receipt}.",
    private="This page shows nobody’s mail: no subject, no text, no one’s address.",
    gone="We no longer have this record.",
    gone_days="Records are kept for {days} days.",
    gone_how="The reply your mail server got says the reason in a few words. Show it to the colleague who gave you the "
    "address.",
    mail="A mail",
)
