"""What ``gateway.cache`` is made of: controls, names, stores, and what is worth keeping."""
