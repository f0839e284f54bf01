"""Routes of the admin API, a module per area; each has ``router()``."""
