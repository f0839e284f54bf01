from __future__ import annotations

import pytest

from phantom_gateway.store.database import Database
from phantom_gateway.store.facts import WrongPepperError, check_pepper


def test_the_first_pepper_is_remembered_and_no_other_taken(database: Database) -> None:
    check_pepper(database, "first")
    check_pepper(database, "first")
    with pytest.raises(WrongPepperError, match=r"root\.key"):
        check_pepper(database, "second")
