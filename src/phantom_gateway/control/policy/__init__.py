"""Who may do what: one table, deny by default. Nothing outside this package decides by role."""
