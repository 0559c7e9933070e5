"""Kommo as its documentation describes it: one account, with the rules that a client has to live with.

Seven requests a second, then 429, and 403 on everything for those who go on; 204 where there is nothing; a search that
finds what only looks alike; one contact at most in a complex lead; kinds of notes that can't be written; bounds of
batches; errors by item; tokens that rotate; files in parts of a given size.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from typing import Any

from tests.crm.kommo_account import Account
from tests.crm.wire import Reply, Request, Wire

WRITABLE = {
    "attachment",
    "call_in",
    "call_out",
    "common",
    "extended_service_message",
    "geolocation",
    "service_message",
    "sms_in",
    "sms_out",
}
ENUMS = {"WORK", "PRIV", "OTHER"}
BATCH = 250
COMPLEX = 50
PART = 16


class Kommo(Wire):
    """The server. `account` is looked into, and changed, by tests. now: its clock, in seconds."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(self._judge)
        self.account = Account()
        self.moved: str | None = None
        self._now = now
        self._ids = itertools.count(9_000_001)
        self._serial = itertools.count(1)
        self._arrivals: list[float] = []
        self._slow = 0
        self._shut_until = 0.0
        self._sessions: dict[str, tuple[int, bytearray]] = {}

    def name(self, request: Request) -> str:
        """Sessions of uploads are alike: a file that is sent anew is the same file."""
        return re.sub(r"/s\d+/", "/s/", super().name(request))

    # What tests ask for

    def add_contact(self, name: str, *emails: str) -> int:
        return self._add_contact({"name": name, "custom_fields_values": [_emails(emails)]})

    def notes_on(self, kind: str, id: int) -> list[str]:
        return [
            note["params"]["text"]
            for note in self.account.notes.values()
            if (note["kind"], note["entity_id"]) == (kind, id)
        ]

    def expire(self) -> None:
        """The access token runs out."""
        self.account.token = "nobody has this"

    # The rules that hold for every request

    def _judge(self, request: Request) -> Reply:
        now = time.monotonic()
        account = self.account
        if account.gone:
            return _problem(410, "Gone")
        if self._shut_until > now:
            return _problem(403, "Forbidden", "IP address is blocked")
        if account.limit is not None and not self._in_time(now):
            self._slow += 1
            if self._slow >= account.patience:
                self._shut_until = now + account.shut_seconds
            return _problem(429, "Too Many Requests")
        if request.path == "/oauth2/access_token":
            return self._tokens(request.json)
        if self.moved is not None and not request.path.startswith("/v1.0"):
            return Reply(301, None, {"location": f"{self.moved}{request.path}"})
        if request.headers.get("authorization") != f"Bearer {account.token}":
            return _problem(401, "Unauthorized")
        if not account.paid:
            return _problem(402, "Payment Required")
        return self._route(request)

    def _in_time(self, now: float) -> bool:
        self._arrivals = [at for at in self._arrivals if now - at < 1.0] + [now]
        return len(self._arrivals) <= (self.account.limit or 0)

    def _tokens(self, given: dict[str, str]) -> Reply:
        account = self.account
        if (given.get("client_id"), given.get("client_secret"), given.get("redirect_uri")) != account.client:
            return _problem(400, "Bad Request", hint="Unknown client")
        if given["grant_type"] == "authorization_code":
            known = given.get("code") == account.code
            account.code = None
        else:
            known = given.get("refresh_token") == account.refresh
        if not known:
            return _problem(401, "Unauthorized", hint="Token has been revoked")
        n = next(self._serial)
        account.token, account.refresh = f"access-{n}", f"refresh-{n}"
        pair = {"access_token": account.token, "refresh_token": account.refresh}
        return Reply(200, {"token_type": "Bearer", "expires_in": 86_400, "server_time": int(self._now()), **pair})

    def _route(self, request: Request) -> Reply:
        for method, pattern, act in self._routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                return act(request, *found.groups())
        return _problem(404, "Not Found")

    def _routes(self) -> list[tuple[str, str, Callable[..., Reply]]]:
        kind = "(contacts|leads)"
        return [
            ("GET", "/api/v4/account", self._show_account),
            ("GET", f"/api/v4/{kind}", self._list),
            ("GET", rf"/api/v4/{kind}/(\d+)", self._show),
            ("POST", "/api/v4/contacts", self._post_contacts),
            ("POST", "/api/v4/leads", self._post_leads),
            ("POST", "/api/v4/leads/complex", self._post_complex),
            ("POST", r"/api/v4/leads/(\d+)/link", self._link),
            ("GET", rf"/api/v4/{kind}/(\d+)/notes", self._list_notes),
            ("POST", f"/api/v4/{kind}/notes", self._post_notes),
            ("PATCH", f"/api/v4/{kind}/notes", self._patch_notes),
            ("PUT", rf"/api/v4/{kind}/(\d+)/files", self._put_files),
            ("POST", "/v1.0/sessions", self._open_session),
            ("POST", r"/v1.0/upload/(\w+)/(\d+)", self._upload),
        ]

    # Reading

    def _show_account(self, request: Request) -> Reply:
        shown: dict[str, Any] = {"id": 31_000_001, "name": "Acme Coffee", "subdomain": "acme"}
        if "drive_url" in (request.asked("with") or "").split(","):
            shown["drive_url"] = self.url
        return Reply(200, shown)

    def _list(self, request: Request, kind: str) -> Reply:
        cards = list(self._cards(kind).values())
        if (query := request.asked("query")) is not None:
            cards = [card for card in cards if _alike(query, card) and card["id"] not in self.account.hidden]
        ids = {int(value) for name, value in request.query if name == "filter[id][]"}
        if ids:
            cards = [card for card in cards if card["id"] in ids]
        since = int(request.asked("filter[updated_at][from]") or 0)
        cards = [card for card in cards if card["updated_at"] >= since]
        cards.sort(key=lambda card: card["id"], reverse=request.asked("order[id]") == "desc")
        return self._page(request, kind, cards)

    def _page(self, request: Request, kind: str, found: list[dict[str, Any]]) -> Reply:
        limit = min(int(request.asked("limit") or 50), self.account.page)
        page = int(request.asked("page") or 1)
        some = found[(page - 1) * limit : page * limit]
        if not some:
            return Reply(204)
        links = {"self": {"href": f"{self.url}{request.path}"}}
        if len(found) > page * limit:
            rest = "&".join(f"{name}={value}" for name, value in request.query if name != "page")
            links["next"] = {"href": f"{self.url}{request.path}?{rest}&page={page + 1}"}
        return Reply(200, {"_page": page, "_links": links, "_embedded": {kind: some}})

    def _show(self, request: Request, kind: str, id: str) -> Reply:
        card = self._cards(kind).get(int(id))
        if card is None:
            return Reply(204)
        if kind == "contacts" and request.asked("with") == "leads":
            leads = [{"id": one["id"]} for one in self.account.leads.values() if int(id) in one["linked"]]
            card = {**card, "_embedded": {**card["_embedded"], "leads": leads}}
        return Reply(200, card)

    def _list_notes(self, request: Request, kind: str, id: str) -> Reply:
        notes = [note for note in self.account.notes.values() if (note["kind"], note["entity_id"]) == (kind, int(id))]
        wanted = [value for name, value in request.query if name == "filter[note_type][]"]
        notes = [note for note in notes if not wanted or note["note_type"] in wanted]
        notes.sort(key=lambda note: note["id"], reverse=request.asked("order[id]") == "desc")
        return self._page(request, "notes", notes)

    # Writing

    def _post_contacts(self, request: Request) -> Reply:
        return self._batch(request, BATCH, "contacts", self._wrong_contact, self._add_contact)

    def _post_leads(self, request: Request) -> Reply:
        return self._batch(request, BATCH, "leads", self._wrong_lead, self._add_lead)

    def _post_complex(self, request: Request) -> Reply:
        def wrong(card: dict[str, Any]) -> str | None:
            people = (card.get("_embedded") or {}).get("contacts") or []
            if len(people) > 1:
                return "_embedded.contacts: at most one"
            return next(filter(None, map(self._wrong_contact, people)), None)

        if (refused := _refuse(request.json, COMPLEX, wrong)) is not None:
            return refused
        return Reply(200, [self._add_complex(card) for card in request.json])

    def _add_complex(self, card: dict[str, Any]) -> dict[str, Any]:
        people = (card.get("_embedded") or {}).get("contacts") or []
        known = self._duplicate(people) if self.account.duplicates else None
        if known is not None:
            id, contact = known["id"], known["linked"][0]
        else:
            contact = self._add_contact(people[0]) if people else None
            linked = [{"id": contact}] if contact else []
            tags = (card.get("_embedded") or {}).get("tags") or []
            id = self._add_lead({"name": card["name"], "tags_to_add": tags, "_embedded": {"contacts": linked}})
        said = {"id": id, "contact_id": contact, "company_id": None, "merged": known is not None}
        return {**said, "request_id": [str(card.get("request_id", "0"))]}

    def _duplicate(self, people: list[dict[str, Any]]) -> dict[str, Any] | None:
        wanted = {email for one in people for email in _addresses(one)}
        for lead in self.account.leads.values():
            for id in lead["linked"]:
                if wanted & set(_addresses(self.account.contacts[id])):
                    return lead
        return None

    def _link(self, request: Request, id: str) -> Reply:
        lead = self.account.leads.get(int(id))
        if lead is None:
            return _problem(404, "Not Found")
        for link in request.json:
            if link["to_entity_id"] not in self.account.contacts:
                return _problem(400, "Bad Request", detail="Entity not found")
            if link["to_entity_id"] not in lead["linked"]:
                lead["linked"].append(link["to_entity_id"])
        return Reply(200, {"_total_items": len(request.json)})

    def _post_notes(self, request: Request, kind: str) -> Reply:
        def wrong(note: dict[str, Any]) -> str | None:
            if note.get("note_type") not in WRITABLE:
                return "note_type: can't be added"
            if note.get("entity_id") not in self._cards(kind):
                return "entity_id: Entity not found"
            if note["note_type"] == "extended_service_message" and not (note.get("params") or {}).get("service"):
                return "params.service: This value should not be blank."
            return self.account.refused.get(f"{kind}/{note['entity_id']}")

        def add(note: dict[str, Any]) -> int:
            id = next(self._ids)
            self.account.notes[id] = {**note, "id": id, "kind": kind}
            return id

        return self._batch(request, BATCH, "notes", wrong, add)

    def _patch_notes(self, request: Request, kind: str) -> Reply:
        for change in request.json:
            note = self.account.notes.get(change["id"])
            if note is None or (note["kind"], note["entity_id"]) != (kind, change.get("entity_id")):
                return _problem(400, "Bad Request", detail="Note not found")
            note["params"] = change["params"]
        return Reply(200, {"_embedded": {"notes": [{"id": change["id"]} for change in request.json]}})

    def _put_files(self, request: Request, kind: str, id: str) -> Reply:
        if int(id) not in self._cards(kind):
            return _problem(404, "Not Found")
        on = self.account.attached.setdefault(f"{kind}/{id}", [])
        for file in request.json:
            if file["file_uuid"] not in self.account.files:
                return _problem(400, "Bad Request", detail="File not found")
            if file["file_uuid"] not in on:
                on.append(file["file_uuid"])
        return Reply(204)

    def _open_session(self, request: Request) -> Reply:
        if not self.account.files_allowed:
            return _problem(403, "Forbidden")
        id = f"s{next(self._serial)}"
        self._sessions[id] = (request.json["file_size"], bytearray())
        said = {"max_file_size": 1_000_000, "max_part_size": PART, "session_id": id}
        return Reply(200, {**said, "upload_url": f"{self.url}/v1.0/upload/{id}/1"})

    def _upload(self, request: Request, id: str, n: str) -> Reply:
        size, content = self._sessions[id]
        if len(request.body) > PART:
            return _problem(413, "Part is too large")
        content += request.body
        if len(content) < size:
            return Reply(202, {"next_url": f"{self.url}/v1.0/upload/{id}/{int(n) + 1}"})
        self.account.files[f"uuid-{id}"] = bytes(content)
        return Reply(200, {"uuid": f"uuid-{id}", "version_uuid": f"version-{id}"})

    def _batch(
        self,
        request: Request,
        most: int,
        kind: str,
        wrong: Callable[[dict[str, Any]], str | None],
        add: Callable[[dict[str, Any]], int],
    ) -> Reply:
        """All of a batch, or, with its errors by item, nothing."""
        if (refused := _refuse(request.json, most, wrong)) is not None:
            return refused
        made = []
        for n, item in enumerate(request.json):
            said = {"id": add(item), "request_id": str(item.get("request_id", n))}
            made.append(said | ({"entity_id": item["entity_id"]} if "entity_id" in item else {}))
        return Reply(200, {"_links": {}, "_embedded": {kind: made}})

    def _wrong_contact(self, card: dict[str, Any]) -> str | None:
        for one in card.get("custom_fields_values") or []:
            for value in one["values"]:
                if value.get("enum_code") not in ENUMS:
                    return "custom_fields_values.0.values.0.enum_code: not supported"
        return next((why for email in _addresses(card) if (why := self.account.refused.get(email))), None)

    def _wrong_lead(self, card: dict[str, Any]) -> str | None:
        for one in (card.get("_embedded") or {}).get("contacts") or []:
            if one["id"] not in self.account.contacts:
                return "_embedded.contacts.0.id: not found"
        return None

    def _add_contact(self, card: dict[str, Any]) -> int:
        id, now = next(self._ids), int(self._now())
        made = {"id": id, "created_at": now, "updated_at": now, "_embedded": {}}
        self.account.contacts[id] = {**card, **made}
        return id

    def _add_lead(self, card: dict[str, Any]) -> int:
        id, now = next(self._ids), int(self._now())
        linked = [one["id"] for one in (card.get("_embedded") or {}).get("contacts") or []]
        made = {"id": id, "name": card["name"], "created_at": now, "updated_at": now, "linked": linked}
        self.account.leads[id] = {**made, "_embedded": {"tags": card.get("tags_to_add") or []}}
        return id

    def _cards(self, kind: str) -> dict[int, dict[str, Any]]:
        return self.account.contacts if kind == "contacts" else self.account.leads


def _refuse(items: Any, most: int, wrong: Callable[[dict[str, Any]], str | None]) -> Reply | None:
    if not isinstance(items, list) or not items:
        return _problem(400, "Bad Request", detail="an array is needed")
    if len(items) > most:
        return _problem(400, "Bad Request", detail=f"at most {most}")
    found = []
    for n, item in enumerate(items):
        if (why := wrong(item)) is not None:
            path, _, detail = why.partition(": ")
            errors = [{"code": "NotSupportedChoice", "path": path, "detail": detail}]
            found.append({"request_id": str(item.get("request_id", n)), "errors": errors})
    if not found:
        return None
    return _problem(400, "Bad Request", detail="Request validation failed", **{"validation-errors": found})


def _problem(status: int, title: str, detail: str = "", **more: Any) -> Reply:
    said = {"title": title, "type": f"https://httpstatus.es/{status}", "status": status, "detail": detail}
    return Reply(status, said | more, {"content-type": "application/problem+json"})


def _alike(query: str, card: dict[str, Any]) -> bool:
    """As the search of Kommo does: any field that holds the words, in part, in any case."""
    wanted = query.casefold()
    texts = [card.get("name") or "", *_addresses(card)]
    return any(wanted in text.casefold() for text in texts)


def _addresses(card: dict[str, Any]) -> list[str]:
    return [
        value["value"]
        for one in card.get("custom_fields_values") or []
        if one.get("field_code") == "EMAIL"
        for value in one["values"]
    ]


def _emails(emails: tuple[str, ...]) -> dict[str, Any]:
    return {"field_code": "EMAIL", "values": [{"value": one, "enum_code": "WORK"} for one in emails]}
