"""Virtual keys: what a caller may say of them, what is kept, what is shown and what workers are told."""
