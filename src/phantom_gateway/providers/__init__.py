"""How an upstream is addressed and authenticated."""
