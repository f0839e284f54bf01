from __future__ import annotations

from pathlib import Path

from phantom_gateway.config.schema import Config
from phantom_gateway.control import running
from phantom_gateway.control.compile import read_config
from phantom_gateway.control.running import Difference
from phantom_gateway.control.stored import Stored, merged

FILE = """model_list:
  - model_name: gpt
    litellm_params:
      model: openai/gpt-5
      api_key: sk-provider-secret-1
      extra_headers:
        x-team: blue
        authorization: Bearer hidden
  - model_name: other
    litellm_params:
      model: openai/other
      input_cost_per_token: 0.000001
environment_variables:
  SOME_PLACE: https://somewhere.example
router_settings:
  num_retries: 3
  fallbacks:
    - gpt: [other]
general_settings:
  master_key: sk-master-0123456789abcdef-secret-1
"""


def config(path: Path, text: str = FILE) -> Config:
    path.write_text(text)
    return read_config(path, {})


def test_every_line_says_where_it_is_written_and_tells_no_secret(tmp_path: Path) -> None:
    written = config(tmp_path / "config.yaml")
    in_force = merged(
        written,
        Stored(settings={("router_settings", "max_fallbacks"): 2, ("router_settings", "num_retries"): 9}),
    )
    found = {each.path: each for each in running.lines(in_force, written)}
    place = found["router_settings.num_retries"]
    assert (place.value, Path(place.file or "").name, place.line) == (3, "config.yaml", 16)
    assert found["model_list[1].litellm_params.input_cost_per_token"].value == 1e-06
    assert found["model_list[0].litellm_params.extra_headers.x-team"].line == 7
    assert found["router_settings.fallbacks[0].gpt"].value == ["other"]
    own = found["router_settings.max_fallbacks"]
    assert (own.value, own.file, own.line) == (2, None, None), "made over the API"
    assert "credential_list" not in found, "empty, and written by nobody"
    text = repr(list(found.values()))
    for secret in ("sk-provider", "sk-master", "hidden", "somewhere"):
        assert secret not in text
    assert found["environment_variables.SOME_PLACE"].value == "***"


def test_what_differs_is_named_and_secrets_only_that_they_do(tmp_path: Path) -> None:
    old = config(tmp_path / "a.yaml")
    changed = (
        FILE.replace("secret-1", "secret-2")
        .replace("num_retries: 3", "num_retries: 4")
        .replace("openai/other", "openai/new")
    )
    new = config(tmp_path / "b.yaml", changed.replace("        x-team: blue\n", ""))
    found, more = running.compared(old, new)
    assert more == 0
    assert {each.path: (each.before, each.after) for each in found} == {
        "general_settings.master_key": ("***", "***"),
        "router_settings.num_retries": (3, 4),
        "model_list[0].litellm_params.api_key": ("***", "***"),
        "model_list[0].litellm_params.extra_headers.x-team": ("blue", None),
        "model_list[1].litellm_params.model": ("openai/other", "openai/new"),
    }
    assert running.compared(old, old) == ([], 0)


def test_not_everything_of_a_great_change_is_kept(tmp_path: Path) -> None:
    many = "model_list:\n" + "".join(
        f"  - model_name: m{n}\n    litellm_params: {{model: openai/m}}\n" for n in range(150)
    )
    found, more = running.compared(Config(), config(tmp_path / "many.yaml", many))
    assert (len(found), more) == (running.MOST, 100)
    assert found[0] == Difference("model_list[0].litellm_params.model", None, "openai/m")
