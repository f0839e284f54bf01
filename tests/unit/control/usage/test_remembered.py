from __future__ import annotations

import asyncio
from typing import Any

import pytest

from phantom_gateway.control.usage import remembered
from phantom_gateway.control.usage.remembered import SECONDS, Remembered


async def test_those_who_ask_at_once_ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    kept = Remembered()

    def asking(name: str) -> Any:
        async def ask() -> dict[str, Any]:
            asked.append(name)
            await asyncio.sleep(0)
            return {"n": len(asked)}

        return ask

    both = await asyncio.gather(*[kept.get("a", 100.0, asking("a")) for _ in range(5)])
    assert [each["n"] for each in both] == [1] * 5
    assert (await kept.get("b", 100.0, asking("b")))["n"] == 2, "somebody else reaches something else"
    assert (await kept.get("a", 100.0 + SECONDS - 1, asking("a")))["n"] == 1
    assert (await kept.get("a", 100.0 + SECONDS, asking("a")))["n"] == 3
    monkeypatch.setattr(remembered, "MOST", 1)
    await kept.get("c", 200.0, asking("c"))
    assert (await kept.get("c", 200.0, asking("c")))["n"] == 4
    assert asked == ["a", "b", "a", "c"]


async def test_what_fails_is_not_kept() -> None:
    kept = Remembered()

    async def fails() -> dict[str, Any]:
        raise ValueError("down")

    async def works() -> dict[str, Any]:
        return {"n": 1}

    with pytest.raises(ValueError, match="down"):
        await kept.get("a", 1.0, fails)
    assert await kept.get("a", 1.0, works) == {"n": 1}
