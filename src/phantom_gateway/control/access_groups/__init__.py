"""Access groups: names for sets of models."""
