"""``/config/*``: which configuration is served, and the settings that can be made over the API."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import served as answers
from phantom_gateway.control.answers.base import REFUSED, Message
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.listing import PageNumber, PageSize, SearchText
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.overrides.fields import ConfigUpdate, Enabled, FieldDelete, FieldUpdate
from phantom_gateway.control.overrides.service import SettingService, id_of, tag_of
from phantom_gateway.control.overrides.settings import SectionName, Setting, setting, settings
from phantom_gateway.control.overrides.view import setting_view
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.running import lines
from phantom_gateway.control.timestamps import iso
from phantom_gateway.store.tenants import OVERRIDES

JsonObject = dict[str, Any]
FieldName = Annotated[str, Query(min_length=1, max_length=255)]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["configuration"])
    route(routes, "GET", "/config/reload/status", Action.CONFIG_READ, status, answer=answers.ConfigurationStatus)
    route(routes, "GET", "/config/running", Action.CONFIG_READ, running, answer=answers.RunningConfiguration)
    route(routes, "GET", "/config/reloads", Action.CONFIG_READ, reloads, answer=answers.Reloads)
    route(routes, "GET", "/config/list", Action.CONFIG_READ, list_settings, answer=list[answers.SettingView])
    route(routes, "GET", "/config/field/info", Action.CONFIG_READ, field_info, answer=answers.SettingView)
    route(
        routes,
        "POST",
        "/config/field/update",
        Action.CONFIG_WRITE,
        field_update,
        answer=answers.SettingSet,
        tagged=True,
    )
    route(routes, "POST", "/config/field/delete", Action.CONFIG_WRITE, field_delete, answer=answers.SettingSet)
    route(routes, "POST", "/config/update", Action.CONFIG_WRITE, update, answer=Message, tagged=True)
    route(routes, "GET", "/get/config/callbacks", Action.CONFIG_READ, callbacks, answer=answers.Callbacks)
    route(routes, "GET", "/config/cost_discount_config", Action.CONFIG_READ, get_discount, answer=answers.Values)
    route(
        routes,
        "PATCH",
        "/config/cost_discount_config",
        Action.CONFIG_WRITE,
        set_discount,
        answer=REFUSED,
    )
    route(routes, "GET", "/config/cost_margin_config", Action.CONFIG_READ, get_margin, answer=answers.Values)
    route(
        routes,
        "PATCH",
        "/config/cost_margin_config",
        Action.CONFIG_WRITE,
        set_margin,
        answer=REFUSED,
    )
    unpriced = "/config/block_requests_for_models_without_pricing"
    route(routes, "GET", unpriced, Action.CONFIG_READ, get_block_unpriced, answer=answers.Switch)
    route(routes, "PATCH", unpriced, Action.CONFIG_WRITE, set_block_unpriced, answer=answers.Switch)
    route(
        routes, "GET", "/get/internal_user_settings", Action.CONFIG_READ, get_user_settings, answer=answers.SettingsOf
    )
    route(
        routes,
        "PATCH",
        "/update/internal_user_settings",
        Action.CONFIG_WRITE,
        set_user_settings,
        answer=answers.ValuesSet,
        tagged=True,
    )
    route(routes, "GET", "/get/default_team_settings", Action.CONFIG_READ, get_team_settings, answer=answers.SettingsOf)
    route(
        routes,
        "PATCH",
        "/update/default_team_settings",
        Action.CONFIG_WRITE,
        set_team_settings,
        answer=answers.ValuesSet,
        tagged=True,
    )
    return routes


async def status(request: Request) -> JsonObject:
    """The revision in force and the outcome of the last attempt to load a newer one."""
    configuration = services_of(request).configuration
    return {
        "status": "refused" if configuration.problems else "ok",
        "revision": configuration.snapshot.revision,
        "deployments": len(configuration.snapshot.deployments),
        "loaded_at": iso(configuration.loaded_at),
        "failed_at": iso(configuration.failed_at),
        "problems": list(configuration.problems),
        "notes": list(configuration.notes),
        "workers": services_of(request).workers.ready_workers,
    }


async def running(
    request: Request, search: SearchText = None, page: PageNumber = 1, size: PageSize = 100
) -> JsonObject:
    """What is set, by whom and where, without secrets; everything else is at its default."""
    loader = services_of(request).loader
    found = await asyncio.to_thread(lines, loader.config, loader.written)
    if search:
        text = search.casefold()
        found = [each for each in found if text in each.path.casefold() or text in str(each.value).casefold()]
    return {
        "settings": [
            {"source": "db" if each.file is None else "config", **asdict(each)}
            for each in found[(page - 1) * size : page * size]
        ],
        "total_count": len(found),
        "page": page,
        "size": size,
    }


async def reloads(request: Request) -> JsonObject:
    """The last attempts to bring another configuration into force since this process began, the newest first."""
    return {
        "reloads": [
            {
                "at": iso(each.at),
                "revision": each.revision,
                "problems": list(each.problems),
                "changes": [asdict(one) for one in each.differences],
                "more": each.more,
            }
            for each in reversed(services_of(request).configuration.reloads)
        ]
    }


async def list_settings(
    request: Request, response: Response, config_type: SectionName = "general_settings"
) -> list[JsonObject]:
    """The settings of a section that can be made over the API; `source` says who sets each."""
    services, loader = services_of(request), services_of(request).loader
    stored, tag = await services.database.read(
        lambda connection: (_stored(connection), tag_of(connection, config_type))
    )
    response.headers["etag"] = tag
    return [
        setting_view(each, loader, stored=id_of(each) in stored) for each in settings() if each.section == config_type
    ]


async def field_info(
    request: Request, response: Response, field_name: FieldName, config_type: SectionName = "general_settings"
) -> JsonObject:
    """One setting and its value."""
    found = setting(config_type, field_name)
    row = await services_of(request).database.read(lambda connection: OVERRIDES.get(connection, id_of(found)))
    response.headers["etag"] = etag(0 if row is None else row.revision)
    return setting_view(found, services_of(request).loader, stored=row is not None)


async def field_update(request: Request, body: FieldUpdate) -> JsonObject:
    """Set one setting; in force when this answers."""
    found = setting(body.config_type, body.field_name)
    await SettingService(writer_of(request)).put({found: body.field_value})
    return {"message": "Setting updated", "param_name": body.config_type, "field_name": body.field_name}


async def field_delete(request: Request, body: FieldDelete) -> JsonObject:
    """Remove a setting made over the API."""
    await SettingService(writer_of(request)).delete(setting(body.config_type, body.field_name))
    return {"message": "Setting deleted", "param_name": body.config_type, "field_name": body.field_name}


async def update(request: Request, body: ConfigUpdate) -> JsonObject:
    """Set several settings, all or none; whatever is not in `/config/list` is refused by name."""
    values: dict[Setting, Any] = {}
    for section in ("general_settings", "router_settings", "litellm_settings"):
        for name, value in (getattr(body, section) or {}).items():
            values[setting(section, name, f"{section}.{name[:60]}")] = value
    sections = dict.fromkeys(each.section for each in values)
    await SettingService(writer_of(request)).put(values, sections)
    return {"message": "Config updated successfully"}


async def callbacks(request: Request) -> JsonObject:
    """Log sinks (none in this release) and the routing in force."""
    routing = services_of(request).loader.config.router_settings
    shown = {
        each.name: each.value(services_of(request).loader.config) for each in settings() if each.section == _ROUTER
    }
    return {
        "status": "success",
        "callbacks": [],
        "alerts": [],
        "router_settings": {**shown, "routing_strategy": routing.routing_strategy},
        "available_callbacks": {},
    }


async def get_discount(request: Request, response: Response) -> JsonObject:
    """Discounts by provider."""
    return {"values": await _tagged(request, response, "cost_discount_config")}


async def set_discount(request: Request, body: dict[str, Any]) -> JsonObject:
    """Replace the discounts by provider."""
    return await _replace(request, "cost_discount_config", body)


async def get_margin(request: Request, response: Response) -> JsonObject:
    """Margins by provider."""
    return {"values": await _tagged(request, response, "cost_margin_config")}


async def set_margin(request: Request, body: dict[str, Any]) -> JsonObject:
    """Replace the margins by provider."""
    return await _replace(request, "cost_margin_config", body)


async def get_block_unpriced(response: Response) -> JsonObject:
    """Whether models without a known price are refused to everybody: never in this release."""
    response.headers["etag"] = etag(0)
    return {"enabled": False}


async def set_block_unpriced(request: Request, response: Response, body: Enabled) -> JsonObject:
    """Only `false`: the rule is not enforced in this release."""
    writer_of(request).check_match(0)
    response.headers["etag"] = etag(0)
    if body.enabled:
        raise bad_field("enabled", "not supported in this release; it would have no effect")
    return {"enabled": False}


async def get_user_settings(request: Request, response: Response) -> JsonObject:
    """What new users get where a request says nothing."""
    return await _section_view(request, response, "default_internal_user_params")


async def set_user_settings(request: Request, body: dict[str, Any]) -> JsonObject:
    """Replace what new users get."""
    return await _replace(request, "default_internal_user_params", body)


async def get_team_settings(request: Request, response: Response) -> JsonObject:
    """What new teams get where a request says nothing."""
    return await _section_view(request, response, "default_team_params")


async def set_team_settings(request: Request, body: dict[str, Any]) -> JsonObject:
    """Replace what new teams get."""
    return await _replace(request, "default_team_params", body)


_ROUTER: SectionName = "router_settings"
_LITELLM: SectionName = "litellm_settings"


async def _tagged(request: Request, response: Response, name: str) -> Any:
    """The value of a mapping, and its ETag."""
    found = Setting(_LITELLM, name)
    row = await services_of(request).database.read(lambda connection: OVERRIDES.get(connection, id_of(found)))
    response.headers["etag"] = etag(0 if row is None else row.revision)
    return found.value(services_of(request).loader.config) or {}


async def _section_view(request: Request, response: Response, name: str) -> JsonObject:
    schema: JsonObject = {"description": Setting(_LITELLM, name).description, "properties": {}}
    return {"values": await _tagged(request, response, name), "field_schema": schema}


async def _replace(request: Request, name: str, body: JsonObject) -> JsonObject:
    """``null`` fields of the body are those the caller does not set."""
    given = {key: value for key, value in body.items() if value is not None}
    found = setting(_LITELLM, name, name)
    await SettingService(writer_of(request)).put({found: given})
    return {"message": f"Successfully updated {name}", "status": "success", "values": given, "settings": given}


def _stored(connection: sa.Connection) -> set[str]:
    return {row.id for row in OVERRIDES.all(connection)}
