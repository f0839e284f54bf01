from __future__ import annotations

import msgspec
import sqlalchemy as sa
from tests.unit.control.rig import Rig
from tests.unit.store.samples import KEY_ID, closed

from phantom_gateway.control.spend_view import summary, view
from phantom_gateway.ledger.money import Cost
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.store import spend_logs
from phantom_gateway.store.rollups import Metrics, Sum
from phantom_gateway.store.spend_logs import LogFilter

# fmt: off
LITELLM = {
    "request_id", "call_type", "api_key", "spend", "total_tokens", "prompt_tokens", "completion_tokens", "startTime", "endTime",
    "request_duration_ms", "completionStartTime", "model", "model_id", "model_group", "custom_llm_provider", "api_base", "user",
    "metadata", "cache_hit", "cache_key", "request_tags", "team_id", "organization_id", "end_user", "requester_ip_address",
    "messages", "response", "session_id", "status", "proxy_server_request", "litellm_call_id",
}
# fmt: on


async def test_a_row_has_litellms_fields(control: Rig) -> None:
    record = closed(
        1,
        ttft_us=500,
        usage=Usage(input=1, cache_read=2, cache_write_5m=4, output=8, reasoning=16, source="provider"),
        upstream_model="gpt-x",
        provider="openai",
        deployment_id="d1",
        tags=("a", "b"),
        key_alias="mine",
    )
    record = msgspec.structs.replace(record, cost=Cost(total=1_500_000_000, input=1_000_000_000, output=500_000_000))

    def store_and_read(connection: sa.Connection) -> list[spend_logs.Row]:
        spend_logs.insert(connection, [spend_logs.row_of("w", record)])
        return list(spend_logs.page(connection, LogFilter(), None, 1))

    (row,) = await control.services.database.write(store_and_read)
    shown = view(row)
    assert set(shown) == LITELLM
    assert (shown["prompt_tokens"], shown["completion_tokens"], shown["total_tokens"]) == (7, 24, 31)
    assert (shown["spend"], shown["api_key"], shown["model"], shown["model_group"]) == (1.5, KEY_ID, "gpt-x", "demo")
    assert (shown["cache_hit"], shown["request_tags"], shown["status"]) == ("False", ["a", "b"], "success")
    assert shown["startTime"] == "2027-01-15T08:00:00.001000Z"
    assert shown["endTime"] == "2027-01-15T08:00:00.002500Z"
    assert shown["completionStartTime"] == "2027-01-15T08:00:00.001500Z"
    assert shown["metadata"]["cost_nano"]["total"] == 1_500_000_000
    assert sum(shown["metadata"]["cost_nano"].values()) == 2 * 1_500_000_000
    assert (shown["messages"], shown["response"], shown["proxy_server_request"]) == ({}, {}, {})


def test_days_are_added_in_nano_dollars() -> None:
    tenth = 100_000_000
    users = [Sum((user,), Metrics(cost_nano=3 * tenth), 20000) for user in ("a", "")]
    models = [Sum((model,), Metrics(cost_nano=2 * tenth), 20000) for model in ("x", "y", "z")]
    assert summary(users, models) == [
        {
            "startTime": "2024-10-04",
            "spend": 0.6,
            "users": {"a": 0.3, "": 0.3},
            "models": {"x": 0.2, "y": 0.2, "z": 0.2},
        }
    ]
