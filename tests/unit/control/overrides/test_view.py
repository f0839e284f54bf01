from __future__ import annotations

from pathlib import Path

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.answers.served import SettingView
from phantom_gateway.control.loader import ConfigurationLoader
from phantom_gateway.control.overrides.settings import setting
from phantom_gateway.control.overrides.view import setting_view


def test_a_setting_says_who_sets_it(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("router_settings: {num_retries: 3}\n")
    loader = ConfigurationLoader(file, {}, tmp_path, Secret("ab" * 32))
    loader.read()
    for name, stored, source in (
        ("num_retries", False, "config"),
        ("timeout", True, "db"),
        ("timeout", False, "default"),
    ):
        view = SettingView.model_validate(setting_view(setting("router_settings", name), loader, stored=stored))
        assert view.source == source
    assert setting_view(setting("router_settings", "num_retries"), loader, stored=False)["field_value"] == 3
