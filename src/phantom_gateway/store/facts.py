"""What an installation remembers of itself."""

from __future__ import annotations

import sqlalchemy as sa

from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import FACTS

_PEPPER = "key_pepper_fingerprint"


class WrongPepperError(Exception):
    """The keys in this database were digested under another root key: none of them would be recognised."""


def check_pepper(database: Database, fingerprint: str) -> None:
    """Remember the fingerprint of the key pepper on first use; afterwards raise WrongPepperError when it differs."""
    with database.read() as connection:
        known = connection.execute(sa.select(FACTS.c.value).where(FACTS.c.name == _PEPPER)).scalar_one_or_none()
    if known is None:
        with database.write() as connection:
            connection.execute(sa.insert(FACTS).values(name=_PEPPER, value=fingerprint))
    elif known != fingerprint:
        raise WrongPepperError(
            "sealed: the root key is not the one this database was made with: restore keys/root.key (or what "
            "phantom.security.root_key names) from your backup, or start with a new data directory"
        )
