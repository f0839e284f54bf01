from __future__ import annotations

from phantom_gateway.control.answers.served import ModelRecord, ModelView
from phantom_gateway.control.models.view import audit_view, info_view, row_view
from phantom_gateway.store.tenants import ModelRow

ROW = ModelRow(
    id="m", name="fast", params={"model": "openai/x", "api_base": "http://inside"}, sealed="ph1.secret", info={"tier": "paid"},
    created_at=0.0, updated_at=0.0,
)  # fmt: skip


def test_no_view_shows_what_is_sealed() -> None:
    for view in (row_view(ROW), audit_view(ROW), info_view(ROW, None, full=True), info_view(ROW, None, full=False)):
        assert "ph1." not in str(view)
    ModelRecord.model_validate(row_view(ROW))
    ModelView.model_validate(info_view(ROW, None, full=True))
    assert audit_view(ROW)["sealed"] is True


def test_those_who_only_call_see_neither_address_nor_owner() -> None:
    view = info_view(ROW, None, full=False)
    assert view == {"model_name": "fast", "litellm_params": {}, "model_info": {"id": "m", "db_model": True}}
