from __future__ import annotations

from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.keys.fields import KeyDelete, KeyGenerate, KeyUpdate
from phantom_gateway.control.keys.service import KeyService, id_of
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation

OWN = "sk-my-own-value-of-a-key-123"


async def test_keys_are_named_by_themselves_or_by_their_id(control: Rig) -> None:
    hasher = control.services.hasher
    assert id_of(hasher, OWN) == hasher.digest(OWN.encode())
    assert id_of(hasher, "a" * 64) == "a" * 64
    assert id_of(hasher, "A" * 64) != "A" * 64
    assert len(id_of(hasher, "\ud800")) == 64


async def test_a_key_that_is_made_again_has_its_past(control: Rig) -> None:
    service = KeyService(Writer(control.services, "me"), Reach(relation=Relation.ADMIN))
    key_id = (await service.generate(KeyGenerate(key=OWN, max_budget=1.0)))["token"]
    journal = control.journal("w")
    journal.append(closed(0, cost=600_000_000, key_id=key_id))
    await control.ingestion.catch_up("w", 1)
    await service.delete(KeyDelete(keys=[OWN]))
    again = await service.generate(KeyGenerate(key=OWN, max_budget=1.0, budget_duration="1mo"))
    assert again["total_spend"] == 0.6
    await journal.close()


async def test_a_second_update_builds_on_the_first(control: Rig) -> None:
    service = KeyService(Writer(control.services, "me"), Reach(relation=Relation.ADMIN))
    await service.generate(KeyGenerate(key=OWN))
    await service.update(KeyUpdate(key=OWN, rpm_limit=1))
    view = await service.update(KeyUpdate(key=OWN, tpm_limit=2))
    assert (view["rpm_limit"], view["tpm_limit"], view["updated_by"]) == (1, 2, "me")
    record = await control.directory.find(view["token"])
    assert record is not None
    assert record.revision == 3
