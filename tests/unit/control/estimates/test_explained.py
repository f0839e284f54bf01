"""With whose record a worker is asked."""

from __future__ import annotations

import pytest
from tests.unit.control.rig import Rig

from phantom_gateway.control.auth import Caller
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.estimates.explained import explained
from phantom_gateway.control.estimates.fields import ExplainRequest
from phantom_gateway.control.keys.references import KeyFinder
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import reach
from phantom_gateway.spine.messages import KeyRecord


async def test_who_is_signed_in_must_name_a_key(control: Rig) -> None:
    actor = await control.directory.actor(control.services.master())
    caller = Caller(KeyRecord(id="s", kind="session"), actor)
    finder = KeyFinder(control.services.hasher, reach(actor, Action.KEY_READ), 0.0)
    with pytest.raises(ApiError) as caught:
        await explained(control.services, caller, finder, ExplainRequest(request_body={}))
    assert (caught.value.status, caught.value.param) == (400, "key")
    made = await control.generate()
    with pytest.raises(ApiError) as caught:
        await explained(control.services, caller, finder, ExplainRequest(request_body={}, key=made["token_id"]))
    assert caught.value.status == 503, "the key was found; only the worker is missing"
