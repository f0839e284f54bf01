from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phantom_gateway.config.schema import Config
from phantom_gateway.control.people_settings import NewUser, PeopleSettings, people_settings


def settings(
    litellm: dict[str, Any] | None = None, environment: dict[str, str] | None = None, **sign_in: Any
) -> PeopleSettings:
    written = {"litellm_settings": litellm or {}, "phantom": {"sign_in": sign_in}}
    return people_settings(Config.model_validate(written), environment or {})


def test_nothing_written() -> None:
    assert settings() == PeopleSettings()


def test_times_and_origins() -> None:
    found = settings(
        idle_timeout="10m", absolute_timeout=7200, invitation_lifetime="1d", allowed_origins="https://ui.example"
    )
    assert (found.idle_s, found.absolute_s, found.invitation_s) == (600.0, 7200.0, 86400.0)
    assert found.origins == ("https://ui.example",)
    for wrong in ({"idle_timeout": 0}, {"absolute_timeout": "100d"}, {"idle": 5}):
        with pytest.raises(ValidationError):
            settings(**wrong)


def test_the_environment() -> None:
    found = settings(None, {"UI_USERNAME": "boss", "UI_PASSWORD": "hush", "PROXY_BASE_URL": "https://gw.example"})
    assert found.operator_name == "boss"
    assert found.operator_password is not None
    assert found.operator_password.reveal() == "hush"
    assert "hush" not in repr(found)
    assert found.origins == ("https://gw.example",)


def test_new_users() -> None:
    assert settings({"max_internal_user_budget": 0.1, "internal_user_budget_duration": "7d"}).new_user == NewUser(
        max_budget_nano=100_000_000, budget_duration="7d"
    )
    params = {"user_role": "internal_user_viewer", "max_budget": 5, "models": ["a"], "teams": ["t"], "rpm_limit": 1}
    found = settings(
        {"max_internal_user_budget": 1, "internal_user_budget_duration": "7d", "default_internal_user_params": params}
    )
    assert found.new_user == NewUser(
        role="internal_user_viewer",
        max_budget_nano=5 * 10**9,
        budget_duration="7d",
        models=("a",),
        teams=("t",),
        rpm_limit=1,
    )
    for wrong in ({"user_role": "proxy_admin"}, {"max_budget": -1}, {"colour": "red"}):
        with pytest.raises(ValidationError):
            settings({"default_internal_user_params": wrong})


def test_where_the_ui_is() -> None:
    assert (settings(None, {}).root_path, settings(None, {}).ui) == ("", True)
    for written in ("llm", "/llm", "/llm/", " llm/ "):
        assert settings(None, {"SERVER_ROOT_PATH": written}).root_path == "/llm"
    assert settings(None, {"SERVER_ROOT_PATH": "/"}).root_path == ""
    assert not settings(None, {"DISABLE_ADMIN_UI": "True"}).ui
    assert settings(None, {"DISABLE_ADMIN_UI": "false"}).ui
