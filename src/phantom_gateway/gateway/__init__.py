"""The data plane: one straight corridor, a module per stage."""
