"""`/templates`: texts to write mail with, their fields, and what comes of them for a contact and a lead (section G)."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gateway.core import templates as core
from gateway.core.refusals import Wrong
from gateway.core.resources import as_json
from gateway.usecases import templates
from gateway.usecases.templates import Flawed, TemplateChange
from gateway.web.api.access import Reader, Writer
from gateway.web.api.asked import Asked
from gateway.web.api.shapes import Id, Text, Time
from gateway.web.paging import AfterId, Limit, Listed, page_json
from gateway.web.problems import NOT_THERE, Problem, unwrap
from gateway.web.services import Services
from gateway.web.tags import IfMatch

router = APIRouter(prefix="/templates", tags=["templates"])
T = TypeVar("T")
_Body = Annotated[str, Field(max_length=2 * core.MAX_BODY, examples=["Hello {{ contact.first_name }},"])]


class Template(BaseModel):
    """A text to write mail with. html: the body is HTML."""

    id: Id
    name: str
    subject: str
    body: str
    html: bool
    created_at: Time
    changed_at: Time


class TemplateFields(Asked):
    """Fields of a template to change."""

    name: Text | None = None
    subject: Text | None = None
    body: _Body | None = None
    html: bool | None = None


class NewTemplate(TemplateFields):
    """A template to make; left out, the subject is empty and the body plain text."""

    name: Text
    body: _Body


class FieldOfTemplate(BaseModel):
    """What may stand in a template as `{{ name }}`; own: a field of the account's own making."""

    name: str
    label: str
    own: bool


class Filled(BaseModel):
    """A template filled in. HTML is made safe. empty: the fields that stand in it without a value."""

    subject: str
    body: str
    html: bool
    empty: list[str]


@router.get("", response_model=Listed[Template])
async def list_templates(services: Services, reader: Reader, after: AfterId, limit: Limit = 50) -> Any:
    """Templates, newest first."""
    return page_json(await templates.list_templates(services.store, reader, after, limit))


@router.post("", status_code=201, response_model=Template)
async def post_template(services: Services, writer: Writer, new: NewTemplate) -> Any:
    """Makes a template. An unknown field, or what can't be read, is 422: each with its `line` and `column`."""
    return as_json(_sound(await templates.add_template(services.store, writer, _change(new))))


@router.get("/fields", response_model=Listed[FieldOfTemplate])
async def list_template_fields(services: Services, reader: Reader) -> Any:
    """What may stand in a template: what every account has, and its own fields of contacts and leads. One page."""
    found = await templates.list_fields(services.store, reader)
    return {"data": [as_json(one) for one in found], "next": None}


@router.get("/{id}", response_model=Template)
async def get_template(services: Services, reader: Reader, id: str) -> Any:
    """One template."""
    return as_json(unwrap(await templates.show_template(services.store, reader, id)))


@router.patch("/{id}", response_model=Template)
async def patch_template(
    services: Services, writer: Writer, id: str, change: TemplateFields, unchanged: IfMatch
) -> Any:
    """Changes what is sent."""
    return as_json(_sound(await templates.change_template(services.store, writer, id, _change(change), unchanged)))


@router.delete("/{id}", status_code=204)
async def delete_template(services: Services, writer: Writer, id: str) -> None:
    """Takes a template away; mail that was written with it stays."""
    if not await templates.drop_template(services.store, writer, id):
        raise NOT_THERE


@router.get("/{id}/render", response_model=Filled)
async def render_template(
    services: Services,
    reader: Reader,
    id: str,
    contact: Annotated[str | None, Query(description="Left out: the main contact of the lead.")] = None,
    lead: Annotated[str | None, Query(description="Left out: the only open lead of the contact.")] = None,
) -> Any:
    """What comes of a template for a contact and a lead."""
    found = unwrap(await templates.render_template(services.store, reader, id, contact, lead))
    return {"subject": found.subject, "body": found.body, "html": found.html, "empty": list(found.empty)}


def _change(sent: TemplateFields) -> TemplateChange:
    return TemplateChange(sent.name, sent.subject, sent.body, sent.html)


def _sound(result: T | Flawed) -> T:
    """What was written; mistakes in its texts become the problem they are."""
    if isinstance(result, Flawed):
        fields = [Wrong(one.field, one.detail, (one.line, one.column)) for one in result.mistakes]
        first = result.mistakes[0]
        detail = f"{first.field}, line {first.line}, column {first.column}: {first.detail}"
        raise Problem(422, detail, fields)
    return unwrap(result)
