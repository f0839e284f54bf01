from __future__ import annotations

from phantom_gateway.simulator.shelf import MAX_KEPT, Kept, Shelf


def test_the_oldest_goes_first() -> None:
    shelf = Shelf()
    for number in range(MAX_KEPT + 1):
        shelf.put(Kept([], {"id": str(number)}))
    assert shelf.get("0") is None
    assert shelf.get("1") is not None
    assert shelf.drop("1")
    assert not shelf.drop("1")
    shelf.clear()
    assert shelf.get("2") is None
