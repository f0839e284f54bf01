"""One of every message, with every kind of field set."""

from __future__ import annotations

from phantom_gateway.config.secret import Secret
from phantom_gateway.spine.messages import (
    Ack,
    AskConversation,
    Conversation,
    DeploymentHealth,
    Explain,
    Explained,
    Heartbeat,
    HeldLease,
    Hello,
    Invalidate,
    KeyRecord,
    LeaseAsk,
    LeaseAsks,
    LeaseGrant,
    LeaseGrants,
    LeaseReturn,
    LeaseReturns,
    Limit,
    Load,
    NewSnapshot,
    Recall,
    Resolve,
    Resolved,
    ResolvedSubject,
    ResolveSubject,
    SubjectRecord,
    ToControl,
    ToWorker,
    Welcome,
)
from phantom_gateway.spine.snapshot import Address, Deployment, HttpLimits, Prices, Routing, Settings, Snapshot

LIMIT = Limit(scope="budget:key:k:30d", kind="budget", entity="key:k", amount=5_000_000_000, window="30d", anchor=12.5)
KEY = KeyRecord(
    id="k", alias="mine", user_id="u", team_id="t", models=("gpt", "openai/*"), model_aliases={"a": "b"}, blocked=True,
    expires=1_800_000_000.5, limits=(LIMIT,), tags=("x",), revision=3,
)  # fmt: skip
SNAPSHOT = Snapshot(
    revision=9,
    deployments=(
        Deployment(
            id="d", group="gpt", provider="openai", model="gpt-4o", paths={"chat": "/chat/completions"},
            address=Address(scheme="https", host="api.example.com", port=443, proxy_url=Secret("http://u:p@proxy:3128")),
            api_key=Secret("sk-provider"), secret_headers=(("x-key", Secret("second")),), headers=(("x-org", "o"),),
            defaults={"temperature": 0.5, "stop": ["a"]}, prices=Prices(version="t", input=1, cache_read=None, image=7),
            info={"deep": {"list": [1, None, True]}},
        ),
    ),
    routing=Routing(fallbacks={"gpt": ("other",)}, hidden_aliases=frozenset({"h"})),
    http=HttpLimits(allowed_hosts=("a.example",)),
    settings=Settings(journal_sync="strict"),
    key_pepper=Secret("ab" * 32),
)  # fmt: skip

FROM_WORKER: list[ToControl] = [
    Hello(
        version=1,
        worker="w",
        slot=2,
        pid=3,
        journal_position=4,
        held=(HeldLease(scope="s", window_start=1.5, amount=-3, limit=LIMIT),),
        revision=5,
    ),
    Resolve(seq=1, digest="d" * 64),
    ResolveSubject(seq=1, entity="customer:c"),
    AskConversation(seq=1, do="keep", name="n", content=b"{}"),
    LeaseAsk(seq=2, limit=LIMIT, need=1, want=100),
    LeaseAsks(seq=3, asks=(LeaseAsk(seq=0, limit=LIMIT, need=1, want=100),)),
    LeaseReturns(returns=(LeaseReturn(scope="s", window_start=1.5, amount=-3),)),
    LeaseReturn(scope="s", window_start=1.0, amount=7, seq=3),
    Load(in_flight=1, connections=2, requests=3, loop_lag_ms=4.5, journal_degraded="storage_full"),
    Load(
        deployments=(DeploymentHealth(id="d", state="open", rests_s=1.5, requests=9, failures=2, last_fault="Timeout"),)
    ),
    Explained(seq=5, found=b"{}"),
    Ack(seq=4),
]
FROM_CONTROL: list[ToWorker] = [
    Welcome(version=1, revision=9, snapshot=SNAPSHOT),
    Welcome(version=1, revision=9),
    NewSnapshot(seq=1, snapshot=SNAPSHOT),
    Resolved(seq=2, key=KEY),
    Resolved(seq=3, unavailable=True),
    Conversation(seq=2, content=b"{}"),
    LeaseGrants(seq=5, grants=(LeaseGrant(seq=0, granted=5), LeaseGrant(seq=0, granted=0, reason="recall"))),
    LeaseGrant(seq=4, granted=5, window_start=1.0, window_end=2.0, remaining=6, used=7, reason="exhausted"),
    Recall(scope="s", seq=5),
    Recall(scope="s", seq=6, notice=True, window_start=60.0),
    Heartbeat(revision=8, key_epoch=9, workers=("a", "b"), nodes=2, node=1),
    Explain(seq=8, key=KEY, path="/v1/chat/completions", headers=(("x-a", "b"),), body=b"{}"),
    Invalidate(seq=6, entities=("key:a", "team:b"), key_epoch=7),
    Heartbeat(revision=8, key_epoch=9, database_ok=False, subjects=("tag",), unhealthy=("d",)),
    ResolvedSubject(seq=7, subject=SubjectRecord(entity="customer:c", limits=(LIMIT,), model_limits={"m": (LIMIT,)})),
]
