from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from phantom_gateway.cli.check import check, check_config, render
from phantom_gateway.spine.snapshot import Prices

GOLDEN = Path(__file__).parents[2] / "golden" / "config"
UPDATE = "PHANTOM_UPDATE_GOLDEN"
ENVIRONMENT = {
    name: f"sk-secret-{name.lower()}"
    for name in (
        "OPENAI_API_KEY",
        "AZURE_API_KEY",
        "AZURE_API_KEY_EU",
        "MISTRAL_API_KEY",
        "GROQ_API_KEY",
        "GROQ_KEY",
        "ANTHROPIC_API_KEY",
    )
} | {
    "AZURE_API_KEY_CA": "sk-secret-ca",
    "AZURE_API_BASE": "https://third.openai.azure.com",
    "LITELLM_MASTER_KEY": "sk-secret-0123456789abcdef",
    "MASTER": "sk-secret-0123456789abcdef",
    "DATABASE_URL": "postgresql://user:sk-secret-db@db/litellm",
    "REDIS_HOST": "redis",
    "REDIS_PASSWORD": "sk-secret-redis",
}


@dataclass(frozen=True)
class Price:
    prices: Prices
    max_input_tokens: int = 128_000
    max_output_tokens: int = 16_384
    mode: str = "chat"
    supports: frozenset[str] = frozenset()


TABLE = {
    ("openai", "gpt-4o"): Price(Prices(version="t1", input=2_500_000_000, output=10_000_000_000)),
    ("azure", "gpt-4o"): Price(Prices(version="t1", input=2_500_000_000, output=10_000_000_000)),
    ("azure", "text-embedding-3-large"): Price(Prices(version="t1", input=130_000_000), 8191, 0, "embedding"),
    ("mistral", "mistral-large-latest"): Price(Prices(version="t1", input=500_000_000, output=1_500_000_000)),
    ("deepseek", "deepseek-chat"): Price(Prices(version="t1", input=280_000_000, output=420_000_000)),
}


def lookup(provider: str, model: str) -> Price | None:
    return TABLE.get((provider, model))


@pytest.mark.parametrize("case", sorted(path.name for path in GOLDEN.iterdir()))
def test_realistic_configurations_are_summed_up(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN / case)
    report = check_config(Path("config.yaml"), ENVIRONMENT, lookup)
    text = "\n".join(render(report)) + "\n"
    expected = Path("expected.txt")
    if os.environ.get(UPDATE):
        expected.write_text(text)
    assert text == expected.read_text(), f"{UPDATE}=1 pytest {__file__} rewrites the expected texts"
    everything = text + json.dumps(report.as_json())
    assert "sk-secret" not in everything
    assert "hunter2" not in everything
    assert "sk-from" not in everything


def app() -> typer.Typer:
    command = typer.Typer()
    command.command("check")(check)
    return command


def test_a_broken_configuration_ends_with_1_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "router_settings:\n  num_retry: 3\nmodel_list:\n  - {model_name: a, litellm_params: {model: opnai/a, api_key: sk-1}}\n"
    )
    result = CliRunner().invoke(app(), ["--config", str(path)])
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{path}:2: router_settings.num_retry: unknown key (did you mean num_retries?)",
        f"{path}:4: model_list[0].litellm_params.model: no provider is named opnai (did you mean openai?)",
        f"{path}: 2 problems",
    ]


def test_the_report_is_json_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("router_settings: {num_retries: 3}\nlitellm_settings: {cache: true, callbacks: [x]}")
    result = CliRunner().invoke(app(), ["-c", str(path), "--json"], env={"OPENAI_API_KEY": "sk-secret-1"})
    assert result.exit_code == 0
    report = json.loads(result.output)
    assert report["ok"]
    assert report["models"]["openai/*"][0]["key"] == "OPENAI_API_KEY"
    assert report["settings"] == {"routing.num_retries": 3, "cache": "memory of each worker"}
    assert report["notes"][0]["key"] == "litellm_settings.callbacks"
    path.write_text("router_setting: 1")
    result = CliRunner().invoke(app(), ["-c", str(path), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output)["problems"] == [
        {
            "file": str(path),
            "line": 1,
            "key": "router_setting",
            "message": "unknown section",
            "hint": "did you mean router_settings?",
        }
    ]


@pytest.mark.parametrize(
    "key", ["sk-1234", "no-prefix-f3a9c1d27be84460", "sk-aaaaaaaaaaaaaaaaaaaaaaaaaa", "sk-ph-f3a9c1d27be84460a5"]
)
def test_a_bad_master_key_is_one_problem(tmp_path: Path, key: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"general_settings: {{master_key: {key}}}")
    result = CliRunner().invoke(app(), ["-c", str(path)], env={})
    assert result.exit_code == 1
    assert "1 problem" in result.output
    assert key not in result.output


@pytest.mark.parametrize(("variables", "line"), [({}, 2), ({"LITELLM_MASTER_KEY": "sk-1234"}, 1)])
def test_a_master_key_that_serve_refuses_is_refused(tmp_path: Path, variables: dict[str, str], line: int) -> None:
    path = tmp_path / "c.yaml"
    key = "" if variables else 'general_settings:\n  master_key: "sk-ph-ohHowRandomThisIsAndYetNotOneOfOurs0"\n'
    path.write_text(key)
    result = CliRunner().invoke(app(), ["-c", str(path), "--json"], env=variables)
    assert result.exit_code == 1
    (problem,) = json.loads(result.output)["problems"]
    assert (problem["key"], problem["line"]) == ("general_settings.master_key", line)
    assert "refused" in problem["message"]


@pytest.mark.parametrize("host", ["169.254.169.254", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]"])
def test_metadata_addresses_are_refused_in_every_spelling(tmp_path: Path, host: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"model_list:\n  - model_name: a\n    litellm_params: {{model: openai/a, api_key: x, api_base: 'http://{host}/v1'}}\n"
    )
    application = typer.Typer()
    application.command()(check)
    result = CliRunner().invoke(application, ["--config", str(path)], env={})
    assert result.exit_code == 1
    assert "never reached" in result.output
