from __future__ import annotations

from collections.abc import AsyncIterator

from tests.unit.control.rig import ADMIN, Rig, bearer

from phantom_gateway.control.guard import MAX_BODY


async def endless(read: list[int]) -> AsyncIterator[bytes]:
    for number in range(10_000):
        read.append(number)
        yield b" " * 65536


async def test_a_stranger_does_not_get_his_body_read(control: Rig) -> None:
    read: list[int] = []
    answer = await control.http.post("/key/generate", content=endless(read), headers=bearer("sk-unknown-unknown"))
    assert answer.status_code == 401
    assert read == []


async def test_bodies_are_bounded(control: Rig) -> None:
    read: list[int] = []
    answer = await control.http.post("/key/generate", content=endless(read), headers=ADMIN)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "413"
    assert len(read) <= MAX_BODY // 65536 + 2


async def test_unknown_query_parameters_are_named(control: Rig) -> None:
    answer = await control.get("/key/list", pagesize=3)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "pagesize")


async def test_a_body_needs_no_content_type(control: Rig) -> None:
    assert (await control.http.post("/key/generate", content=b"{}", headers=ADMIN)).status_code == 200
