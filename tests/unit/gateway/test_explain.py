"""What would happen to a request, against what then does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.unit.gateway.rig import ASKED, Rig, deployment, eventually, running
from tests.unit.gateway.test_route import asked, routing

from phantom_gateway.control.answers.health import Explanation
from phantom_gateway.gateway.explain import explain
from phantom_gateway.spine.messages import Explain, Explained, KeyRecord, Limit
from phantom_gateway.spine.snapshot import Budget, Deployment, Routing


async def told(rig: Rig, key: KeyRecord | None = None, path: str = "/v1/chat/completions", **fields: Any) -> Any:
    """What the worker says of a chat request."""
    body = json.dumps({"model": "gpt", "messages": ASKED} | fields).encode()
    found = await explain(rig.worker, Explain(seq=1, key=key or KeyRecord(id="k"), path=path, body=body))
    Explanation.model_validate_json(found, strict=True)  # as the admin API describes it
    return json.loads(found)


def limit(kind: Any, amount: int, window: str = "60s") -> Limit:
    return Limit(scope=f"{kind}:key:x:{window}", kind=kind, entity="key:x", amount=amount, window=window)


def pair(port: int) -> tuple[Deployment, ...]:
    return deployment(port, "d1", order=1), deployment(port, "d2", order=2), deployment(port, "spare", group="other")


RULES: Routing = routing(fallbacks={"gpt": ("other",)}, strategy="least-busy")


async def test_the_route_and_its_cost(tmp_path: Path) -> None:
    async with running(tmp_path, pair, routing=RULES) as rig:
        found = await told(rig, max_tokens=10)
        Explanation.model_validate(found)  # as control describes it
        assert (found["allowed"], found["stage"], found["error"]) == (True, "call", None)
        assert found["model"] == {"asked": "gpt", "group": "gpt", "name": "gpt"}
        route = found["route"]
        assert (route["chosen"], route["provider"], route["upstream_model"]) == ("d1", "openai", "up")
        assert [each["id"] for each in route["considered"]] == ["d1", "d2"]
        assert route["trail"] == [{"kind": "skip", "name": "d2", "why": "order", "value": 0}]
        assert route["estimated_cost"] == (route["estimated_input_tokens"] * 1000 + 10 * 2000) / 1e9
        assert route["estimated_cost"] < found["estimate"]["worst_case_cost"]
        assert [each["chosen"] for each in found["fallbacks"]["general"]] == ["spare"]
        assert asked(rig) == {}, "nobody was asked"
        assert rig.worker.table is not None
        assert not rig.worker.table._permits, "nothing is kept of a record that will not come again"
        assert rig.journal() == ([], [])


async def test_it_says_what_then_happens(tmp_path: Path) -> None:
    async with running(tmp_path, pair, routing=RULES) as rig:
        assert rig.worker.table is not None
        rig.worker.table.targets[0].health.rest(0.0, 1e12)
        found = await told(rig)
        assert found["route"]["chosen"] == "d2"
        assert found["route"]["considered"][0]["state"] == "resting"
        assert (await rig.chat(rig.key())).headers["x-litellm-model-id"] == "d2"
        rig.worker.table.targets[1].health.rest(0.0, 1e12)
        found = await told(rig)
        assert found["route"]["error"]["message"].startswith("No deployments available")
        assert found["allowed"], "a fallback serves it"
        assert (await rig.chat(rig.key())).headers["x-litellm-model-id"] == "spare"
        found = await told(rig, disable_fallbacks=True)
        assert (found["allowed"], found["stage"], found["error"]["status"]) == (False, "route", 429)


async def test_limits_are_shown_and_nothing_is_taken_of_them(tmp_path: Path) -> None:
    key = KeyRecord(id="k", limits=(limit("requests", 3), limit("budget", 10**9, "30d")))
    async with running(tmp_path, pair, routing=RULES) as rig:
        for _ in range(5):
            found = await told(rig, key, max_tokens=5)
            assert found["allowed"]
            requests, budget = found["limits"]
            assert (requests["limit"], requests["remaining"], requests["window"]) == (3, 3, "60s")
            assert (budget["limit"], budget["remaining"]) == (1.0, 1.0)
        assert rig.worker.book.open_reservations() == 0


async def test_refusals_are_those_of_the_data_plane(tmp_path: Path) -> None:
    async with running(tmp_path, pair, routing=RULES) as rig:
        cases: list[tuple[KeyRecord, dict[str, Any], str, int, str]] = [
            (KeyRecord(id="k", blocked=True), {}, "key", 401, "auth_error"),
            (KeyRecord(id="k", expires=1.0), {}, "key", 401, "expired_key"),
            (KeyRecord(id="k", allowed_routes=("/v1/embeddings",)), {}, "request", 403, "auth_error"),
            (KeyRecord(id="k", models=("other",)), {}, "request", 403, "key_model_access_denied"),
            (KeyRecord(id="k"), {"model": "nope"}, "request", 400, "invalid_request_error"),
            (KeyRecord(id="k"), {"api_base": "http://x"}, "request", 400, "invalid_request_error"),
            (KeyRecord(id="k", limits=(limit("budget", 1, "30d"),)), {}, "limits", 422, "budget_exceeded"),
            (KeyRecord(id="k", limits=(limit("requests", 0),)), {}, "limits", 429, "throttling_error"),
        ]
        for key, fields, stage, status, kind in cases:
            found = await told(rig, key, **fields)
            error = found["error"]
            Explanation.model_validate(found)
            assert (found["allowed"], found["stage"], error["status"], error["type"]) == (False, stage, status, kind)
        assert (await told(rig, path="/v1/nothing"))["error"]["param"] == "path"


async def test_a_deployment_without_budget_is_passed_over(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return deployment(port, "d1", order=1, budget=Budget(amount=1)), deployment(port, "d2", order=2)

    async with running(tmp_path, build) as rig:
        found = await told(rig)
        assert found["route"]["chosen"] == "d2"
        assert {"kind": "skip", "name": "d1", "why": "budget", "value": 0} in found["route"]["trail"]


async def test_control_is_answered_over_the_spine(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        body = json.dumps({"model": "gpt", "messages": ASKED}).encode()
        rig.control.send(Explain(seq=77, key=KeyRecord(id="k"), path="/v1/chat/completions", body=body))
        await eventually(lambda: bool(rig.control.told(Explained)))
        (answer,) = rig.control.told(Explained)
        assert (answer.seq, json.loads(answer.found)["stage"]) == (77, "call")
