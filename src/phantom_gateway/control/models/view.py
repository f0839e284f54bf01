"""Models of the database as LiteLLM shows them: without secrets, with their owner."""

from __future__ import annotations

from typing import Any

from phantom_gateway.control.models_view import model_view
from phantom_gateway.control.timestamps import iso
from phantom_gateway.spine.snapshot import Deployment
from phantom_gateway.store.tenants import ModelRow

JsonObject = dict[str, Any]


def row_view(row: ModelRow) -> JsonObject:
    """A row as the routes that change it answer (LiteLLM's ``LiteLLM_ProxyModelTable``)."""
    return {
        "model_id": row.id,
        "model_name": row.name,
        "litellm_params": row.params,
        "model_info": {**row.info, "id": row.id, "db_model": True},
        "blocked": row.blocked,
        "created_at": iso(row.created_at),
        "created_by": row.created_by,
        "updated_at": iso(row.updated_at),
        "updated_by": row.updated_by,
    }


def audit_view(row: ModelRow) -> JsonObject:
    """A row as the audit log keeps it. Of secrets only whether there are any; the revision shows that something changed."""
    return {**row_view(row), "sealed": row.sealed is not None, "revision": row.revision}


def info_view(row: ModelRow, deployment: Deployment | None, *, full: bool) -> JsonObject:
    """A row as ``/model/info`` shows it. ``full``: with the parameters as they were given and who gave them."""
    served = model_view(deployment, full=full) if deployment is not None else {"litellm_params": {}, "model_info": {}}
    info = {**served["model_info"], "id": row.id, "db_model": True}
    if not full:
        return {"model_name": row.name, "litellm_params": served["litellm_params"], "model_info": info}
    stamps = {
        "blocked": row.blocked,
        "created_at": iso(row.created_at),
        "created_by": row.created_by,
        "updated_at": iso(row.updated_at),
        "updated_by": row.updated_by,
    }
    return {
        "model_name": row.name,
        "litellm_params": {**served["litellm_params"], **row.params},
        "model_info": {**row.info, **info, **stamps},
    }
