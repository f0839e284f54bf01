from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from phantom_gateway.cli import serve as module
from phantom_gateway.cli.serve import _announce, data_dir_default, serve
from phantom_gateway.cli.supervisor import Plan, StartError


def app() -> typer.Typer:
    made = typer.Typer()
    made.command()(serve)
    return made


def planned(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Plan:
    """What the supervisor would be asked to do."""
    plans: list[Plan] = []

    async def run(plan: Plan) -> int:
        await asyncio.sleep(0)
        plans.append(plan)
        return 0

    monkeypatch.setattr(module, "_run", run)
    result = CliRunner().invoke(app(), list(arguments))
    assert result.exit_code == 0, result.output
    return plans[0]


def test_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PHANTOM_DATA_DIR", raising=False)
    plan = planned(monkeypatch)
    assert plan == Plan(tmp_path / "phantom-data", None, "127.0.0.1", 4000, 1, None)


def test_everything_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("c.yaml", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    arguments = [
        "--config",
        "c.yaml",
        "--host",
        "::1",
        "--port",
        "0",
        "--data-dir",
        "d",
        "--workers",
        "3",
        "--grace",
        "1.5",
    ]
    plan = planned(monkeypatch, *arguments, "--ssl-certfile", "cert.pem", "--ssl-keyfile", "key.pem")
    assert plan.config == tmp_path / "c.yaml", "children have another working directory"
    assert plan.data_dir == tmp_path / "d"
    assert (plan.host, plan.port, plan.workers, plan.grace_s) == ("::1", 0, 3, 1.5)
    assert (plan.tls_cert, plan.tls_key) == (Path("cert.pem"), Path("key.pem"))


def test_the_data_directory_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHANTOM_DATA_DIR", "/srv/phantom")
    assert data_dir_default() == Path("/srv/phantom")
    monkeypatch.setenv("PHANTOM_DATA_DIR", "")
    assert data_dir_default() == Path("phantom-data")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config", "none.yaml"], "--config: there is no file none.yaml"),
        (["--ssl-certfile", "none.pem"], "--ssl-certfile: there is no file"),
        (["--ssl-certfile", "there.pem"], "belong together"),
    ],
)
def test_what_cannot_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], words: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.pem").touch()
    result = CliRunner().invoke(app(), arguments)
    assert result.exit_code == 1
    assert words in result.output


@pytest.mark.parametrize("arguments", [["--port", "65536"], ["--workers", "0"], ["--grace", "-1"]])
def test_what_is_out_of_range(arguments: list[str]) -> None:
    assert CliRunner().invoke(app(), arguments).exit_code == 2


def test_a_failed_start_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(_plan: Plan) -> int:
        await asyncio.sleep(0)
        raise StartError("another gateway already serves from here")

    monkeypatch.setattr(module, "_run", run)
    result = CliRunner().invoke(app(), [])
    assert result.exit_code == 1
    assert result.output.splitlines() == ["phantom serve: another gateway already serves from here"]


def announced(capsys: pytest.CaptureFixture[str], plan: Plan, ready: dict[str, object]) -> str:
    _announce(plan, ready, 4001)
    return capsys.readouterr().out


def test_the_master_key_is_shown_when_it_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(Path("/d"), None, "127.0.0.1", 4000, 1, None)
    text = announced(capsys, plan, {"models": ["demo"], "master_key": "sk-new"})
    assert "Phantom Gateway is ready on http://127.0.0.1:4001" in text
    assert "kept in /d/keys/master.key): sk-new" in text
    assert "curl http://127.0.0.1:4001/v1/chat/completions -H 'Authorization: Bearer sk-new'" in text
    assert "sk-" not in announced(capsys, plan, {"models": ["demo"], "master_key": None})


def test_addresses_and_many_models(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(Path("/d"), None, "::1", 4000, 1, 60.0, Path("c"), Path("k"))
    text = announced(capsys, plan, {"models": [f"m{number}" for number in range(20)]})
    assert "https://[::1]:4001" in text
    assert "m7 and 12 more" in text
