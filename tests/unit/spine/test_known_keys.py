from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.spine.known_keys import KnownKeys
from phantom_gateway.spine.messages import KeyRecord, Limit

NAMES = st.sampled_from(["a", "b", "c"])
MAYBE = st.none() | NAMES


def limit(entity: str, amount: int = 5, window: str = "60s") -> Limit:
    return Limit(scope=f"requests:{entity}:{window}", kind="requests", entity=entity, amount=amount, window=window)


def record(key: str, **parts: str | None) -> KeyRecord:
    entities = [f"key:{key}", *[f"{name.removesuffix('_id')}:{value}" for name, value in parts.items() if value]]
    limits = tuple(limit(entity) for entity in entities)
    return KeyRecord(id=key, digest=key, limits=limits, model_limits={"m": limits[1:]}, **parts)  # type: ignore[arg-type]


RECORDS = st.builds(record, NAMES, user_id=MAYBE, team_id=MAYBE, org_id=MAYBE, project_id=MAYBE)
ENTITIES = st.builds("{}:{}".format, st.sampled_from(["key", "digest", "user", "team", "org", "project", "tag"]), NAMES)


@given(st.dictionaries(NAMES | st.sampled_from(["d", "e"]), RECORDS), st.lists(ENTITIES, min_size=1))
def test_what_an_entity_is_part_of_is_forgotten_and_nothing_else(
    records: dict[str, KeyRecord], entities: list[str]
) -> None:
    known = KnownKeys(10)
    held = {digest: msgspec.structs.replace(each, digest=digest) for digest, each in records.items()}
    for digest, each in held.items():
        assert known.put(digest, each) == each
    known.forget(entities)
    left = {digest for digest, each in held.items() if not is_part(each, frozenset(entities))}
    assert {digest for digest in held if known.get(digest) is not None} == left
    assert len(known) == len(left)
    known.forget(())
    assert len(known) == 0


def test_records_share_the_limits_they_have_in_common() -> None:
    known = KnownKeys(10)
    one, other = known.put("a", record("a", team_id="t")), known.put("b", record("b", team_id="t"))
    assert one.limits[1] is other.limits[1] is one.model_limits["m"][0]
    assert one.limits[0] != other.limits[0]
    changed = KeyRecord(id="c", digest="c", limits=(limit("team:t", 6),))
    assert known.put("c", changed).limits[0].amount == 6


def test_the_least_recently_used_goes_first() -> None:
    known = KnownKeys(2)
    for name in ("a", "b"):
        known.put(name, record(name))
    known.get("a")
    known.put("c", record("c"))
    assert [name for name in ("a", "b", "c") if known.get(name) is not None] == ["a", "c"]


def test_a_record_that_came_anew_is_found_by_what_it_is_now() -> None:
    known = KnownKeys(5)
    known.put("a", record("a", team_id="t"))
    known.put("a", record("a", team_id="u"))
    known.forget(["team:t"])
    assert known.get("a") is not None
    known.forget(["team:u"])
    assert known.get("a") is None


def is_part(each: KeyRecord, entities: frozenset[str]) -> bool:
    parts = {name: getattr(each, f"{name}_id") for name in ("user", "team", "org", "project")}
    named = [f"{name}:{value}" for name, value in parts.items() if value is not None]
    return not entities.isdisjoint([f"key:{each.id}", f"digest:{each.digest}", *named])
