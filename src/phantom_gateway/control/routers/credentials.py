"""``/credentials``: credentials of providers, by name."""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from phantom_gateway.control.answers import served as answers
from phantom_gateway.control.answers.base import Success
from phantom_gateway.control.commit import content_tag, etag
from phantom_gateway.control.credentials.fields import CredentialNew, CredentialUpdate
from phantom_gateway.control.credentials.service import OF_A_MODEL, CredentialService
from phantom_gateway.control.credentials.view import entry_view, masked, row_view
from phantom_gateway.control.entities.listing import (
    MOST,
    PageNumber,
    PageSize,
    SearchText,
    SortOrder,
    Wanted,
    page_of,
    tell_total,
)
from phantom_gateway.control.errors import not_found
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.models.params import is_secret
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.store.tenants import CREDENTIALS, MODELS

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["credentials"])
    route(routes, "GET", "/credentials", Action.CREDENTIAL_READ, list_credentials, answer=answers.CredentialList)
    route(routes, "POST", "/credentials", Action.CREDENTIAL_WRITE, create, answer=Success)
    route(
        routes,
        "GET",
        "/credentials/by_name/{credential_name:path}",
        Action.CREDENTIAL_READ,
        by_name,
        answer=answers.CredentialView,
    )
    route(
        routes,
        "GET",
        "/credentials/by_model/{model_id:path}",
        Action.CREDENTIAL_READ,
        by_model,
        answer=answers.CredentialOfModel,
    )
    route(routes, "PATCH", "/credentials/{credential_name:path}", Action.CREDENTIAL_WRITE, update, answer=Success)
    route(routes, "DELETE", "/credentials/{credential_name:path}", Action.CREDENTIAL_WRITE, delete, answer=Success)
    return routes


async def list_credentials(
    request: Request,
    response: Response,
    search: SearchText = None,
    source: Literal["config", "db"] | None = None,
    page: PageNumber = 1,
    size: PageSize = MOST,
    sort_by: Literal["credential_name", "display_name", "source"] = "source",
    sort_order: SortOrder = "asc",
) -> JsonObject:
    """Credentials of the file and of the database, those of the file first unless asked otherwise; values are masked.

    ``search`` is a part of a name.
    """
    services = services_of(request)
    rows = await services.database.read(CREDENTIALS.all)
    views = [*map(entry_view, services.loader.written.credential_list), *map(row_view, rows)]
    part = (search or "").lower()
    found = [view for view in views if part in view["credential_name"].lower() and source in (None, view["source"])]
    total, shown = page_of(found, Wanted(page, size, sort_by, sort_order), itemgetter(sort_by))
    tell_total(response, total)
    return {"success": True, "credentials": shown}


async def create(request: Request, response: Response, body: CredentialNew) -> JsonObject:
    """Store a credential; models can name it as `litellm_credential_name` when this answers."""
    row = await CredentialService(writer_of(request)).create(body)
    response.headers["etag"] = etag(row.revision)
    return {"success": True, "message": "Credential created successfully"}


async def by_name(request: Request, response: Response, credential_name: str) -> JsonObject:
    """One credential; values are masked."""
    services = services_of(request)
    row = await services.database.read(lambda connection: CREDENTIALS.get(connection, credential_name))
    if row is not None:
        response.headers["etag"] = etag(row.revision)
        return row_view(row)
    for entry in services.loader.written.credential_list:
        if entry.credential_name == credential_name:
            response.headers["etag"] = content_tag(entry_view(entry))
            return entry_view(entry)
    raise not_found("Credential not found.", "credential_name")


async def by_model(request: Request, response: Response, model_id: str) -> JsonObject:
    """Which credentials a model is reached with; values are masked."""
    services = services_of(request)
    row = await services.database.read(lambda connection: MODELS.get(connection, model_id))
    found = next((each for each in services.configuration.snapshot.deployments if each.id == model_id), None)
    if row is not None:
        plain = [name for name in OF_A_MODEL if name in row.params and not is_secret(name, row.params[name])]
        names = [*plain, *(["api_key"] if found is not None and found.api_key else [])]
        credential = row.params.get("litellm_credential_name") or f"{row.name}-credential"
    elif found is not None:
        names = ["api_key"] if found.api_key else []
        credential = f"{found.group}-credential"
    else:
        raise not_found("No such model.", "model_id")
    shown: JsonObject = {"credential_name": credential, "credential_info": {}, "credential_values": masked(names)}
    response.headers["etag"] = content_tag(shown) if row is None else etag(row.revision)
    return shown


async def update(request: Request, response: Response, credential_name: str, body: CredentialUpdate) -> JsonObject:
    """Change values or remarks of a credential."""
    row = await CredentialService(writer_of(request)).update(credential_name, body)
    response.headers["etag"] = etag(row.revision)
    return {"success": True, "message": "Credential updated successfully"}


async def delete(request: Request, credential_name: str) -> JsonObject:
    """Remove a credential that no model uses."""
    await CredentialService(writer_of(request)).delete(credential_name)
    return {"success": True, "message": "Credential deleted successfully"}
