"""`/mailboxes`: people's own mailboxes, connected, changed, synced at once and disconnected (docs/mailboxes.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from gateway.core.mailboxes import Server
from gateway.core.resources import as_json
from gateway.usecases import connect_mailbox, disconnect_mailbox, mailboxes
from gateway.usecases.connect_mailbox import Halt, Wish
from gateway.usecases.mailboxes import Change, Edit
from gateway.web.api import mailbox_shapes as shapes
from gateway.web.api.access import Reader, Writer
from gateway.web.mailbox_door import discovered, door, halted, sealing
from gateway.web.paging import AfterId, Limit, Listed, page_json
from gateway.web.problems import unwrap
from gateway.web.services import Services
from gateway.web.tags import IfMatch

router = APIRouter(prefix="/mailboxes", tags=["mailboxes"])


@router.get("", response_model=Listed[shapes.Mailbox])
async def list_mailboxes(services: Services, reader: Reader, after: AfterId, limit: Limit = 50) -> Any:
    """Mailboxes, newest first: admins see all of the account, others their own and shared ones they may open."""
    return page_json(await mailboxes.list_mailboxes(services.store, reader, after, limit))


@router.post("", status_code=201, response_model=shapes.Mailbox)
async def post_mailbox(services: Services, writer: Writer, new: shapes.NewMailbox) -> Any:
    """Connects a mailbox: its servers are found where they are left out, and the log-in is tried at once. 422 names
    what stands in the way, and `consent` the page to open where the provider asks its users itself. Only admins connect
    shared ones."""
    sent = new.model_dump(exclude={"imap", "smtp"})
    wish = Wish(**sent, imap=_server(new.imap), smtp=_server(new.smtp))
    with sealing():
        made = await connect_mailbox.connect_mailbox(
            services.store, door(services), writer, wish, services.domains, services.keyring()
        )
    if isinstance(made, Halt):
        raise halted(services, made, new.address, new.kind)
    return as_json(unwrap(made))


@router.get("/discover", response_model=shapes.Discovered)
async def discover_mailbox(
    services: Services, _: Reader, address: Annotated[str, Query(max_length=320, description="An e-mail address.")]
) -> Any:
    """The provider of an address and its servers, as they are found; nothing is connected."""
    found = unwrap(await connect_mailbox.discover(door(services), address, services.domains))
    return discovered(services, found)


@router.get("/{id}", response_model=shapes.Mailbox)
async def get_mailbox(services: Services, reader: Reader, id: str) -> Any:
    """One mailbox, never its credential."""
    return as_json(unwrap(await mailboxes.show_mailbox(services.store, reader, id)))


@router.patch("/{id}", response_model=shapes.Mailbox)
async def patch_mailbox(
    services: Services, writer: Writer, id: str, change: shapes.MailboxChange, unchanged: IfMatch
) -> Any:
    """Changes what is sent: a personal one its owner, a shared one admins, who also make one personal (naming its
    `owner`) or shared. A new `password` is tried at once; `state` is paused, or ready to go on."""
    wanted, sealed = Edit(writer, id, _change(change), unchanged, services.domains), None
    if change.password is not None:
        with sealing():
            sealed = unwrap(await mailboxes.try_password(services.store, door(services), wanted, services.keyring()))
    return as_json(unwrap(await mailboxes.change_mailbox(services.store, wanted, sealed)))


@router.post("/{id}/sync", status_code=202, response_model=shapes.Mailbox)
async def post_sync(services: Services, writer: Writer, id: str) -> Any:
    """Has a mailbox looked into at once: `last_sync_at` moves when that is done, else `error` says what was in the way.
    409 for one that isn't synced."""
    return as_json(unwrap(await mailboxes.sync_mailbox(services.store, writer, id)))


@router.delete("/{id}", status_code=204)
async def delete_mailbox(
    services: Services, writer: Writer, id: str, emails: Literal["keep", "delete"] = "keep"
) -> None:
    """Disconnects a mailbox and forgets its credential. `emails`: keep what it brought, or delete what came by it
    alone. Admins may disconnect anybody's."""
    unwrap(await disconnect_mailbox.disconnect_mailbox(services.store, writer, id, with_mail=emails == "delete"))


def _server(given: shapes.GivenServer | None) -> Server | None:
    return None if given is None else Server(given.host.strip().lower(), given.port, given.security, given.user)


def _change(sent: shapes.MailboxChange) -> Change:
    values = sent.model_dump()
    values["aliases"] = None if sent.aliases is None else tuple(sent.aliases)
    if "sent" in sent.model_fields_set and sent.sent is None:
        values["sent"] = ""
    return Change(**values)
