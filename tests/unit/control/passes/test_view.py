from __future__ import annotations

from phantom_gateway.config.schema import Config
from phantom_gateway.control.passes.view import without_query, written_views


def test_entries_of_the_file_show_no_secret() -> None:
    entry = {"path": "/a/", "target": "https://x/y?key=canary", "headers": {"x": "canary"}}
    config = Config.model_validate({"general_settings": {"pass_through_endpoints": [entry]}})
    (view,) = written_views(config)
    assert (view["id"], view["path"], view["target"]) == ("config:/a", "/a", "https://x/y?********")
    assert "canary" not in str(view)
    assert without_query("https://x") == "https://x"
