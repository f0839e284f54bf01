"""Changes of many keys in one call: each key is a transaction of its own, and what failed is said with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.errors import ApiError, bad_field, not_found
from phantom_gateway.control.keys import rules
from phantom_gateway.control.keys.fields import KeyBulkUpdate, KeyUpdate, TeamKeyBulkUpdate
from phantom_gateway.control.keys.service import KeyService
from phantom_gateway.control.policy.reach import Target
from phantom_gateway.store import keys, tenants

JsonObject = dict[str, Any]
MOST = 500


async def update_keys(service: KeyService, body: KeyBulkUpdate) -> JsonObject:
    """``/key/bulk_update``: each key with fields of its own."""
    return await _update(service, [KeyUpdate(**_said(item)) for item in body.keys])


async def update_team(service: KeyService, body: TeamKeyBulkUpdate) -> JsonObject:
    """``/team/key/bulk_update``: the same fields for keys of one team. Raises ApiError 400 and 404."""
    if bool(body.key_ids) == body.all_keys_in_team:
        raise bad_field("key_ids", "give either key_ids or all_keys_in_team")
    said = _said(body.update_fields)
    if not said:
        raise bad_field("update_fields", "names nothing to change")

    def query(connection: sa.Connection) -> tuple[list[str], set[str]]:
        team = tenants.TEAMS.get(connection, body.team_id)
        if team is None or not service.reach.covers(Target(team_id=team.id, org_id=team.org_id)):
            raise not_found("No such team.", "team_id")
        of_team = {row.id for row in keys.of(connection, "team_id", [team.id])}
        if body.key_ids is None:
            return sorted(of_team), of_team
        found = service.finder.some(connection, body.key_ids)
        return body.key_ids, {reference for reference, row in found.items() if row.id in of_team}

    named, of_team = await service.services.database.read(query)
    if len(named) > MOST:
        raise bad_field("all_keys_in_team", f"the team has more than {MOST} keys; name them in several calls")
    return await _update(service, [KeyUpdate(key=name, **said) for name in named], of_team)


async def _update(service: KeyService, wanted: Sequence[KeyUpdate], known: set[str] | None = None) -> JsonObject:
    done: list[JsonObject] = []
    failed: list[JsonObject] = []
    settings = service.services.litellm_settings()
    for fields in wanted:
        try:
            if known is not None and fields.key not in known:
                raise not_found("Key not found in this team.", "key_ids")
            view, _ = await service.alter(fields.key, rules.bounded(settings, fields, new=False))
        except ApiError as error:
            if error.status == 412 and not done:
                raise
            failed.append({"key": fields.key, "key_info": None, "failed_reason": error.message})
        else:
            done.append({"key": fields.key, "key_info": view})
    return {"total_requested": len(wanted), "successful_updates": done, "failed_updates": failed}


def _said(body: Any) -> JsonObject:
    return {name: getattr(body, name) for name in body.model_fields_set}
