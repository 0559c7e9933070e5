"""The role matrix: what each kind of reader gets at every page and every call (rules, sections E2 and F).

A row is a method, a path and a kind of wall. Paths may carry a query; a body that a row needs stands in `BODIES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

READERS = ("admin", "user", "team", "owner", "stranger", "nobody")
"""An admin; a user without and one with the right `shared_mail`; the user whose the personal mailbox is; an admin of
another account; and who is not signed in."""
TEAM = frozenset(("admin", "user", "team", "owner"))
PASS, LOCKED = "pass", "locked"
"""Past the wall; and told that a mail is there, with nothing of it."""
OPEN = "the same for everybody"
KINDS = ("smart", "personal", "shared", "alone")
"""How a mail came, alone by the personal mailbox as well but on no card. Mailboxes are personal or shared."""
MAY_OPEN = {
    "smart": TEAM,
    "personal": frozenset(("owner",)),
    "shared": frozenset(("admin", "team")),
    "alone": frozenset(("owner",)),
}
MAY_KNOW = MAY_OPEN | {"personal": frozenset(("admin", "owner"))}
"""Whose mailbox of each kind is there: an admin knows of each."""


def _wall(passing: frozenset[str], closed: str, stranger: str) -> dict[str, str]:
    return {who: PASS if who in passing else closed for who in TEAM} | {"stranger": stranger}


def _mail(closed: str) -> dict[str, dict[str, str]]:
    told = dict.fromkeys(KINDS, closed) | {"alone": "404"}
    return {kind: _wall(MAY_OPEN[kind], told[kind], "404") for kind in KINDS}


def _box(**passing: str) -> dict[str, dict[str, str]]:
    """personal, shared: who gets past; others who know of it are told 403."""
    made = {}
    for kind, names in passing.items():
        may, known = frozenset(names.split()), MAY_KNOW[kind]
        made[kind] = {who: PASS if who in may else "403" if who in known else "404" for who in TEAM}
        made[kind]["stranger"] = "404"
    return made


_ADMIN = frozenset(("admin",))
WALLS: dict[str, dict[str, dict[str, str]]] = {
    "open": {"": dict.fromkeys(READERS, OPEN)},
    "each": {"": _wall(TEAM, "", PASS)},
    "admins": {"": _wall(_ADMIN, "403", PASS)},
    "ours": {"": _wall(TEAM, "", "404")},
    "ours-admins": {"": _wall(_ADMIN, "403", "404")},
    "theirs": {"": _wall(_ADMIN, "404", "404")},
    "mail-locked": _mail(LOCKED),
    "mail-403": _mail("403"),
    "mail-404": _mail("404"),
    "mail-known": _mail(PASS),
    "proven": {"smart": _wall(TEAM, "", "404")} | dict.fromkeys(KINDS[1:3], _wall(frozenset(), "403", "404")),
    "box-know": _box(personal="admin owner", shared="admin team"),
    "box-edit": _box(personal="owner", shared="admin"),
    "box-leave": _box(personal="admin owner", shared="admin"),
    "box-hand": _box(personal="admin", shared="admin"),
}
"""What each reader gets, by the kind of wall and of thing.

each: everybody who is signed in, of their own account. ours: what all users of the account share. theirs: what the
admin did, and nobody else may touch. mail-…: by how the mail came; what follows is told to who may not open it.
mail-known: of mail that was not written here nobody is told how its sending goes on. proven: only of mail to a smart
address is it known whose it is. box-…: know of a mailbox, change it, disconnect it, hand it to others.
"""
_TABLE = """
GET /v1/account                                each
PATCH /v1/account                              admins
GET /v1/audit                                  admins
GET /v1/contacts                               each
GET /v1/contacts?q=quartz                      each
POST /v1/contacts                              each
GET /v1/contacts/{id}                          ours
PATCH /v1/contacts/{id}                        ours
DELETE /v1/contacts/{id}                       ours
POST /v1/contacts/{id}/merge                   ours
GET /v1/contacts/{card}/messages               ours
GET /v1/crm                                    admins
PUT /v1/crm                                    admins
DELETE /v1/crm                                 admins
GET /v1/customers                              each
POST /v1/customers                             each
GET /v1/customers/{id}                         ours
PATCH /v1/customers/{id}                       ours
DELETE /v1/customers/{id}                      ours
GET /v1/customers/{id}/messages                ours
GET /v1/deliveries                             admins
POST /v1/deliveries/retry                      admins
POST /v1/deliveries/retry?endpoint={endpoint}  ours-admins
GET /v1/deliveries/{id}                        ours-admins
GET /v1/deliveries/{told}                      ours-admins
POST /v1/deliveries/{id}/retry                 ours-admins
GET /v1/egress                                 each
GET /v1/endpoints                              admins
POST /v1/endpoints                             admins
GET /v1/endpoints/{id}                         ours-admins
PATCH /v1/endpoints/{id}                       ours-admins
DELETE /v1/endpoints/{id}                      ours-admins
POST /v1/endpoints/{id}/rotate                 ours-admins
POST /v1/endpoints/{id}/test                   ours-admins
GET /v1/events                                 each
POST /v1/explain                               each
GET /v1/fields                                 each
POST /v1/fields                                admins
GET /v1/fields/{id}                            ours
PATCH /v1/fields/{id}                          ours-admins
DELETE /v1/fields/{id}                         ours-admins
GET /v1/leads                                  each
POST /v1/leads                                 each
GET /v1/leads/{id}                             ours
PATCH /v1/leads/{id}                           ours
DELETE /v1/leads/{id}                          ours
GET /v1/leads/{id}/messages                    ours
GET /v1/mailboxes                              each
POST /v1/mailboxes                             each
POST /v1/mailboxes?kind=shared                 admins
GET /v1/mailboxes/discover?address=x@q.example each
GET /v1/mailboxes/{id}                         box-know
PATCH /v1/mailboxes/{id}                       box-edit
PATCH /v1/mailboxes/{id}?kind=shared           box-hand
DELETE /v1/mailboxes/{id}                      box-leave
POST /v1/mailboxes/{id}/sync                   box-edit
GET /v1/messages                               each
GET /v1/messages?q=quartz                      each
GET /v1/messages?contact={card}                each
GET /v1/messages?mailbox={box}                 each
GET /v1/messages?folder=held                   admins
GET /v1/messages?folder=deleted                admins
POST /v1/messages                              each
GET /v1/messages/{id}                          mail-locked
DELETE /v1/messages/{id}                       mail-403
DELETE /v1/messages/{deleted}?purge=true       ours-admins
GET /v1/messages/{id}/attachments/{n}          mail-403
POST /v1/messages/{id}/cancel                  mail-403
POST /v1/messages/{id}/card                    mail-403
GET /v1/messages/{id}/raw                      mail-403
POST /v1/messages/{held}/refuse                ours-admins
POST /v1/messages/{held}/release               ours-admins
POST /v1/messages/{deleted}/restore            ours-admins
POST /v1/messages/{id}/retry                   mail-403
GET /v1/messages/{held}                        theirs
GET /v1/messages/{deleted}                     theirs
GET /v1/receipts                               each
GET /v1/receipts/{id}                          ours
GET /v1/templates                              each
POST /v1/templates                             each
GET /v1/templates/fields                       each
GET /v1/templates/{id}                         ours
PATCH /v1/templates/{id}                       ours
DELETE /v1/templates/{id}                      ours
GET /v1/templates/{id}/render                  ours
GET /v1/threads                                each
GET /v1/threads?mailbox={box}                  each
GET /v1/threads/{thread}                       mail-404
GET /v1/tokens                                 admins
POST /v1/tokens                                admins
GET /v1/tokens/{id}                            ours-admins
PATCH /v1/tokens/{id}                          ours-admins
DELETE /v1/tokens/{id}                         ours-admins
GET /v1/users                                  admins
POST /v1/users                                 admins
GET /v1/users/{id}                             ours-admins
PATCH /v1/users/{id}                           ours-admins
DELETE /v1/users/{id}                          ours-admins
GET /                                          each
GET /addresses/lead.vcf                        each
GET /compose                                   each
GET /compose?contact={card}                    each
GET /compose?reply={id}                        mail-403
GET /compose?reply_all={id}                    mail-403
GET /compose?forward={id}                      mail-403
POST /compose                                  each
POST /compose/fill                             each
GET /compose/people                            each
GET /contacts                                  each
POST /contacts                                 each
GET /contacts/new                              each
GET /contacts/{id}                             ours
GET /contacts/{card}                           ours
POST /contacts/{id}                            ours
GET /contacts/{id}/delete                      ours
POST /contacts/{id}/delete                     ours
GET /contacts/{id}/merge                       ours
POST /contacts/{id}/merge                      ours
POST /contacts/{id}/notes                      ours
POST /contacts/{id}/notes/{note}               ours-admins
GET /customers                                 each
POST /customers                                each
GET /customers/new                             each
GET /customers/{id}                            ours
POST /customers/{id}                           ours
GET /customers/{id}/delete                     ours
POST /customers/{id}/delete                    ours
POST /customers/{id}/notes                     ours
POST /customers/{id}/notes/{note}              ours-admins
POST /customers/{id}/people                    ours
GET /deleted                                   admins
GET /egress                                    each
GET /feed                                      each
GET /held                                      admins
POST /held/{held}/refuse                       ours-admins
POST /held/{held}/release                      ours-admins
GET /help                                      each
GET /leads                                     each
POST /leads                                    each
GET /leads/new                                 each
GET /leads/{id}                                ours
POST /leads/{id}                               ours
GET /leads/{id}/delete                         ours
POST /leads/{id}/delete                        ours
POST /leads/{id}/notes                         ours
POST /leads/{id}/notes/{note}                  ours-admins
POST /leads/{id}/people                        ours
POST /leads/{id}/status                        ours
GET /mail                                      each
GET /mail?q=quartz                             each
GET /mail?mailbox={box}                        each
GET /mail?view=threads                         each
POST /mail/bulk                                each
POST /mail/bulk?do=purge                       admins
GET /mail/{id}                                 mail-locked
GET /mail/{id}/attachments/{n}                 mail-403
POST /mail/{id}/cancel                         mail-403
POST /mail/{id}/card                           mail-403
GET /mail/{id}/headers                         mail-403
GET /mail/{id}/live                            mail-known
GET /mail/{id}/page                            mail-locked
POST /mail/{id}/pictures                       proven
GET /mail/{id}/raw                             mail-403
POST /mail/{id}/retry                          mail-403
GET /mail/{id}/source                          mail-403
GET /mail/{held}                               theirs
GET /mail/{deleted}                            theirs
GET /mailboxes                                 each
GET /mailboxes?told=kept&of={box}              each
GET /mailboxes/add                             each
POST /mailboxes/add                            each
POST /mailboxes/add?kind=shared                admins
GET /mailboxes/consent?address=x@q.example     each
GET /mailboxes/consent?address=x@q.example&kind=shared admins
GET /mailboxes/consent/back                    each
GET /mailboxes/live                            each
GET /mailboxes/{id}                            box-know
POST /mailboxes/{id}                           box-edit
GET /mailboxes/{id}/disconnect                 box-leave
POST /mailboxes/{id}/disconnect                box-leave
POST /mailboxes/{id}/kind                      box-hand
GET /mailboxes/{id}/live                       box-know
POST /mailboxes/{id}/pause                     box-edit
POST /mailboxes/{id}/resume                    box-edit
POST /mailboxes/{id}/sync                      box-edit
GET /me                                        each
POST /me                                       each
POST /me/password                              each
GET /me/pictures                               each
POST /me/pictures/forget                       each
POST /me/sessions/end-others                   each
POST /me/sessions/{id}/end                     theirs
GET /settings                                  admins
POST /settings                                 admins
GET /settings/audit                            admins
GET /settings/crm                              admins
POST /settings/crm                             admins
POST /settings/crm/disconnect                  admins
GET /settings/deliveries                       admins
POST /settings/deliveries/retry?of={endpoint}  ours-admins
GET /settings/deliveries/{id}                  ours-admins
GET /settings/deliveries/{told}                ours-admins
GET /settings/deliveries/{id}/live             ours-admins
POST /settings/deliveries/{id}/retry           ours-admins
GET /settings/endpoints                        admins
POST /settings/endpoints                       admins
GET /settings/endpoints/{id}                   ours-admins
POST /settings/endpoints/{id}                  ours-admins
POST /settings/endpoints/{id}/delete           ours-admins
POST /settings/endpoints/{id}/disable          ours-admins
POST /settings/endpoints/{id}/enable           ours-admins
POST /settings/endpoints/{id}/rotate           ours-admins
POST /settings/endpoints/{id}/test             ours-admins
GET /settings/fields                           admins
POST /settings/fields                          admins
POST /settings/fields/{id}                     ours-admins
POST /settings/fields/{id}/remove              ours-admins
GET /settings/rename                           admins
POST /settings/rename                          admins
GET /settings/tokens                           admins
POST /settings/tokens                          admins
POST /settings/tokens/{id}/revoke              ours-admins
GET /settings/users                            admins
POST /settings/users                           admins
GET /settings/users/{id}                       ours-admins
POST /settings/users/{id}                      ours-admins
POST /settings/users/{id}/link                 ours-admins
POST /settings/users/{id}/password/remove      ours-admins
POST /settings/users/{id}/remove               ours-admins
GET /setup                                     admins
GET /setup/dns/live                            admins
GET /setup/mail/live                           admins
GET /setup/domain                              admins
POST /setup/domain                             admins
GET /templates                                 each
POST /templates                                each
GET /templates/new                             each
GET /templates/people                          each
GET /templates/preview                         each
POST /templates/preview                        each
GET /templates/{id}                            ours
POST /templates/{id}                           ours
POST /templates/{id}/delete                    ours
GET /tester                                    each
POST /tester                                   each
GET /threads/{thread}                          mail-404
GET /trace                                     each
GET /trace/{id}                                ours
POST /undo/{id}                                theirs
GET /.well-known/mta-sts.txt                   open
GET /files/x                                   open
GET /healthz                                   open
GET /metrics                                   open
GET /readyz                                    open
GET /sign-in                                   open
POST /sign-in                                  open
POST /sign-in/link                             open
GET /sign-in/openid                            open
GET /sign-in/openid/back                       open
GET /sign-in/openid/account                    open
POST /sign-in/openid/account                   open
GET /sign-in/x                                 open
HEAD /sign-in/x                                open
GET /v1/docs                                   open
GET /why/B11                                   open
POST /sign-out                                 open
"""
BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/mailboxes?kind=shared": {"address": "q@q.example", "kind": "shared", "password": "quartz"},
    "PATCH /v1/mailboxes/{id}": {"threads": False},
    "PATCH /v1/mailboxes/{id}?kind=shared": {"kind": "shared", "owner": None},
    "POST /mailboxes/add?kind=shared": {"address": "q@q.example", "kind": "shared", "password": "quartz"},
    "POST /mailboxes/{id}/kind": {"kind": "shared"},
    "POST /contacts/{id}/notes/{note}": {"text": "quartz"},
    "POST /customers/{id}/notes/{note}": {"do": "delete"},
    "POST /leads/{id}/notes/{note}": {"text": "quartz"},
    "POST /mail/bulk?do=purge": {"do": "purge", "id": "x"},
    "POST /settings/deliveries/retry?of={endpoint}": {"endpoint": "{endpoint}"},
    "POST /me/pictures/forget": {"address": "q@q.example"},
}
"""What a row sends, where an empty body would be answered the same whoever asks."""


@dataclass(frozen=True, slots=True)
class Row:
    """A request, and what each reader gets for it. kind: of the mail or mailbox, empty for other things."""

    method: str
    path: str
    kind: str
    gets: dict[str, str]

    @property
    def is_api(self) -> bool:
        return self.path.startswith("/v1/")

    def outcome(self, who: str) -> str:
        """What a reader gets; who is not signed in is told so."""
        if who != "nobody" or OPEN in self.gets.values():
            return self.gets[who]
        path = self.path.partition("?")[0]
        return "401" if self.is_api or path == "/feed" or path.endswith("/live") else "sign-in"

    @property
    def body(self) -> dict[str, Any]:
        return BODIES.get(f"{self.method} {self.path}", {})

    def __str__(self) -> str:
        return f"{self.method} {self.path}" + (f" ({self.kind})" if self.kind else "")


def rows() -> list[Row]:
    """The whole table, mail and mailboxes once a kind."""
    lines = [line.split() for line in _TABLE.splitlines() if line]
    return [Row(method, path, kind, gets) for method, path, wall in lines for kind, gets in WALLS[wall].items()]
