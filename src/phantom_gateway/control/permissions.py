"""What a route requires of its caller. A closed set: a route without one of these does not start."""

from __future__ import annotations

import enum


class Permission(enum.Enum):
    """Declared by each route; ``control.guard`` enforces it before the body is read."""

    PUBLIC = "public"
    """No key. Only for the routes that ``tests`` list with a reason."""
    ANY_KEY = "any key"
    """Any valid key; the handler shows it its own things only."""
    ADMIN = "admin"
    """The master key."""
