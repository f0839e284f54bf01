from __future__ import annotations

from tests.unit.store.samples import KEY_ID, key_row

from phantom_gateway.control.keys.record import master_record, record_of
from phantom_gateway.limits.windows import window_bounds


def test_limits_become_scopes_of_their_own() -> None:
    row = key_row(
        rpm_limit=1,
        tpm_limit=2,
        tpd_limit=3,
        max_parallel_requests=4,
        max_budget_nano=5,
        budget_duration="30d",
        budget_limits=[{"budget_duration": "1h", "max_budget_nano": 6}],
    )
    limits = {limit.scope: (limit.kind, limit.amount, limit.window) for limit in record_of(row).limits}
    entity = f"key:{KEY_ID}"
    assert limits == {
        f"parallel:{entity}:": ("parallel", 4, "60s"),
        f"requests:{entity}:60s": ("requests", 1, "60s"),
        f"tokens:{entity}:60s": ("tokens", 2, "60s"),
        f"tokens:{entity}:24h": ("tokens", 3, "24h"),
        f"budget:{entity}:30d": ("budget", 5, "30d"),
        f"budget:{entity}:1h": ("budget", 6, "1h"),
    }
    for _, _, window in limits.values():
        window_bounds(window, 0.0)


def test_zero_is_a_limit_and_nothing_is_none() -> None:
    assert record_of(key_row()).limits == ()
    (limit,) = record_of(key_row(max_budget_nano=0)).limits
    assert (limit.amount, limit.window) == (0, "")


def test_the_rest_is_carried_over() -> None:
    row = key_row(
        alias="a",
        user_id="u",
        models=["m"],
        aliases={"x": "m"},
        tags=["t"],
        blocked=True,
        expires=9.0,
        key_type="llm_api",
    )
    record = record_of(row)
    assert (record.id, record.kind, record.alias, record.user_id) == (KEY_ID, "virtual", "a", "u")
    assert (record.models, record.model_aliases, record.tags) == (("m",), {"x": "m"}, ("t",))
    assert (record.blocked, record.expires, record.key_type, record.revision) == (True, 9.0, "llm_api", 1)


def test_the_master_key_has_no_limits() -> None:
    record = master_record("f" * 64)
    assert (record.kind, record.limits, record.models) == ("master", (), ())
